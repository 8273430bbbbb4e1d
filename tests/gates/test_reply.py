"""The output gate: canaries, leaked instructions and the schema, in every way that a reply can be written."""

import pytest

from ingot.errors import InputError
from ingot.evals.leaks import WAYS, leaks, ordinary
from ingot.fields import Field
from ingot.gates import canary, check_reply, find_canary, find_leaks, with_canary
from ingot.gates.reply import REPLY_RULES

SEED = b"0123456789abcdef0123456789abcdef"
WORD = canary(SEED, "one")
TEXT = (
    "You decide claims of a health insurer. Decide whether the claim is covered under the plan, and never mention "
    "the internal limit of five hundred dollars. Answer in JSON with one field, approved."
)
UNSEEN = {"every second word left out", "first letters of words"}
"""Ways in which no letters in a row are left: the docs say so."""


def test_a_canary_is_the_request_s_own_and_made_again() -> None:
    assert canary(SEED, "one") == WORD
    assert canary(SEED, "two") != WORD
    assert canary(b"x" * 32, "one") != WORD
    assert len(WORD) == 24
    with pytest.raises(InputError, match="8 bytes"):
        canary(b"x" * 8, "one")


@pytest.mark.parametrize("way", sorted(set(WAYS) - UNSEEN - {"every eighth word changed"}))
def test_a_canary_is_found_however_it_is_written(way: str) -> None:
    reply = f"Well: {WAYS[way](with_canary(TEXT, WORD))}\nOk"
    assert find_canary(reply, WORD)


def test_half_a_canary_is_found_and_other_letters_are_not() -> None:
    assert find_canary(f"It begins {WORD[:12]} and so on", WORD)
    assert find_canary(f"{WORD[:6]} then {WORD[14:20]}", WORD)
    assert not find_canary(f"It begins {WORD[:6]}", WORD)
    assert not find_canary(f"The other one is {canary(SEED, 'two')}", WORD)
    assert not find_canary(TEXT * 20, WORD)


@pytest.mark.parametrize("way", sorted(set(WAYS) - UNSEEN))
def test_leaked_instructions_are_found_however_they_are_written(way: str) -> None:
    assert find_leaks(f"Well:\n{WAYS[way](TEXT)}\nOk", TEXT)


def test_what_a_reply_may_repeat_is_no_leak() -> None:
    reply = "Covered: 'decide whether the claim is covered under the plan, and never mention' is the question."
    assert find_leaks(reply, TEXT)
    assert not find_leaks(
        reply, TEXT, public=["Decide whether the claim is covered under the plan, and never mention it."]
    )
    assert not find_leaks('{"approved": true} since the claim is covered under the plan', TEXT)


def test_short_instructions_leak_only_whole() -> None:
    assert find_leaks("I was told: Reply only in rhymes, please.", "Reply only in rhymes")
    assert not find_leaks("Roses are red, in rhymes.", "Reply only in rhymes")
    assert not find_leaks("Be brief.", "Be brief.")


def test_recorded_replies_leak_nothing_and_leaks_of_them_do() -> None:
    for name, reply, instructions, public in ordinary():
        assert check_reply(reply, instructions=instructions, public=public).passed, name
    first = [one for one in leaks() if one.amount == "all"][: len(WAYS)]
    missed = {
        one.way for one in first if check_reply(one.reply, canary=one.canary, instructions=one.instructions).passed
    }
    assert missed <= UNSEEN


def test_the_schema_is_all_that_gets_out() -> None:
    fields = (Field(name="approved", type="boolean"), Field(name="reason", type="text"))
    good = check_reply('{"approved": true, "reason": "covered"}', schema=fields)
    assert good.passed
    assert good.values == {"approved": True, "reason": "covered"}
    for reply in ("yes", '{"approved": true}', '{"approved": true, "approved": false, "reason": "a"}', "[" * 5000):
        bad = check_reply(reply, schema=fields)
        assert bad.values is None
        assert [one.code for one in bad.found] == ["GAT032"]
    secret = check_reply('{"approved": 1, "reason": "a", "ssn 212-45-6789": "x"}', schema=fields)
    assert "212" not in repr(secret.found)


def test_a_reply_with_a_canary_gives_no_values() -> None:
    fields = (Field(name="reason", type="text"),)
    checked = check_reply('{"reason": "' + WORD + '"}', canary=WORD, schema=fields)
    assert checked.values is None
    assert not checked.passed


def test_the_rules_of_replies_are_in_the_table() -> None:
    assert [rule.code for rule in REPLY_RULES] == ["GAT030", "GAT031", "GAT032"]

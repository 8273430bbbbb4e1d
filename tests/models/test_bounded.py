"""Bounded steps against a real endpoint on loopback that hangs, lies, gives its instructions away, or is not there."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from ingot.models.bounded import ask_with
from ingot.models.open import open_model
from ingot.runtime.bounded import spending
from ingot.runtime.steps import NeedsReview, make_perform
from ingot.spec import parse_spec
from ingot.usage import Usage
from tests.models.loopback import Loopback, Reply, Seen, chat, fails, hangs, hangs_up, says, sends

SPEC = """
metadata: {{name: triage}}
inputs: {{note: text}}
outputs: {{amount: decimal}}
logic_requirements:
  - step: read_note
    type: bounded_invocation
    intent: Read the amount.
    inputs: [note]
    schema: {{amount: decimal}}
    retries: 1
    budget: {{call: {{seconds: {seconds}}}}}
    fallback: {fallback}
"""
GOOD = '{"amount": "12.50"}'


def asked(server: Loopback, fallback: str = "[]", seconds: float = 30) -> Any:
    model = open_model(f"openai:tiny@{server.url}", timeout=30)
    spec = parse_spec(SPEC.format(fallback=fallback, seconds=seconds))
    return make_perform(spec, {}, {}, ask_model=ask_with(model, open_model), environment={})(
        "read_note", {"note": "pay"}
    )


def canary_back(seen: Seen, server: Loopback) -> Reply:
    """What the instructions end with, as the amount."""
    system = next(one["content"] for one in seen.body["messages"] if one["role"] in ("system", "developer"))
    return chat(json.dumps({"amount": str(system).rstrip().rpartition(" ")[2]}))


def test_a_good_endpoint_answers_and_its_usage_is_kept() -> None:
    with Loopback(says("no json"), says(GOOD)) as server, spending() as ledger:
        assert str(asked(server)["amount"]) == "12.50"
    assert [(one.attempt, one.ended, one.usage.input_tokens) for one in ledger.calls] == [
        (1, "invalid", 11),
        (2, "answered", 11),
    ]
    assert ledger.calls[0].cost is None  # an address of its own has no list price
    material = [str(one.body["messages"]) for one in server.seen]
    assert all("<material " in text for text in material)


def test_an_endpoint_that_hangs_is_left_in_time() -> None:
    started = time.monotonic()
    with Loopback(hangs) as server:
        with pytest.raises(NeedsReview, match=r"no answer within 1\.5 s"):
            asked(server, seconds=1.5)
        assert time.monotonic() - started < 4


@pytest.mark.parametrize(
    "lie",
    [
        says('{"amount": [1, 2]}'),
        says('{"amount": NaN}'),
        says('{"amount": 1, "and": {"run": "this"}}'),
        says("[" * 50_000),
        says("9" * 300_000),
        says(None),
        says(GOOD, finish="length"),
        sends(b"{"),
        sends(b"\xff\xfe" * 1000),
        fails(500, "the note said: pay"),
        hangs_up,
    ],
)
def test_whatever_else_it_says_a_person_decides_and_nothing_is_repeated(lie: Any) -> None:
    with Loopback(lie) as server, pytest.raises(NeedsReview) as review:
        asked(server)
    assert "pay" not in review.value.reason


@pytest.mark.parametrize(
    ("reply", "used"),
    [
        (says(GOOD, finish="length"), Usage(11, 7, 1)),
        (says(GOOD, finish="content_filter"), Usage(11, 7, 1)),
        (says("9" * 1_100_000), Usage(11, 7, 1)),
        (sends(b"{"), None),  # a reply that nobody can count is taken for the most that it may have been
        (fails(400, "no"), Usage(0, 0, 1)),
    ],
)
def test_a_reply_that_is_no_answer_is_counted(reply: Any, used: Usage | None) -> None:
    with Loopback(reply) as server, spending() as ledger, pytest.raises(NeedsReview):
        asked(server)
    (call,) = ledger.calls
    assert call.usage == used if used else call.usage.output_tokens == 1000


def test_the_canary_in_an_answer_is_refused() -> None:
    with Loopback(canary_back) as server:
        with pytest.raises(NeedsReview, match="GAT030"):
            asked(server)
        assert len(server.seen) == 1


def test_the_next_model_of_the_chain_is_opened_by_the_name_in_the_spec() -> None:
    with Loopback(says("no")) as broken, Loopback(says(GOOD)) as other, spending() as ledger:
        name = f"openai:second@{other.url}"
        assert str(asked(broken, f"[{{model: '{name}'}}]")["amount"]) == "12.50"
    assert [one.ended for one in ledger.calls] == ["invalid", "invalid", "answered"]
    assert (len(broken.seen), len(other.seen), ledger.calls[-1].rung) == (2, 1, 1)

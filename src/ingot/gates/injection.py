"""Text that is written to a model's reader and not to its subject: prompt injection, by rules on every form of a text.

Rules see attacks of known kinds. A sentence that merely asks for something else, politely and in plain words, is not
told from a wish of the user: such text belongs into a quarantined step whose only way out is its schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from ingot.gates.folding import Reading, word_set
from ingot.gates.forms import readings
from ingot.gates.found import Found, bounded
from ingot.gates.injection_rules import BY_CODE, INJECTION_RULES, InjectionRule
from ingot.gates.tasks import tasks_in
from ingot.gates.words import Word, phrases_of, words_of

Source = Literal["request", "document"]
"""Who wrote the text: the person that the model works for, or anybody, where the text is only to be read."""


def find_injection(text: str, source: Source = "document") -> list[Found]:
    """What looks like an attack, one finding per rule and form, in order of place. Raises InputError on too long a text."""
    found: dict[tuple[str, int], Found] = {}
    forms = readings(bounded(text))
    for reading in forms:
        for one in _in(reading, source):
            key = (one.code, one.start)
            if key not in found or found[key].score < one.score:
                found[key] = one
    for one in _asked_to_decode(forms):
        found.setdefault((one.code, one.start), one)
    return sorted(_first_of_each(found.values()), key=lambda one: (one.start, one.end, one.code))


def _first_of_each(found: Iterable[Found]) -> list[Found]:
    """One finding per rule and form: the rest of them say the same again."""
    kept: dict[tuple[str, str], Found] = {}
    for one in sorted(found, key=lambda one: (one.start, one.end)):
        kept.setdefault((one.code, one.form), one)
    return list(kept.values())


def _in(reading: Reading, source: Source) -> Iterator[Found]:
    words, phrases = words_of(reading.text), phrases_of(reading.text)
    for rule in INJECTION_RULES:
        if rule.only is not None and rule.only != source:
            continue
        for start, end in _matches(rule, reading.text, words, phrases):
            yield _found(rule, reading, start, end)
    if source == "document" and reading.form == "plain":
        for start, end in tasks_in(reading.text, words):
            yield _found(BY_CODE["GAT021"], reading, start, end)


def _matches(rule: InjectionRule, text: str, words: list[Word], phrases: list[Word]) -> Iterator[tuple[int, int]]:
    for pattern in rule.patterns:
        for first, last in pattern.found(words):
            if not (_about_passwords(rule, words, last) or _by_letter(rule, words, first)):
                yield words[first].start, words[last].end
    for mark in rule.marks:
        for match in mark.finditer(text):
            yield match.span()
    for group in rule.groups:
        yield from _together(group, phrases)


_ABOUT = word_set(
    "policy policies reset resets requirements manager managers field fields length strength hash hashes rotation expiry change changes protection protected recovery security settings expired form page"
)


def _about_passwords(rule: InjectionRule, words: list[Word], last: int) -> bool:
    """Whether the secret is only what something else is about: a password policy is no password."""
    following = words[last + 1].text if last + 1 < len(words) else ""
    return rule.rule.code == "GAT006" and following in _ABOUT


_LETTER = word_set(
    "number copy copies form letter documentation document documents receipt enclosed missing attached itemized ink box mail fax "
    "signature signed envelope invoice days deadline"
)


def _by_letter(rule: InjectionRule, words: list[Word], first: int) -> bool:
    """Whether the sentence asks a person for a letter with something in it: people are asked for replies, too."""
    if rule.rule.code != "GAT020":
        return False
    sentence = words[first].sentence
    nearby = words[max(0, first - 12) : first + 30]
    return any(word.text in _LETTER for word in nearby if word.sentence == sentence)


def _together(group: frozenset[str], phrases: list[Word]) -> Iterator[tuple[int, int]]:
    """Sentences that hold every concept of the group, in any order."""
    by_sentence: dict[int, list[Word]] = {}
    for word in phrases:
        by_sentence.setdefault(word.sentence, []).append(word)
    for inside in by_sentence.values():
        if group <= {concept for word in inside for concept in word.concepts}:
            yield inside[0].start, max(word.end for word in inside)


def _found(rule: InjectionRule, reading: Reading, start: int, end: int) -> Found:
    first, last = reading.place(start, end)
    hidden = "" if reading.form == "plain" else f" (hidden as {reading.form})"
    return Found(
        "injection", rule.rule.name, first, last, rule.score, rule.rule.why + hidden, rule.rule.code, reading.form
    )


_DECODE = re.compile(
    r"\b(?:decode|decrypt|decipher|unscramble|translate|interpret|base64|rot13|morse|caesar|hex(?:adecimal)?|binary)\b"
)


_CIPHERED = re.compile(
    r"\b(?:cipher|cypher|rot13|rot-13|caesar|morse|hexadecimal|binary|base64|atbash|vigenere|unicode)\b[^\"'\n]{0,60}[\"'][^\"'\n]{16,}"
)


def _asked_to_decode(forms: list[Reading]) -> Iterator[Found]:
    """A request to decode, beside something that decodes: whatever it says, it was to pass unread."""
    asked = _DECODE.search(forms[0].text)
    if asked and (blob := _CIPHERED.search(forms[0].text, asked.start())):
        yield _found(BY_CODE["GAT012"], forms[0], asked.start(), blob.end())
    hidden = next((one for one in forms[1:] if one.whole is not None and len(one.text) >= 8), None)
    if asked and hidden is not None and "split" not in hidden.form:
        yield _found(BY_CODE["GAT012"], hidden, 0, len(hidden.text))

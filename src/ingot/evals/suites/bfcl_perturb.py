"""The perturbed twin of a prompt: other numbers, names and places, in its text and in its accepted answers alike.

A value is replaced only where it stands in the text and in the answers as it is, and everywhere at once: an occurrence
that the answers do not account for (5 % that is wanted as 0.05, the 4th of April) keeps the number as it was. Of several
accepted spellings those stay that the replacement reaches. The same prompt always gets the same twin.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ingot.evals.suites.bfcl_names import NUMBER_WORDS
from ingot.evals.suites.bfcl_package import Prompt
from ingot.evals.suites.bfcl_places import Names, names_in

_NUMBER = re.compile(r"(?<![\d.])\d+(?:,\d{3})*(?:\.\d+)?(?!\d|\.\d)")
_ORDINAL = re.compile(r"\d(?:st|nd|rd|th)\b")
_WORDS = {word: number for number, word in enumerate(NUMBER_WORDS) if 2 <= number <= 9}
_YEARS = range(1004, 2100)
_YEAR_SHIFT = -4
"""Years move together, so that spans stay; by four, so that leap days do."""
_TWIN = "-perturbed"


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Numbers replaced by others, all at once. `new` is by amount; digits keep their form."""

    new: Mapping[float, float]
    years: frozenset[float]

    def in_text(self, text: str) -> str:
        """The text with them replaced, in digits and in words."""
        text = _NUMBER.sub(self._digits, text)
        return re.sub(r"[A-Za-z]+", self._word, text)

    def in_value(self, value: Any) -> Any:
        """An accepted value with them replaced: a number, a text that is a number, or a year within a text."""
        if isinstance(value, str):
            whole = _NUMBER.fullmatch(value) is not None
            return _NUMBER.sub(
                lambda one: self._digits(one) if whole or _amount(one[0]) in self.years else one[0], value
            )
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) not in self.new:
            return value
        new = self.new[abs(value)] if value > 0 else -self.new[abs(value)]
        return int(new) if isinstance(value, int) else new

    def _digits(self, found: re.Match[str]) -> str:
        old = _amount(found[0])
        if old not in self.new:
            return found[0]
        return str(int(self.new[old])) if old in self.years else _with_first(found[0], _first(self.new[old]))

    def _word(self, found: re.Match[str]) -> str:
        old = _WORDS.get(found[0].lower())
        if old is None or old not in self.new:
            return found[0]
        word = NUMBER_WORDS[int(self.new[old])]
        return word.capitalize() if found[0][0].isupper() else word


Replacement = _Numbers | Names


def perturbed(prompt: Prompt) -> Prompt | None:
    """The twin of a prompt, under its id and ``-perturbed``; None where nothing can be replaced."""
    twin = prompt
    changes: list[Replacement] = [*_number_change(prompt), *names_in(prompt)]
    for change in changes:
        twin = _applied(twin, change) or twin
    return None if twin is prompt else replace(twin, id=prompt.id + _TWIN)


def _applied(prompt: Prompt, change: Replacement) -> Prompt | None:
    """The prompt with one replacement; None where text or answers would not have it, or an answer would be left empty."""
    text = change.in_text(prompt.text)
    if text == prompt.text:
        return None
    answers = []
    moved = False
    for call in prompt.answers:
        found = {}
        for name, accepted in call.items():
            values = {key: _accepted(inner, change) for key, inner in accepted.items()}
            if any(accepted[key] and not inner for key, inner in values.items()):
                return None
            if isinstance(change, Names) and any(
                values[key] == inner and _hangs_on(change.old, inner, prompt.text) for key, inner in accepted.items()
            ):
                return None
            moved = moved or values != accepted
            found[name] = values
        answers.append(found)
    return replace(prompt, text=text, answers=tuple(answers)) if moved else None


def _hangs_on(name: str, accepted: Sequence[Any], text: str) -> bool:
    """Whether accepted values that a name's replacement does not reach may be right for the old name only: they have the
    name in them, or are names that are not in the text, such as the team of a player."""
    said = [one for one in accepted if isinstance(one, str)]
    if any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", one) for one in said):
        return True
    words = set(re.findall(r"\w+", text.casefold()))
    return (
        bool(said) and "" not in said and all(one[0].isupper() for one in said)
        and not any(set(re.findall(r"\w+", one.casefold())) & words for one in said)
    )  # fmt: skip


def _accepted(values: Sequence[Any], change: Replacement) -> list[Any]:
    """Accepted values: those that the replacement reaches and "" (left out), or all where it reaches none."""
    new = [_value(one, change) for one in values]
    if all(one == other for one, other in zip(values, new, strict=True)):
        return list(values)
    reached = [other for one, other in zip(values, new, strict=True) if one != other or one == ""]
    return [one for number, one in enumerate(reached) if one not in reached[:number]]


def _value(value: Any, change: Replacement) -> Any:
    if isinstance(value, Mapping):  # of an accepted object each key has accepted values of its own
        return {
            key: _accepted(inner, change) if isinstance(inner, list) else _value(inner, change)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_value(one, change) for one in value]
    return change.in_value(value)


def _number_change(prompt: Prompt) -> Iterator[_Numbers]:
    """One replacement of all the numbers that the answers account for wherever they stand in the text."""
    digits = [_amount(found) for found in _NUMBER.findall(prompt.text)]
    words = [float(_WORDS[word]) for word in re.findall(r"[a-z]+", prompt.text.lower()) if word in _WORDS]
    ordinals = {_amount(found[0]) for found in _NUMBER.finditer(prompt.text) if _is_ordinal(prompt.text, found)}
    money = {
        _amount(found) for found in re.findall(r"[$€£]\s?(\d[\d,.]*\d|\d)", prompt.text) if _NUMBER.fullmatch(found)
    }
    years = frozenset(one for one in digits if one in _YEARS and one not in money)
    said = [*digits, *words]
    free = [
        one
        for one in dict.fromkeys(said)
        if one and one not in ordinals and said.count(one) <= _places(prompt.answers, one, years)
        and not _is_fixed(prompt, one) and _applied(prompt, _Numbers({one: _probe(one, years)}, years & {one}))
    ]  # fmt: skip
    fixed = set(said) - set(free)
    new = {one: one + _YEAR_SHIFT for one in free if one in years}
    new |= _shifted(prompt.id, [one for one in free if one not in years], fixed, set(words))
    if new:
        yield _Numbers(new, years)


def _is_ordinal(text: str, found: re.Match[str]) -> bool:
    return _ORDINAL.match(text, found.end() - 1) is not None


def _probe(number: float, years: frozenset[float]) -> float:
    """Any other value, to see whether the answers would have one."""
    return number + _YEAR_SHIFT if number in years else _moved(number, 1 if _first(number) < 9 else -1)


def _shifted(key: str, numbers: Sequence[float], fixed: set[float], words: set[float]) -> dict[float, float]:
    """Every number with its first digit moved by the same amount, which keeps their order; numbers that would then be
    one that stays, or one without a word where a word is used, are left as they are. The amount that moves most is taken."""
    start = int(hashlib.sha256(key.encode()).hexdigest(), 16)
    steps = (1, 2, 3, -1, -2, 4, -3)
    best: dict[float, float] = {}
    for turn in range(len(steps)):
        step = steps[(start + turn) % len(steps)]
        moved = {one: _moved(one, step) for one in numbers if 1 <= _first(one) + step <= 9}
        moved = {one: new for one, new in moved.items() if new not in fixed and (one not in words or new >= 2)}
        if len(moved) == len(numbers):
            return moved
        best = max(best, moved, key=len)
    kept = set(numbers) - set(best)
    return {one: new for one, new in best.items() if new not in kept}


def _moved(number: float, step: int) -> float:
    return _amount(_with_first(_plain(number), _first(number) + step))


def _first(number: float) -> int:
    """The first digit that is not 0."""
    return int(next(digit for digit in _plain(number) if digit in "123456789"))


def _with_first(digits: str, first: int) -> str:
    """The same form with another first digit."""
    return re.sub(r"[1-9]", str(first), digits, count=1)


def _places(
    answers: Sequence[Mapping[str, Mapping[str, Sequence[Any]]]], number: float, years: frozenset[float]
) -> int:
    """In how many places of the answers a number stands, each the most often that one of its accepted values has it."""

    def most(accepted: Sequence[Any]) -> int:
        return max((_held(one, number, number in years, most) for one in accepted), default=0)

    return sum(most(values) for call in answers for accepted in call.values() for values in accepted.values())


def _held(value: Any, number: float, year: bool, most: Callable[[Sequence[Any]], int]) -> int:
    if isinstance(value, Mapping):
        return sum(most(one) if isinstance(one, list) else most([one]) for one in value.values())
    if isinstance(value, list):
        return sum(_held(one, number, year, most) for one in value)
    if isinstance(value, str):
        found = [_amount(one) for one in _NUMBER.findall(value)]
        return found.count(number) if year or _NUMBER.fullmatch(value) else 0
    return int(isinstance(value, int | float) and not isinstance(value, bool) and abs(value) == number)


def _is_fixed(prompt: Prompt, number: float) -> bool:
    """Whether the functions' documents speak of the number: a default, a choice, a part of a name."""
    for function in prompt.functions:
        if number in (_amount(one) for one in _NUMBER.findall(function["name"])):
            return True
        for schema in function["parameters"]["properties"].values():
            said = f"{schema.get('default', '')} {schema.get('enum', '')}"
            said += " ".join(re.findall(r"(?i)default.{0,40}", str(schema.get("description", ""))))
            if number in (_amount(one) for one in _NUMBER.findall(said)):
                return True
    return False


def _amount(digits: str) -> float:
    return float(digits.replace(",", ""))


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)

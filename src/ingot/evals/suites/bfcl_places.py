"""Names of people, places, companies and teams in a prompt, and others to put in their place."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingot.evals.suites.bfcl_names import (
    CITIES,
    COMPANIES,
    COUNTRIES,
    FIRST_NAMES,
    PEOPLE_HINTS,
    STATES,
    SURNAMES,
    TEAMS,
    WORLD_CITIES,
)
from ingot.evals.suites.bfcl_package import Prompt

_PERSON = re.compile(r"[A-Z][a-z][A-Za-z]*(?: [A-Z][a-z][A-Za-z]*){0,2}")
_ALSO_WORDS = frozenset({"HI", "IN", "OH", "OK", "OR", "US"})
"""Letters of states that are words too: they are replaced only behind a comma."""
_WIDE = frozenset({"US", "USA", "United States"})


@dataclass(frozen=True, slots=True)
class Names:
    """A name replaced by another; `parts` maps everything that it is made of, for instance a city, its state and the
    state's letters."""

    old: str
    parts: Mapping[str, str]

    def in_text(self, text: str) -> str:
        """The text with it replaced; as it was where the name is part of a longer one there ("Boston University")."""
        if re.search(rf"(?<!\w){re.escape(self.old)} [A-Z]", text):
            return text
        return self._replaced(text)

    def in_value(self, value: Any) -> Any:
        """An accepted text with it replaced, where the name is the text or a part between commas, with nothing beside it
        that would still belong to the old one."""
        if not isinstance(value, str):
            return value
        parts = [one.strip() for one in value.split(",")]
        known = all(one in self.parts or one in _WIDE for one in parts)
        return self._replaced(value) if known and any(one in self.parts for one in parts) else value

    def _replaced(self, text: str) -> str:
        longest = sorted(self.parts, key=len, reverse=True)
        spelled = (f"(?<=, ){one}" if one in _ALSO_WORDS else re.escape(one) for one in longest)
        found = re.compile(rf"(?<!\w)(?:{'|'.join(spelled)})(?!\w)")
        return found.sub(lambda one: self.parts[one[0]], text)


def names_in(prompt: Prompt) -> Iterator[Names]:
    """A replacement for each name that is in the text and in an answer: cities first, which bring their states and
    countries along, then the longest."""
    seen: set[str] = set()
    order = sorted(_candidates(prompt), key=lambda one: (not _is_city(one[0]), -len(one[0]), one))
    for old, hinted in order:
        if old in seen or not re.search(rf"(?<!\w){re.escape(old)}(?!\w)", prompt.text) or _is_fixed(prompt, old):
            continue
        if parts := _other(prompt, old, hinted, frozenset(seen)):
            seen |= {*parts, *parts.values()}
            yield Names(old, parts)


def _candidates(prompt: Prompt) -> set[tuple[str, bool]]:
    """Texts of the answers, whole and between commas, and whether their parameter says that it is about a person."""
    schemas = {name: one for each in prompt.functions for name, one in each["parameters"]["properties"].items()}
    found = set()
    for call in prompt.answers:
        for accepted in call.values():
            for name, values in accepted.items():
                said = f"{name} {schemas.get(name, {}).get('description', '')}".lower()
                hinted = bool(PEOPLE_HINTS & set(re.findall(r"[a-z]+", said)))
                for text in _texts(values):
                    found |= {(one.strip(), hinted) for one in (text, *text.split(",")) if one.strip()}
    return found


def _is_city(name: str) -> bool:
    return name in CITIES or name in WORLD_CITIES


def _other(prompt: Prompt, old: str, hinted: bool, taken: frozenset[str]) -> dict[str, str]:
    """The parts of a name and what replaces each, none of it `taken`; {} where it is of no known kind."""
    if old in CITIES:
        return _city(prompt, old, taken)
    if old in WORLD_CITIES:
        new = _pick(prompt, old, [one for one in WORLD_CITIES if one not in _countries(old) | taken])
        return {old: new, **dict.fromkeys(WORLD_CITIES[old], WORLD_CITIES[new][0])} if new else {}
    for kind in (tuple(STATES), COUNTRIES, COMPANIES, *TEAMS):
        if old in kind:
            new = _pick(prompt, old, [one for one in kind if one.count(" ") == old.count(" ") and one not in taken])
            return {old: new, **({STATES[old]: STATES[new]} if old in STATES else {})} if new else {}
    if _PERSON.fullmatch(old) and (hinted or old.split(maxsplit=1)[0] in FIRST_NAMES):
        new = _person(prompt, old)
        return {old: new} if new and new not in taken else {}
    return {}


def _city(prompt: Prompt, old: str, taken: frozenset[str]) -> dict[str, str]:
    """A city of the United States by another one, with its state and the state's letters."""
    others = [one for one in CITIES if CITIES[one] != CITIES[old] and one != "New York City" and one not in taken]
    new = _pick(prompt, old, others)
    if not new:
        return {}
    state, other = CITIES[old], CITIES[new]
    return {state: other, STATES[state]: STATES[other], old: new}


def _person(prompt: Prompt, old: str) -> str:
    """A person's name of as many words."""
    first, last = _pick(prompt, old, FIRST_NAMES), _pick(prompt, old, SURNAMES)
    count = len(old.split())
    if not first or not last:
        return ""
    if count == 1:
        return first if old in FIRST_NAMES else last
    return f"{first} {last}" if count == 2 else f"{first} {_pick(prompt, first, FIRST_NAMES)} {last}"


def _countries(city: str) -> set[str]:
    """The cities of the same country."""
    return {one for one, names in WORLD_CITIES.items() if names == WORLD_CITIES[city]}


def _pick(prompt: Prompt, old: str, names: Sequence[str]) -> str:
    """One of the names that neither the text nor the answers have, always the same for the same prompt and name."""
    used = f"{prompt.text} {prompt.answers}".casefold()
    free = [one for one in names if one != old and one.casefold() not in used]
    return free[int(hashlib.sha256(f"{prompt.id} {old}".encode()).hexdigest(), 16) % len(free)] if free else ""


def _is_fixed(prompt: Prompt, name: str) -> bool:
    """Whether a function's name, a choice or a default has the name."""
    for function in prompt.functions:
        said = [function["name"]]
        for schema in function["parameters"]["properties"].values():
            said += [str(schema.get("default", "")), *map(str, schema.get("enum") or ())]
            said += re.findall(r"(?i)default.{0,40}", str(schema.get("description", "")))
        if any(name.casefold() in one.casefold() for one in said):
            return True
    return False


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for one in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(one)

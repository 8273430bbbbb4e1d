"""Untrusted text as material: in a block that it cannot close, with personal data taken out and put back.

Values are written as JSON on one line, so a line break in a text is ``\\n`` there, between two lines that carry a random
word: no text can end the block, since it would have to hold a line of its own and the word.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ingot.canonical import canonical_json
from ingot.errors import InputError
from ingot.fields import Field, to_plain, walk
from ingot.gates import BLOCKS_FROM, MAX_TEXT, Found, find_injection, find_personal, redact, restore
from ingot.runtime.bounded.known import joined, known_in
from ingot.runtime.bounded.ledger import Redactions
from ingot.spec import Gates

SHORT, SHORTEST = 64, 2
"""Characters: a labelled value of at most SHORT is an identifier, and goes whole; one of fewer than SHORTEST is looked
for in no other text."""


@dataclass(frozen=True, slots=True)
class Material:
    """A block for one request, the word of its marks, and what the tokens in it stand for."""

    block: str
    mark: str
    tokens: Mapping[str, str]

    def restored(self, value: Any) -> Any:
        """A value of the answer with every token as what it stands for."""
        if isinstance(value, str):
            return restore(value, self.tokens) if self.tokens else value
        if isinstance(value, dict):
            return {restore(key, self.tokens) if self.tokens else key: self.restored(one) for key, one in value.items()}
        return [self.restored(inner) for inner in value] if isinstance(value, list) else value


def material_of(
    arguments: Mapping[str, Any], fields: Mapping[str, Field], gates: Gates, kept: Redactions | None = None
) -> Material:
    """The block of a step's arguments. What is taken out is `kept` before it is given. Raises InputError where a text is
    longer than a gate reads, and what `kept` raises."""
    plain = to_plain(arguments)
    tokens: dict[str, str] = {}
    if gates.redact != "off":
        before = {} if kept is None else dict(kept.taken())
        nonce = secrets.token_hex(2).upper() if kept is None else kept.nonce
        plain, tokens = _redacted(plain, fields, gates.redact, nonce, before)
        if kept is not None and tokens != before:
            kept.keep(tokens)
    mark = secrets.token_hex(12)
    content = canonical_json(plain).decode()
    tokens = {token: value for token, value in tokens.items() if token in content}
    return Material(f"<material {mark}>\n{content}\n</material {mark}>", mark, tokens)


def attack_in(arguments: Mapping[str, Any], classify: bool = False) -> Found | None:
    """The first thing in any text that looks like an attack on its reader; with `classify` also what the trained
    classifier takes for one. Raises InputError on too long a text, StageError where the classifier cannot say."""
    texts = [text for value in to_plain(arguments).values() for text in _leaves(value, False, keys=True)]
    seen = next((one for text in texts for one in find_injection(text, "document") if one.blocks), None)
    if seen is not None or not classify:
        return seen
    from ingot.gates.classifier import find_by_classifier

    return next((one for text in texts for one in find_by_classifier(text) if one.blocks), None)


# ---- redaction ---------------------------------------------------------------------------------------------------


def _redacted(
    plain: dict[str, Any], fields: Mapping[str, Field], how: str, nonce: str, tokens: dict[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The values with tokens, which carry the `nonce`: one that a text brings along is never one of these."""
    labels = {name: label for name in plain if (label := _label(fields.get(name)))}
    declared = {one.name for _, one in walk(fields.values())}
    leaves = [(text, labels[name]) for name in labels for text in _leaves(plain[name], True)]
    known = {text: label for text, label in leaves if _is_short(text)}

    def taken(value: Any, label: str | None) -> Any:
        if isinstance(value, dict):
            keys = {key: key if key in declared else in_text(key, label, True) for key in value}
            return {keys[key]: taken(inner, label) for key, inner in value.items()}
        if isinstance(value, list):
            return [taken(inner, label) for inner in value]
        if label is not None and isinstance(value, int | float):
            value = str(value).lower() if isinstance(value, bool) else str(value)
        return in_text(value, label) if isinstance(value, str) and value else value

    def in_text(text: str, label: str | None, key: bool = False) -> str:
        nonlocal tokens  # a key that no spec declares is the run's, as a value is; it says what stands under it, too
        found = _found(text, label, how, known, key)
        done = redact(text, [replace(one, kind=f"{one.kind}_{nonce}") for one in found], taken=tokens)
        tokens = done.mapping
        return done.text

    return {name: taken(value, labels.get(name)) for name, value in plain.items()}, tokens


def _found(text: str, label: str | None, how: str, known: Mapping[str, str], key: bool) -> list[Found]:
    if label is not None and (how == "whole" or (_is_short(text) and not key)):
        return [Found("personal", label, 0, len(text), 1.0, "a labelled value")]
    if len(text) > MAX_TEXT:
        raise InputError(f"a text of {len(text)} characters is longer than a gate reads ({MAX_TEXT})")
    found = find_personal(text, least=BLOCKS_FROM) if label is not None or how == "all" else []
    return joined([*found, *known_in(text, known, SHORTEST)])


def _is_short(text: str) -> bool:
    return len(text.strip()) <= SHORT


def _label(field: Field | None) -> str | None:
    """The label of a field or of anything in it. A field that nobody knows is as if labelled."""
    if field is None:
        return "unknown"
    inner = (*field.fields, *((field.items,) if field.items is not None else ()))
    return field.sensitive or next((label for one in inner if (label := _label(one))), None)


def _leaves(value: Any, numbers: bool, keys: bool = False) -> list[str]:
    if isinstance(value, dict):
        own = [key for key in value if keys and key]
        return own + [leaf for inner in value.values() for leaf in _leaves(inner, numbers, keys)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in _leaves(inner, numbers, keys)]
    if numbers and isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    return [value] if isinstance(value, str) and value else []

"""What two specs do not share: fields, steps and clauses that were added, removed or changed, by name.

Said before any outcome is compared, because an outcome can be compared only over what both versions know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ingot.canonical import canonical_json
from ingot.fields import Field, to_plain, walk
from ingot.spec import Clause, Spec, Step


@dataclass(frozen=True, slots=True)
class Structural:
    """One named part that differs. `part` is input, output, step, clause …; `change` is added, removed or changed; `old`
    and `new` say how it stood, empty where it did not."""

    part: str
    name: str
    change: str
    old: str = ""
    new: str = ""

    def __str__(self) -> str:
        return f"{self.part} {self.name!r} {self.change}{self._what()}"

    def _what(self) -> str:
        if self.change == "changed":
            return f": {self.old} → {self.new}"
        return f": {self.old or self.new}" if self.old or self.new else ""

    def to_json(self) -> dict[str, str]:
        """Plain JSON."""
        return {"part": self.part, "name": self.name, "change": self.change, "old": self.old, "new": self.new}


def structural(old: Spec, new: Spec) -> tuple[Structural, ...]:
    """Every structural change between two specs: fields first, then steps, then clauses."""
    return (
        *_fields("input", old.inputs, new.inputs),
        *_fields("output", old.outputs, new.outputs),
        *_steps(old, new),
        *_named("clause", _clauses(old.clauses), _clauses(new.clauses)),
        *_effective(old, new),
    )


def _fields(part: str, old: Iterable[Field], new: Iterable[Field]) -> Iterator[Structural]:
    before, after = dict(walk(tuple(old))), dict(walk(tuple(new)))
    for path, field in before.items():
        if path not in after:
            yield Structural(part, path, "removed", old=described(field))
            continue
        twin = after[path]
        one, other = _bare(field), _bare(twin)
        if one != other:
            yield Structural(part, path, "changed", one, other)
        yield from _values(part, path, field, twin)
    yield from (
        Structural(part, path, "added", new=described(field)) for path, field in after.items() if path not in before
    )


def _values(part: str, path: str, old: Field, new: Field) -> Iterator[Structural]:
    """Values of an enum that came or went."""
    if old.type != "enum" or new.type != "enum":
        return
    for value in old.values:
        if value not in new.values:
            yield Structural(f"{part} value", f"{path}={value}", "removed")
    for value in new.values:
        if value not in old.values:
            yield Structural(f"{part} value", f"{path}={value}", "added")


def described(field: Field) -> str:
    """A field's type in one line: ``decimal USD, 0 to 100, 2 places``."""
    values = f" {'/'.join(field.values)}" if field.values else ""
    return f"{_bare(field)}{values}"


def _bare(field: Field) -> str:
    """The same without an enum's values, which are told one by one."""
    parts = [f"{field.type}{'?' if field.nullable else ''}{f' {field.unit}' if field.unit else ''}"]
    if field.minimum is not None or field.maximum is not None:
        parts.append(f"{_bound(field.minimum)} to {_bound(field.maximum)}")
    if field.places is not None:
        parts.append(f"{field.places} places")
    if field.min_length is not None or field.max_length is not None:
        parts.append(f"length {_bound(field.min_length)} to {_bound(field.max_length)}")
    parts += [f"pattern {field.pattern}"] if field.pattern else []
    parts += [field.sensitive] if field.sensitive else []
    parts += [f"adverse {'/'.join(field.adverse)}"] if field.adverse else []
    return ", ".join(parts)


def _bound(value: object) -> str:
    return "any" if value is None else str(to_plain(value))


def _steps(old: Spec, new: Spec) -> Iterator[Structural]:
    """Steps that came or went, and the settings and outputs of the steps that no function computes."""
    yield from _named("step", _kinds(old), _kinds(new))
    before, after = _effects(old), _effects(new)
    for name in (name for name in before if name in after):
        one, other = before[name], after[name]
        yield from _fields(f"output of step {name!r}", one.outputs, other.outputs)
        if _settings(one) != _settings(other):
            yield Structural("step", name, "changed", "its settings", "other settings (see spec.yaml)")


def _kinds(spec: Spec) -> dict[str, str]:
    return {step.step: "function" if step.is_function else step.module or step.type for step in spec.logic_requirements}


def _effects(spec: Spec) -> dict[str, Step]:
    return {step.step: step for step in spec.logic_requirements if not step.is_function}


def _settings(step: Step) -> bytes:
    return canonical_json(step.model_dump(mode="json", exclude={"outputs", "clauses", "intent"}))


def _clauses(clauses: Iterable[Clause]) -> dict[str, str]:
    return {clause.id: " ".join(clause.text.split()) for clause in clauses}


def _named(part: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Structural]:
    for name, text in old.items():
        if name not in new:
            yield Structural(part, name, "removed", old=text)
        elif new[name] != text:
            yield Structural(part, name, "changed", text, new[name])
    yield from (Structural(part, name, "added", new=text) for name, text in new.items() if name not in old)


def _effective(old: Spec, new: Spec) -> Iterator[Structural]:
    one, other = _period(old), _period(new)
    if one != other:
        yield Structural("period", "effective", "changed", one, other)


def _period(spec: Spec) -> str:
    first, last = spec.metadata.effective_from, spec.metadata.effective_until
    return f"{first or 'any day'} to {last or 'any day'}"

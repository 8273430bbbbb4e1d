"""Cases out of recorded runs: few, and as different as the program can tell.

Rows are read once, in order, and kept by what they show (the branches taken, the boundaries stood at), at most
`PER_SHOWN` of a kind: memory depends on the program, not on the length of the recording. Of those kept, a greedy cover
takes branch outcomes, boundaries and mutants told apart; then the inputs that lie furthest from those taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from pydantic import ValidationError

from ingot.errors import InputError
from ingot.fields import validator
from ingot.program import Observation, Program
from ingot.proof.boundaries import Boundary, Comparisons
from ingot.proof.mutants import mutants
from ingot.proof.mutation import IsRight, differences
from ingot.proof.suggest_cover import flat, key
from ingot.proof.suggest_targets import Target, served
from ingot.runtime.sandbox import Limits, Sandbox, Trial
from ingot.runtime.tagged import encode
from ingot.spec import Spec

CHUNK, PER_SHOWN, MOST_KEPT = 400, 8, 600
MOST_MUTANTS = 120


@dataclass(frozen=True, slots=True)
class Record:
    """One recorded run: the input as a trial, what was answered then (None where the record does not say), and what a
    person said is right. `line` counts from 1."""

    line: int
    trial: Trial
    recorded: Mapping[str, Any] | None = None
    expected: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taken:
    """A record worth a case, with the reasons; `answer` is the candidate's, None where there is no candidate."""

    record: Record
    why: tuple[str, ...]
    answer: Observation | None
    lines: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Kept:
    record: Record
    features: Mapping[str, str]
    answer: Observation | None
    lines: frozenset[int]


def record_of(row: Mapping[str, Any], line: int, spec: Spec) -> Record:
    """A row of a recording: a bare input, or an object with ``input`` and optionally ``steps``, ``output`` (or the
    ``outcome`` that `ingot run` prints) and ``expected``. Raises InputError."""
    names = {one.name for one in spec.inputs}
    wrapped = isinstance(row.get("input"), Mapping) and "input" not in names
    if not wrapped and "status" in row and not names & set(row):
        raise InputError("an outcome without its input", hint='join the two: {"input": {...}, "outcome": {...}}')
    source = row["input"] if wrapped else row
    steps = row.get("steps", {}) if wrapped else {}
    nulls = {one.name: None for one in spec.inputs if one.nullable}
    values = _fitting(validator(spec.inputs), {**nulls, **source})
    effects = {step.step: step for step in spec.logic_requirements if not step.is_function}
    replies: dict[str, dict[str, Any]] = {}
    for name, said in steps.items() if isinstance(steps, Mapping) else ():
        if name in effects:
            replies[name] = _fitting(validator(effects[name].outputs), said)
    expected = row.get("expected") if wrapped else None
    outputs = [one.model_copy(update={"nullable": True}) for one in spec.outputs]
    stated = _fitting(validator(outputs), expected) if isinstance(expected, Mapping) else {}
    return Record(line, Trial(f"line-{line}", values, replies), _recorded(row) if wrapped else None, stated)


def _recorded(row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What was answered: ``output``, or an outcome with the output or the proposal in it."""
    outcome = row.get("outcome", row)
    if not isinstance(outcome, Mapping):
        return None
    review = outcome.get("review")
    proposed = review.get("proposed") if isinstance(review, Mapping) else None
    output = outcome.get("output", proposed)
    return output if isinstance(output, Mapping) else None


def _fitting(adapter: Any, values: Any) -> dict[str, Any]:
    try:
        fitted: dict[str, Any] = adapter.validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{place}: {first['msg']}" if place else first["msg"]) from None
    return fitted


def draw(
    spec: Spec,
    records: Iterable[Record],
    most: int,
    *,
    known: Iterable[str] = (),
    program: Program | None = None,
    sandbox: Sandbox | None = None,
    is_right: IsRight | None = None,
) -> tuple[Taken, ...]:
    """At most `most` of the records, none with the input of a `known` one; the same records give the same.

    With a `program` (and a sandbox and scorer) they are told apart by what it does, else by the spec's values alone.
    Raises StageError where the sandbox breaks.
    """
    kept = _kept(spec, records, frozenset(known), program, sandbox)
    if program is not None and sandbox is not None and is_right is not None:
        kept = _with_mutants(program, kept, sandbox, is_right)
    return _chosen(kept, most)


# ---- reading ---------------------------------------------------------------------------------------------------------


def _kept(
    spec: Spec, records: Iterable[Record], known: frozenset[str], program: Program | None, sandbox: Sandbox | None
) -> list[_Kept]:
    """Of every kind that the records show, the first few."""
    seen: set[str] = set(known)
    counts: dict[frozenset[str], int] = {}
    kept: list[_Kept] = []
    shows = _shows(spec, program, sandbox)
    source = iter(records)
    while chunk := list(islice(source, CHUNK)):
        fresh = []
        for record in chunk:
            if (text := key(record.trial)) not in seen:
                fresh.append(record)
                if len(seen) < 1_000_000:
                    seen.add(text)
        for one in shows(fresh):
            kind = frozenset(one.features)
            counts[kind] = counts.get(kind, 0) + 1
            if counts[kind] <= (PER_SHOWN if len(kept) < MOST_KEPT else 0) or (
                counts[kind] == 1 and len(kept) < 4 * MOST_KEPT
            ):
                kept.append(one)
    return kept


def _shows(
    spec: Spec, program: Program | None, sandbox: Sandbox | None
) -> Callable[[Sequence[Record]], Iterator[_Kept]]:
    """What a chunk of records shows: by the program where there is one."""
    if program is None or sandbox is None:
        return lambda chunk: (_Kept(one, _values(spec, one.trial), None, frozenset()) for one in chunk)
    comparisons = Comparisons(program)
    last = program.offset + program.logic.count("\n") + 1

    def shows(chunk: Sequence[Record]) -> Iterator[_Kept]:
        if not chunk:
            return
        run = sandbox.run(
            program.text,
            [one.trial for one in chunk],
            offset=program.offset,
            seed=sandbox.seeds[0],
            cover=True,
            last_line=last,
            limits=Limits(run_seconds=60.0),
        )
        names = {branch.number: f"logic.py, {branch}" for branch in run.branches}
        for one in chunk:
            branches = {f"branch {n}": names.get(n, "") for n in run.taken.get(one.trial.id, ()) if n in names}
            bounds = {_bound(found): str(found) for found in comparisons.at(one.trial)}
            answer = run.observations[one.trial.id]
            yield _Kept(one, {**branches, **bounds}, answer, run.lines.get(one.trial.id, frozenset()))

    return shows


def _bound(found: Boundary) -> str:
    return f"boundary {found.line} {found.comparison} {found.operand} {found.distance}"


def _values(spec: Spec, trial: Trial) -> dict[str, str]:
    """The values of a record that a spec tells apart."""
    found: dict[str, str] = {}
    for one in spec.inputs:
        value = trial.input.get(one.name)
        if value is None or one.type in ("enum", "boolean"):
            shown = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
            found[f"{one.name} = {shown}"] = f"{one.name} = {shown}"
        elif value in (one.minimum, one.maximum):
            found[f"{one.name} bound {value}"] = f"{one.name} = {value}: at the bound of the field"
    return found


def _with_mutants(program: Program, kept: Sequence[_Kept], sandbox: Sandbox, is_right: IsRight) -> list[_Kept]:
    """Each with the mutants that it would tell from the program as a case."""
    targets = [Target(one) for one in mutants(program, MOST_MUTANTS)]
    answers = {one.record.trial.id: one.answer or Observation(None, error="not run") for one in kept}
    trials = [one.record.trial for one in kept]
    told: list[dict[str, str]] = [{} for _ in kept]
    differs = differences(program, [target.mutant for target in targets], trials, sandbox)
    for number, hit in enumerate(served(differs, trials, answers, is_right)):
        for one in hit:
            told[one][f"mutant {number}"] = f"tells {targets[number]}"
    return [
        _Kept(one.record, {**one.features, **more}, one.answer, one.lines) for one, more in zip(kept, told, strict=True)
    ]


# ---- choosing --------------------------------------------------------------------------------------------------------


def _chosen(kept: Sequence[_Kept], most: int) -> tuple[Taken, ...]:
    """What shows most that is new first; then the inputs furthest from those taken."""
    shown: set[str] = set()
    left = list(range(len(kept)))
    taken: list[Taken] = []
    while left and len(taken) < most:
        best = max(left, key=lambda n: (len(kept[n].features.keys() - shown), -n))
        new = [why for name, why in kept[best].features.items() if name not in shown]
        if not new:
            break
        shown |= kept[best].features.keys()
        left.remove(best)
        taken.append(_taken(kept[best], new))
    texts = {n: {axis: encode(value) for axis, value in flat(one.record.trial).items()} for n, one in enumerate(kept)}
    chosen = [n for n in range(len(kept)) if n not in left]
    far = {n: min((_apart(texts[n], texts[one]) for one in chosen), default=0) for n in left}
    while far and len(taken) < most:
        best = max(far, key=lambda n: (far[n], -n))
        distance = far.pop(best)
        taken.append(_taken(kept[best], [f"{distance} of its values differ from every case taken before it"]))
        far = {n: min(now, _apart(texts[n], texts[best])) for n, now in far.items()}
    return tuple(taken)


def _taken(one: _Kept, why: Sequence[str]) -> Taken:
    return Taken(one.record, tuple(dict.fromkeys(why)), one.answer, one.lines)


def _apart(one: Mapping[Any, str], other: Mapping[Any, str]) -> int:
    return sum(text != other.get(axis) for axis, text in one.items())

"""Two programs of the same inputs as terms over the same symbols: on which inputs they differ, if on any.

    pair = Pair(one, other)             # raises NotExpressible
    answer = pair.differ()              # "differ" with an input, "same" for every input, or "unknown" with a reason
    for answer in pair.changes(): ...   # one input per pair of returns that part

Two programs *differ* on an input where one raises and the other does not, where one goes to a person and the other does
not, where one answers and the other does not, or where both answer and an output that both have is not the same. The
solver's effort is counted in its own steps, so that the same two programs get the same answer on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import z3

from ingot.fields import Field
from ingot.program import Program
from ingot.proof.pair_fields import common_fields, roots_of
from ingot.proof.pair_witness import plainer
from ingot.proof.translate import Translation, translated
from ingot.proof.z3_fields import Symbols, is_valid
from ingot.proof.z3_machine import Decision
from ingot.proof.z3_values import NONE, NotExpressible, Value, conj, disj, equal, merge, negate, same
from ingot.runtime.sandbox import Trial

__all__ = ["Answer", "NotExpressible", "Pair", "Prepared", "Region"]

QUERY = 2_000_000
"""Steps of the solver for one question; a million take about a second or less."""

Region = tuple[int, int]
"""The lines, in the one's and in the other's ``logic.py``, of the returns where the two part: of the first step whose
outputs differ, else of the last. A return
that raises counts as passed; 0 where none of that step is."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the solver said: an input where the two `differ` (not yet run) with its `region`, that they are the `same`
    for every input, or that it cannot say and `why`."""

    verdict: Literal["differ", "same", "unknown"]
    trial: Trial | None = None
    region: Region | None = None
    why: str = ""


@dataclass
class Prepared:
    """A program to be paired with many: it is translated once. Only for others of the same spec."""

    program: Program
    _made: dict[bool, Translation] = field(default_factory=dict)

    def first(self) -> Translation:
        """The program over symbols that assume no bounds, or that do where it needs them. Raises NotExpressible."""
        try:
            return self.translation(False)
        except NotExpressible as error:
            if not error.needs_bounds:
                raise
            return self.translation(True)

    def translation(self, assume: bool) -> Translation:
        """The program over symbols that assume bounds or do not. Raises NotExpressible."""
        if assume not in self._made:
            symbols = Symbols(assume)
            for path, one in roots_of(self.program.spec).items():
                symbols.root(one, path)
            self._made[assume] = translated(self.program, symbols)
        return self._made[assume]


class Pair:
    """Two programs over the same symbols. Raises NotExpressible where one of them has no exact form, or where an input
    (or an output of a step that no function computes) that both have is of another type in the other.

    The inputs are those that both specs allow; one that only one of them has is given to both. `one`, `other` are the
    translations; `assumed` has the bounds that were assumed for unbounded fields; `outputs` the names compared; `spent`
    the solver's steps so far.
    """

    def __init__(self, one: Program | Prepared, other: Program, *, steps: int = QUERY) -> None:
        first = one if isinstance(one, Prepared) else Prepared(one)
        self._steps, self.spent = steps, 0
        self._roots = common_fields(first.program.spec, other.spec)
        try:
            self.one, self.other, self.symbols = self._translated(first, other, False)
        except NotExpressible as error:
            if not error.needs_bounds:
                raise
            self.one, self.other, self.symbols = self._translated(first, other, True)
        names = [output.name for output in first.program.spec.outputs]
        theirs = {output.name for output in other.spec.outputs}
        self.outputs = tuple(name for name in names if name in theirs)
        self._parts = self._parting()
        self._differs = self._difference()

    @property
    def assumed(self) -> Mapping[str, str]:
        """Unbounded fields by path, with the bounds that were assumed."""
        return dict(self.symbols.assumed)

    def differ(self, region: Region | None = None, avoid: Sequence[Region] = (), *, plain: bool = True) -> Answer:
        """Whether the two differ on some input: of the region where one is given, of none of those to `avoid`.

        "same" is said of every input where neither is given. A `plain` input is easier to read and takes longer.
        """
        wanted = [True if region is None else self._inside(region), *(negate(self._inside(one)) for one in avoid)]
        domain = [*self.symbols.domain(), self._accepted(disj)]
        answer = self._ask([*domain, self._differs, *wanted], plain)
        if answer.verdict != "same" or region is not None or avoid:
            return answer
        return self._alike_inside(domain)

    def changes(self, most: int = 40) -> Iterator[Answer]:
        """An answer per region in which the two differ, at most so many; the last may be "unknown". None where they
        are proved to be the same."""
        found: list[Region] = []
        while len(found) < most:
            answer = self.differ(avoid=found)
            if answer.verdict == "same":
                return
            yield answer
            if answer.region is None or answer.region in found:
                return
            found.append(answer.region)

    def regions(self) -> tuple[Region, ...]:
        """Every pair of returns of a step that both have, whether or not the two can differ there."""
        found = [
            (mine.line, theirs.line)
            for part in self._parts
            for mine in (*part.one, _NOWHERE)
            for theirs in (*part.other, _NOWHERE)
        ]
        return tuple(dict.fromkeys(found))

    # ---- making it -----------------------------------------------------------------------------------------------

    def _translated(self, first: Prepared, other: Program, assume: bool) -> tuple[Translation, Translation, Symbols]:
        if roots_of(first.program.spec) == self._roots:
            one = first.translation(assume)
            symbols = one.symbols.forked()
        else:
            symbols = Symbols(assume)
            for path, root in self._roots.items():
                symbols.root(root, path)
            one = translated(first.program, symbols)
        return one, translated(other, symbols), symbols

    def _difference(self) -> Any:
        one, other = self.one, self.other
        unlike = disj(*(negate(equal(one.out(name), other.out(name))) for name in self.outputs))
        return disj(
            negate(same(one.raised, other.raised)),
            conj(
                negate(one.raised),
                negate(other.raised),
                disj(
                    negate(same(one.reviewed, other.reviewed)),
                    negate(same(one.output.none, other.output.none)),
                    conj(negate(one.output.none), negate(other.output.none), unlike),
                ),
            ),
        )

    def _accepted(self, how: Any) -> Any:
        return how(conj(*self.one.accepted), conj(*self.other.accepted))

    def _alike_inside(self, domain: list[Any]) -> Answer:
        """Once no input differs in what comes of it: whether the steps that no function computes notice a difference.

        A run cannot show that one: a trial gives the steps' outputs whatever they are asked. So it is not "differ".
        """
        accepted = self._accepted(lambda one, other: negate(same(one, other)))
        noticed = [accepted, *self._questions()]
        answer = self._ask([*domain, disj(*noticed)], False)
        if answer.verdict == "differ":
            return Answer("unknown", why="a step that no function computes is asked something else")
        return answer

    def _questions(self) -> Iterator[Any]:
        """Per step that no function computes, the condition under which the two ask it otherwise."""
        live = conj(negate(self.one.raised), negate(self.other.raised))
        for step in dict.fromkeys(one.step for one in (*self.one.machine.asked, *self.other.machine.asked)):
            (mine, asked), (theirs, other) = (
                _merged([(a.condition, a.arguments) for a in side.machine.asked if a.step == step])
                for side in (self.one, self.other)
            )
            yield conj(live, disj(negate(same(mine, theirs)), conj(mine, theirs, negate(equal(asked, other)))))

    # ---- regions -------------------------------------------------------------------------------------------------

    def _parting(self) -> list[_Part]:
        """Per function step of both, in the order of the flow, its returns and the condition under which its outputs
        differ where those before it do not."""
        theirs = {step.step for step in self.other.program.spec.logic_requirements if step.is_function}
        steps = [s.step for s in self.one.program.spec.logic_requirements if s.is_function and s.step in theirs]
        parts: list[_Part] = []
        before: Any = False
        for number, step in enumerate(steps):
            mine, other = (
                [one for one in side.machine.decisions if one.function == step] for side in (self.one, self.other)
            )
            apart = disj(before, _unlike(mine, other))
            here = conj(negate(before), apart if number < len(steps) - 1 else True)
            parts.append(_Part(mine, other, here))
            before = apart
        return parts

    def _inside(self, region: Region) -> Any:
        one, other = region
        return disj(*(conj(p.here, _passed(p.one, one), _passed(p.other, other)) for p in self._parts))

    def _region(self, model: Any) -> Region | None:
        for part in self._parts:
            if _holds(model, part.here):
                lines = (
                    next((one.line for one in side if _holds(model, one.condition)), 0)
                    for side in (part.one, part.other)
                )
                first, second = lines
                return first, second
        return None

    # ---- the solver ----------------------------------------------------------------------------------------------

    def _ask(self, conditions: Sequence[Any], plain: bool) -> Answer:
        whole = conj(*conditions)
        if whole is False:
            return Answer("same")
        solver = z3.Solver(ctx=self.symbols.context)
        solver.set("rlimit", self._steps)
        if whole is not True:
            solver.add(whole)
        before = _counted(solver)
        found = solver.check()
        self.spent += _counted(solver) - before
        if found == z3.unsat:
            return Answer("same")
        if found != z3.sat:
            return Answer("unknown", why="the solver used up its steps")
        model = plainer(solver, self.symbols) if plain else solver.model()
        trial = self._trial(model)
        if trial is None:
            return Answer("unknown", why="the solver's input is not one that the fields allow")
        return Answer("differ", trial, self._region(model))

    def _trial(self, model: Any) -> Trial | None:
        values = self.symbols.decoded(model, {path[0]: one for path, one in self._tops().items()})
        inputs: dict[str, Any] = {}
        steps: dict[str, dict[str, Any]] = {}
        for path, one in self._roots.items():
            value = values[path[0]][one.name] if len(path) > 1 else values[path[0]]
            if not is_valid(one, value):
                return None
            if len(path) > 1:
                steps.setdefault(path[0].removesuffix("()"), {})[one.name] = value
            else:
                inputs[one.name] = value
        return Trial("solver", inputs, steps)

    def _tops(self) -> dict[tuple[str, ...], Field]:
        """The roots as fields by the first part of their path: a step's outputs as one object."""
        tops: dict[tuple[str, ...], Field] = {path: one for path, one in self._roots.items() if len(path) == 1}
        for path in self._roots:
            if len(path) > 1:
                outputs = tuple(one for other, one in self._roots.items() if other[0] == path[0])
                tops[path[:1]] = Field(name="outputs", type="object", fields=outputs)
        return tops


@dataclass(frozen=True, slots=True)
class _Part:
    """A step's returns in both programs; `here` is the condition under which it is the one where they part."""

    one: list[Decision]
    other: list[Decision]
    here: Any


_NOWHERE = Decision("", 0, True, NONE)


def _passed(decisions: Sequence[Decision], line: int) -> Any:
    """The condition under which the return in this line is passed; for 0, that none is."""
    if line == 0:
        return negate(disj(*(one.condition for one in decisions)))
    return disj(*(one.condition for one in decisions if one.line == line))


def _merged(values: Sequence[tuple[Any, Value]]) -> tuple[Any, Value]:
    """The condition under which there is a value, and which."""
    whole: Any = False
    merged = NONE
    for number, (condition, value) in enumerate(reversed(values)):
        whole = disj(condition, whole)
        merged = value if number == 0 else merge(condition, value, merged)
    return whole, merged


def _unlike(mine: Sequence[Decision], theirs: Sequence[Decision]) -> Any:
    """The condition under which a step's outputs differ; False where they cannot be compared."""
    (passed, value), (other, another) = (
        _merged([(one.condition, one.value) for one in side]) for side in (mine, theirs)
    )
    try:
        unlike = negate(equal(value, another))
    except NotExpressible:
        unlike = False
    return disj(negate(same(passed, other)), conj(passed, other, unlike))


def _counted(solver: Any) -> int:
    """The steps that the solver's context has taken in all."""
    counted = solver.statistics()
    return int(counted.get_key_value("rlimit count")) if "rlimit count" in list(counted.keys()) else 0


def _holds(model: Any, condition: Any) -> bool:
    return condition if isinstance(condition, bool) else z3.is_true(model.eval(condition, model_completion=True))

"""Questions to the solver about a translated program, within a budget of its own steps."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import z3

from ingot.errors import StageError
from ingot.fields import Field, validator
from ingot.program import Observation
from ingot.proof import search
from ingot.proof.translate import NotExpressible, Translation, expression
from ingot.proof.z3_fields import Symbols, constant
from ingot.proof.z3_machine import Frame, Machine
from ingot.proof.z3_values import Value, below, conj, disj, equal, negate
from ingot.runtime.sandbox import Trial
from ingot.spec import Invariant, Spec

QUERY, BUDGET = 2_000_000, 10_000_000
"""Steps of the solver for one question and for all of a program; a million take about a second or less."""

Asked = Literal["proved", "counter-example", "no counter-example found", "time-out"]


@dataclass(frozen=True, slots=True)
class Answer:
    """The solver's answer, its counter-example confirmed by a run."""

    status: Asked
    why: str = ""
    example: tuple[Trial, ...] = ()


class Prover:
    """Answers for the invariants of one program. `run` replays counter-examples in the sandbox."""

    def __init__(self, translation: Translation, run: Callable[[Sequence[Trial]], Mapping[str, Observation]]) -> None:
        self.translation, self._run = translation, run
        self._left, self._spent = BUDGET, 0
        self._spec = translation.program.spec

    def answer(self, invariant: Invariant) -> Answer:
        """The answer for one invariant. Raises NotExpressible."""
        match invariant.builtin:
            case "determinacy":
                return Answer("proved", "by construction: what was translated is a function of its inputs")
            case "monotone":
                return self._monotone(invariant)
            case "reachable":
                return self._reachable(invariant)
            case "null_never_false":
                return self._null_never_false(invariant)
        return self._never(invariant, self._violation(invariant))

    # ---- the solver ----------------------------------------------------------------------------------------------

    def ask(self, *conditions: Any) -> Any:
        """A model in which the conditions hold for some input; None where none exists; "time-out"."""
        whole = conj(*conditions)
        if whole is False:
            return None
        context = self.translation.symbols.context
        solver = z3.Solver(ctx=context)
        solver.set("rlimit", max(1, min(QUERY, self._left)))
        solver.add(*self.translation.domain())
        if whole is not True:
            solver.add(whole)
        found = solver.check()
        spent = _spent(solver)
        self._left, self._spent = self._left - (spent - self._spent), spent
        if found == z3.unsat:
            return None
        return solver.model() if found == z3.sat else "time-out"

    def _replayed(self, *trials: Trial) -> list[tuple[Trial, Observation]] | None:
        """What the program does on a model's inputs; None where the fields do not allow them."""
        spec = self._spec
        for trial in trials:
            try:
                validator(spec.inputs).validate_python(dict(trial.input))
            except ValueError:
                return None
        named = [Trial(f"solver-{number}", trial.input, trial.steps) for number, trial in enumerate(trials)]
        seen = self._run(named)
        return [(trial, seen[trial.id]) for trial in named]

    # ---- statements about one run --------------------------------------------------------------------------------

    def _violation(self, invariant: Invariant) -> Any:
        one = self.translation
        match invariant.builtin:
            case "totality":
                return one.raised
            case "no_automatic_denial":
                values = [
                    conj(negate(one.out(f.name).none), self._is_adverse(f)) for f in self._spec.outputs if f.adverse
                ]
                return conj(one.answered, negate(one.reviewed), disj(*values))
            case "output_range":
                return conj(one.answered, disj(*(_outside(one.out(f.name), f, one) for f in self._spec.outputs)))
        claim = one.claim(invariant.holds)
        return conj(one.answered, disj(claim.raises, negate(claim.holds)))

    def _is_adverse(self, field: Field) -> Any:
        value = self.translation.out(field.name)
        wanted = [text == "true" if field.type == "boolean" else text for text in field.adverse]
        return disj(*(equal(value, constant(one, self.translation.symbols.codes)) for one in wanted))

    def _never(self, invariant: Invariant, violation: Any) -> Answer:
        model = self.ask(violation)
        if model is None:
            return Answer("proved")
        if model == "time-out":
            return _timed_out()
        replayed = self._replayed(self.translation.trial(model))
        if replayed is None:
            return _unconfirmed()
        ((trial, seen),) = replayed
        why = search.breach(self._spec, invariant, trial, seen)
        if why is None and invariant.builtin is None and search.compiled(self._spec, invariant)[0] is None:
            why = "it is false for a field that the run does not show"
        if why is None:
            raise _disagreement(trial)
        return Answer("counter-example", why, (trial,))

    # ---- statements about several --------------------------------------------------------------------------------

    def _reachable(self, invariant: Invariant) -> Answer:
        one = self.translation
        for field, value in search.wanted_values(self._spec, invariant):
            term = equal(one.out(field.name), constant(value, one.symbols.codes))
            model = self.ask(one.answered, term)
            if model is None:
                return self._unreached(f"{field.name} = {value}")
            if model == "time-out":
                return _timed_out()
            replayed = self._replayed(one.trial(model))
            if replayed is None:
                return _unconfirmed()
            ((trial, seen),) = replayed
            if (seen.output or {}).get(field.name) != value:
                raise _disagreement(trial)
        return Answer("proved", "each value has a witness that was run")

    def _unreached(self, what: str) -> Answer:
        """No input gives it; where bounds were assumed, one beyond them may."""
        assumed = self.translation.assumed
        if not assumed:
            return Answer("counter-example", f"no input gives {what}")
        bounds = " and ".join(f"{path} {said}" for path, said in assumed.items())
        return Answer("no counter-example found", f"no input with {bounds} gives {what}; beyond that nothing is proved")

    def _monotone(self, invariant: Invariant) -> Answer:
        one, by, of = self.translation, invariant.in_ or "", invariant.of or ""
        leaves = one.symbols.leaves
        moved = {
            n: _primed(leaf.variable) for n, leaf in enumerate(leaves) if leaf.path == (by,) and leaf.part == "value"
        }
        if not moved:
            raise NotExpressible(f"the input {by!r}")
        pairs = [(leaves[number].variable, variable) for number, variable in moved.items()]
        pairs += [(v, _primed(v)) for _, parts in one.symbols.calendars for v in parts.values()]
        ((_, second), *_) = pairs
        first, value = pairs[0][0], one.out(of)
        if value.kind == "opaque":
            raise NotExpressible(str(value.term))

        def there(term: Any) -> Any:
            return z3.substitute(term, *pairs) if z3.is_expr(term) else term

        other = Value(value.kind, there(value.term), there(value.none), value.places)
        low, high = (value, other) if invariant.direction == "up" else (other, value)
        falls, _ = below(high, low, False)
        nulls = [leaf.variable for leaf in leaves if leaf.path == (by,) and leaf.part == "none"]
        model = self.ask(
            first < second, falls, one.answered, there(one.answered), negate(value.none), negate(other.none),
            *(negate(null) for null in nulls), *(there(condition) for condition in one.domain()),
        )  # fmt: skip
        if model is None:
            return Answer("proved")
        if model == "time-out":
            return _timed_out()
        return self._pair(invariant, one.trial(model), one.trial(model, moved))

    def _pair(self, invariant: Invariant, lower: Trial, higher: Trial) -> Answer:
        by, of = invariant.in_ or "", invariant.of or ""
        replayed = self._replayed(lower, higher)
        if replayed is None:
            return _unconfirmed()
        ends = [(trial.input[by], (seen.output or {}).get(of)) for trial, seen in replayed]
        why = None if None in (ends[0][1], ends[1][1]) else search.not_monotone(invariant, ends[0], ends[1])
        if why is None:
            raise _disagreement(lower)
        return Answer("counter-example", why, tuple(trial for trial, _ in replayed))

    def _null_never_false(self, invariant: Invariant) -> Answer:
        """No run that a person does not decide passes a place where a null counts as false unasked."""
        one = self.translation
        for place in one.null_truths:
            model = self.ask(place.condition, negate(one.raised), negate(one.reviewed))
            if model is None:
                continue
            if model == "time-out":
                return _timed_out()
            replayed = self._replayed(one.trial(model))
            if replayed is None:
                return _unconfirmed()
            ((trial, seen),) = replayed
            if seen.error is not None or seen.review is not None:
                raise _disagreement(trial)
            where = f" in line {place.line}" if place.line > 0 else ""
            return Answer("counter-example", f"{place.origin} is null and counts as false{where}", (trial,))
        return Answer("proved")


def _spent(solver: Any) -> int:
    """The steps that the solver's context has taken in all."""
    counted = solver.statistics()
    return int(counted.get_key_value("rlimit count")) if "rlimit count" in list(counted.keys()) else 0


def _primed(variable: Any) -> Any:
    return z3.Const(f"{variable}'", variable.sort())


def _timed_out() -> Answer:
    return Answer("time-out", "the solver used up its steps")


def _unconfirmed() -> Answer:
    return Answer("no counter-example found", "the solver's input is not one that the fields allow")


def _disagreement(trial: Trial) -> StageError:
    return StageError(
        f"the solver's counter-example {dict(trial.input)!r} is none when it is run",
        hint="this is a fault of Ingot, not of the program; report the program and this input",
    )


def _outside(value: Value, field: Field, one: Translation) -> Any:
    """The condition under which an output does not fit its field."""
    wrong = _misfit(value, field, one)
    return disj(False if field.nullable else value.none, conj(negate(value.none), wrong))


_KINDS: Mapping[str, tuple[str, ...]] = {
    "integer": ("int",), "decimal": ("decimal", "int", "number"), "boolean": ("bool",), "date": ("date",),
    "enum": ("text",), "text": ("text",),
}  # fmt: skip


def _misfit(value: Value, field: Field, one: Translation) -> Any:
    if value.kind == "none":
        return False
    if value.kind not in _KINDS.get(field.type, ()):
        raise NotExpressible(str(value.term) if value.kind == "opaque" else f"a {field.type} that is {value.kind}")
    if field.type == "enum":
        return negate(disj(*(equal(value, constant(text, one.symbols.codes)) for text in field.values)))
    if field.type == "text":
        if field.pattern or field.min_length or field.max_length is not None:
            raise NotExpressible("the length or the pattern of a text")
        return False
    wrong: list[Any] = []
    for bound, is_minimum in ((field.minimum, True), (field.maximum, False)):
        if bound is not None:
            edge = constant(bound, one.symbols.codes)
            present = Value(value.kind, value.term, False, value.places)
            wrong.append(below(present, edge, False)[0] if is_minimum else below(edge, present, False)[0])
    if field.type == "decimal" and field.places is not None and value.places > field.places:
        wrong.append(value.term % 10 ** (value.places - field.places) != 0)
    return disj(*wrong)


# ---- invariants among themselves ---------------------------------------------------------------------------------


def contradiction(spec: Spec, stated: Sequence[Invariant]) -> tuple[Invariant, str] | None:
    """The first invariant that no values of the fields fulfil, alone or together with those before it."""
    symbols = Symbols(False)
    known = {name: symbols.declare(field, (name,)) for name, field in spec.known_fields().items()}
    machine = Machine(ast.Module([], []), symbols, 0, lambda step: known[step])
    fields = spec.known_fields()
    held: list[tuple[Invariant, Any]] = []
    for one in stated:
        try:
            machine.frame, machine.raises = Frame("", frozenset(), dict(known)), []
            holds = machine.truth(ast.parse(expression(one.holds, fields), mode="eval").body)
            holds = conj(holds, *(negate(condition) for condition, _, _ in machine.raises))
        except NotExpressible:
            continue
        if not _possible(symbols, holds):
            return one, "what its fields can be"
        for other, condition in held:
            if not _possible(symbols, condition, holds):
                return one, repr(other.name)
        if held and not _possible(symbols, holds, *(condition for _, condition in held)):
            return one, " and ".join(repr(other.name) for other, _ in held)
        held.append((one, holds))
    return None


def _possible(symbols: Symbols, *conditions: Any) -> bool:
    whole = conj(*conditions)
    if isinstance(whole, bool):
        return whole
    solver = z3.Solver(ctx=symbols.context)
    solver.set("rlimit", QUERY // 4)
    solver.add(*symbols.domain(), whole)
    return bool(solver.check() != z3.unsat)

"""Program → Z3: what a program does for every input at once, or why that cannot be said.

Sound by construction: each construct of Python has one exact translation or none, and a program with a construct that
has none is refused (`NotExpressible`), never approximated. `disagreements` evaluates the translation on concrete
inputs beside what CPython did with them; one that differs is a fault of this package, and its caller fails closed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import z3

from ingot import expressions
from ingot.errors import StageError
from ingot.fields import Field
from ingot.program import Observation, Program
from ingot.proof.z3_fields import Symbols, constant
from ingot.proof.z3_machine import Env, Frame, Machine, NullTruth
from ingot.proof.z3_values import NONE, NotExpressible, Value, conj, disj, equal, merge, negate, opaque
from ingot.runtime.sandbox import Trial
from ingot.spec import Spec

__all__ = ["Claim", "NotExpressible", "Translation", "translate"]


@dataclass(frozen=True, slots=True)
class Claim:
    """A condition over the inputs (True where it holds), and the condition under which stating it raises."""

    holds: Any
    raises: Any


@dataclass(eq=False)
class Translation:
    """A program as terms over its inputs.

    `raised` is the condition under which an exception leaves it; where it does not hold, `output` is the record of
    outputs (`none` where there is no proposal) and `reviewed` the condition under which a person decides.
    `null_truths` are the places where a null may count as false. `known` has every field of the workflow as it stands
    at the end. `accepted` are the conditions under which the steps' validation lets the outputs of the steps that no
    function computes through. `assumed` says which unbounded fields were taken to have bounds.
    """

    program: Program
    symbols: Symbols
    machine: Machine
    raised: Any
    output: Value
    review: Value
    known: Env
    null_truths: tuple[NullTruth, ...]
    accepted: tuple[Any, ...] = ()

    @property
    def reviewed(self) -> Any:
        """The condition under which the run ends with a person."""
        return negate(self.review.none)

    @property
    def answered(self) -> Any:
        """The condition under which there is an output or a proposal."""
        return conj(negate(self.raised), negate(self.output.none))

    @property
    def assumed(self) -> Mapping[str, str]:
        """Unbounded fields by path, with the bounds that were assumed."""
        return dict(self.symbols.assumed)

    def domain(self) -> list[Any]:
        """What every input fulfils."""
        return [*self.symbols.domain(), *self.accepted]

    def out(self, name: str) -> Value:
        """An output by name."""
        wanted = self.symbols.codes.of(name)
        return next((value for key, value in self.output.rows if key.term == wanted), opaque(f"the output {name!r}"))

    def claim(self, text: str) -> Claim:
        """A boolean expression of the spec about the fields as they stand at the end. Raises NotExpressible.

        As in a step's validation, it says nothing where a nullable field that it reads without asking is null.
        """
        fields = self.program.spec.known_fields()
        holds, raises = _stated(self.machine, expression(text, fields), self.known)
        return Claim(holds, raises)

    def trial(self, model: Any, variables: Mapping[int, Any] | None = None) -> Trial:
        """The input of a model, and the outputs of the steps that no function computes."""
        return _trial(self.program.spec, self.symbols, model, variables)

    def disagreement(self, trial: Trial, seen: Observation) -> str | None:
        """What the translation says otherwise than CPython did, or None."""
        bindings = self.symbols.bindings(_values(self.program.spec, trial))
        if self.assumed and not all(_is_true(term, bindings) for term in self.symbols.domain()):
            raise NotExpressible("an input beyond the bounds that were taken")  # nothing is claimed of it
        parts: list[tuple[str, Any]] = []
        if seen.error is not None:
            parts.append((f"CPython raised {seen.error}", self.raised))
        else:
            parts.append(("CPython did not raise", negate(self.raised)))
            parts += self._outcome(seen)
        if _is_true(conj(*(term for _, term in parts)), bindings):
            return None
        return next((what for what, term in parts if not _is_true(term, bindings)), "something")

    def _outcome(self, seen: Observation) -> list[tuple[str, Any]]:
        codes = self.symbols.codes
        parts = [("CPython sent it to a person", self.reviewed if seen.review else negate(self.reviewed))]
        if seen.output is None:
            return [*parts, ("CPython gave no output", self.output.none)]
        parts.append(("CPython gave an output", negate(self.output.none)))
        for name, value in seen.output.items():
            term = self.out(name)
            if not _holds_opaque(term):
                parts.append((f"CPython gave {name} = {value!r}", equal(term, constant(value, codes))))
        return parts


def _is_true(term: Any, bindings: list[tuple[Any, Any]]) -> bool:
    found = z3.simplify(z3.substitute(term, *bindings)) if z3.is_expr(term) else term
    return found is True or z3.is_true(found)


def _holds_opaque(value: Value) -> bool:
    inner = [one for _, one in (*value.slots, *value.rows)]
    varies = not value.prefix and any(there is not True for there, _ in value.slots)
    return value.kind in ("opaque", "set") or varies or any(_holds_opaque(one) for one in inner)


# ---- translating -------------------------------------------------------------------------------------------------


def translate(program: Program) -> Translation:
    """The program as terms. Fields without bounds are bounded by a stated domain only where arithmetic needs it.

    Raises NotExpressible with the construct and its line in ``logic.py``.
    """
    try:
        return translated(program, Symbols(False))
    except NotExpressible as error:
        if not error.needs_bounds:
            raise
        return translated(program, Symbols(True))


def translated(program: Program, symbols: Symbols) -> Translation:
    """The program as terms over these symbols: over the inputs and step outputs that they have already, where they do.

    Raises NotExpressible, with `needs_bounds` where symbols that assume bounds would do.
    """
    try:
        return _translated(program, symbols)
    except RecursionError:
        raise NotExpressible("a program nested too deeply") from None


def _translated(program: Program, symbols: Symbols) -> Translation:
    spec = program.spec
    inputs = {field.name: symbols.root(field, (field.name,)) for field in spec.inputs}
    replies = _Replies(spec, symbols)
    machine = Machine(ast.parse(program.text), symbols, program.offset, replies)
    case = Value("record", rows=tuple((symbols.text(name), value) for name, value in inputs.items()))
    frame = machine.run("transact", [case], {})
    answer = _merged_returns(frame)
    if answer.kind != "tuple" or len(answer.slots) != 2:
        raise NotExpressible("a transaction that never ends")
    raised = disj(*(condition for condition, _, _ in machine.raises))
    known = {**inputs, **_merged_known(frame, spec)}
    accepted = tuple(replies.accepted(machine, known))
    (_, output), (_, review) = answer.slots
    return Translation(program, symbols, machine, raised, output, review, known, tuple(machine.null_truths), accepted)


def _merged_returns(frame: Frame) -> Value:
    value = NONE
    for number, (condition, earlier, _) in enumerate(reversed(frame.returns)):
        value = earlier if number == 0 else merge(condition, earlier, value)
    return value


def _merged_known(frame: Frame, spec: Spec) -> Env:
    """The workflow's fields as they stand where it answers; a path that ends before a field is set says nothing."""
    merged: Env = {}
    for name in spec.known_fields():
        found = [(condition, env[name]) for condition, value, env in frame.returns if name in env]
        for number, (condition, value) in enumerate(reversed(found)):
            merged[name] = value if number == 0 else merge(condition, value, merged[name])
    return merged


class _Replies:
    """The outputs of the steps that no function computes: variables, within what the steps' validation lets through."""

    def __init__(self, spec: Spec, symbols: Symbols) -> None:
        self._spec = spec
        self._values = {
            step.step: {field.name: symbols.root(field, (f"{step.step}()", field.name)) for field in step.outputs}
            for step in spec.logic_requirements
            if not step.is_function
        }
        self._symbols = symbols

    def __call__(self, step: str) -> Value:
        return Value("record", rows=tuple((self._symbols.text(n), v) for n, v in self._values[step].items()))

    def accepted(self, machine: Machine, known: Env) -> Iterator[Any]:
        """The steps' validation expressions as conditions."""
        fields = self._spec.known_fields()
        for step in self._spec.logic_requirements:
            if step.is_function:
                continue
            for text in step.validation:
                env = {**known, **self._values[step.step]}
                holds, raises = _stated(machine, expression(text, fields), env)
                for condition in (holds, negate(raises)):
                    if condition is not True:
                        yield _term(condition, self._symbols)


def _term(condition: Any, symbols: Symbols) -> Any:
    return z3.BoolVal(condition, symbols.context) if isinstance(condition, bool) else condition


def _values(spec: Spec, trial: Trial) -> dict[str, Any]:
    steps = {f"{step.step}()": dict(trial.steps.get(step.step, {})) for step in spec.logic_requirements}
    return {**trial.input, **steps}


def _trial(spec: Spec, symbols: Symbols, model: Any, variables: Mapping[int, Any] | None) -> Trial:
    roots = {field.name: field for field in spec.inputs}
    effects = [step for step in spec.logic_requirements if not step.is_function]
    roots |= {f"{step.step}()": Field(name=step.step, type="object", fields=step.outputs) for step in effects}
    values = symbols.decoded(model, roots, variables)
    steps = {step.step: values.pop(f"{step.step}()") for step in effects}
    return Trial("solver", values, steps)


# ---- expressions of the spec -------------------------------------------------------------------------------------


def expression(text: str, fields: Mapping[str, Field]) -> str:
    """A spec's expression as Python that holds where a nullable field that it reads without asking is null."""
    source = expressions.typed(expressions.to_python(text), fields)
    nulls = "".join(f"{name} is None or " for name in unasked_nulls(source, fields))
    return f"{nulls}({source})" if nulls else source


def unasked_nulls(source: str, fields: Mapping[str, Field]) -> list[str]:
    """The nullable fields that an expression reads without saying anywhere what null means."""
    tree = ast.parse(source, mode="eval")
    asked = {
        node.left.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        and isinstance(node.left, ast.Name)
        and isinstance(node.ops[0], ast.Is | ast.IsNot)
    }
    return [n for n in expressions.names(source) if n in fields and fields[n].nullable and n not in asked]


def _stated(machine: Machine, source: str, env: Env) -> tuple[Any, Any]:
    """The truth of an expression on these values, and the condition under which it raises."""
    outer = machine.frame, machine.raises, machine.path, machine.null_truths
    machine.frame, machine.raises, machine.path, machine.null_truths = Frame("", frozenset(), dict(env)), [], True, []
    try:
        holds = machine.truth(ast.parse(source, mode="eval").body)
        return holds, disj(*(condition for condition, _, _ in machine.raises))
    finally:
        machine.frame, machine.raises, machine.path, machine.null_truths = outer


# ---- beside CPython ----------------------------------------------------------------------------------------------


def check_agreement(translation: Translation, trials: Mapping[str, Trial], seen: Mapping[str, Observation]) -> int:
    """Evaluate the translation on every trial beside what CPython did; how many were compared.

    Raises StageError where they differ: the translation is then worth nothing, and so is any proof from it.
    """
    compared = 0
    for name, trial in trials.items():
        observation = seen.get(name)
        if observation is None or (observation.error or "").startswith(("Lost", "NotRun", "MemoryError")):
            continue
        try:
            problem = translation.disagreement(trial, observation)
        except NotExpressible:
            continue  # a value outside what the fields say, or one that nothing is claimed of
        if problem is not None:
            raise StageError(
                f"the solver's translation disagrees with CPython on {dict(trial.input)!r}: {problem}",
                hint="this is a fault of Ingot, not of the program; report the program and this input",
            )
        compared += 1
    return compared

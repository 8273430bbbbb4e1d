"""Tuning the prompts of bounded steps: what is shown of given cases, what counts as right, and what is kept.

    given cases ─┬─ half: the optimiser words the task anew and picks examples of these
                 └─ half: kept only where more of these are right than with the spec's own words
    held-out cases: counted before and after, for the report; they decide nothing and are in no prompt

Examples are redacted as the runtime redacts; a case whose labelled values cannot be taken out of its answer is no example.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingot.canonical import canonical_json
from ingot.compile.assemble import validation_text
from ingot.errors import InputError, ModelError, SpecError
from ingot.fields import Field, to_plain, walk
from ingot.models.bounded import ask_with
from ingot.models.model import Completion, Model, Request
from ingot.runtime.bounded.known import known_in
from ingot.runtime.bounded.ledger import Ledger, spending
from ingot.runtime.bounded.material import SHORTEST, Material, material_of
from ingot.runtime.bounded.step import BoundedStep
from ingot.runtime.bounded.tuned import Tuned
from ingot.runtime.needs_review import NeedsReview
from ingot.spec import Case, Spec, Step
from ingot.stages.scorers import score
from ingot.usage import Usage

LEAST = 4
"""Given cases that say what a step should answer, below which nothing is tuned."""

MOST_TASK = 4_000
"""Characters of the words of a task, above which they are not kept."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A case of one step. `line` is its material on one line, redacted, with what its `tokens` stand for; `answer` the
    right answer in the same tokens, None where that cannot be shown."""

    arguments: Mapping[str, Any]
    expected: Mapping[str, Any]
    line: str
    material: Material
    answer: str | None


Propose = Callable[["Tuning"], Sequence[Tuned]]
"""What words prompts for a step anew, by the cases that it may learn from. Raises ModelError."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """What a proposer is given: the step in its spec, a model that counts, and cases to learn from."""

    spec: Spec
    step: Step
    model: Counted
    cases: tuple[Shown, ...]


@dataclass(slots=True)
class Counted:
    """A model whose usage adds up. `broken` is what it raised, since others between it and us may hide that; once broken it
    is asked no more."""

    model: Model
    usage: Usage = field(default_factory=Usage)
    broken: ModelError | None = None

    @property
    def name(self) -> str:
        """The name of the model inside."""
        return self.model.name

    def complete(self, request: Request) -> Completion:
        """Ask, and count. Raises what the model raises, again and again."""
        if self.broken is not None:
            raise self.broken
        try:
            completion = self.model.complete(request)
        except ModelError as error:
            self.broken = error
            raise
        self.usage += completion.usage
        return completion


def bounded_steps(spec: Spec) -> tuple[Step, ...]:
    """The steps whose prompts can be tuned. Raises SpecError where there are none."""
    steps = tuple(step for step in spec.logic_requirements if step.type == "bounded_invocation")
    if not steps:
        raise SpecError("there is no bounded step to tune", hint="leave --optimise out")
    return steps


def tuned_prompts(spec: Spec, model: Model, propose: Propose) -> tuple[dict[str, Any], Usage]:
    """By bounded step, what tuning came to (``evidence/prompts.json``), and what it used in all.

    Raises SpecError where the spec has no bounded step, ModelError where the model cannot be reached.
    """
    found, used = {}, Usage()
    for step in bounded_steps(spec):
        counted = Counted(model)
        found[step.step] = _tuned(spec, step, counted, propose)
        used += counted.usage
    return found, used


def _tuned(spec: Spec, step: Step, model: Counted, propose: Propose) -> dict[str, Any]:
    given = shown_cases(spec, step, spec.given)
    if len(given) < LEAST:
        said = f"not tuned: {len(given)} given cases say what it should answer, and {LEAST} are needed"
        return _told(None, said, model)
    learnt, tried = given[::2], given[1::2]
    before = right(spec, step, None, model, tried)
    best, most = None, before
    for candidate in dict.fromkeys(propose(Tuning(spec, step, model, learnt))):
        if not _is_sound(candidate):
            continue
        found = right(spec, step, candidate, model, tried)
        if found > most:
            best, most = candidate, found
    validation = {"cases": len(tried), "before": before, "after": most}
    if best is None:
        said = (
            f"not kept: no prompt was right on more than {before} of {len(tried)} given cases that it was not tuned on"
        )
        return _told(None, said, model, validation)
    held = shown_cases(spec, step, spec.held_out)
    counts = {
        "cases": len(held),
        "before": right(spec, step, None, model, held),
        "after": right(spec, step, best, model, held),
    }
    said = f"kept: right on {most} of {len(tried)} given cases that it was not tuned on, {before} before"
    return _told(best, said, model, validation, counts)


def _is_sound(tuned: Tuned) -> bool:
    """Words of a size that can be read, without control characters."""
    text = tuned.task
    return bool(text.strip()) and len(text) <= MOST_TASK and all(char.isprintable() or char == "\n" for char in text)


def _told(
    prompt: Tuned | None,
    said: str,
    model: Counted,
    validation: dict[str, int] | None = None,
    held: dict[str, int] | None = None,
) -> dict[str, Any]:
    return {
        "prompt": None if prompt is None else prompt.to_json(), "said": said, "validation": validation, "held_out": held,
        "model": model.name if model.usage.requests else "", "usage": model.usage.to_json(),
    }  # fmt: skip


def right(spec: Spec, step: Step, tuned: Tuned | None, model: Counted, cases: Iterable[Shown]) -> int:
    """On how many cases the step itself, with its gates, checks and retries, answers rightly. Functions of its chain are
    left out: they would answer for the prompt. Raises ModelError."""
    alone = step.model_copy(update={"fallback": (), "cache": False})
    performer = BoundedStep(alone, spec.known_fields(), _checks(step, spec), {}, ask_with(model), tuned)
    hits = 0
    for case in cases:
        with spending(Ledger()), contextlib.suppress(NeedsReview):  # sent to a person: not right
            hits += is_right(spec, step, performer(case.arguments), case.expected)
        if model.broken is not None:
            raise model.broken
    return hits


def _checks(step: Step, spec: Spec) -> dict[str, Any]:
    """The step's own checks, by the name that a program has for them."""
    names: dict[str, Any] = {"__name__": "checks"}
    if step.validation:
        exec(compile(validation_text(step, spec), "checks", "exec"), names)  # noqa: S102 - the spec's expressions, parsed
    return names


def is_right(spec: Spec, step: Step, values: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    """True where every expected field is right by its scorer."""
    fields = {one.name: one for one in step.outputs}
    return all(score(fields[name], values.get(name), wanted, spec.scorers) >= 1.0 for name, wanted in expected.items())


# ---- cases -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Numbered:
    """Tokens of one case: unlike those of any run, whose nonce is hexadecimal, and of any other case."""

    nonce: str

    def taken(self) -> Mapping[str, str]:
        return {}

    def keep(self, tokens: Mapping[str, str]) -> None:
        pass


def shown_cases(spec: Spec, step: Step, cases: Iterable[Case]) -> tuple[Shown, ...]:
    """The cases that say what the step should answer and all that it is asked. One whose text is too long is left out."""
    known = spec.known_fields()
    inputs = {name: known[name] for name in step.inputs if name in known}
    found = []
    for number, case in enumerate(cases, start=1):
        arguments, expected = _arguments(case, step), _expected(case, step)
        if arguments is None or not expected:
            continue
        try:
            material = material_of(arguments, inputs, step.gates, _Numbered(f"X{number}"))
        except InputError:
            continue
        line = material.block.split("\n")[1]
        found.append(Shown(arguments, expected, line, material, _answer(step, inputs, expected, material)))
    return tuple(found)


def _arguments(case: Case, step: Step) -> dict[str, Any] | None:
    """What the step is asked in a case: inputs, and outputs of other steps that the case states. None where one lacks."""
    stated = {name: value for one, values in case.steps.items() if one != step.step for name, value in values.items()}
    values = {**stated, **case.input}
    return {name: values[name] for name in step.inputs} if all(name in values for name in step.inputs) else None


def _expected(case: Case, step: Step) -> dict[str, Any]:
    names = {one.name for one in step.outputs}
    found = {**{name: case.expected[name] for name in names & set(case.expected)}, **case.steps.get(step.step, {})}
    return dict(sorted(found.items()))


def _answer(step: Step, inputs: Mapping[str, Field], expected: Mapping[str, Any], material: Material) -> str | None:
    """The right answer with the material's tokens; None where it is not whole, or holds what must not be shown."""
    if {one.name for one in step.outputs} - set(expected):
        return None
    labelled = {one.name for one in step.outputs if _is_labelled(one)}
    if step.gates.redact == "off":
        hidden = labelled or any(name not in inputs or _is_labelled(inputs[name]) for name in step.inputs)
        return None if hidden else canonical_json(to_plain(dict(expected))).decode()
    values = sorted(material.tokens.items(), key=lambda pair: -len(pair[1]))
    plain = {name: _taken(value, values) for name, value in to_plain(dict(expected)).items()}
    tokens = set(material.tokens)
    if any(leaf not in tokens for name in labelled for leaf in _leaves(plain[name])):
        return None
    meant = {value: token for token, value in values}
    if any(known_in(_bare(leaf, tokens), meant, SHORTEST) for leaf in _leaves(plain) if isinstance(leaf, str)):
        return None  # there in another spelling than in the material
    bare = set(meant)
    if any(str(leaf) in bare for leaf in _leaves(plain) if not isinstance(leaf, str)):
        return None
    return canonical_json(plain).decode()


def _bare(text: str, tokens: Iterable[str]) -> str:
    for token in tokens:
        text = text.replace(token, " ")
    return text


def _is_labelled(field: Field) -> bool:
    return any(one.sensitive is not None for _, one in walk((field,)))


def _taken(value: Any, tokens: Sequence[tuple[str, str]]) -> Any:
    if isinstance(value, dict):
        return {key: _taken(inner, tokens) for key, inner in value.items()}
    if isinstance(value, list):
        return [_taken(inner, tokens) for inner in value]
    if isinstance(value, str):
        for token, meant in tokens:
            value = token.join(re.split(rf"(?<!\w){re.escape(meant)}(?!\w)", value, flags=re.IGNORECASE))
    return value


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in _leaves(inner)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in _leaves(inner)]
    return [] if value is None else [value]

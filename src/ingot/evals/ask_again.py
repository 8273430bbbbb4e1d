"""The same input asked many times of a system that asks a model for every transaction."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from ingot.canonical import canonical_json
from ingot.evals.metrics.consistency import consistency
from ingot.evals.metrics.measure import Measure
from ingot.evals.metrics.tokens import dollars, prices_of
from ingot.evals.scoring import by_spec
from ingot.evals.solvers.registry import Settings, make_solver
from ingot.evals.solvers.solver import Answer
from ingot.evals.suite import Item, Suite, Task
from ingot.fields import to_plain
from ingot.models.model import Completion, Model, Request
from ingot.runtime.inputs import input_reader
from ingot.spec import SPEC_FILES, Spec, load_spec, parse_spec, self_contained_text
from ingot.usage import PricedAs, Usage
from ingot.yaml_text import read_yaml

APART = 1_000
"""How far the seeds of two repeats are apart: a solver draws further seeds where it asks again within one."""

_CASES = "given.jsonl"


class Draw:
    """A model in one repeat: every request gets seeds of that repeat's own, so that no reply that was kept or written for another
    repeat answers it."""

    def __init__(self, model: Model, number: int) -> None:
        self._model, self._number = model, number

    @property
    def name(self) -> str:
        """The name of the model inside."""
        return self._model.name

    def complete(self, request: Request) -> Completion:
        """Ask the model inside. Raises as it does."""
        return self._model.complete(replace(request, seed=request.seed + self._number * APART))


def suite_of(target: Path, given: Any, runs: int, keys: Sequence[Path] = ()) -> Suite:
    """One input, `runs` times, as a suite of one task whose rule and given cases are those of a spec file or of an artifact's spec.
    A case of the same input is left out: whoever is asked would be shown the answer.

    Raises SpecError, ArtifactError, and InputError for an input that is none of the spec.
    """
    text, place, spec = _rule(target, keys)
    typed = to_plain(input_reader(spec.inputs)(given))
    shown = [case for case in spec.given if canonical_json(to_plain(case.input)) != canonical_json(typed)]
    tree, _ = read_yaml(text, place)
    told = to_plain({name: value for name, value in tree.items() if name != "cases"})
    files = {_CASES: "".join(f"{json.dumps(case.to_json(), ensure_ascii=False)}\n" for case in shown)} if shown else {}
    cases = {"cases": {"given": _CASES}} if shown else {}
    items = tuple(Item(str(number), typed) for number in range(1, runs + 1))
    name = spec.metadata.name
    fields = tuple(field.name for field in spec.outputs)
    task = Task(name, json.dumps({**told, **cases}, ensure_ascii=False), items, by_spec(spec), fields, files=files)
    return Suite(name, spec.metadata.title or name, "unseen", (task,), "not scored")


def asked(solver: str, model: Model, suite: Suite) -> Iterator[Answer]:
    """The answers of a solver to the items of a suite, which are one input, each with a solver and seeds of its own. Raises
    ModelError."""
    (task,) = suite.tasks
    for number, item in enumerate(task.items):
        with closing(make_solver(solver, Draw(model, number), Settings()).prepare(task)) as prepared:
            yield prepared.answer(item.input)


def measured(answers: Sequence[Answer], model: str, priced_as: PricedAs = "") -> list[Measure]:
    """Consistency of what was answered, where no answer is an outcome like any other, and the tokens and dollars of all. What was
    not asked, since its prompt does not fit the model, is no outcome."""
    ran = [one for one in answers if one.ran]
    figures = consistency([canonical_json(None if one.output is None else to_plain(dict(one.output))) for one in ran])
    none = sum(one.output is None for one in ran)
    if none:
        figures = [replace(one, note="; ".join(filter(None, (one.note, f"{none} gave no answer")))) for one in figures]
    usage = sum((one.usage for one in ran), Usage())
    told = f"{usage.input_tokens:,} in, {usage.output_tokens:,} out, {usage.requests:,} requests"
    return [
        *figures,
        Measure("tokens", _of(usage.total_tokens, ran), "tokens", len(ran), note=told),
        _cost(usage, ran, model, priced_as),
    ]


def _cost(usage: Usage, ran: Sequence[Answer], model: str, priced_as: PricedAs) -> Measure:
    spent = dollars(usage, priced_as or model)
    if spent is None:
        return Measure("cost", None, "USD", 0, note="no list price is known for who wrote the tokens")
    return Measure("cost", _of(float(spent), ran), "USD", len(ran), note=prices_of([model], priced_as))


def _of(value: float, ran: Sequence[Answer]) -> float | None:
    """A total, None where nothing was asked: that is not zero."""
    return float(value) if ran else None


def _rule(target: Path, keys: Sequence[Path]) -> tuple[str, str, Spec]:
    """The text of a spec without its cases' files, its place, and the spec with its cases."""
    from ingot.artifact.sign import trusted_keys
    from ingot.artifact.verify import verify
    from ingot.compile.rerun import case_rows

    if is_spec(target):
        return self_contained_text(target), str(target), load_spec(target)
    verified = verify(target, trusted_keys(keys))
    text = verified.files["spec.yaml"].decode()
    return text, f"{target}/spec.yaml", parse_spec(text, "spec.yaml", cases=case_rows(verified))


def is_spec(target: Path) -> bool:
    """Whether a path is that of a spec's file, and not of an artifact."""
    return target.suffix.lower() in SPEC_FILES

"""Decision tables measured on DMN models with expected answers, such as those of the public compatibility kit.

A folder holds ``cases.jsonl``, one model a line: ``model`` (its name), ``dmn_file`` (a file beside it), ``cases`` (each
with ``id``, ``input`` and ``expected`` by decision). Every case is compiled for the decisions that it expects, the
program goes through SECURITY and SYNTAX, and is run in the sandbox; nothing but the compiled program answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ingot.compile.assemble import assemble, signatures
from ingot.errors import InputError, SpecError
from ingot.fields import to_plain, validator
from ingot.program import Program
from ingot.runtime.sandbox import Sandbox, Trial
from ingot.spec import Spec
from ingot.stages.check import STAGES
from ingot.tables.compiled import check_tables, write_tables
from ingot.tables.dmn import Model, read
from ingot.tables.dmn_spec import Lowered, lower

TOLERANCE = 1e-8


@dataclass(frozen=True, slots=True)
class ModelScore:
    """Counts of one model's cases. `unsupported` and `failed` come with their reasons, each once; `tables` is the
    number of decision tables in the model."""

    model: str
    tables: int
    passed: int
    failed: int
    unsupported: int
    reasons: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """``passed`` where every case passed, ``failed`` where one answered wrongly, else ``not supported``."""
        if self.failed:
            return "failed"
        return "not supported" if self.unsupported or not self.passed else "passed"

    def to_json(self) -> dict[str, Any]:
        """The score as plain JSON."""
        return {
            "model": self.model, "tables": self.tables, "verdict": self.verdict, "passed": self.passed,
            "failed": self.failed, "unsupported": self.unsupported, "reasons": list(self.reasons),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Compiled:
    lowered: Lowered
    spec: Spec
    program: Program


def read_models(folder: Path) -> list[tuple[dict[str, Any], str]]:
    """The models of a folder: each one's row and its DMN text. Raises InputError where it is not as described."""
    path = folder / "cases.jsonl"
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        return [(row, (folder / Path(row["dmn_file"]).name).read_text(encoding="utf-8")) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"cannot read the models: {error}", place=str(path)) from None


def score_model(row: Mapping[str, Any], text: str, sandbox: Sandbox) -> ModelScore:
    """The score of one model: its row and its DMN text."""
    counts = {"passed": 0, "failed": 0, "unsupported": 0}
    reasons: list[str] = []
    try:
        model = read(text, str(row["model"]))
    except SpecError as error:
        return ModelScore(row["model"], 0, 0, 0, len(row["cases"]), (error.message,))
    made: dict[tuple[str, ...], _Compiled | str] = {}
    for case in row["cases"]:
        wanted = tuple(sorted(case["expected"]))
        if wanted not in made:
            made[wanted] = _compile(model, wanted)
        compiled = made[wanted]
        kind, reason = ("unsupported", compiled) if isinstance(compiled, str) else _run(compiled, case, sandbox)
        counts[kind] += 1
        if reason:
            reasons.append(reason)
    tables = sum(one.table is not None for one in model.decisions)
    return ModelScore(row["model"], tables, **counts, reasons=tuple(dict.fromkeys(reasons)))


def _compile(model: Model, wanted: tuple[str, ...]) -> _Compiled | str:
    """The program for some decisions, or why there is none."""
    try:
        lowered = lower(model, wanted)
        spec = lowered.spec()
        check_tables(spec)
    except SpecError as error:
        return error.message
    program = assemble(spec, write_tables(spec, signatures(spec)))
    for stage in STAGES[:2]:
        verdict, _ = stage.check(program, {})
        if not verdict.passed:
            worst = next(finding for finding in verdict.findings if finding.severity == "error")
            return f"refused by {stage.name}: {worst.code} {worst.message}"
    return _Compiled(lowered, spec, program)


def _run(compiled: _Compiled, case: Mapping[str, Any], sandbox: Sandbox) -> tuple[str, str]:
    """Whether a case passed, failed or could not be given to the program, and why."""
    lowered = compiled.lowered
    given = [name for name in case["input"] if name in lowered.outputs]
    if given:
        return "unsupported", f"case {case['id']}: the decision {given[0]!r} is given, as a decision service may"
    values = {
        lowered.inputs[name]: named_input(value, lowered)
        for name, value in case["input"].items()
        if name in lowered.inputs
    }
    try:
        typed = validator(compiled.spec.inputs).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        return "unsupported", f"case {case['id']}: input {'.'.join(map(str, first['loc']))}: {first['msg']}"
    typed |= {one.name: None for one in compiled.spec.inputs if one.name not in typed}
    run = sandbox.run(compiled.program.text, [Trial("case", typed)], offset=compiled.program.offset, seed=0)
    seen = run.observations["case"]
    if seen.error is not None or seen.output is None:
        return "failed", f"case {case['id']}: {seen.error or seen.review}"
    for name, expected in case["expected"].items():
        answer = decided(seen.output, name, lowered)
        if not same_value(expected, answer):
            return "failed", f"case {case['id']}: {name} is {to_plain(answer)!r}, expected {expected!r}"
    return "passed", ""


def named_input(value: Any, lowered: Lowered) -> Any:
    """An input's value with the spec's names for the parts of objects."""
    idents = {name: ident for ident, name in lowered.parts.items()}
    if isinstance(value, Mapping):
        return {idents.get(key, key): named_input(inner, lowered) for key, inner in value.items()}
    return [named_input(inner, lowered) for inner in value] if isinstance(value, list) else value


def decided(output: Mapping[str, Any], name: str, lowered: Lowered) -> Any:
    """A decision's answer with the model's own names."""
    where = lowered.outputs[name]
    if isinstance(where, str):
        return _restored(output[where], lowered)
    found = {key: output[ident] for key, ident in where.items()}
    return None if all(value is None for value in found.values()) else found


def _restored(value: Any, lowered: Lowered) -> Any:
    if isinstance(value, Mapping):
        return {lowered.parts.get(key, key): _restored(inner, lowered) for key, inner in value.items()}
    return [_restored(inner, lowered) for inner in value] if isinstance(value, list) else value


def same_value(expected: Any, answer: Any) -> bool:
    """Numbers within the kit's tolerance, everything else exactly."""
    if isinstance(expected, bool) or isinstance(answer, bool):
        return expected is answer
    if isinstance(expected, int | float) and isinstance(answer, int | float | Decimal):
        return abs(float(expected) - float(answer)) <= TOLERANCE * max(1.0, abs(float(expected)))
    if isinstance(expected, Mapping) and isinstance(answer, Mapping):
        return expected.keys() == answer.keys() and all(same_value(expected[key], answer[key]) for key in expected)
    if isinstance(expected, list) and isinstance(answer, list):
        return len(expected) == len(answer) and all(same_value(a, b) for a, b in zip(expected, answer, strict=True))
    return bool(expected == to_plain(answer))


def lines(scores: Sequence[ModelScore]) -> Iterable[str]:
    """The table for people."""
    for score in scores:
        yield (
            f"{score.model:<44}{score.verdict:<14}{score.passed:>3} passed {score.failed:>3} failed "
            f"{score.unsupported:>3} not supported"
        )
        yield from (f"    {reason}" for reason in score.reasons)
    tabled = [score for score in scores if score.tables]
    for name, some in (("models whose decisions are tables", tabled), ("all models", scores)):
        passed = sum(score.verdict == "passed" for score in some)
        cases = sum(score.passed for score in some)
        total = sum(score.passed + score.failed + score.unsupported for score in some)
        yield f"{name}: {passed} of {len(some)} pass, {cases} of {total} cases"

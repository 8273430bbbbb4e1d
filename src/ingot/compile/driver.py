"""The compile path from end to end, and the same gates for code from anywhere.

`compile_spec` asks a model and repairs; `check` takes the code as it is. Both run the four stages and both end in the
same signed artifact. One attempt: request, completion, candidate, program, verdicts. What happens is told to `listen`
as `Event` values while it happens.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from ingot.artifact.manifest import CALIBRATION, artifact_digest
from ingot.artifact.sign import SigningKey
from ingot.artifact.verify import Verified
from ingot.artifact.write import Contents, write_artifact
from ingot.canonical import readable_json
from ingot.compile import generate, prompt
from ingot.compile.assemble import assemble, signatures
from ingot.compile.plan import Plan, make_plan
from ingot.compile.since import Since, named_version, since
from ingot.errors import ArtifactError, CompileFailed, SpecError, StageError
from ingot.library import read as library_file
from ingot.models.model import Completion, Model, Request
from ingot.program import Program
from ingot.proof.invariants import check_contradictions
from ingot.questions import Question, check_answers, find_questions
from ingot.spec import Spec, load_spec, read_spec_text, self_contained_text
from ingot.stages.check import all_passed, run_stages
from ingot.stages.flow import check_flow
from ingot.stages.weak_cases import WEAK_CASES
from ingot.tables.compiled import check_tables, from_tables, table_functions, write_tables
from ingot.usage import Usage, cost
from ingot.verdict import Finding, StageName, Verdict
from ingot.yaml_text import read_yaml

AttemptKind = Literal["first", "repair", "redraw", "given"]
_ORDER: Mapping[str, int] = {"reply": 0, "security": 1, "syntax": 2, "execution": 3, "accuracy": 4}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One candidate and what became of it. `logic` is None where the reply held no code."""

    number: int
    kind: AttemptKind
    request: Request | None
    completion: Completion | None
    logic: str | None
    verdicts: tuple[Verdict, ...]

    @property
    def passed(self) -> bool:
        """True where all four stages passed."""
        return all_passed(self.verdicts)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, warnings among them, in the order of the stages."""
        return tuple(finding for verdict in self.verdicts for finding in verdict.findings)

    def to_json(self) -> dict[str, Any]:
        """The attempt for provenance: who wrote it, what it used, which stage said what."""
        return {
            "number": self.number,
            "kind": self.kind,
            "request": self.request.digest if self.request else None,
            "functions": list(self.request.functions) if self.request else [],
            "model": self.completion.model if self.completion else None,
            "recorded": self.completion.recorded if self.completion else False,
            "usage": self.completion.usage.to_json() if self.completion else None,
            "stages": [
                {"stage": v.stage, "passed": v.passed, "findings": sorted({f.code for f in v.findings})}
                for v in self.verdicts
            ],
        }


@dataclass(frozen=True, slots=True)
class Event:
    """Something that just happened: ``attempt`` and ``stage`` begin, ``verdict`` and ``completion`` end."""

    kind: Literal["attempt", "completion", "stage", "verdict", "artifact"]
    attempt: int
    attempt_kind: AttemptKind = "first"
    stage: StageName | None = None
    verdict: Verdict | None = None
    completion: Completion | None = None
    path: Path | None = None


Listener = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a compile or a check came to. `path` is None where no artifact was asked for or none was earned; `since` says
    which previous version an artifact was compared with."""

    spec: Spec
    plan: Plan
    program: Program | None
    attempts: tuple[Attempt, ...]
    questions: tuple[Question, ...]
    usage: Usage
    cost: Decimal | None
    path: Path | None = None
    digest: str | None = None
    since: Since = field(default_factory=Since)

    @property
    def passed(self) -> bool:
        """True where the last attempt passed all four stages."""
        return bool(self.attempts) and self.attempts[-1].passed

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts of the last attempt."""
        return self.attempts[-1].verdicts if self.attempts else ()


def compile_spec(
    path: str | Path,
    model: Model | str | None = None,
    *,
    out: str | Path | None = None,
    attempts: int = 5,
    key: SigningKey | None = None,
    listen: Listener | None = None,
    against: str | Path | None = None,
) -> Compiled:
    """Compile a spec file with a model into a signed artifact under `out` (None: check it, write nothing).

    `model` is a backend or its string, for instance ``openai:gpt-5``, ``local:model.gguf`` or ``replay:DIR``; None
    where every function step is a decision table. Functions of tables are never asked of a model. The artifact says what
    it changes since the one at `against`, by default the last approved one of the workflow in `out`. Raises SpecError,
    ModelError, StageError, ArtifactError; CompileFailed, with every attempt, where no candidate passed.
    """
    path = Path(path)
    _refuse_unwritable(out)
    named = named_version(against, key)
    spec, plan, questions = _prepared(path)
    check_contradictions(spec)  # before a model is paid
    tell = listen or (lambda _: None)
    if isinstance(model, str):
        from ingot.models.open import open_model

        model = open_model(model)
    made = _attempts(spec, plan, model, attempts, tell)
    last = made[-1]
    if not last.passed:
        raise CompileFailed(
            f"no candidate passed in {len(made)} attempt{'s' if len(made) > 1 else ''}",
            attempts=made,
            hint="read the findings; make the clauses or cases clearer, allow more --attempts or use a stronger model",
        )
    compiled = _compiled(spec, plan, questions, made)
    return _written(compiled, path, out, key, tell, named)


def check(
    path: str | Path,
    code: str,
    *,
    author: str = "not stated",
    out: str | Path | None = None,
    key: SigningKey | None = None,
    listen: Listener | None = None,
    against: str | Path | None = None,
) -> Compiled:
    """Run the four stages on code from anywhere; with `out`, write the same artifact where it passes.

    `code` is the text of a ``logic.py``; `author` goes into the provenance. Functions of decision tables that it does
    not define are written from the tables. `against` is as for `compile_spec`. Needs no model and no network. A
    candidate that does not pass is a value here (`Compiled.passed` is False), not an exception.
    """
    path = Path(path)
    if not author.strip() or not author.isprintable():  # `show` prints it between lines that people trust
        raise SpecError(f"{author!r} cannot be an author's name", hint="give a name on one line")
    _refuse_unwritable(out)
    named = named_version(against, key)
    spec, plan, questions = _prepared(path)
    tell = listen or (lambda _: None)
    tell(Event("attempt", 1, "given"))
    if part := _tables_part(spec, besides=code):
        code = f"{code.rstrip()}\n{part}" if code.strip() else part.lstrip("\n")
    program = assemble(spec, code, plan.template, plan.blocks)
    attempt = Attempt(1, "given", None, Completion("", author, Usage()), code, _stages(program, 1, "given", tell))
    compiled = _compiled(spec, plan, questions, (attempt,))
    return _written(compiled, path, out if attempt.passed else None, key, tell, named)


def _refuse_unwritable(out: str | Path | None) -> None:
    """What can be known beforehand is said before a model is paid. Raises ArtifactError."""
    if out is None:
        return
    target = Path(out).absolute()
    there = next(folder for folder in (target, *target.parents) if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        reason = "may not be written to" if there.is_dir() else "is not a folder"
        raise ArtifactError(
            f"no artifact can be written here: {str(there)!r} {reason}", place=str(out), hint="choose another folder"
        )


def _prepared(path: Path) -> tuple[Spec, Plan, tuple[Question, ...]]:
    spec = load_spec(path)
    check_answers(spec)
    broken = [finding for finding in check_flow(spec) if finding.severity == "error"]
    if broken:
        more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
        raise SpecError(f"{broken[0].code} {broken[0].message}{more}", place=str(path), hint=broken[0].hint)
    check_tables(spec, _locate(path))
    return spec, make_plan(spec), find_questions(spec)


def _locate(path: Path) -> Callable[[tuple[Any, ...]], str]:
    """Places in a spec file, which is read again only where one is asked for."""

    def locate(where: tuple[Any, ...]) -> str:
        if path.suffix.lower() == ".dmn":
            from ingot.tables.dmn_file import place_in

            return place_in(path.read_text(encoding="utf-8-sig"), str(path), where)
        return read_yaml(read_spec_text(path), str(path))[1].of(where)

    return locate


# ---- attempts ----------------------------------------------------------------------------------------------------


def _attempts(spec: Spec, plan: Plan, model: Model | None, limit: int, tell: Listener) -> tuple[Attempt, ...]:
    """Ask, check, repair; draw anew where a repair made nothing better."""
    if limit < 1:
        raise SpecError(f"attempts is {limit}; at least 1 is needed", hint="give --attempts 5")
    if not spec.asked:
        logic = write_tables(spec, signatures(spec))
        tell(Event("attempt", 1, "given"))
        program = assemble(spec, logic, plan.template, plan.blocks)
        return (Attempt(1, "given", None, None, logic, _stages(program, 1, "given", tell)),)
    if model is None:
        raise SpecError("no model, and not every rule is a table", hint="give a model, for instance openai:gpt-5")
    made: list[Attempt] = []
    for number in range(1, limit + 1):
        kind, request = _next_request(spec, plan, made)
        tell(Event("attempt", number, kind))
        completion = model.complete(request)
        tell(Event("completion", number, kind, completion=completion))
        made.append(_attempt(spec, plan, number, kind, request, completion, made, tell))
        if made[-1].passed or _is_for_the_author(spec, made[-1]):
            break
    return tuple(made)


def _next_request(spec: Spec, plan: Plan, made: Sequence[Attempt]) -> tuple[AttemptKind, Request]:
    if not made:
        return "first", prompt.first_request(spec, plan)
    last = made[-1]
    again = _ours(spec, last) != _tabled(spec)  # a repair of the rest would keep a table's function in the reply
    if last.logic is None or again or not _is_worth_repair(made):
        return "redraw", prompt.first_request(spec, plan, draw=len(made))
    # a repair is drawn with some freedom: at temperature zero, small models write their last answer again
    failed = _failed_functions(spec, last)
    ours = _ours(spec, last)
    findings = [finding for finding in _errors(last) if finding.function not in ours]
    return "repair", prompt.repair_request(spec, failed, _asked_part(spec, last.logic), findings, draw=len(made))


def _is_for_the_author(spec: Spec, attempt: Attempt) -> bool:
    """True where all that is wrong is the cases, or a table that they contradict: no model can mend either.

    Raises StageError where a stage refuses how a table was written: then that is our fault.
    """
    errors, ours = _errors(attempt), _ours(spec, attempt)
    for finding in errors:
        if finding.function in ours and finding.code.startswith(("SEC", "SYN")):
            raise StageError(
                f"the function written from the table of {finding.function!r} is refused: {finding.code} {finding.message}",
                hint="this is a fault of Ingot's; report the table",
            )
    own = [finding for finding in errors if finding.code != WEAK_CASES and finding.function not in ours]
    return bool(errors) and not own


def _tabled(spec: Spec) -> frozenset[str]:
    """The functions that are written from tables, never by a model."""
    return frozenset(step.step for step in spec.functions if step.is_table)


def _ours(spec: Spec, attempt: Attempt) -> frozenset[str]:
    """The functions of an attempt that were written from tables, and that the reply did not write once more."""
    if attempt.logic is None or not _tabled(spec):
        return frozenset()
    return _tabled(spec) - generate.split(_asked_part(spec, attempt.logic)).keys()


def _tables_part(spec: Spec, besides: str = "") -> str:
    """The functions of the tables as they stand after the others; those that `besides` defines are left out."""
    if not _tabled(spec):
        return ""
    defined = generate.split(besides)
    written = table_functions(spec, signatures(spec))
    return "".join(f"\n\n{text}" for name, text in written.items() if name not in defined)


def _with_tables(spec: Spec, code: str) -> str:
    """Code for the functions asked for, with those of the tables after it."""
    part = _tables_part(spec)
    return f"{code.rstrip()}\n{part}" if part else code


def _asked_part(spec: Spec, logic: str) -> str:
    """The part of a candidate that a model wrote."""
    return logic.removesuffix(_tables_part(spec))


def _is_worth_repair(made: Sequence[Attempt]) -> bool:
    """A repair is asked for until one made nothing better; from then on only for the best candidate so far.

    Small models seldom make use of findings, and another draw costs them less than a repair.
    """
    fruitless = any(
        now.kind == "repair" and _standing(now) <= _standing(before) for before, now in itertools.pairwise(made)
    )
    return not fruitless or _standing(made[-1]) > max(_standing(one) for one in made[:-1])


def _standing(attempt: Attempt) -> tuple[int, int]:
    """How far it got, and with how few errors."""
    return _ORDER[attempt.verdicts[-1].stage], -len(_errors(attempt))


def _errors(attempt: Attempt) -> tuple[Finding, ...]:
    return tuple(finding for finding in attempt.findings if finding.severity == "error")


def _failed_functions(spec: Spec, attempt: Attempt) -> tuple[str, ...]:
    """The functions that the findings name, tables left out; all of them where a finding names none."""
    names = [step.step for step in spec.asked]
    blamed = {finding.function for finding in _errors(attempt)} - _tabled(spec)
    return tuple(name for name in names if name in blamed) if blamed and blamed <= set(names) else tuple(names)


def _attempt(
    spec: Spec,
    plan: Plan,
    number: int,
    kind: AttemptKind,
    request: Request,
    completion: Completion,
    made: Sequence[Attempt],
    tell: Listener,
) -> Attempt:
    code, said = generate.read_reply(completion.text)
    reply = Verdict.of("reply", said)
    if code is None:
        tell(Event("verdict", number, kind, "reply", reply))
        return Attempt(number, kind, request, completion, None, (reply,))
    logic = code
    if kind == "repair" and (before := made[-1].logic) is not None:
        blamed = {finding.line for finding in _errors(made[-1]) if finding.line}
        logic = generate.splice(_asked_part(spec, before), code, request.functions, blamed)
    logic = _with_tables(spec, logic)
    program = assemble(spec, logic, plan.template, plan.blocks)
    return Attempt(number, kind, request, completion, logic, _stages(program, number, kind, tell))


def _stages(program: Program, number: int, kind: AttemptKind, tell: Listener) -> tuple[Verdict, ...]:
    def progress(stage: StageName, verdict: Verdict | None) -> None:
        tell(Event("verdict" if verdict else "stage", number, kind, stage, verdict))

    return run_stages(program, progress)


# ---- the artifact ------------------------------------------------------------------------------------------------


def _compiled(spec: Spec, plan: Plan, questions: tuple[Question, ...], made: tuple[Attempt, ...]) -> Compiled:
    usage = sum((one.completion.usage for one in made if one.completion), Usage())
    costs = [cost(one.completion.usage, one.completion.model) for one in made if one.completion and one.request]
    known = [amount for amount in costs if amount is not None]
    total = sum(known, Decimal(0)) if len(known) == len(costs) else None
    last = made[-1]
    program = assemble(spec, last.logic, plan.template, plan.blocks) if last.logic is not None else None
    return Compiled(spec, plan, program, made, questions, usage, total)


def _written(
    compiled: Compiled,
    path: Path,
    out: str | Path | None,
    key: SigningKey | None,
    tell: Listener,
    named: Verified | None,
) -> Compiled:
    if out is None or compiled.program is None:
        return compiled
    contents = Contents(
        program=compiled.program,
        spec_text=self_contained_text(path),
        verdicts=compiled.verdicts,
        provenance=provenance(compiled),
        questions=tuple(question.to_json() for question in compiled.questions),
        extra=library_copies(compiled.plan) | _calibrated(compiled.program),
    )
    key = key or SigningKey.own()
    found = since(contents, named, Path(out), key)
    target = write_artifact(Path(out), replace(contents, difference=found.evidence), key)
    tell(Event("artifact", len(compiled.attempts), path=target))
    return replace(compiled, path=target, digest=artifact_digest(target), since=found)


def _calibrated(program: Program) -> dict[str, bytes]:
    """The calibration of hybrid steps, where there are any."""
    from ingot.compile.calibrate import calibrations, hybrid_steps

    return {CALIBRATION: readable_json(calibrations(program))} if hybrid_steps(program.spec) else {}


def provenance(compiled: Compiled) -> dict[str, Any]:
    """Who wrote the candidate, from which requests, at what price."""
    last = compiled.attempts[-1]
    writers = list(
        dict.fromkeys(one.completion.model for one in compiled.attempts if one.completion and one.logic is not None)
    )
    kind, name = "given" if last.kind == "given" else "model", last.completion.model if last.completion else ""
    if not last.completion and compiled.spec.functions:
        kind, name = "table", "the spec's decision tables"
    return {
        "author": {
            "kind": kind,
            "name": name or "nobody: the workflow has no generated function",
            "wrote_in_part": writers,
            "recorded": any(one.completion.recorded for one in compiled.attempts if one.completion),
        },
        **_written_by(compiled),
        "attempts": [one.to_json() for one in compiled.attempts],
        "usage": compiled.usage.to_json(),
        "cost_usd": None if compiled.cost is None else format(compiled.cost, "f"),
        "plan": compiled.plan.to_json(),
    }


def _written_by(compiled: Compiled) -> dict[str, Any]:
    """Who wrote each function, where some were written from tables."""
    if not _tabled(compiled.spec) or compiled.program is None:
        return {}
    tabled = from_tables(compiled.program)
    names = [step.step for step in compiled.spec.functions]
    return {"functions": {name: "table" if name in tabled else "candidate" for name in names}}


def library_copies(plan: Plan) -> dict[str, bytes]:
    """The reviewed files that the workflow uses, as they go into its artifact."""
    files = {"template.py": library_file("templates", f"{plan.template}.py")}
    return files | {f"modules/{name}.py": library_file("modules", f"{name}.py") for name in plan.modules}

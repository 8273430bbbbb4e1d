"""The compile path from end to end, and the same gates for code from anywhere.

`compile_spec` asks a model and repairs; `check` takes the code as it is. Both run the four stages and both end in the
same signed artifact. One attempt: request, completion, candidate, program, verdicts. What happens is told to `listen`
as `Event` values while it happens.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from ingot.artifact.manifest import CALIBRATION, PROMPTS, artifact_digest
from ingot.artifact.sign import SigningKey
from ingot.artifact.verify import Verified
from ingot.artifact.write import Contents, write_artifact
from ingot.canonical import readable_json
from ingot.compile.assemble import assemble
from ingot.compile.attempts import Attempt, Event, Listener, Work, stages_of, tabled, tables_part
from ingot.compile.candidates import Agreement, draw_candidates
from ingot.compile.plan import Plan, make_plan
from ingot.compile.retuning import refuse_untunable, tuned_anew
from ingot.compile.since import Since, named_version, since
from ingot.errors import ArtifactError, CompileFailed, SpecError
from ingot.library import read as library_file
from ingot.models.model import Completion, Model
from ingot.program import Program
from ingot.proof.invariants import check_contradictions
from ingot.questions import Question, check_answers, check_cases, find_questions
from ingot.spec import Spec, load_spec, read_spec_text, self_contained_text
from ingot.stages.flow import check_flow
from ingot.tables.compiled import check_tables, from_tables
from ingot.usage import Usage, cost
from ingot.verdict import Verdict
from ingot.yaml_text import read_yaml

__all__ = [
    "Attempt", "Compiled", "Event", "Listener", "check", "compile_spec", "compiled_from", "library_copies", "provenance",
    "with_prompts", "written",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a compile or a check came to. `path` is None where no artifact was asked for or none was earned; `since` says
    which previous version an artifact was compared with; `agreement` what several candidates had in common, where
    several were asked for; `prompts` what tuning bounded steps came to, where that was asked for."""

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
    agreement: Agreement | None = None
    prompts: Mapping[str, Any] | None = None

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
    candidates: int = 1,
    one_by_one: bool = False,
    optimise: bool = False,
    key: SigningKey | None = None,
    listen: Listener | None = None,
    against: str | Path | None = None,
) -> Compiled:
    """Compile a spec file with a model into a signed artifact under `out` (None: check it, write nothing).

    `model` is a backend or its string, for instance ``openai:gpt-5``, ``local:model.gguf`` or ``replay:DIR``; None
    where every function step is a decision table. Functions of tables are never asked of a model. The artifact says what
    it changes since the one at `against`, by default the last approved one of the workflow in `out`.

    With `candidates` above 1 so many are drawn, each with at most `attempts`, and of those that pass the one is kept that
    agrees most with the others on generated inputs, function by function; `Compiled.agreement` says how far they do, and
    on which inputs they do not. With `one_by_one` every function is asked for in a request of its own, with at most `attempts`
    for each, and checked alone before the next; the joined program passes the same gates. With `optimise` the prompts of bounded steps are tuned on given cases afterwards (extra
    ``dspy``), with the same model; `Compiled.prompts` says what came of it. Raises SpecError, ModelError, StageError, ArtifactError; CompileFailed, with every
    attempt, where no candidate passed.
    """
    path = Path(path)
    refuse_unwritable(out)
    named = named_version(against, key)
    spec, plan, questions = prepared(path)
    check_contradictions(spec)  # before a model is paid, as is what else can be known of the end
    key = key if out is None else key or SigningKey.own()
    tell = listen or (lambda _: None)
    if isinstance(model, str):
        from ingot.models.open import open_model

        model = open_model(model)
    if optimise:
        refuse_untunable(spec, model)
    made: list[Attempt] = []
    agreement = draw_candidates(Work(spec, plan, model, attempts, tell, candidates, one_by_one), made)
    if not made[-1].passed:
        alone = f": {made[-1].function} was not accepted" if made[-1].function else ""
        raise CompileFailed(
            f"no candidate passed in {len(made)} attempt{'s' if len(made) > 1 else ''}{alone}",
            attempts=tuple(made),
            hint="read the findings; make the clauses or cases clearer, allow more --attempts or use a stronger model",
        )
    compiled = replace(compiled_from(spec, plan, questions, tuple(made)), agreement=agreement)
    if optimise and model is not None:
        tell(Event("tuning", len(made)))
        compiled = with_prompts(compiled, *tuned_anew(spec, model), model.name)
    return written(compiled, path, out, key, tell, named)


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
    refuse_unwritable(out)
    named = named_version(against, key)
    spec, plan, questions = prepared(path)
    tell = listen or (lambda _: None)
    tell(Event("attempt", 1, "given"))
    if part := tables_part(spec, besides=code):
        code = f"{code.rstrip()}\n{part}" if code.strip() else part.lstrip("\n")
    work = Work(spec, plan, None, 1, tell)
    verdicts = stages_of(work, work.assembled(code), 1, "given")
    attempt = Attempt(1, "given", None, Completion("", author, Usage()), code, verdicts)
    compiled = compiled_from(spec, plan, questions, (attempt,))
    return written(compiled, path, out if attempt.passed else None, key, tell, named)


def with_prompts(compiled: Compiled, prompts: Mapping[str, Any], used: Usage, model: str) -> Compiled:
    """The compile with tuned prompts, and with what tuning used among what it used."""
    spent = cost(used, model)
    total = None if compiled.cost is None or spent is None else compiled.cost + spent
    return replace(compiled, prompts=prompts, usage=compiled.usage + used, cost=total)


def refuse_unwritable(out: str | Path | None) -> None:
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


def prepared(path: Path) -> tuple[Spec, Plan, tuple[Question, ...]]:
    """The spec of a file, what would be asked for it, and the questions that it leaves open. Raises SpecError for what no model
    can mend: its text, its answers, the flow of labelled data, its tables."""
    spec = load_spec(path)
    check_answers(spec, _locate(path))
    check_cases(spec)
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


# ---- the artifact ------------------------------------------------------------------------------------------------


def compiled_from(spec: Spec, plan: Plan, questions: tuple[Question, ...], made: tuple[Attempt, ...]) -> Compiled:
    """What attempts came to: the program of the last one, and what all of them used and cost."""
    usage = sum((one.completion.usage for one in made if one.completion), Usage())
    costs = [cost(one.completion.usage, one.completion.model) for one in made if one.completion and one.request]
    known = [amount for amount in costs if amount is not None]
    total = sum(known, Decimal(0)) if len(known) == len(costs) else None
    last = made[-1]
    program = assemble(spec, last.logic, plan.template, plan.blocks) if last.logic is not None else None
    return Compiled(spec, plan, program, made, questions, usage, total)


def written(
    compiled: Compiled,
    path: Path,
    out: str | Path | None,
    key: SigningKey | None,
    tell: Listener,
    named: Verified | None,
) -> Compiled:
    """The compile with its artifact in the folder `out`, unless that is None. `path` is the spec's, `named` the version to
    compare with. Raises ArtifactError."""
    if out is None or compiled.program is None:
        return compiled
    contents = Contents(
        program=compiled.program,
        spec_text=self_contained_text(path),
        verdicts=compiled.verdicts,
        provenance=provenance(compiled),
        questions=tuple(question.to_json() for question in compiled.questions),
        extra=library_copies(compiled.plan) | _calibrated(compiled.program) | _tuned(compiled),
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


def _tuned(compiled: Compiled) -> dict[str, bytes]:
    """What tuning came to, where it was asked for."""
    return {} if compiled.prompts is None else {PROMPTS: readable_json(compiled.prompts)}


def provenance(compiled: Compiled) -> dict[str, Any]:
    """Who wrote the candidate, from which requests, at what price."""
    last, writers = compiled.attempts[-1], _writers(compiled)
    kind, name = "given" if last.kind == "given" else "model", last.completion.model if last.completion else ""
    if compiled.agreement is not None or (not last.completion and writers):
        name = ", ".join(writers)
    elif not last.completion and compiled.spec.functions:
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
        **({} if compiled.agreement is None else {"candidates": compiled.agreement.to_json()}),
    }


def _writers(compiled: Compiled) -> list[str]:
    """Who wrote code for the program: of several candidates, the writers of those that it was taken from."""
    taken = None if compiled.agreement is None else {one.candidate for one in compiled.agreement.functions.values()}
    own = [one for one in compiled.attempts if taken is None or one.candidate in taken]
    return list(dict.fromkeys(one.completion.model for one in own if one.completion and one.logic is not None))


def _written_by(compiled: Compiled) -> dict[str, Any]:
    """Who wrote each function, where some were written from tables."""
    if not tabled(compiled.spec) or compiled.program is None:
        return {}
    written_out = from_tables(compiled.program)
    names = [step.step for step in compiled.spec.functions]
    return {"functions": {name: "table" if name in written_out else "candidate" for name in names}}


def library_copies(plan: Plan) -> dict[str, bytes]:
    """The reviewed files that the workflow uses, as they go into its artifact."""
    files = {"template.py": library_file("templates", f"{plan.template}.py")}
    return files | {f"modules/{name}.py": library_file("modules", f"{name}.py") for name in plan.modules}

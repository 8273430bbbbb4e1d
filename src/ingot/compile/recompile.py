"""A candidate for a new version, where labelled outcomes say that a rule is wrong.

Only the functions that can be at fault are asked for, and of these only the changes stay that are needed; the rest is
byte for byte what it was. The labels become cases: some given, which the model is shown where the program fails them,
and some held out, which it never is; one that holds text of a run is always held out. The candidate goes through the four
stages like any other and is signed by whoever made it; approving it is a person's work, and nothing here deploys it.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ingot.artifact.sign import SigningKey
from ingot.artifact.verify import Verified
from ingot.cases.insert import child, composed
from ingot.cases.run_text import holds_text, run_texts
from ingot.compile import generate, prompt
from ingot.compile.assemble import assemble
from ingot.compile.attempts import Attempt, Event, Listener, asked_part, with_tables
from ingot.compile.compare import version_of
from ingot.compile.driver import Compiled, compiled_from, refuse_unwritable, with_prompts, written
from ingot.compile.faults import Measured, measure
from ingot.compile.plan import Plan, make_plan
from ingot.compile.rerun import case_rows
from ingot.compile.retuning import refuse_untunable, taken_over, tuned_anew
from ingot.errors import ArtifactError, CompileFailed, InputError, SpecError
from ingot.fields import Field, walk
from ingot.labels import Label, case_key, contradiction, labelled_cases, unknown_labels, with_own_id
from ingot.models.model import Completion, Model
from ingot.program import Program
from ingot.questions import find_questions
from ingot.spec import Case, Spec, parse_spec
from ingot.stages.check import run_stages
from ingot.stages.values import typical
from ingot.usage import Usage
from ingot.verdict import Finding, StageName, Verdict

HELD_OUT_OF = 3
"""One label of so many is held out."""


@dataclass(frozen=True, slots=True)
class Recompiled:
    """What a recompile came to. Above the threshold there is only `before`: how the old version answers the labels.

    `functions` are those that differ; `cases` came of labels; `unused` labels rest on labelled values and made no case;
    `hidden` cases hold text of runs and are held out for it.
    """

    before: Measured
    after: Measured | None = None
    compiled: Compiled | None = None
    functions: tuple[str, ...] = ()
    cases: tuple[Case, ...] = ()
    unused: int = 0
    hidden: int = 0


def measure_labels(verified: Verified, labels: Sequence[Label], threshold: float | None = None) -> Measured:
    """How an artifact answers labels; `threshold` stands in for the accuracy that its spec asks for.

    Raises InputError for labels that do not fit the spec or contradict it or each other.
    """
    program = version_of(verified).program
    unknown_labels(program.spec, labels, ())
    asked = program.spec.thresholds.accuracy if threshold is None else threshold
    return measure(program, labelled_cases(program.spec, labels), asked)


def recompile(
    verified: Verified,
    labels: Sequence[Label],
    model: Model,
    out: Path,
    *,
    threshold: float | None = None,
    attempts: int = 5,
    reveal: bool = False,
    one_by_one: bool = False,
    optimise: bool = False,
    key: SigningKey | None = None,
    listen: Listener | None = None,
) -> Recompiled:
    """A signed candidate in the folder `out`, where `verified` answers too few of the labels; else nothing is made.

    `reveal` takes labelled values into cases and prompts as they are, but no text of a run into prompts. With `one_by_one` each
    of several functions at fault is asked for in a request of its own, with at most `attempts` for each. The prompts that
    bounded steps were tuned to stay as they are; with `optimise` they are tuned anew (extra ``dspy``). Raises
    InputError and SpecError for labels and rules that no model can mend, ModelError, StageError; CompileFailed, with
    every attempt, where no candidate passed.
    """
    before = measure_labels(verified, labels, threshold)
    if not before.crossed:
        return Recompiled(before)
    refuse_unwritable(out)
    key = key or SigningKey.own()  # one that cannot be had is told before a model is paid
    old = version_of(verified).program
    if optimise:
        refuse_untunable(old.spec, model)
    functions = _to_write(old.spec, before)
    usable, unused = _usable(old.spec, labelled_cases(old.spec, labels), reveal)
    failing = {case_key(one.case) for one in measure(old, usable, before.threshold).wrong}
    if not failing:
        hint = "look at them, then allow it with --reveal: they go into prompts and into the artifact"
        raise InputError(
            f"what is answered wrongly rests on labelled values ({unused} labels)", place="labels", hint=hint
        )
    hidden = {case_key(case) for case in usable if _texts_read(old.spec, case)}
    cases = _split(usable, failing, hidden)
    text = _with_version(verified.files["spec.yaml"].decode(), next_version(old.spec.metadata.version))
    spec = parse_spec(text, "spec.yaml", cases=[*case_rows(verified), *(case.to_json() for case in cases)])
    asked = _turns(functions, before, attempts) if one_by_one else [functions] * attempts
    work = _Work(spec, make_plan(spec), asked, usable, before.threshold, listen or (lambda _: None))
    made, after = _attempts(work, old.logic, _author(verified), model)
    compiled = _with_prompts(
        compiled_from(spec, work.plan, find_questions(spec), made),
        taken_over(verified),
        model if optimise else None,
        work,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spec.yaml"
        path.write_text(text, encoding="utf-8")
        compiled = written(compiled, path, out, key, work.listen, verified)
    return Recompiled(before, after, compiled, changed(old.logic, made[-1].logic or ""), cases, unused, len(hidden))


def _with_prompts(compiled: Compiled, last: Mapping[str, Any] | None, model: Model | None, work: _Work) -> Compiled:
    """The candidate with the prompts of the version before it, or, where a `model` is given, with prompts tuned anew."""
    if model is None:
        return replace(compiled, prompts=last)
    work.listen(Event("tuning", len(compiled.attempts)))
    return with_prompts(compiled, *tuned_anew(compiled.spec, model, last), model.name)


def _author(verified: Verified) -> str:
    return f"{verified.manifest.name} {verified.manifest.version} ({verified.digest[:12]})"


def _to_write(spec: Spec, measured: Measured) -> tuple[str, ...]:
    """The functions to write anew. Raises SpecError where a table is at fault: its owner corrects it."""
    asked = {step.step for step in spec.asked}
    tables = sorted(set(measured.at_fault) - asked)
    if tables:
        hint = "correct the table in the spec and compile it: no model writes what a table says"
        raise SpecError(f"the labels contradict the decision table of {tables[0]!r}", place="labels", hint=hint)
    return tuple(step.step for step in spec.asked if step.step in measured.at_fault)


def _turns(functions: Iterable[str], measured: Measured, attempts: int) -> list[tuple[str, ...]]:
    """Each function by itself, in turn, so many times: those first that most labels point to."""
    ordered = sorted(functions, key=lambda name: -measured.at_fault[name])
    return [(name,) for _ in range(attempts) for name in ordered]


# ---- labels as cases ---------------------------------------------------------------------------------------------


def _usable(spec: Spec, cases: Iterable[Case], reveal: bool) -> tuple[tuple[Case, ...], int]:
    """The cases that may stand in an artifact and in prompts, and how many may not.

    A labelled value that no rule reads gives way to an ordinary one; where a rule reads it the case is left out. So does
    text of a run that no rule reads; where a rule reads it the case stays, and is held out.
    """
    found: dict[str, Case] = {}
    unused = 0
    for case in cases:
        clean = case if reveal else _without_labelled(spec, case)
        clean = None if clean is None else _without_unread_text(spec, clean)
        if clean is None:
            unused += 1
            continue
        twin = found.setdefault(case_key(clean), clean)
        if (odds := contradiction(clean, twin)) is not None:
            hint = "what tells them apart is a labelled value that no rule reads: correct the spec first"
            raise InputError(
                f"two labels contradict each other without labelled values: {odds}", place="labels", hint=hint
            )
    known = {case_key(case): case for case in spec.cases}
    for key, case in found.items():
        if key in known and (odds := contradiction(case, known[key])) is not None:
            hint = "correct the case, or leave the label out"
            raise InputError(
                f"a label contradicts case {known[key].id!r} of the spec: {odds}", place="labels", hint=hint
            )
    return tuple(case for key, case in found.items() if key not in known), unused


def _without_labelled(spec: Spec, case: Case) -> Case | None:
    labelled = [field for field in spec.inputs if _is_labelled(field) and case.input.get(field.name) is not None]
    outputs = {field.name for field in spec.outputs if _is_labelled(field)}
    given = [field for step in spec.logic_requirements if step.step in case.steps for field in step.outputs]
    if any(_is_read(spec, field.name) for field in labelled) or any(_is_labelled(field) for field in given):
        return None
    expected = {name: value for name, value in case.expected.items() if name not in outputs}
    if not expected and case.escalates is None:
        return None
    stand_ins = {field.name: typical(field) for field in labelled}
    return with_own_id(case.model_copy(update={"input": {**case.input, **stand_ins}, "expected": expected}))


def _texts_read(spec: Spec, case: Case) -> tuple[str, ...]:
    """The texts of a run that are left in a case: in what no rule reads stand ordinary ones."""
    read = {name: value for name, value in case.input.items() if _is_read(spec, name)}
    return run_texts(spec, case.model_copy(update={"input": read}))


def _without_unread_text(spec: Spec, case: Case) -> Case:
    unread = [
        field for field in spec.inputs
        if holds_text(spec, field, case.input.get(field.name)) and not _is_read(spec, field.name)
    ]  # fmt: skip
    if not unread:
        return case
    stand_ins = {field.name: typical(field) for field in unread}
    return with_own_id(case.model_copy(update={"input": {**case.input, **stand_ins}}))


def _is_labelled(field: Field) -> bool:
    return any(inner.sensitive is not None for _, inner in walk((field,)))


def _is_read(spec: Spec, name: str) -> bool:
    """Whether any step or invariant can depend on a field."""
    for step in spec.logic_requirements:
        told = step.model_dump_json(include={"inputs", "when", "validation", "with_", "candidates", "table"})
        if re.search(rf"\b{re.escape(name)}\b", told):
            return True
    return any(re.search(rf"\b{re.escape(name)}\b", one.model_dump_json()) for one in spec.invariants)


def _split(cases: Sequence[Case], failing: Collection[str], hidden: Collection[str]) -> tuple[Case, ...]:
    """The cases with some held out, chosen by a digest of their inputs: the same ones in every set of labels. Of those
    that fail one at least is given, or a model could not know what is wrong; but none of `hidden` ever is."""
    held = {case_key(case) for case in cases if int(case_key(case)[:8], 16) % HELD_OUT_OF == 0} | set(hidden)
    showable = set(failing) - set(hidden)
    if showable and set(failing) <= held:
        held.discard(max(showable))
    return tuple(case.model_copy(update={"held_out": case_key(case) in held}) for case in cases)


# ---- attempts ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Work:
    """`asked` has for each attempt the functions to ask for, `labels` what the candidate must answer besides."""

    spec: Spec
    plan: Plan
    asked: Sequence[tuple[str, ...]]
    labels: Sequence[Case]
    threshold: float
    listen: Listener

    @property
    def alone(self) -> bool:
        """Whether several functions are at fault and each is asked for by itself."""
        return len(set(self.asked)) > 1

    def assembled(self, logic: str) -> Program:
        return assemble(self.spec, logic, self.plan.template, self.plan.blocks)

    def stages(self, program: Program, number: int) -> tuple[Verdict, ...]:
        kind = "repair" if number else "given"

        def progress(stage: StageName, verdict: Verdict | None) -> None:
            self.listen(Event("verdict" if verdict else "stage", number, kind, stage, verdict))  # type: ignore[arg-type]

        return run_stages(program, progress)

    def answers(self, attempt: Attempt) -> Measured | None:
        """How a candidate that passed answers the labels; None where it did not pass or answers too few."""
        if not attempt.passed or attempt.logic is None:
            return None
        after = measure(self.assembled(attempt.logic), self.labels, self.threshold)
        return None if after.crossed else after

    def followed(self, base: Attempt, now: Attempt) -> Attempt:
        """What the next attempt mends: the last code. Where each function is asked for alone, only code that answers more cases
        than what it was made of, and all of those: what one function breaks, no other could mend."""
        if not self.alone:
            return base if now.logic is None else now
        return now if self._wrong(now) < self._wrong(base) else base

    def _wrong(self, attempt: Attempt) -> frozenset[str]:
        """The cases that a candidate answers wrongly: all where it did not come to ACCURACY."""
        if attempt.logic is None or attempt.verdicts[-1].stage != "accuracy":
            return frozenset(case.id for case in self.spec.cases)
        measured = measure(self.assembled(attempt.logic), self.spec.cases, self.threshold)
        return frozenset(one.case.id for one in measured.wrong)


def _least(work: _Work, logic: str, attempt: Attempt, after: Measured) -> tuple[Attempt, Measured]:
    """The candidate with every function as it was before whose change is not needed: where several could be at fault all
    were asked for, and what passes without a change shows that it was not."""
    for name in changed(logic, attempt.logic or ""):
        if len(changed(logic, attempt.logic or "")) < 2:
            break
        now = asked_part(work.spec, attempt.logic or "")
        back = generate.splice(now, generate.excerpt(asked_part(work.spec, logic), [name]), [name])
        whole = with_tables(work.spec, back)
        less = replace(attempt, logic=whole, verdicts=run_stages(work.assembled(whole)))
        measured = work.answers(less)
        if measured is not None:
            attempt, after = less, measured
    return attempt, after


def changed(before: str, after: str) -> tuple[str, ...]:
    """The functions whose text differs."""
    old, new = generate.split(before), generate.split(after)
    return tuple(name for name in new if name and new[name].strip() != old.get(name, "").strip())


def _attempts(work: _Work, logic: str, author: str, model: Model) -> tuple[tuple[Attempt, ...], Measured]:
    """The old code under the new cases, then repairs of the functions at fault until one passes and answers enough.

    Raises CompileFailed where none does.
    """
    work.listen(Event("attempt", 0, "given"))
    verdicts = work.stages(work.assembled(logic), 0)
    if verdicts[-1].stage != "accuracy":
        raise ArtifactError(f"{verdicts[-1].stage} refuses the old version today", hint="compile its spec again")
    made = [Attempt(0, "given", None, Completion("", author, Usage()), logic, verdicts)]
    base = made[0]
    for functions in work.asked:
        findings = _for_repair(base.findings, functions)
        if work.alone and not findings:
            continue
        made.append(_attempt(work, base.logic or "", functions, findings, len(made), model))
        after = work.answers(made[-1])
        if after is not None:
            made[-1], after = _least(work, logic, made[-1], after)
            return tuple(made), after
        base = work.followed(base, made[-1])
    tried = len(made) - 1
    raise CompileFailed(
        f"no candidate passed in {tried} attempt{'' if tried == 1 else 's'}; nothing was made",
        attempts=tuple(made),
        hint="read the findings; make the clauses clearer where the labels surprise, or use a stronger model",
    )


def _attempt(
    work: _Work, logic: str, functions: tuple[str, ...], findings: Sequence[Finding], number: int, model: Model
) -> Attempt:
    """One repair of these functions of a program."""
    before = asked_part(work.spec, logic)
    request = prompt.repair_request(work.spec, functions, before, findings, draw=number)
    alone = functions[0] if work.alone else None
    work.listen(Event("attempt", number, "repair", function=alone))
    completion = model.complete(request)
    work.listen(Event("completion", number, "repair", completion=completion, function=alone))
    code, said = generate.read_reply(completion.text, request)
    if code is None:
        reply = Verdict.of("reply", said)
        work.listen(Event("verdict", number, "repair", "reply", reply))
        return Attempt(number, "repair", request, completion, None, (reply,))
    whole = with_tables(work.spec, _spliced(before, code, functions))
    return Attempt(number, "repair", request, completion, whole, work.stages(work.assembled(whole), number))


def _spliced(before: str, code: str, functions: Sequence[str]) -> str:
    """The old code with these functions of the reply in it. Where the reply lacks one, or would change another function,
    the reply stands for itself, and the stages refuse it."""
    parts = generate.split(code)
    if not all(name in parts for name in functions):
        return code
    return generate.splice(before, generate.excerpt(code, functions), functions)


def _for_repair(findings: Iterable[Finding], functions: Sequence[str]) -> list[Finding]:
    """What a repair is told: errors, and wrong answers that are warnings under the spec's own thresholds."""
    wrong = [one for one in findings if one.severity == "error" or one.code in ("ACC001", "ACC002", "ACC005")]
    return [replace(one, severity="error") for one in wrong if one.function is None or one.function in functions]


# ---- the version -------------------------------------------------------------------------------------------------


def next_version(version: str) -> str:
    """The version with its last number one higher; ``.1`` after one that ends in no number."""
    match = re.search(r"(\d+)$", version)
    return f"{version[: match.start()]}{int(match[0]) + 1}" if match else f"{version}.1"


def _with_version(text: str, version: str) -> str:
    """A spec's text with another version, the rest as it was written."""
    metadata = child(composed(text), "metadata")
    if metadata is None:
        raise SpecError("the spec has no metadata to state a version in", place="spec.yaml")
    written, quoted = child(metadata, "version"), f'"{version}"'
    if written is not None:
        return text[: written.start_mark.index] + quoted + text[written.end_mark.index :]
    first = metadata.value[0][0].start_mark
    between = ", " if metadata.flow_style else "\n" + " " * first.column
    return f"{text[: first.index]}version: {quoted}{between}{text[first.index :]}"

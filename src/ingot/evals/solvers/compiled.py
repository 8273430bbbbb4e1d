"""Ingot itself: compiled once through the gates, then run as code."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingot.canonical import digest
from ingot.errors import BudgetExceeded, CompileFailed, InputError, OutputError, PromptTooLong, StepError
from ingot.evals.solvers.agreements import Agreements
from ingot.evals.solvers.solver import INPUT_REFUSED, Answer, Generation, StageRow
from ingot.evals.suite import Task
from ingot.models.model import Completion, Model, Request
from ingot.models.reply import estimate_input
from ingot.runtime.needs_review import NeedsReview
from ingot.usage import Usage

if TYPE_CHECKING:
    from ingot.artifact.verify import Verified
    from ingot.compile.driver import Attempt
    from ingot.spec import Spec


class Compiled:
    """Compiles each task's spec with `model`, up to `attempts` times for each of `candidates`, with `one_by_one` for each function
    of each, in a request of its own; answers with the artifact, without a model.

    `keep` is a folder for the artifacts, by task; without it they are thrown away. Without a model, only tasks whose rules are
    all decision tables can be prepared.
    """

    name = "compiled"
    side_by_side = False

    def __init__(
        self,
        model: Model | None,
        *,
        attempts: int = 5,
        candidates: int = 1,
        one_by_one: bool = False,
        keep: Path | None = None,
    ) -> None:
        self._model, self._keep = model, keep
        self._attempts, self._candidates, self._one_by_one = attempts, candidates, one_by_one
        self.model = "" if model is None else model.name

    def estimate(self, task: Task) -> Usage:
        """The first request of each candidate, and a reply of half of what it may have."""
        from ingot.compile.candidates import first_requests

        spec = task.spec()
        self._check_model(task, spec)
        asked = first_requests(spec, one_by_one=self._one_by_one)
        tokens_in, tokens_out = sum(map(estimate_input, asked)), sum(one.max_tokens // 2 for one in asked)
        drawn = self._candidates
        return Usage(drawn * tokens_in, drawn * tokens_out, drawn * len(asked))

    def prepare(self, task: Task) -> CompiledTask:
        """Compile. A spec that no candidate passes for is not deployed. Raises InputError where a model is missing."""
        from ingot.compile.driver import compile_spec

        self._check_model(task, task.spec())

        model = None if self._model is None else _Limited(self._model)

        def make(path: Path, out: Path) -> Any:
            return compile_spec(
                path,
                model,
                out=out,
                attempts=self._attempts,
                candidates=self._candidates,
                one_by_one=self._one_by_one,
            )

        made = compiled_task(task, make, self._keep, asked=() if model is None else model.completions)
        if model is not None and model.ended is not None:  # fewer candidates than were asked for are another system
            made.close()
            raise model.ended
        return made

    def _check_model(self, task: Task, spec: Spec) -> None:
        if self._model is None and spec.asked:
            raise InputError(
                f"the solver {self.name!r} asks a model for the task {task.id!r}",
                hint="give --model, for instance openai:gpt-5; only decision tables need none",
            )


class _Limited:
    """A model that remembers that its budget ended: a compile with candidates goes on with those it has, an evaluation does
    not, since a run with a larger budget would give another log. `completions` is what it replied."""

    def __init__(self, model: Model) -> None:
        self._model, self.name = model, model.name
        self.ended: BudgetExceeded | None = None
        self.completions: list[Completion] = []

    def complete(self, request: Request) -> Completion:
        """Ask. Raises what the model raises."""
        try:
            self.completions.append(self._model.complete(request))
        except BudgetExceeded as error:
            self.ended = error
            raise
        return self.completions[-1]


class Human:
    """A program that a person wrote, through the same gates: what the rule is worth when nobody is asked."""

    name = "human"
    side_by_side = False
    model = ""

    def __init__(self, *, keep: Path | None = None) -> None:
        self._keep = keep

    def estimate(self, task: Task) -> Usage:
        """Nothing is asked."""
        return Usage()

    def prepare(self, task: Task) -> CompiledTask:
        """Check the task's program. Raises InputError where it has none."""
        from ingot.compile.driver import check

        if not task.program:
            raise InputError(f"task {task.id!r} has no program by a person", hint="choose another solver")
        return compiled_task(task, lambda path, out: check(path, task.program, author="human", out=out), self._keep)


class CompiledTask:
    """An artifact that answers, or the reason why there is none. Not safe between threads."""

    def __init__(self, generation: Generation, verified: Verified | None, folder: Path | None) -> None:
        from ingot.runtime.run import Workflow

        self._workflow = None if verified is None else Workflow(verified, ask_person=self._ask)
        self._folder = folder
        self._standing: dict[str, Any] = {}
        self._agreements = None if self._workflow is None else Agreements(self._workflow)
        told = self._agreements.calibration if self._agreements else {}
        self.generation = replace(generation, calibration=told) if told else generation

    def answer(self, given: Mapping[str, Any]) -> Answer:
        """Run the artifact on one input. Of a run that would wait for a person, the fields that its functions are trusted
        with are answered and the others withheld; null is no answer. Outputs of hybrid steps come with the confidence that
        their calibration has in them, and with what was agreed on where it is not trusted."""
        assert self._workflow is not None
        assert self._agreements is not None
        self._standing = {}
        self._agreements.begin()
        began = time.perf_counter()
        try:
            outcome = self._workflow.run(given, perform=self._perform if self._workflow.perform else None)
        except InputError as error:
            return Answer(None, error=f"{INPUT_REFUSED}{error}", seconds=time.perf_counter() - began)
        except (OutputError, StepError) as error:
            return Answer(None, error=f"{type(error).__name__}: {error}", seconds=time.perf_counter() - began)
        if outcome.review is None:
            sure, alone = self._agreements.confidence, self._agreements.alone
            return Answer(dict(outcome.output or {}), seconds=outcome.seconds, confidence=sure, alone=alone)
        names = {field.name for field in self._workflow.spec.outputs}
        stands = {name: value for name, value in self._standing.items() if name in names}
        held = f"{outcome.review.step}: {outcome.review.reason}"
        guesses = {name: value for name, value in self._agreements.values.items() if name not in stands}
        return Answer(
            stands or None,
            withheld=held,
            seconds=outcome.seconds,
            confidence=self._agreements.confidence,
            alone=self._agreements.alone,
            guesses=guesses,
        )

    def _perform(self, step: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        assert self._workflow is not None
        assert self._agreements is not None
        assert self._workflow.perform is not None
        self._agreements.hear(step, arguments)
        return self._workflow.perform(step, arguments)

    def _ask(self, step: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        assert self._workflow is not None
        self._standing |= self._workflow.standing(step, arguments)
        raise NeedsReview(step, "a person decides")

    def close(self) -> None:
        """Remove the artifact where it is not kept."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def compiled_task(task: Task, make: Any, keep: Path | None, *, asked: Sequence[Completion] = ()) -> CompiledTask:
    """Run ``make(spec path, out)``, which gives a `compile.driver.Compiled`, and load what it made. `asked` is what a model
    has replied so far, also where nothing came of it."""
    from ingot.artifact.sign import trusted_keys
    from ingot.artifact.verify import verify
    from ingot.questions import Contradiction

    folder = Path(tempfile.mkdtemp(prefix="ingot-eval-")) if keep is None else keep / _folder_name(task.id)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "spec.yaml"
    path.write_text(task.spec_text, encoding="utf-8")
    for name, text in task.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    began = time.perf_counter()
    try:
        made = make(path, folder / "artifact")
        attempts, passed = made.attempts, made.passed and made.path is not None
    except CompileFailed as error:
        attempts, passed, made = tuple(error.attempts), False, None
    except (PromptTooLong, Contradiction) as error:
        return CompiledTask(_unjudged(error.message, asked), None, folder if keep is None else None)
    seconds = time.perf_counter() - began
    artifact = made.path if passed else None
    generation = generation_of(attempts, seconds, artifact.name if artifact else "")
    verified = verify(artifact, trusted_keys(())) if artifact else None
    return CompiledTask(generation, verified, folder if keep is None else None)


def _unjudged(reason: str, asked: Sequence[Completion]) -> Generation:
    """A task whose program came to no gate: nothing was asked, or one by one functions before the one whose prompt does not fit, which
    were paid for."""
    usage, seconds = sum((one.usage for one in asked), Usage()), sum(one.seconds for one in asked)
    writer = asked[-1].model if asked else ""
    return Generation(False, reason, usage, seconds, seconds, attempts=len(asked), model=writer)


def _folder_name(task: str) -> str:
    """A task's id as the name of one folder: it may come of data, and lead out of the folder that it is for."""
    plain = re.sub(r"[^\w.-]", "_", task).lstrip(".")
    return plain if plain == task else f"{plain}-{digest(task.encode())[:8]}"


def generation_of(attempts: tuple[Attempt, ...], seconds: float, artifact: str) -> Generation:
    """What the attempts of a compile took. Model time that was kept from an earlier run counts as it did then."""
    completions = [one.completion for one in attempts if one.completion and one.request]
    usage = sum((one.usage for one in completions), Usage())
    stages = tuple(
        StageRow(
            one.number,
            verdict.stage,
            verdict.passed,
            tuple(sorted({f.code for f in verdict.findings})),
            one.function or "",
        )
        for one in attempts
        for verdict in one.verdicts
    )
    last = attempts[-1]
    refused = next((row for row in reversed(stages) if not row.passed), None)
    reason = "" if artifact else f"refused by {refused.stage}" if refused else "no artifact"
    writer = next((one.model for one in reversed(completions)), "")
    asking = sum(one.seconds for one in completions)
    checking = sum(verdict.seconds for one in attempts for verdict in one.verdicts)
    seconds = max(seconds, asking + checking)
    return Generation(
        bool(artifact),
        reason,
        usage,
        seconds,
        asking,
        checking,
        len(attempts),
        stages,
        writer,
        last.logic or "",
        artifact,
        mutants=_mutants(last),
        draws=tuple(one.passed for one in attempts if one.kind in ("first", "draw") and one.function is None),
    )


def _mutants(attempt: Attempt) -> tuple[int, int] | None:
    """What ACCURACY counted of a program that passed; None where there was nothing to change, or no case."""
    told = attempt.verdicts[-1].measures.get("mutation_score") if attempt.passed else None
    return None if told is None else (told["killed"], told["survived"])

"""What people do without gates: ask a model once for the functions and run what it wrote.

The same request as the compile's first, or, where that asks for more than functions (`Task.once_text`), for one function of the
same words and cases; no stage, no vote, no calibration, no repair. It still runs in the sandbox, since a bench runs on
somebody's machine; what the cage refuses is an error of that transaction.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ingot.compile.assemble import assemble
from ingot.compile.generate import read_reply
from ingot.compile.plan import Plan, make_plan
from ingot.compile.prompt import first_request
from ingot.errors import InputError, StageError
from ingot.evals.solvers.solver import INPUT_REFUSED, Answer, Generation
from ingot.evals.suite import Task
from ingot.fields import to_plain
from ingot.models.model import Model, Request
from ingot.models.reply import estimate_input
from ingot.program import Program
from ingot.runtime.inputs import input_reader
from ingot.runtime.sandbox import Trial
from ingot.spec import Spec
from ingot.stages.execution import warm_sandbox
from ingot.usage import Usage

MOST_TOKENS = 4_000
"""Of a reply with one function that stands for several."""


class CodeOnce:
    """One request for the functions, whatever comes is run."""

    name = "code-once"
    side_by_side = False

    def __init__(self, model: Model) -> None:
        self._model = model
        self.model = model.name

    def estimate(self, task: Task) -> Usage:
        """The one request, and a reply of half of what it may have. Raises InputError as `prepare` does."""
        request, _, _ = asked(task)
        return Usage(estimate_input(request), request.max_tokens // 2, 1)

    def prepare(self, task: Task) -> CodeOnceTask:
        """Ask. Raises InputError for a spec with steps that no function computes."""
        request, spec, plan = asked(task)
        began = time.perf_counter()
        completion = self._model.complete(request)
        code, _ = read_reply(completion.text, request)
        program = None if code is None else assemble(spec, code, plan.template, plan.blocks)
        seconds = time.perf_counter() - began
        generation = Generation(
            code is not None, "" if code else "the reply holds no code", completion.usage, seconds, completion.seconds, 0.0, 1,
            (), completion.model, code or "",
        )  # fmt: skip
        return CodeOnceTask(generation, program, spec)


def asked(task: Task) -> tuple[Request, Spec, Plan]:
    """What is asked for a task, by which spec and plan. Raises InputError for a spec with steps that no function computes."""
    spec = task.once()
    if any(not step.is_function for step in spec.logic_requirements):
        raise InputError(f"task {task.id!r} has steps beside functions", hint="choose another solver for it")
    plan = make_plan(spec)
    request = first_request(spec, plan)
    if task.once_text:
        request = replace(request, max_tokens=max(MOST_TOKENS, request.max_tokens))
    return request, spec, plan


class CodeOnceTask:
    """A program as it was written."""

    def __init__(self, generation: Generation, program: Program | None, spec: Spec) -> None:
        self.generation = generation
        self._program = program
        self._read = input_reader(spec.inputs)

    def answer(self, given: Mapping[str, Any]) -> Answer:
        """Run the program on one input in the sandbox."""
        assert self._program is not None
        try:
            values = self._read(given)
        except InputError as error:
            return Answer(None, error=f"{INPUT_REFUSED}{error}")
        sandbox = warm_sandbox()
        began = time.perf_counter()
        try:
            run = sandbox.run(
                self._program.text, [Trial("item", values)], offset=self._program.offset, seed=sandbox.seeds[0]
            )
        except StageError as error:  # a program that does not even compile
            return Answer(None, error=str(error), seconds=time.perf_counter() - began)
        seconds = time.perf_counter() - began
        seen = run.observations["item"]
        if seen.error is not None:
            return Answer(None, error=seen.error[:300], seconds=seconds)
        if seen.review is not None:
            return Answer(None, withheld=f"{seen.review[0]}: {seen.review[1]}", seconds=seconds)
        return Answer(_plain(seen.output), seconds=seconds)

    def close(self) -> None:
        """The sandbox is shared and stays."""


def _plain(output: Mapping[str, Any] | None) -> dict[str, Any]:
    """The output as JSON; without a gate, values may be of any type."""
    found = to_plain(dict(output or {}))
    return found if isinstance(found, dict) else {}

"""One line of attempts: ask a model, check what it wrote, repair it, draw it anew.

Several independent lines may be drawn for one spec; `Work.of` says how many. The first line makes the same requests
whether others follow or not; the requests of each further line differ from it by their seed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ingot.compile import generate, prompt
from ingot.compile.assemble import assemble, signatures
from ingot.compile.plan import Plan
from ingot.errors import PromptTooLong, SpecError, StageError
from ingot.models.model import Completion, Model, Request
from ingot.program import Program
from ingot.spec import Spec
from ingot.stages.check import all_passed, run_stages
from ingot.stages.weak_cases import WEAK_CASES
from ingot.tables.compiled import table_functions, write_tables
from ingot.verdict import Finding, StageName, Verdict

AttemptKind = Literal["first", "draw", "repair", "redraw", "given", "joined", "combined", "kept"]
_ORDER: Mapping[str, int] = {"reply": 0, "security": 1, "syntax": 2, "execution": 3, "accuracy": 4}

SEEDS = 1_000
"""The seeds of a line are so far from those of the line before it: no line has as many attempts."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One candidate and what became of it. `logic` is None where the reply held no code.

    Where several candidates were asked for, `candidate` is the number of the line that it belongs to. The last attempts
    are then what was made of them: ``combined`` has functions of several, ``kept`` is one of them as it was. Where functions
    are asked for one by one, `function` is the only one that an attempt holds, checked alone, and ``joined`` the program of
    those that were accepted.
    """

    number: int
    kind: AttemptKind
    request: Request | None
    completion: Completion | None
    logic: str | None
    verdicts: tuple[Verdict, ...]
    candidate: int | None = None
    function: str | None = None

    @property
    def passed(self) -> bool:
        """True where all four stages passed a whole program."""
        return self.function is None and self.accepted

    @property
    def accepted(self) -> bool:
        """True where all four stages passed what it holds."""
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
            **({} if self.candidate is None else {"candidate": self.candidate}),
            **({} if self.function is None else {"function": self.function}),
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
    """Something that just happened: ``attempt`` and ``stage`` begin, ``verdict`` and ``completion`` end.

    `candidate` is the number of the line of attempts among `of`, None where only one was asked for; `function` the one that is
    asked for, where they are asked for one by one. ``compare`` begins
    when candidates that passed are run on the same inputs, ``tuning`` when the prompts of bounded steps are tried.
    """

    kind: Literal["attempt", "completion", "stage", "verdict", "compare", "tuning", "artifact"]
    attempt: int
    attempt_kind: AttemptKind = "first"
    stage: StageName | None = None
    verdict: Verdict | None = None
    completion: Completion | None = None
    path: Path | None = None
    candidate: int | None = None
    of: int = 1
    function: str | None = None


Listener = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Work:
    """What is asked of whom: at most `limit` attempts for each of `of` candidates; with `one_by_one` for each function of each.
    Without `repairs` what was refused is drawn anew."""

    spec: Spec
    plan: Plan
    model: Model | None
    limit: int
    tell: Listener
    of: int = 1
    one_by_one: bool = False
    repairs: bool = True

    def assembled(self, logic: str) -> Program:
        """The program of a candidate."""
        return assemble(self.spec, logic, self.plan.template, self.plan.blocks)


def ask(work: Work, made: list[Attempt], candidate: int = 1) -> None:
    """Ask, check, repair; draw anew where a repair made nothing better. What is made is appended to `made`, which keeps
    it where the model raises. `candidate` counts the lines of attempts from 1."""
    if work.limit < 1:
        raise SpecError(f"attempts is {work.limit}; at least 1 is needed", hint="give --attempts 5")
    if not work.spec.asked:
        logic = write_tables(work.spec, signatures(work.spec))
        work.tell(Event("attempt", 1, "given"))
        verdicts = stages_of(work, work.assembled(logic), 1, "given")
        made.append(Attempt(1, "given", None, None, logic, verdicts))
        return
    if work.model is None:
        raise SpecError("no model, and not every rule is a table", hint="give a model, for instance openai:gpt-5")
    own: list[Attempt] = []
    seed = SEEDS * (candidate - 1)
    for number in range(len(made) + 1, len(made) + 1 + work.limit):
        kind, request = _next_request(work, own, seed)
        line = candidate if work.of > 1 else None
        work.tell(Event("attempt", number, kind, candidate=line, of=work.of))
        try:
            completion = work.model.complete(request)
        except PromptTooLong:
            if kind not in ("repair", "redraw"):
                raise
            # the rule alone did fit: it is drawn anew without the code and the findings that a repair or a redraw carries
            kind, request = "redraw", prompt.first_request(work.spec, work.plan, draw=seed + len(own))
            completion = work.model.complete(request)
        work.tell(Event("completion", number, kind, completion=completion, candidate=line, of=work.of))
        own.append(checked(work, Attempt(number, kind, request, completion, None, (), line), own))
        made.append(own[-1])
        if own[-1].passed or is_for_the_author(work.spec, own[-1]):
            break


def _next_request(work: Work, made: Sequence[Attempt], seed: int) -> tuple[AttemptKind, Request]:
    spec, plan = work.spec, work.plan
    if not made:
        return ("draw" if seed else "first"), prompt.first_request(spec, plan, draw=seed)
    last, draw = made[-1], seed + len(made)
    again = _ours(spec, last) != tabled(spec)  # a repair of the rest would keep a table's function in the reply
    if last.logic is None or again or not work.repairs or not _is_worth_repair(spec, made):
        return "redraw", prompt.first_request(spec, plan, draw=draw, refused=_lessons(spec, made))
    # a repair is drawn with some freedom: at temperature zero, small models write their last answer again
    failed = _failed_functions(spec, last)
    return "repair", prompt.repair_request(
        spec, failed, asked_part(spec, last.logic), for_the_model(spec, last), draw=draw
    )


def _lessons(spec: Spec, made: Sequence[Attempt]) -> tuple[Finding, ...]:
    """What the best program so far was refused for."""
    best = max((one for one in made if one.logic is not None), key=lambda one: standing(spec, one), default=None)
    return () if best is None else for_the_model(spec, best)


def for_the_model(spec: Spec, attempt: Attempt) -> tuple[Finding, ...]:
    """The errors of an attempt but for those in functions that were written from tables."""
    ours = _ours(spec, attempt)
    return tuple(finding for finding in _errors(attempt) if finding.function not in ours)


def is_for_the_author(spec: Spec, attempt: Attempt) -> bool:
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
    own = [finding for finding in for_the_model(spec, attempt) if finding.code != WEAK_CASES]
    return bool(errors) and not own


def tabled(spec: Spec) -> frozenset[str]:
    """The functions that are written from tables, never by a model."""
    return frozenset(step.step for step in spec.functions if step.is_table)


def _ours(spec: Spec, attempt: Attempt) -> frozenset[str]:
    """The functions of an attempt that were written from tables, and that the reply did not write once more."""
    if attempt.logic is None or not tabled(spec):
        return frozenset()
    return tabled(spec) - generate.split(asked_part(spec, attempt.logic)).keys()


def tables_part(spec: Spec, besides: str = "") -> str:
    """The functions of the tables as they stand after the others; those that `besides` defines are left out."""
    if not tabled(spec):
        return ""
    defined = generate.split(besides)
    written = table_functions(spec, signatures(spec))
    return "".join(f"\n\n{text}" for name, text in written.items() if name not in defined)


def with_tables(spec: Spec, code: str) -> str:
    """Code for the functions asked for, with those of the tables after it."""
    part = tables_part(spec)
    return f"{code.rstrip()}\n{part}" if part else code


def asked_part(spec: Spec, logic: str) -> str:
    """The part of a candidate that a model wrote."""
    return logic.removesuffix(tables_part(spec))


def _is_worth_repair(spec: Spec, made: Sequence[Attempt]) -> bool:
    """A repair is asked for until one made nothing better; from then on only for the best candidate so far.

    Small models seldom make use of findings, and another draw costs them less than a repair.
    """
    stood = [standing(spec, one) for one in made]
    fruitless = any(
        now.kind == "repair" and after <= before
        for now, (before, after) in zip(made[1:], itertools.pairwise(stood), strict=True)
    )
    return not fruitless or stood[-1] > max(stood[:-1])


def standing(spec: Spec, attempt: Attempt) -> tuple[int, int, int]:
    """How far it got, with how few functions at fault, and how few errors: a function that is there at last has more errors
    than one that is missing."""
    failed = len(_failed_functions(spec, attempt))
    return _ORDER[attempt.verdicts[-1].stage], -failed, -len(_errors(attempt))


def _errors(attempt: Attempt) -> tuple[Finding, ...]:
    return tuple(finding for finding in attempt.findings if finding.severity == "error")


def _failed_functions(spec: Spec, attempt: Attempt) -> tuple[str, ...]:
    """The functions that the findings name, tables left out; all of them where a finding names none."""
    names = [step.step for step in spec.asked]
    blamed = {finding.function for finding in _errors(attempt)} - tabled(spec)
    return tuple(name for name in names if name in blamed) if blamed and blamed <= set(names) else tuple(names)


def checked(work: Work, begun: Attempt, made: Sequence[Attempt]) -> Attempt:
    """The attempt with its code and its verdicts. `made` are those before it in its line."""
    assert begun.completion is not None
    assert begun.request is not None
    code, said = generate.read_reply(begun.completion.text, begun.request)
    reply = Verdict.of("reply", said)
    if code is None:
        work.tell(Event("verdict", begun.number, begun.kind, "reply", reply, candidate=begun.candidate, of=work.of))
        return replace(begun, verdicts=(reply,))
    logic = code
    if begun.kind == "repair" and (before := made[-1].logic) is not None:
        blamed = {finding.line for finding in _errors(made[-1]) if finding.line}
        asked = {step.step for step in work.spec.asked}
        logic = generate.splice(asked_part(work.spec, before), code, begun.request.functions, blamed, asked)
    logic = with_tables(work.spec, logic)
    verdicts = stages_of(work, work.assembled(logic), begun.number, begun.kind, begun.candidate)
    return replace(begun, logic=logic, verdicts=verdicts)


def stages_of(
    work: Work, program: Program, number: int, kind: AttemptKind, candidate: int | None = None
) -> tuple[Verdict, ...]:
    """The verdicts of the four stages, told while they come."""

    def progress(stage: StageName, verdict: Verdict | None) -> None:
        what: Literal["verdict", "stage"] = "verdict" if verdict else "stage"
        work.tell(Event(what, number, kind, stage, verdict, candidate=candidate, of=work.of))

    return run_stages(program, progress)

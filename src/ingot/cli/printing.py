"""How compiles, checks and questions look on a terminal and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

from ingot.verdict import Finding, Verdict

if TYPE_CHECKING:
    from ingot.compile.candidates import Agreement
    from ingot.compile.driver import Attempt, Compiled, Event
    from ingot.errors import CompileFailed
    from ingot.questions import Question
    from ingot.spec import Spec

SHOWN, QUESTIONS_SHOWN = 12, 5
_KINDS = {"first": "first request", "draw": "drawn independently", "repair": "repair", "redraw": "drawn anew",
          "given": "code as given", "joined": "the functions together", "combined": "functions of several candidates", "kept": "kept"}  # fmt: skip


class Live:
    """Tells what a compile does while it does it: a spinner with the running stage, a line per verdict.

    It goes to standard error, so that standard output stays the command's answer; the demo, which has no other
    answer, shows it on standard output.
    """

    def __init__(self, *, quiet: bool = False, stdout: bool = False) -> None:
        self._quiet = quiet
        self._stdout = stdout
        self._status: Any = None
        self._console: Any = None

    def __enter__(self) -> Live:
        if not self._quiet:
            from rich.console import Console

            self._console = Console(stderr=not self._stdout, highlight=False, soft_wrap=True)
            self._status = self._console.status("starting")
            self._status.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._status is not None:
            self._status.stop()

    def listen(self, event: Event) -> None:
        """Show one event."""
        if self._quiet:
            return
        if event.kind == "attempt":
            line = f"candidate {event.candidate} of {event.of}, " if event.candidate else ""
            line += f"{event.function}, " if event.function else ""
            self._console.print(f"[bold]attempt {event.attempt}[/bold] ({line}{_KINDS[event.attempt_kind]})")
            reading = event.attempt_kind in ("given", "combined", "joined")
            self._status.update("reading" if reading else "waiting for the model")
        elif event.kind == "compare":
            self._status.update("comparing the candidates")
        elif event.kind == "tuning":
            self._console.print("[bold]tuning[/bold] the bounded steps")
            self._status.update("tuning the bounded steps")
        elif event.kind == "completion" and event.completion:
            said = event.completion
            recorded = ", recorded" if said.recorded else ""
            tokens = f"{said.usage.input_tokens} tokens in, {said.usage.output_tokens} out"
            self._console.print(
                f"  model      {tokens}  {said.seconds:.1f} s  [dim]{_plain(said.model)}{recorded}[/dim]"
            )
        elif event.kind == "stage" and event.stage:
            self._status.update(event.stage.upper())
        elif event.kind == "verdict" and event.verdict:
            self._verdict(event.verdict)

    def _verdict(self, verdict: Verdict) -> None:
        mark = "[green]pass[/green]" if verdict.passed else "[red]FAIL[/red]"
        self._console.print(
            f"  {verdict.stage:<9}  {mark}  {verdict.seconds * 1000:6.0f} ms  [dim]{_plain(measured(verdict))}[/dim]"
        )
        for line in finding_lines(verdict.findings):
            self._console.print(f"      {_plain(line)}")

    def failed(self, error: CompileFailed) -> None:
        """Every attempt's findings, once more together."""
        self._status.stop()
        for attempt in error.attempts:
            line = f"candidate {attempt.candidate}, " if attempt.candidate else ""  # type: ignore[attr-defined]
            line += f"{attempt.function}, " if attempt.function else ""  # type: ignore[attr-defined]
            self._console.print(f"\n[bold]attempt {attempt.number}[/bold] ({line}{_KINDS[attempt.kind]})")  # type: ignore[attr-defined]
            for line in finding_lines(attempt.findings, shown=40):  # type: ignore[attr-defined]
                self._console.print(f"  {_plain(line)}")


def _plain(text: str) -> str:
    """Text of others must not be read as markup."""
    from rich.markup import escape

    return str(escape(text))


def finding_lines(findings: Iterable[Finding], shown: int = SHOWN) -> list[str]:
    """Findings as lines, errors first; equal ones together with their places, the hint of each code once."""
    places: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in sorted(findings, key=lambda finding: finding.severity != "error"):
        places.setdefault((finding.severity, finding.code, finding.message), []).append(finding)
    lines: list[str] = []
    hinted: set[str] = set()
    for (severity, code, _), equal in list(places.items())[:shown]:
        first = equal[0]
        others = [str(one.line) for one in equal[1:] if one.line]
        more = f" (also at {', '.join(others)})" if others else ""
        lines.append(f"{'' if severity == 'error' else 'warning: '}{first}{more}")
        if first.hint and code not in hinted:
            lines.append(f"  fix: {' '.join(first.hint.split())}")
            hinted.add(code)
    if len(places) > shown:
        lines.append(f"… and {len(places) - shown} more")
    return lines


def measured(verdict: Verdict) -> str:
    """The one or two measures of a stage that a person wants to see at once."""
    found = verdict.measures
    if verdict.stage == "accuracy":
        parts = []
        for name, label in (("given", "given"), ("held_out", "held out")):
            one = found.get(name) or {}
            if one.get("cases"):
                parts.append(f"{label} {one['right']}/{one['cases']}")
        mutation = found.get("mutation_score")
        if mutation:
            parts.append(f"mutants {mutation['killed']}/{mutation['killed'] + mutation['survived']}")
        return ", ".join(parts) or "unscored: no cases"
    cited = found.get("citations")
    if verdict.stage == "syntax" and cited and cited["share"] is not None:
        unused = f", cited nowhere: {', '.join(cited['unused'])}" if cited["unused"] else ""
        return f"{cited['share']:.0%} of returns and branches cite a clause{unused}"
    if verdict.stage == "execution":
        coverage = (found.get("branch_coverage") or {}).get("cases")
        trials = sum((found.get("trials") or {}).values())
        text = f"{trials} inputs, {len(found.get('seeds', ()))} hash seeds"
        return text if coverage is None else f"{text}, branch coverage {coverage:.0%}"
    return ""


def show_compiled(compiled: Compiled) -> None:
    """The end of a compile or check on standard output."""
    from ingot.artifact.prompts_page import compared, said

    click.echo()
    click.echo(f"{'passed' if compiled.passed else 'refused'}: {compiled.spec.metadata.name}")
    if compiled.usage.requests:
        price = "unknown price" if compiled.cost is None else f"${compiled.cost:.4f}"
        usage = compiled.usage
        click.echo(
            f"tokens:   {usage.total_tokens} ({usage.input_tokens} in, {usage.output_tokens} out, "
            f"{usage.requests} request{'s' if usage.requests > 1 else ''}), {price}"
        )
    if compiled.agreement is not None:
        _show_agreement(compiled.agreement, compiled.spec)
    for step, found in (compiled.prompts or {}).items():
        click.echo(f"tuning:   {step}: {said(found)}")
        if found["held_out"] is not None:
            click.echo(f"          held-out cases: {compared(found['held_out'])}")
    still_open = [question for question in compiled.questions if question.answer is None]
    if still_open:
        click.echo(f"open:     {len(still_open)} question(s) about the spec, recorded (ingot compile --questions)")
    for note in compiled.since.notes:
        click.echo(f"note: {note}", err=True)
    if compiled.since.evidence is not None:
        click.echo(f"since:    {compiled.since.title}")
        click.echo(f"          {compiled.since.evidence['sentence']}")
    if compiled.path:
        click.echo(f"artifact: {compiled.path}")
        click.echo(f"digest:   {compiled.digest}")


def _show_agreement(agreement: Agreement, spec: Spec) -> None:
    """How many candidates passed and agreed, what was kept, and the inputs that they answer differently."""
    from ingot.compile.candidates_questions import question_text

    passed = f"{agreement.passed} of {agreement.asked} passed"
    if agreement.passed == 1:
        click.echo(f"candidates: {passed}; nothing to compare it with")
    else:
        click.echo(f"candidates: {passed}; they agree on {agreement.agreeing:,} of {agreement.inputs:,} inputs")
    for name, taken in agreement.functions.items():
        said = (
            ""
            if taken.agreement is None
            else f", agrees with the others in {taken.agreement:.1%}, over {taken.calls:,} calls"
        )
        click.echo(f"  {name}: from candidate {taken.candidate}{said}")
    if agreement.stopped:
        click.echo(f"note: {agreement.drawn} of {agreement.asked} candidates: {agreement.stopped}", err=True)
    shown = agreement.questions[:QUESTIONS_SHOWN]
    if shown:
        click.echo(
            "no case decides these; candidates that passed answer differently, and no answer is known to be right:"
        )
    for one in shown:
        first, *answers = question_text(one, spec)
        cited = f"  [{', '.join(one.clauses)}]" if one.clauses else ""
        click.echo(f"  - {first}{cited}")
        for line in answers:
            click.echo(f"      {line}")
    if len(agreement.questions) > len(shown):
        click.echo(f"  … and {len(agreement.questions) - len(shown)} more in the report")
    if shown:
        click.echo("  next: write the right answer as a case into the spec, and compile again")


def attempts_json(attempts: Sequence[Any]) -> list[dict[str, Any]]:
    """Every attempt with all its findings."""
    made: Sequence[Attempt] = attempts
    return [{**one.to_json(), "verdicts": [verdict.to_json() for verdict in one.verdicts]} for one in made]


def compiled_json(compiled: Compiled) -> dict[str, Any]:
    """A compile or check as one JSON object."""
    return {
        "passed": compiled.passed,
        "artifact": None if compiled.path is None else str(compiled.path),
        "digest": compiled.digest,
        "since": compiled.since.evidence,
        "usage": compiled.usage.to_json(),
        "cost_usd": None if compiled.cost is None else format(compiled.cost, "f"),
        "plan": compiled.plan.to_json(),
        "questions": [question.to_json() for question in compiled.questions],
        "candidates": None if compiled.agreement is None else compiled.agreement.to_json(),
        "prompts": compiled.prompts,
        "attempts": attempts_json(compiled.attempts),
    }


def show_questions(questions: Sequence[Question], as_json: bool) -> None:
    """The questions about a spec, open ones first."""
    if as_json:
        click.echo(json.dumps([question.to_json() for question in questions], indent=2))
        return
    ordered = sorted(questions, key=lambda question: question.answer is not None)
    for question in ordered:
        clause = f" [{question.clause}]" if question.clause else ""
        click.echo(f"{question.id}{clause}\n  {question.text}")
        if question.answer is None:
            click.echo(f"  reading in force: {question.reading}")
        else:
            click.echo(f"  answered: {question.answer}")
    left = sum(question.answer is None for question in questions)
    click.echo(f"\n{left} open, {len(questions) - left} answered" if questions else "no open question found")

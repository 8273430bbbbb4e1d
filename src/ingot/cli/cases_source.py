"""What `ingot cases` is asked about: an artifact, a spec with code, a spec of tables, or a spec alone."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ingot.errors import ArtifactError, SpecError

if TYPE_CHECKING:
    from ingot.program import Observation, Program
    from ingot.spec import Spec


@dataclass(frozen=True, slots=True)
class Source:
    """The spec, and the accepted program where there is one."""

    spec: Spec
    program: Program | None


def source_of(path: Path, code: Path | None, keys: Sequence[Path]) -> Source:
    """Read what is at `path`: an artifact is verified first, code has to pass the stages (weak cases are no reason to
    refuse it here). Raises ArtifactError, SpecError, StageError."""
    if path.is_dir():
        if code is not None:
            raise SpecError(
                "an artifact brings its own code", place=str(path), hint="leave out --code, or name the spec"
            )
        return _artifact(path, keys)
    from ingot.compile.assemble import assemble, signatures
    from ingot.compile.plan import make_plan
    from ingot.spec import load_spec
    from ingot.tables.compiled import check_tables, write_tables

    spec = load_spec(path)
    plan = make_plan(spec)
    if code is not None:
        text = _text(code)
    elif spec.functions and all(step.is_table for step in spec.functions):
        check_tables(spec)
        text = write_tables(spec, signatures(spec))
    else:
        return Source(spec, None)
    program = assemble(spec, text, plan.template, plan.blocks)
    _refuse_unaccepted(program, code or path)
    return Source(spec, program)


def _artifact(path: Path, keys: Sequence[Path]) -> Source:
    from ingot.artifact.sign import trusted_keys
    from ingot.artifact.verify import verify
    from ingot.compile.rerun import program_of

    verified = verify(path, trusted_keys(keys))
    program = program_of(verified)
    if program.text.encode() != verified.files["program.py"]:
        raise ArtifactError(
            "the spec and logic.py do not assemble to this program.py",
            place=str(path / "program.py"),
            hint="it was made by another version of ingot; compile again",
        )
    return Source(program.spec, program)


def _text(code: Path) -> str:
    try:
        return code.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"cannot read the code: {error}", place=str(code)) from None


def _refuse_unaccepted(program: Program, place: Path) -> None:
    """Suggestions are about a program that passes but for what they mend: weak cases, and branches that no case takes."""
    from dataclasses import replace

    from ingot.stages.check import run_stages
    from ingot.stages.weak_cases import WEAK_CASES

    thresholds = program.spec.thresholds.model_copy(update={"branch_coverage": 0.0})
    lenient = program.spec.model_copy(update={"thresholds": thresholds})
    errors = [
        finding
        for verdict in run_stages(replace(program, spec=lenient))
        for finding in verdict.findings
        if finding.severity == "error" and finding.code != WEAK_CASES
    ]
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise SpecError(
            f"the code is not accepted: {errors[0]}{more}", place=str(place), hint="see all of it with 'ingot check'"
        )


# ---- words -----------------------------------------------------------------------------------------------------------


def candidate_says(answer: Observation, lines: Iterable[int], clauses: Iterable[str]) -> str:
    """The candidate's answer as a comment: never as truth."""
    from ingot.cases.draft import flow

    output = answer.output or {}
    said = ", ".join(flow(value) if len(output) == 1 else f"{name}={flow(value)}" for name, value in output.items())
    if answer.error is not None:
        said = f"nothing, it raises {answer.error}"
    if answer.review is not None:
        said = f"{said} and a person decides" if said else "nothing, a person decides"
        said += f" ({answer.review[1]})"
    where = ", ".join([*clauses, *(f"logic.py:{line}" for line in lines)])
    return f"the candidate answers: {said}{f' ({where})' if where else ''}; not the truth: decide yourself"


class Bar:
    """A progress bar on standard error, from the third second on; nothing before, and nothing where `quiet`."""

    SOON = 2.0

    def __init__(self, label: str, *, quiet: bool = False) -> None:
        self._label, self._quiet = label, quiet
        self._started = time.monotonic()
        self._shown: Any = None
        self._task: Any = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._shown is not None:
            self._shown.stop()

    def update(self, done: int, of: int) -> None:
        """How much is done, and of how much."""
        if self._quiet or time.monotonic() - self._started < self.SOON:
            return
        if self._shown is None:
            from rich.console import Console
            from rich.progress import Progress

            self._shown = Progress(console=Console(stderr=True), transient=True)
            self._shown.start()
            self._task = self._shown.add_task(self._label, total=of)
        self._shown.update(self._task, completed=done, total=of)

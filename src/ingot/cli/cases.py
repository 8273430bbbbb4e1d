"""`ingot cases`: suggest, add and import."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ingot.errors import InputError

if TYPE_CHECKING:
    from ingot.cases.draft import Draft
    from ingot.cli.cases_source import Source
    from ingot.proof.suggest import Suggested
    from ingot.proof.traffic import Record, Taken
    from ingot.spec import Spec
    from ingot.stages.suggested_values import Named

CODE = click.option("--code", type=click.Path(path_type=Path), help="The functions, as a Python file.")
OUT = click.option("--out", type=click.Path(path_type=Path), help="The YAML file to write. [default: standard output]")
KEYS = click.option("--key", "keys", multiple=True, type=click.Path(path_type=Path), help="A trusted public key file.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of YAML.")
LEFT_SHOWN = 12
_FILL_IN = (
    "Write the right answer into every empty output; a candidate's answer is what it does, not what is right.",
    "A case that you do not want: delete it. Then: ingot cases add SPEC FILE",
)


@click.group("cases")
def cases_command() -> None:
    """Cases that say more: suggested by what the present ones do not tell, answered by a person."""


@cases_command.command("suggest")
@click.argument("source", metavar="SPEC|ARTIFACT", type=click.Path(path_type=Path, exists=True))
@CODE
@OUT
@click.option("--most", type=click.IntRange(1), help="At most so many, those first that tell most.")
@AS_JSON
@KEYS
def suggest_command(
    source: Path, code: Path | None, out: Path | None, most: int | None, as_json: bool, keys: tuple[Path, ...]
) -> None:
    """Suggest inputs whose answers no case of SPEC or ARTIFACT tells, as YAML with the outputs left empty.

    \b
    ingot cases suggest spec.yaml --code logic.py --out new.yaml
    ingot cases suggest artifacts/permit-0.1.0-... --most 5
    ingot cases suggest spec.yaml                      (no candidate: the values that the spec itself names)
    """
    from ingot.cases.draft import draft_text
    from ingot.cli.cases_source import Bar, source_of
    from ingot.stages.execution import warm_sandbox
    from ingot.stages.suggested import suggest_cases
    from ingot.stages.suggested_named import named_beside
    from ingot.stages.suggested_values import named_values

    if as_json and out is not None:
        raise click.UsageError("--json is printed and --out writes a draft for a person: give one of them")
    _refuse_answers(out)
    read = source_of(source, code, keys)
    if read.program is None:
        named = named_values(read.spec)
        drafts, told = _named_drafts(read.spec, named[:most]), _named_json(named[:most])
        summary = [
            "no candidate: these are the values that the spec names; with --code or an artifact, what its cases do not tell",
            _counted(len(drafts), len(named)),
        ]
    else:
        with Bar("looking for inputs", quiet=as_json) as bar:
            found = suggest_cases(read.program, progress=bar.update)
        drafts, told = _drafts(read.spec, found, most), _found_json(found, most)
        named = named_beside(read.program, [one.trial for one in found.suggestions], warm_sandbox())
        named = named[: None if most is None else most - len(drafts)]
        told["named"] = _named_json(named)["suggestions"]
        counted = _counted(len(drafts), len(found.suggestions))
        beside = f"{len(named)} {'more ' if drafts else ''}with values that the spec names and no case has"
        summary = [*_said(found), *([counted] if drafts or not named else []), *([beside] if named else [])]
        drafts += _named_drafts(read.spec, named, [draft.id for draft in drafts])
    if as_json:
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    elif drafts:
        _write(draft_text(drafts, read.spec, [*_FILL_IN, *summary]), out)
    if not as_json and (out is not None or not drafts):
        for line in summary:
            click.echo(line, err=not drafts)
        if drafts:
            click.echo(_next(source, out))


def _next(source: Path, out: Path | None) -> str:
    """Where the draft is, and the command that takes it, ready to paste."""
    spec = "SPEC" if source.is_dir() else shlex.quote(str(source))
    return f"wrote {out}\nnext: fill in the outputs, then: ingot cases add {spec} {shlex.quote(str(out))}"


def _refuse_answers(out: Path | None) -> None:
    """A draft that is there may hold a person's answers. Raises InputError, before anything is worked out."""
    if out is not None and out.is_file():
        hint = "take it into the spec (ingot cases add), remove it, or choose another name"
        raise InputError(
            "there is a file already; it is left as it is, with the answers in it", place=str(out), hint=hint
        )


def _counted(shown: int, found: int) -> str:
    if not found:
        return "nothing to suggest"
    return f"{shown} suggested case{'s' if shown > 1 else ''}" + (f" of {found}" if shown < found else "")


def _said(found: Suggested) -> list[str]:
    """The cases as they stand, and what no input was found for."""
    same = {one.target.mutant for one in found.left if one.proved}
    killed = len(found.score.killed)
    total = killed + sum(one.mutant not in same for one in found.score.survivors)
    lines = [
        f"the cases tell {killed} of {total} mutants ({f'{killed / total:.2f}' if total else 'unscored'}) and take "
        f"{found.branches - found.uncovered} of {found.branches} branches"
    ]
    proved = [one for one in found.left if one.proved]
    left = [one for one in found.left if not one.proved]
    if proved:
        mutants = sum(one.target.branch is None for one in proved)
        parts = [f"{mutants} mutants proved the same"] if mutants else []
        parts += [f"{len(proved) - mutants} branches proved never taken"] if len(proved) > mutants else []
        lines.append("nothing to ask: " + ", ".join(parts))
    if left:
        lines.append(f"no input found for {len(left)}:")
        lines += [f"  {one}" for one in left[:LEFT_SHOWN]]
        lines += [f"  … and {len(left) - LEFT_SHOWN} more (--json has all)"] if len(left) > LEFT_SHOWN else []
    return lines


def _ids(spec: Spec, changes: list[Mapping[str, Any]], otherwise: str, taken: Sequence[str] = ()) -> list[str]:
    from ingot.cases.draft import case_ids

    return case_ids(changes, [*(case.id for case in spec.cases), *taken], otherwise)


def _drafts(spec: Spec, found: Suggested, most: int | None) -> list[Draft]:
    from ingot.cases.draft import Draft
    from ingot.cli.cases_source import candidate_says
    from ingot.proof.suggest_cover import flat

    some = found.suggestions[:most]
    values = [{".".join(filter(None, axis)): value for axis, value in flat(one.trial).items()} for one in some]
    changes = [{name: own[name] for name in one.changed} for one, own in zip(some, values, strict=True)]
    made = []
    for one, name in zip(some, _ids(spec, list(changes), "suggested"), strict=True):
        why = [
            f"no case tells {target}" if target.branch is None else f"no case takes {target}" for target in one.targets
        ]
        near = [f"as case {one.near!r}, but for {', '.join(one.changed)}"] if one.near else []
        says = candidate_says(one.answer, one.lines, one.clauses)
        made.append(Draft(name, one.trial.input, one.trial.steps, (*why, *one.boundaries, *near), (says,)))
    return made


def _found_json(found: Suggested, most: int | None) -> dict[str, Any]:
    told = found.to_json()
    return {**told, "suggestions": told["suggestions"][:most], "found": len(found.suggestions)}


def _named_drafts(spec: Spec, named: tuple[Named, ...], taken: Sequence[str] = ()) -> list[Draft]:
    from ingot.cases.draft import Draft
    from ingot.proof.suggest_cover import flat

    changes = [{one.changed[1]: flat(one.trial)[one.changed]} for one in named]
    ids = _ids(spec, list(changes), "suggested", taken)
    return [
        Draft(
            name, one.trial.input, one.trial.steps,
            (one.why, *([f"as case {one.near!r}, but for {one.changed[1]}"] if one.near else [])),
        )
        for one, name in zip(named, ids, strict=True)
    ]  # fmt: skip


def _named_json(named: tuple[Named, ...]) -> dict[str, Any]:
    from ingot.fields import to_plain

    rows = [{"input": to_plain(one.trial.input), "steps": to_plain(one.trial.steps), "why": one.why} for one in named]
    return {"candidate": None, "suggestions": rows}


def _write(text: str, out: Path | None) -> None:
    from ingot.artifact.durable import replace_file

    if out is None:
        click.echo(text, nl=False)
    else:
        replace_file(out, text.encode())


# ---- add -------------------------------------------------------------------------------------------------------------


def _share(_: click.Context, __: click.Parameter, value: float | None) -> float:
    return 0.0 if value is None else value


@cases_command.command("add")
@click.argument("spec", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--held-out", "held_out", multiple=True, metavar="ID", help="Hold this case out; may be repeated.")
@click.option(
    "--held-out-share", "share", type=click.FloatRange(0, 1), callback=_share, help="Hold out this part of them."
)
def add_command(spec: Path, file: Path, held_out: tuple[str, ...], share: float) -> None:
    """Take the answered cases of FILE into SPEC, or into the case files it names: all of them, or none.

    \b
    ingot cases add spec.yaml new.yaml
    ingot cases add spec.yaml new.yaml --held-out-share 0.3
    """
    from ingot.cases.add import added
    from ingot.spec import read_beside, read_spec_text

    if held_out and share:
        raise click.UsageError("give --held-out or --held-out-share, not both")
    before = read_spec_text(spec)
    made = added(
        before, str(spec), lambda name: read_beside(spec, name), read_spec_text(file), str(file),
        held_out=held_out, share=share,
    )  # fmt: skip
    for name, text in made.files.items():
        _rewrite(spec.parent / name, text)
    if made.spec_text != before:
        _rewrite(spec, made.spec_text)
    kept_back = sum(case.held_out for case in made.cases)
    where = ", ".join(
        [*(str(spec.parent / name) for name in made.files), *([str(spec)] if made.spec_text != before else [])]
    )
    click.echo(f"added {len(made.cases)} case{'s' if len(made.cases) > 1 else ''} ({kept_back} held out) to {where}")
    click.echo(f"{spec} has {len(made.spec.given)} given and {len(made.spec.held_out)} held-out cases now")


def _rewrite(path: Path, text: str) -> None:
    """Put the text into the file that is there: behind a link, and readable by whom it was readable."""
    from ingot.artifact.durable import replace_file

    file = path.resolve()
    replace_file(file, text.encode(), mode=file.stat().st_mode & 0o777)


# ---- import ----------------------------------------------------------------------------------------------------------


@cases_command.command("import")
@click.argument("source", metavar="SPEC|ARTIFACT", type=click.Path(path_type=Path, exists=True))
@click.argument("traffic", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@CODE
@click.option("--most", default=30, show_default=True, type=click.IntRange(1, 1000), help="At most so many.")
@OUT
@KEYS
def import_command(
    source: Path, traffic: Path, code: Path | None, most: int, out: Path | None, keys: tuple[Path, ...]
) -> None:
    """Draw a small, diverse set of cases from TRAFFIC, JSON Lines of recorded runs.

    A line is an input, or an object with "input" and optionally "steps", "output" (or "outcome", as 'ingot run' prints
    it) and "expected". What was answered then is shown as a comment; "expected" is taken as the answer. A case with text
    of a run is held out, so that no model is shown such text.

    \b
    ingot cases import artifacts/permit-0.1.0-... traffic.jsonl --out drawn.yaml
    ingot cases import spec.yaml traffic.jsonl --code logic.py --most 10
    """
    from ingot.cases.draft import draft_text
    from ingot.cli.cases_source import Bar, source_of
    from ingot.stages.suggested import draw_cases

    _refuse_answers(out)
    read = source_of(source, code, keys)
    with Bar("reading") as bar:
        lines = _Lines(traffic, read.spec, bar.update)
        taken = draw_cases(read.spec, read.program, lines, most)
    lines.report()
    if not taken:
        raise InputError("no line holds an input that is not a case already", place=str(traffic))
    drafts = [_drawn(read, one, name) for one, name in zip(taken, _line_ids(read.spec, taken), strict=True)]
    told = f"{len(taken)} of {lines.good:,} recorded inputs"
    _write(draft_text(drafts, read.spec, [*_FILL_IN, told]), out)
    _warn_of_sensitive(read.spec)
    if out is not None:
        click.echo(f"{told}\n{_next(source, out)}")


def _line_ids(spec: Spec, taken: tuple[Taken, ...]) -> list[str]:
    return _ids(spec, [{"line": one.record.line} for one in taken], "drawn")


def _warn_of_sensitive(spec: Spec) -> None:
    labelled = [field.name for field in spec.inputs if field.sensitive]
    if labelled:
        click.echo(f"warning: recorded values of sensitive fields are in these cases: {', '.join(labelled)}", err=True)


def _drawn(read: Source, one: Taken, name: str) -> Draft:
    from ingot.cases.draft import Draft, flow
    from ingot.cases.run_text import run_texts
    from ingot.cli.cases_source import candidate_says
    from ingot.proof.suggest import deciding_lines
    from ingot.readback.citations import citations
    from ingot.spec import Case

    says = []
    if one.record.recorded is not None:
        shown = ", ".join(f"{key}={flow(value)}" for key, value in one.record.recorded.items())
        says.append(f"recorded then: {shown}; not the truth")
    if one.answer is not None and read.program is not None:
        lines = deciding_lines(read.program, one.lines)
        cited = citations(read.program.logic, read.spec)
        clauses = dict.fromkeys(clause for line in lines for clause in cited.get(line, ()))
        says.append(candidate_says(one.answer, lines, clauses))
    first, *more = one.why
    why = first if not more else f"{first}; and {len(more)} more that no case before it shows"
    trial = one.record.trial
    reasons = (f"line {one.record.line}: {why}",)
    case = Case.model_construct(id=name, input=trial.input, steps=trial.steps, expected=one.record.expected)
    hidden = bool(run_texts(read.spec, case))
    return Draft(name, trial.input, trial.steps, reasons, tuple(says), one.record.expected, held_out=hidden)


class _Lines:
    """The records of a file, read once, line by line; a line that cannot be used is noted and passed over."""

    SHOWN = 8

    def __init__(self, path: Path, spec: Spec, progress: Callable[[int, int], object]) -> None:
        self._path, self._spec, self._progress = path, spec, progress
        self.good = 0
        self._bad = 0
        self._said: list[str] = []

    def __iter__(self) -> Iterator[Record]:
        from ingot.proof.traffic import record_of
        from ingot.runtime.lines import read_row

        size, read = self._path.stat().st_size, 0
        with self._path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                read += len(line)
                self._progress(read, size)
                if not line.strip():
                    continue
                try:
                    yield record_of(read_row(line.decode("utf-8-sig")), number, self._spec)
                    self.good += 1
                except (InputError, UnicodeDecodeError) as error:
                    self._note(number, error.message if isinstance(error, InputError) else "it is not UTF-8")

    def _note(self, number: int, why: str) -> None:
        self._bad += 1
        if len(self._said) < self.SHOWN:
            self._said.append(f"{self._path}:{number}: {why}")

    def report(self) -> None:
        """Tell of the bad lines. Raises InputError where no line was good."""
        for said in self._said:
            click.echo(f"passed over {said}", err=True)
        if self._bad > len(self._said):
            click.echo(f"passed over {self._bad - len(self._said)} more", err=True)
        if not self.good:
            raise InputError(
                "no line of it is a recorded run", place=str(self._path),
                hint='write an input on each line, or {"input": {...}, "output": {...}}',
            )  # fmt: skip

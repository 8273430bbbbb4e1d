"""Contents → files. Pure: the same contents give the same bytes on every machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ingot import __version__
from ingot.artifact.evidence import sarif, sbom
from ingot.artifact.manifest import FORMAT, GIVEN, HELD_OUT, Manifest, ProgramPart
from ingot.artifact.report import report_page
from ingot.artifact.statement import DERIVED, DIFFERENCE, STAGE_ORDER
from ingot.canonical import canonical_json, digest, readable_json
from ingot.errors import ArtifactError
from ingot.program import Program
from ingot.spec import Case, parse_spec
from ingot.verdict import Verdict

AUTHOR_KEYS = frozenset({"kind", "name", "recorded"})
_SAFE_PATH = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]{0,80}/){0,3}[A-Za-z0-9_][A-Za-z0-9_.-]{0,80}")


@dataclass(frozen=True, slots=True)
class Contents:
    """What goes into an artifact.

    `spec_text` is the spec as its author wrote it. `verdicts` are those of the four stages, all passed. `provenance`
    says who wrote the candidate: ``author`` (``kind``: model, given …; ``name``; ``recorded``: whether the completions
    were replayed), and where they apply ``attempts`` (``request`` is a prompt's digest), ``usage``, ``cost_usd`` (text)
    and ``plan``. `questions` is the ledger of open ones. `extra` maps further paths (copies of library files) to bytes.
    `difference` is what changes since a previous version, None where there is none: ``from`` (``name``, ``version``,
    ``digest``), ``sentence``, ``outcomes`` and the paths of the ``texts`` that differ.
    """

    program: Program
    spec_text: str
    verdicts: tuple[Verdict, ...]
    provenance: Mapping[str, Any]
    questions: tuple[Mapping[str, Any], ...] = ()
    extra: Mapping[str, bytes] = field(default_factory=dict)
    difference: Mapping[str, Any] | None = None


def lay_out(contents: Contents) -> tuple[Manifest, dict[str, bytes]]:
    """The manifest, and every file that it lists. Raises ArtifactError for contents that are not whole."""
    contents = replace(contents, questions=_ledger(contents.questions))
    _check(contents)
    program, spec = contents.program, contents.program.spec
    files = {
        "spec.yaml": contents.spec_text.encode(),
        "logic.py": program.logic.encode(),
        "program.py": program.text.encode(),
        GIVEN: _lines(spec.given),
        HELD_OUT: _lines(spec.held_out),
        "evidence/verdicts.json": readable_json([verdict.to_json() for verdict in contents.verdicts]),
        "evidence/findings.sarif": readable_json(sarif(contents.verdicts)),
        "evidence/questions.json": readable_json(contents.questions),
        "evidence/provenance.json": readable_json(contents.provenance),
        "sbom.cdx.json": readable_json(sbom(program)),
        **contents.extra,
    }
    if contents.difference is not None:
        files[DIFFERENCE] = readable_json(contents.difference)
    cases = digest(files[GIVEN] + files[HELD_OUT])
    files["report.html"] = report_page(contents, cases).encode()
    manifest = Manifest(
        format=FORMAT,
        name=spec.metadata.name,
        version=spec.metadata.version,
        ingot=__version__,
        spec=spec.digest(),
        cases=cases,
        program=ProgramPart(
            digest=program.digest,
            logic_offset=program.offset,
            template=program.template,
            blocks=program.blocks,
        ),
        files={path: digest(content) for path, content in sorted(files.items())},
    )
    return manifest, files


def _ledger(questions: tuple[Mapping[str, Any], ...]) -> tuple[Mapping[str, Any], ...]:
    """The questions with places that hold on every machine: ``spec.yaml:3:5`` without the folder it lay in."""
    return tuple(
        {**one, "place": one["place"].rpartition("/")[2]} if isinstance(one.get("place"), str) else one
        for one in questions
    )


def _lines(cases: tuple[Case, ...]) -> bytes:
    return b"".join(canonical_json(case.to_json()) + b"\n" for case in cases)


def _check(contents: Contents) -> None:
    """Contents that would make an artifact that says something else than what was proved."""
    stages = tuple(verdict.stage for verdict in contents.verdicts)
    if stages != STAGE_ORDER or not all(verdict.passed for verdict in contents.verdicts):
        failed = [verdict.stage for verdict in contents.verdicts if not verdict.passed]
        raise ArtifactError(
            f"no artifact without four passed stages: ran {stages!r}, not passed {failed!r}",
            hint="run ingot check and repair the candidate",
        )
    author = contents.provenance.get("author")
    if not isinstance(author, Mapping) or not set(author) >= AUTHOR_KEYS:
        raise ArtifactError("the provenance does not say who wrote the candidate: author needs kind, name, recorded")
    for path in contents.extra:
        if not _SAFE_PATH.fullmatch(path) or path in DERIVED or path in ("spec.yaml", GIVEN, HELD_OUT):
            raise ArtifactError(f"{path!r} cannot be the path of an extra file", hint="use a path like modules/http.py")
    spec = contents.program.spec
    rows = [case.to_json() for case in (*spec.given, *spec.held_out)]
    read = parse_spec(contents.spec_text, "spec.yaml", cases=rows)
    if read.digest() != spec.digest() or [case.to_json() for case in read.cases] != rows:
        raise ArtifactError(
            "the spec's text is not the spec that the program was assembled from",
            place="spec.yaml",
            hint="the file changed during the compile; compile again",
        )

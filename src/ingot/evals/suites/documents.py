"""Document extraction: a task for each field of a document set, compiled on some documents and scored on others.

    load_tv(DIR) · load_tv_turns(DIR) · load_sroie(DIR) · load_rows(FILE, fields)  ─▶  Suite

What a program is made from (descriptions, excerpts of given documents, the given cases themselves) never holds a scored
document. See `documents_split` for how documents are parted and `documents_spec` for what is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ingot.errors import InputError
from ingot.evals import scorers
from ingot.evals.suite import Item, Scores, Suite, Task, check_apart
from ingot.evals.suites.documents_once import once_file, once_text
from ingot.evals.suites.documents_rows import Document, DocumentField, documents
from ingot.evals.suites.documents_seen import places_of
from ingot.evals.suites.documents_sets import REACH, SROIE, SROIE_REACH, TV, TV_REACH, references
from ingot.evals.suites.documents_spec import DocumentSet, Match, case_files, places, plain_text, spec_text
from ingot.evals.suites.documents_split import TURNS, Parts, apart, at_random, by_template

SCORED = {
    "exact": "exact match, blanks at the ends aside; line items by whether all cells are right",
    "normalised": "the same letters and digits, amounts as numbers; line items by whether all cells are right",
}


def load_tv(
    path: Path, match: Match = "exact", turn: int = 0, about: Mapping[str, str] | None = None, turns: int = TURNS
) -> Suite:
    """TV advertising invoices: scored ones are of templates that no case has. `turn`: which of so many `turns` (`by_template`);
    `about`: what fields are, in other words than the set's. Raises InputError."""
    return _tv(documents(path, TV.fields), match, turn, about or {}, turns)


def load_tv_turns(
    path: Path, match: Match = "exact", about: Sequence[Mapping[str, str]] = (), turns: int = TURNS
) -> Suite:
    """All turns in one suite, a task for each field of each turn: every document is scored once, by the programs of the turn
    that has not seen its template. `about`: none, one for all turns, or one for each. Raises InputError."""
    if len(about) not in (0, 1, turns):
        raise InputError(
            f"what the fields are is given {len(about)} times", hint=f"once, or once for each of {turns} turns"
        )
    told = about if len(about) == turns else [about[0] if about else {}] * turns
    found = documents(path, TV.fields)
    suites = [_tv(found, match, turn, one, turns) for turn, one in enumerate(told)]
    tasks = [replace(task, id=f"{task.id}-turn-{turn}") for turn, suite in enumerate(suites) for task in suite.tasks]
    origin = "; ".join(f"turn {turn}: {suite.origin}" for turn, suite in enumerate(suites))
    name = _name(replace(TV, match=match), "turns" if turns == TURNS else f"{turns} turns")
    return replace(suites[0], name=name, tasks=tuple(tasks), origin=origin)


def _tv(found: Sequence[Document], match: Match, turn: int, about: Mapping[str, str], turns: int) -> Suite:
    kind = _told(TV, about, match)
    part = f"turn {turn} of {turns}" if turns != TURNS else f"turn {turn}" if turn else ""
    return suite_of(kind, by_template(found, turn, turns), TV_REACH, part)


def load_sroie(
    path: Path, given: int = 12, held_out: int = 100, match: Match = "exact", about: Mapping[str, str] | None = None
) -> Suite:
    """Scanned receipts: `given` shown, `held_out` to calibrate on, the rest scored. Raises InputError."""
    kind = _told(SROIE, about or {}, match)
    return suite_of(kind, at_random(documents(path, kind.fields), given, held_out), SROIE_REACH)


def _told(kind: DocumentSet, about: Mapping[str, str], match: Match) -> DocumentSet:
    """The set with these meanings in place of its own. Raises InputError for a field that it does not have."""
    names = [one.name for one in kind.fields]
    if unknown := sorted(set(about) - set(names)):
        raise InputError(f"{kind.title} have no field {unknown[0]!r}", hint=f"the fields are {', '.join(names)}")
    fields = tuple(replace(one, about=about.get(one.name, one.about)) for one in kind.fields)
    return replace(kind, fields=fields, match=match)


def load_rows(
    path: Path,
    fields: Sequence[DocumentField],
    *,
    given: int,
    held_out: int,
    unseen: bool = False,
    match: Match = "exact",
) -> Suite:
    """Any documents as JSON Lines (`documents_rows.documents`), parted at random, or by template where `unseen`."""
    found = documents(path, fields)
    kind = DocumentSet("rows", path.stem, "a business document", tuple(fields), match=match)
    return suite_of(kind, by_template(found) if unseen else at_random(found, given, held_out), {})


def suite_of(kind: DocumentSet, parts: Parts, reach: Mapping[str, float], part: str = "") -> Suite:
    """A task for each field; `part` is added to the name. Near-equal documents of two parts stay in the one that learns of them."""
    parts = apart(parts)
    if not parts.scored:
        raise InputError("no document is left to score", hint="give more documents, or make fewer of them cases")
    tasks = tuple(_task(kind, one, parts, _asked(one, parts, reach.get(one.name, REACH))) for one in kind.fields)
    counts = f"{len(parts.given)} given, {len(parts.held_out)} held out, {len(parts.scored)} scored documents"
    return check_apart(
        Suite(
            _name(kind, part), f"Documents: {kind.title}", "unseen", tasks, SCORED[kind.match], f"{counts}; {parts.said}", references(kind),
        )
    )  # fmt: skip


def _asked(field: DocumentField, parts: Parts, reach: float) -> float:
    """The share of given documents that gates ask for: `reach` of those whose label stands in their text, or that have none. No
    copy can give another label, and a gate that asked for it would refuse programs for the labels' sake."""
    if field.columns is not None or not parts.given:
        return reach
    values = [(one.text, one.expected[field.name]) for one in parts.given]
    return round(reach * sum(not value or bool(places_of(text, value)) for text, value in values) / len(values), 3)


def _name(kind: DocumentSet, part: str) -> str:
    match = "" if kind.match == "exact" else kind.match
    return "-".join(["documents", kind.name, *filter(None, (match, part.replace(" ", "-")))])


def _task(kind: DocumentSet, field: DocumentField, parts: Parts, reach: float) -> Task:
    items = tuple(
        Item(one.id, {"text": one.text}, {field.name: one.expected[field.name]}, group=one.source or one.id)
        for one in parts.scored
    )
    others = {name: partial(_scored, field, measure) for name, measure in measures(kind, field).items()}
    right = partial(_scored, field, _right(kind, field))
    seen = places(field, parts.given)
    return Task(
        field.name,
        spec_text(kind, field, parts.given, reach, seen),
        items,
        right,
        (field.name,),
        others=others,
        files={**case_files(field, parts), **once_file(field, parts)},
        plain_text=plain_text(kind, field, seen),
        once_text=once_text(kind, field, parts.given, seen),
    )


def measures(kind: DocumentSet, field: DocumentField) -> dict[str, Any]:
    """The further measures of a field by name, beside the one that decides: functions of found and expected."""
    if field.columns is not None:
        f1 = partial(_line_items, field=field, month_first=kind.month_first)
        return {"line items F1": f1}
    by_value = {"normalised": partial(scorers.normalised, kind=field.kind, month_first=kind.month_first)}
    exactly = {"exact": scorers.exact}
    return {**(by_value if kind.match == "exact" else exactly), "same text": scorers.same_text, "ANLS": scorers.anls}


def _right(kind: DocumentSet, field: DocumentField) -> Any:
    """What decides whether a field is right: the same as in its spec."""

    if field.columns is not None:
        return lambda found, expected: float(_line_items(found, expected, field, kind.month_first) == 1)
    if kind.match == "exact":
        return scorers.exact
    return partial(scorers.normalised, kind="amount" if field.kind == "amount" else "text")


def _line_items(found: Any, expected: Any, field: DocumentField, month_first: bool) -> float:
    return scorers.line_items(found, expected, field.columns, month_first=month_first).f1


def _scored(field: DocumentField, measure: Any, item: Item, output: Mapping[str, Any]) -> Scores:
    if field.name not in output:
        return {}
    return {field.name: measure(output[field.name], item.expected[field.name])}

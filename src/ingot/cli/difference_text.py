"""A difference between two versions as lines for a terminal."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ingot.fields import to_plain

if TYPE_CHECKING:
    from ingot.proof.difference import Difference
    from ingot.proof.prompts import PromptChange
    from ingot.proof.replay import Replayed
    from ingot.proof.tally import Change, Witness
    from ingot.proof.versions import Ended
    from ingot.runtime.bounded.tuned import Tuned

SHOWN = 20
LONGEST = 160


def difference_lines(found: Difference) -> Iterator[str]:
    """What two versions do not share, then what changes its outcome."""
    for one in found.structure:
        yield f"  {_clipped(str(one))}"
    for prompt in found.prompts:
        yield from prompt_lines(prompt)
    if found.structure or found.prompts:
        yield ""
    yield found.sentence()
    if found.verdict == "differ" and not found.whole:
        yield f"  there may be more: the solver did not see it through ({found.why})"
    for path, bounds in () if found.verdict == "same" else found.assumed.items():  # else the sentence says them
        yield f"  the solver took {path!r} to be {bounds}"
    if found.given:
        yield f"  outputs of {', '.join(map(repr, found.given))} count as inputs: no module, model or person was asked"
    if found.changes:
        yield ""
        yield from change_lines(found.changes, found.tried)


def prompt_lines(one: PromptChange) -> Iterator[str]:
    """Every word of a step's prompt: ``-`` as it was, ``+`` as it is, unmarked what stayed. Nothing is clipped: who approves
    reads all of it."""
    yield f"  prompt of step {one.step!r} {one.change}"
    old, new = ([] if side is None else told_lines(side) for side in (one.old, one.new))
    yield from (f"    {line[:2]}{_shown_line(line[2:])}" for line in difflib.ndiff(old, new) if line[0] != "?")


def told_lines(prompt: Tuned) -> list[str]:
    """The task's words, then each example on a line."""
    return [*prompt.task.splitlines(), *(f"example {material} -> {answer}" for material, answer in prompt.examples)]


def change_lines(changes: Iterable[Change], tried: int) -> Iterator[str]:
    """A table by the clause that decides in the new version, with one input each."""
    rows = list(changes)
    label = max(len("clause"), *(len(_short(one.new.label)) for one in rows[:SHOWN]))
    yield f"  {'clause':<{label}}  {'inputs':>14}  decided by"
    for one in rows[:SHOWN]:
        count = f"{one.count:,} of {tried:,}" if one.count else "by the solver"
        yield f"  {_short(one.new.label):<{label}}  {count:>14}  {_place(one.old)} → {_place(one.new)}"
        yield from (f"      {line}" for line in witness_lines(one))
    if len(rows) > SHOWN:
        yield f"  … and {len(rows) - SHOWN} more pairs of deciding lines (--json shows all)"


def _place(place: Any) -> str:
    cited = f" ({', '.join(place.clauses)})" if place.clauses else ""
    return f"{place}{cited}"


def _short(label: str) -> str:
    return label if len(label) <= 40 else label[:39] + "…"


def witness_lines(one: Change) -> Iterator[str]:
    """The input, what became of it before and now, and the lines that say so."""
    seen: Witness = one.witness
    where = f"   {seen.where}" if seen.where else ""
    yield f"input  {_clipped(_pairs(seen.input))}{where}"
    for step, outputs in seen.steps.items():
        yield f"       {step} gave {_clipped(_pairs(outputs))}"
    for word, ended, place in (("old", seen.old, one.old), ("new", seen.new, one.new)):
        source = f"   {place.source}" if place.source else ""
        yield f"{word}    {_clipped(ended_text(ended))}{_clipped(source)}"


def ended_text(ended: Ended) -> str:
    """An outcome in one line."""
    output = "" if ended.output is None else _pairs(ended.output)
    match ended.status:
        case "completed":
            return output
        case "needs_review":
            return f"{output or 'no proposal'}, a person decides at {ended.step!r}: {ended.why}"
        case "raises":
            return f"fails: {ended.why}"
    return f"not accepted: {ended.why}"


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_shown(value)}" for name, value in values.items())


def _shown(value: Any) -> str:
    plain = to_plain(value)
    return plain if plain == "***" else json.dumps(plain, ensure_ascii=False)


def _clipped(text: str) -> str:
    text = _shown_line(text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _shown_line(text: str) -> str:
    """One line that a terminal takes: nothing that moves its cursor."""
    return "".join(char if char.isprintable() else " " for char in text)


def replay_lines(found: Replayed) -> Iterator[str]:
    """The sentence, how the old version decided these runs, one run each, and the lines that are no runs."""
    yield f"{found.name}: {found.sentence()}"
    if found.changes:
        before = ", ".join(f"{count:,} by {label}" for label, count in found.by_old_clause().items())
        yield f"  decided in the old version: {before}"
        yield ""
        yield from change_lines(found.changes, found.runs)
    if found.bad_lines:
        yield f"  {found.bad_lines:,} line{'' if found.bad_lines == 1 else 's'} could not be run:"
        yield from (f"    {found.name}:{number}: {_clipped(why)}" for number, why in found.bad)
    if found.bad_lines > len(found.bad):
        yield f"    … and {found.bad_lines - len(found.bad):,} more"

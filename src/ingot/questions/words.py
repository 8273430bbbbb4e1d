"""Questions about prose: boundaries, rounding, vague terms, and words that need a clock."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from ingot.fields import Field
from ingot.questions.fields import step_text
from ingot.questions.question import Question, ask
from ingot.spec import Spec, Step


@dataclass(frozen=True, slots=True)
class Passage:
    """A clause, or a step's own text. `name` is the clause's id or the step's name and goes into question ids."""

    name: str
    clause: str | None
    step: str | None
    text: str


def word_questions(spec: Spec) -> Iterator[Question]:
    """Questions about the wording of the clauses and steps."""
    passages = tuple(_passages(spec))
    yield from _boundaries(passages, spec)
    yield from _rounding(spec)
    yield from _vague(passages, spec)
    yield from _clock(passages, spec)


def _passages(spec: Spec) -> Iterator[Passage]:
    texts: set[str] = set()
    for clause in spec.clauses:
        citing = next((step.step for step in spec.logic_requirements if clause.id in step.clauses), None)
        texts.add(clause.text.strip())
        yield Passage(clause.id, clause.id, citing, " ".join(clause.text.split()))
    for step in spec.logic_requirements:
        left = [line.strip() for line in step.text.splitlines() if line.strip() and line.strip() not in texts]
        if left:
            yield Passage(step.step, None, step.step, " ".join(left))


# ---- boundaries --------------------------------------------------------------------------------------------------

_NUMBER = r"([$€£]?\d+(?:,\d{3})*(?:\.\d+)?%?|\d{4}-\d{2}-\d{2})(?![\w.-]*\d)"
_UNIT = r"(?:\s*[a-zA-Z%]+)?"
_CLEAR: tuple[tuple[str, str], ...] = (
    (rf"\b(?:at least|minimum of|no less than|not less than|no fewer than|from|>=|≥)\s*{_NUMBER}", "ge"),
    (rf"{_NUMBER}{_UNIT}\s+(?:or|and) (?:more|above|over|older|greater|higher|later|up|longer|heavier)", "ge"),
    (rf"(?:\b(?:more|greater|higher|longer|older|heavier|later) than|\bexceed(?:s|ing)?|\bin excess of|>)\s*{_NUMBER}", "gt"),
    (rf"(?:\b(?:at most|no more than|not more than|maximum of|not (?:to )?exceed(?:ing)?|no later than)|<=|≤)\s*{_NUMBER}", "le"),
    (rf"{_NUMBER}{_UNIT}\s+(?:or|and) (?:less|fewer|below|under|younger|lower|earlier|shorter|lighter)", "le"),
    (rf"(?:\b(?:less|fewer|lower|younger|shorter|lighter|earlier) than|<)\s*{_NUMBER}", "lt"),
)  # fmt: skip
_UNCLEAR: tuple[tuple[str, str, str], ...] = (
    (rf"\b(?:over|above|beyond)\s+(?:the age of\s+)?{_NUMBER}", "gt", "strictly more than {0}: {0} itself does not count"),
    (rf"\b(?:under|below)\s+(?:the age of\s+)?{_NUMBER}", "lt", "strictly less than {0}: {0} itself does not count"),
    (rf"\bup to\s+(?:and including\s+)?{_NUMBER}", "le", "{0} itself counts"),
    (rf"\bwithin\s+{_NUMBER}", "le", "{0} itself counts"),
    (r"\b(?:until|by)\s+(\d{4}-\d{2}-\d{2})", "le", "{0} itself counts"),
    (r"\bafter\s+(\d{4}-\d{2}-\d{2})", "gt", "{0} itself does not count"),
    (r"\bbefore\s+(\d{4}-\d{2}-\d{2})", "lt", "{0} itself does not count"),
)  # fmt: skip
_SPAN = re.compile(rf"\b(?:between\s+{_NUMBER}{_UNIT}\s+and|from\s+{_NUMBER}{_UNIT}\s+to)\s+{_NUMBER}", re.IGNORECASE)
_SETTLED = re.compile(r"(?i)\b(inclusive|exclusive|including|excluding|both ends)\b")
_COMPLEMENT = {"gt": "le", "le": "gt", "lt": "ge", "ge": "lt"}


def _boundaries(passages: tuple[Passage, ...], spec: Spec) -> Iterator[Question]:
    """Thresholds in prose that do not say which side the number itself is on, nor does another place or a case."""
    clear = {(_bare(number), side) for passage in passages for number, side in _clear(passage.text)}
    soft = {
        (_bare(match[1]), side) for p in passages for pattern, side, _ in _UNCLEAR for match in _all(pattern, p.text)
    }
    numbers = {number for number, _ in clear} | {number for number, side in soft if (number, _COMPLEMENT[side]) in soft}
    numbers |= _in_cases(spec)
    for passage in passages:
        if _SETTLED.search(passage.text):
            continue
        for match in _SPAN.finditer(passage.text):
            low, high = (match[1] or match[2]), match[3]
            if not {_bare(low), _bare(high)} <= numbers:
                text = f"{match[0]!r}: do {low} and {high} themselves count?"
                yield _boundary(passage, f"{_bare(low)}-{_bare(high)}", text, "both ends count")
        for pattern, _, reading in _UNCLEAR:
            for match in _all(pattern, passage.text):
                if _bare(match[1]) not in numbers:
                    text = f"{match[0]!r}: on which side is {match[1]} itself?"
                    yield _boundary(passage, _bare(match[1]), text, reading.format(match[1]))


def _boundary(passage: Passage, number: str, text: str, reading: str) -> Question:
    return ask(f"boundary:{passage.name}:{number}", text, reading, clause=passage.clause, step=passage.step)


def _all(pattern: str, text: str) -> Iterator[re.Match[str]]:
    return re.finditer(pattern, text, re.IGNORECASE)


def _clear(text: str) -> Iterator[tuple[str, str]]:
    for pattern, side in _CLEAR:
        for match in _all(pattern, text):
            if not _SPAN.match(text, match.start()):  # 'from 10 to 20' is a span
                yield match[1], side


def _bare(number: str) -> str:
    return number.strip("$€£%").replace(",", "")


def _in_cases(spec: Spec) -> set[str]:
    """Numbers and dates that stand in the input of a case as they are: such a case settles the boundary."""
    found: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)
        elif value is not None and not isinstance(value, bool | str):
            found.add(_plain_number(value))

    for case in spec.cases:
        walk(dict(case.input))
        walk({name: dict(outputs) for name, outputs in case.steps.items()})
    return found


def _plain_number(value: Any) -> str:
    try:
        return format(Decimal(str(value)).normalize(), "f")
    except InvalidOperation:
        return str(value)


# ---- rounding ----------------------------------------------------------------------------------------------------

_FRACTIONS = re.compile(
    r"(?i)\bper ?cent\b|\bpercentage\b|\d\s?%|\bdivid(?:e|es|ed|ing)\b|\baverage\b|\bmean of\b|\bpro[- ]?rat(?:a|ed)\b|"
    r"\brate\b|\bratio\b|\bhalf of\b|\bthird of\b|\binterest\b|\w+_\w+\s*/\s*\w+|\w+\s*/\s*\w+_\w+"
)
_ROUNDED = re.compile(
    r"(?i)\bround|\bnearest\b|\btruncat|\bfloor\b|\bceiling\b|\bwhole (?:cent|dollar|euro|number|unit)|"
    r"\bdecimal places?\b|\bhalf[- ](?:up|even|down)\b|\bexact(?:ly)? to\b|\bunrounded\b|\bfractions? (?:is|are) dropped\b"
)


def _rounding(spec: Spec) -> Iterator[Question]:
    for step in spec.functions:
        text = step_text(step, spec)
        if _ROUNDED.search(text):
            continue
        match = _FRACTIONS.search(text)
        for field in step.outputs if match else ():
            if field.type in ("decimal", "float", "integer") and match:
                yield _round(field, step, match[0], spec)


def _round(field: Field, step: Step, word: str, spec: Spec) -> Question:
    places = field.places if field.places is not None else 2 if field.is_money else None
    if field.type == "integer":
        reading = "rounded half up to a whole number, once, at the end"
    elif places is None:
        reading = "not rounded"
    else:
        reading = f"rounded half up to {places} decimal places, once, at the end"
    clause = next((c.id for c in spec.clauses if c.id in step.clauses and _FRACTIONS.search(c.text)), None)
    text = f"{step.step!r} computes {field.name} with {word.strip()!r} and does not say how it is rounded"
    return ask(f"rounding:{field.name}", text, reading, clause=clause, step=step.step)


# ---- vague terms -------------------------------------------------------------------------------------------------

_VAGUE = re.compile(
    r"(?i)\b(reasonabl[ey]|recent(?:ly)?|approximately|roughly|timely|promptly|as soon as possible|as appropriate|"
    r"where appropriate|if appropriate|medically necessary|significant(?:ly)?|substantial(?:ly)?|adequate(?:ly)?|"
    r"sufficient(?:ly)?|excessive(?:ly)?|unusual(?:ly)?|normally|usually|typically|generally|as needed|if needed|"
    r"as necessary|good cause|and so on|etc)\b"
)
_TERM = re.compile(r"[\"“]([A-Z][\w-]*(?: [\w-]+)+)[\"”]")


def _vague(passages: tuple[Passage, ...], spec: Spec) -> Iterator[Question]:
    everything = " ".join(passage.text for passage in passages)
    values = {value for field in spec.known_fields().values() for value in field.values}
    for passage in passages:
        for match in (*_VAGUE.finditer(passage.text), *_TERM.finditer(passage.text)):
            term = match[1]
            if term in values or _is_defined(term, everything):
                continue
            yield ask(
                f"term:{passage.name}:{term.lower().replace(' ', '_')}",
                f"{term!r} is not defined, and code cannot weigh it",
                "it adds no condition of its own: only what the fields and numbers say counts",
                clause=passage.clause,
                step=passage.step,
            )


def _is_defined(term: str, text: str) -> bool:
    name = re.escape(term)
    defined = rf"[\"'“‘]?{name}[\"'”’]?\s+(?:means|is defined as|refers to|here is|=)|\bcall(?:ed|s)?\s+[\"'“‘]?{name}"
    return re.search(defined, text, re.IGNORECASE) is not None


# ---- the clock ---------------------------------------------------------------------------------------------------

_NOW = re.compile(
    r"(?i)\b(today(?:'s)?|now|as of the run|(?:the )?current (?:date|time|day|month|year)|"
    r"(?:within|in|during|over|for) the (?:last|past|previous|preceding)\b|\b(?:last|past) \d+ (?:days|weeks|months|years)|"
    r"(?:days|weeks|months|years) ago|(?:days|months) old)\b"
)


def _clock(passages: tuple[Passage, ...], spec: Spec) -> Iterator[Question]:
    """Words that need to know what day it is, in a step that reads no date."""
    known = spec.known_fields()
    for passage in passages:
        match = _NOW.search(passage.text)
        steps = [step for step in spec.functions if passage.step in (None, step.step)]
        read = {known[name].type for step in steps for name in step.inputs}
        if match and steps and not read & {"date", "datetime"}:
            yield ask(
                f"clock:{passage.name}",
                f"{match[0]!r} needs to know the date, and no date is among the inputs; rules may not read the clock",
                "the rule cannot tell: add an input such as 'as_of: date'",
                clause=passage.clause,
                step=passage.step,
            )

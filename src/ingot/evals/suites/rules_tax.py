"""RuleArena's federal income tax as a task: the published forms as clauses, a function a form, one amount.

A folder holds ``spec_forms.md`` and a ``*.jsonl`` of rows with ``id``, ``input`` (the taxpayer, and under ``data`` the amounts
that the forms name as ``$name``) and ``expected``, the tax owed, negative where it is overpaid. A row's amount becomes a
decimal: null where the row leaves it to be computed, 0 where the form that it belongs to is not attached. Scored within
`TOLERANCE` dollars.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingot.errors import InputError
from ingot.evals.scoring import by_spec
from ingot.evals.suite import Item, Task, split
from ingot.evals.suites.rules_prose import (
    GIVEN,
    HELD_OUT,
    Section,
    clauses,
    read_prose,
    rows_of,
    sections,
    spec_text,
    under,
)
from ingot.spec import parse_spec

SEED = 1
TOLERANCE = "0.01"
LARGEST = 100_000_000
FILLED_IN = "P3"
"""The clause that shows the one form which a row has as text."""

STATUSES = (
    "single", "married filing jointly", "married filing separately", "head of household", "qualifying surviving spouse",
)  # fmt: skip
_LEFT_OPEN = frozenset({"[__]", "$TBD"})
_NAMED = re.compile(r"\$([a-z][a-z0-9_]*)")


@dataclass(frozen=True, slots=True)
class Form:
    """A step: the headings of its forms, what it reads beside the inputs that they name, what it sets, in which words."""

    step: str
    headings: tuple[str, ...]
    also: tuple[str, ...]
    sets: Mapping[str, str]
    intent: str


FORMS: Sequence[Form] = (
    Form(
        "schedule_c", (r"^Schedule C ",), ("self_employed",), {"business_profit": "line 31"},
        "Schedule C; 0 for who is not self-employed.",
    ),
    Form(
        "schedule_se", (r"^Schedule SE ",), ("self_employed", "business_profit"),
        {"self_employment_tax": "line 12", "half_of_self_employment_tax": "line 13"},
        "Schedule SE; 0 for who is not self-employed.",
    ),
    Form(
        "schedule_1", (r"^Schedule 1 ",), ("business_profit", "half_of_self_employment_tax"),
        {"additional_income": "line 10", "adjustments": "line 26"}, "Schedule 1.",
    ),
    Form(
        "adjusted_gross_income", (r"^Form 1040: .* > Income$",), ("additional_income", "adjustments"),
        {"wages": "line 1z", "agi": "line 11"}, "Form 1040, lines 1 to 11.",
    ),
    Form(
        "schedule_a", (r"^Schedule A ",), ("itemized", "filing_status", "agi"), {"itemized_deductions": "line 17"},
        "Schedule A; 0 for who does not itemize.",
    ),
    Form(
        "taxable_income", (r"Instruction for Line 12",),
        ("filing_status", "itemized", "age", "spouse_age", "blind", "spouse_blind", "agi", "itemized_deductions"),
        {"taxable": "line 15"}, "Form 1040, lines 12 to 15. The ages are those on January 2, 2024.",
    ),
    Form(
        "tax_on_income", (r"Tax and Credits",), ("filing_status", "qualified_dividends", "taxable"), {"tax": "line 16"},
        "Form 1040, line 16.",
    ),
    Form(
        "schedule_2", (r"^Schedule 2 ",), ("self_employment_tax",), {"added_tax": "line 3", "other_taxes": "line 21"},
        "Schedule 2.",
    ),
    Form(
        "form_8863", (r"^Form 8863",),
        (
            "has_student_loans_or_education_expenses", "age", "filing_status", "agi", "tax", "added_tax", "foreign_tax_credit",
            "dependent_care", "elderly_disabled_credits", "num_students", "f8863_part_iii",
        ),
        {"refundable_opportunity": "line 8", "nonrefundable_education": "line 19"},
        "Form 8863; 0 and 0 without education expenses. f8863_part_iii is Part III as text, once for each student, with its "
        "answers filled in.",
    ),
    Form(
        "schedule_3", (r"^Part I: Nonrefundable Credits",), ("nonrefundable_education",), {"nonrefundable_credits": "line 8"},
        "Schedule 3.",
    ),
    Form(
        "schedule_8812", (r"^Schedule 8812", r"^Part II-[BC]"),
        (
            "child_and_dependent", "filing_status", "num_qualifying_children", "num_other_dependents", "agi", "wages", "tax",
            "added_tax", "business_profit", "half_of_self_employment_tax", "self_employed", "nontaxable_combat_pay",
            "earned_income_credit", "foreign_tax_credit", "dependent_care", "nonrefundable_education", "retirement_savings",
            "elderly_disabled_credits",
        ),
        {"child_credit": "line 14", "added_child_credit": "line 27"},
        "Schedule 8812; 0 and 0 for who claims neither children nor dependents.",
    ),
    Form(
        "amount_owed", (r"> continued$", r"Payments$", r"Amount You Owe"),
        (
            "tax", "added_tax", "other_taxes", "child_credit", "added_child_credit", "nonrefundable_credits",
            "refundable_opportunity",
        ),
        {"tax_owed": "line 37, negative where it is overpaid"},
        "Form 1040, lines 16 to 37.",
    ),
)  # fmt: skip


def tax_task(folder: Path, given: int = GIVEN, held_out: int = HELD_OUT) -> Task:
    """The task of a folder, rows split with a fixed seed. Raises InputError."""
    rows, found = list(rows_of(folder)), sections(read_prose(folder))
    for row, place in rows:
        if not isinstance(row["input"].get("data"), Mapping):
            raise InputError("the input of a row has no amounts under 'data'", place=place)
    cases = [place for part in split(rows, given, held_out, seed=SEED)[:2] for _, place in part]
    every = _fields(rows, cases)
    steps = [_step(form, found, every) for form in FORMS]
    read = {name for step in steps for name in step["inputs"]}
    fields = {name: about for name, about in every.items() if name in read}  # what no form asks for is left out
    items = [_item(row, fields, place) for row, place in rows]
    shown, held, rest = split(items, given, held_out, seed=SEED)
    parts = _parts(found, fields, steps)
    parts["clauses"] |= _filled_in(shown)
    text = spec_text(_with_example(parts), shown, held)
    return Task("tax", text, tuple(rest), by_spec(parse_spec(text, "tax.yaml")), ("tax_owed",))


# ---- what a row is -----------------------------------------------------------------------------------------------

_AGE, _PEOPLE = {"type": "integer", "range": [0, 130]}, {"type": "integer", "range": [0, 30]}
_TAXPAYER: Mapping[str, Any] = {
    "filing_status": {"type": "enum", "values": list(STATUSES)},
    "itemized": "boolean",
    "self_employed": "boolean",
    "has_student_loans_or_education_expenses": "boolean",
    "child_and_dependent": "boolean",
    "age": _AGE,
    "spouse_age": _AGE,
    "blind": "boolean",
    "spouse_blind": "boolean",
    "num_qualifying_children": _PEOPLE,
    "num_other_dependents": _PEOPLE,
}
_COUNTS = {"num_students": _PEOPLE}
_TEXTS = {"f8863_part_iii": {"type": "text", "max_length": 20_000}}


def _fields(rows: Sequence[tuple[Mapping[str, Any], str]], cases: Collection[str]) -> dict[str, Any]:
    """The inputs: the taxpayer's, then every amount that a row has, whose names are the forms'. One that a case leaves open may be
    null; one that only a scored row leaves open is refused as an input there. `cases` are the places of the cases."""
    amounts: dict[str, Any] = {}
    for row, place in rows:
        for name, value in row["input"]["data"].items():
            if name in _COUNTS or name in _TEXTS:
                amounts[name] = {**_COUNTS, **_TEXTS}[name]
                continue
            is_open = (place in cases and value in _LEFT_OPEN) or (
                name in amounts and amounts[name].get("nullable", False)
            )
            amounts[name] = {"type": "decimal", "range": [-LARGEST, LARGEST], **({"nullable": True} if is_open else {})}
    return {**_TAXPAYER, **amounts}


def _item(row: Mapping[str, Any], fields: Mapping[str, Any], place: str) -> Item:
    try:
        known: dict[str, Any] = {name: row["input"][name] for name in _TAXPAYER if name in fields}
    except KeyError as error:
        raise InputError(f"the input of a row has no {error.args[0]!r}", place=place) from None
    for name in fields:
        if name not in known:
            known[name] = _amount(name, row["input"]["data"].get(name, "" if name in _TEXTS else 0))
    return Item(str(row["id"]), known, {"tax_owed": str(row["expected"])})


def _amount(name: str, value: Any) -> Any:
    if name in _TEXTS or name in _COUNTS:
        return value
    return None if value in _LEFT_OPEN else str(value)


# ---- the spec ----------------------------------------------------------------------------------------------------


def _parts(found: Sequence[Section], fields: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "metadata": {"name": "tax", "title": "Federal income tax that a taxpayer owes, by the forms of 2023"},
        "inputs": dict(fields),
        "clauses": clauses(found),
        "logic_requirements": list(steps),
        "outputs": {"tax_owed": {"type": "decimal", "unit": "USD"}},
        "scorers": {"tax_owed": {"scorer": "numeric", "tolerance": TOLERANCE}},
        # forms have more lines and ways than a few cases take
        "thresholds": {"function_lines": 150, "complexity": 40, "branch_coverage": 0.5},
    }


def _filled_in(given: Sequence[Item]) -> dict[str, str]:
    """The text form of the first given case that has one, of its first student: a program must know how it is written."""
    for item in given:
        for name in _TEXTS:
            text = str(item.input.get(name, "")).strip()
            if text:
                heading = text.splitlines()[0]
                return {
                    FILLED_IN: f"How {name} is written, from a given case, its lines joined: {heading}{text.split(heading)[1]}"
                }
    return {}


def _with_example(parts: dict[str, Any]) -> dict[str, Any]:
    """The form that is a text, filled in, among the clauses of the step that reads it."""
    if FILLED_IN not in parts["clauses"]:
        return parts
    steps = [
        {**step, "clauses": [*step["clauses"], FILLED_IN]} if set(_TEXTS) & set(step["inputs"]) else step
        for step in parts["logic_requirements"]
    ]
    return {**parts, "logic_requirements": steps}


def _step(form: Form, found: Sequence[Section], fields: Mapping[str, Any]) -> dict[str, Any]:
    own = under(found, *form.headings)
    texts = clauses(found)
    named = [name for one in own for name in _NAMED.findall(texts[one])]
    known = {*fields, *(name for earlier in FORMS[: FORMS.index(form)] for name in earlier.sets)}
    said = f"{form.intent} Returns {', '.join(f'{name} ({line})' for name, line in form.sets.items())}."
    return {
        "step": form.step, "type": "function", "clauses": own, "on_null": "handle",
        "intent": f"{said} A $name in a form is the input of that name, $TBD is to be computed; None is to be computed too. "
        "A line of a form that is not here is 0.",
        "inputs": [name for name in dict.fromkeys([*form.also, *named]) if name in known],
        "outputs": dict.fromkeys(form.sets, "decimal"),
    }  # fmt: skip

"""Document extraction: a task for each field of a document set, compiled on some documents and scored on others.

    load_tv(DIR) · load_sroie(DIR) · load_rows(FILE, fields)  ─▶  Suite

What a program is made from (descriptions, excerpts of given documents, the given cases themselves) never holds a scored
document. See `documents_split` for how documents are parted and `documents_spec` for what is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ingot.errors import InputError
from ingot.evals import scorers
from ingot.evals.suite import Item, Reference, Scores, Suite, Task, check_apart
from ingot.evals.suites.documents_rows import Document, DocumentField, documents
from ingot.evals.suites.documents_spec import DocumentSet, case_files, spec_text
from ingot.evals.suites.documents_split import Parts, at_random, by_template

REACH = 0.6
"""The share of given documents that all functions of a field must get right, where a set does not say otherwise."""

TV = DocumentSet(
    "tv",
    "TV advertising invoices",
    "a contract, order or invoice of a TV station for political advertising in the United States",
    (
        DocumentField(
            "contract_num",
            about=(
                "the number under which the station keeps this contract or order, or bills it. On an order or contract it is labelled "
                "Order, Order / Rev, Contract, Contract # or Contract / Revision (what stands after the slash is the revision, no "
                "part of it). On an invoice it is the Invoice # where that is the order's number with a suffix such as -1, and the suffix "
                "is part of it; of the layouts that name both a Contract and an Inv #, it is mostly the Contract. Never an Alt Order #, "
                "Deal #, Estimate, Acct #, Agency Ref, Advertiser Ref, code, phone number or date. Digits, at times with one dash and "
                "more digits."
            ),
        ),
        DocumentField(
            "advertiser",
            about=(
                "the name of the advertiser (a candidate, committee or PAC), all of it as printed after its label, with a prefix such as "
                "POL/ and a number in brackets that ends it; labelled Advertiser, or Name in the block of the advertiser, in line with "
                "it or below it. Never the agency that buys for it or is billed, the product, the station, a person who sells or buys, "
                "an address, or the next label in the line."
            ),
        ),
        DocumentField(
            "gross_amount",
            "amount",
            about=(
                "the gross total of the whole document before the agency's commission, with its $ sign: labelled Gross Total, Gross Amount "
                "or Grand Total, or where there is no such label the Totals line of the rates or the first amount of the Totals row "
                "(spots, gross, net). Never a net amount, a commission, a tax, a rate of one spot, a week's or a month's part of the "
                "total, or a share of a market. It is the largest amount of the document's own totals; net is smaller."
            ),
        ),
        DocumentField(
            "flight_from",
            "date",
            about=(
                "the first day of the flight, when the advertising begins: of two dates parted by a dash, the first. Labelled Flight "
                "Dates, Order Flight, Contract Dates, Schedule Dates, Flight, or Period where there is none of them (an Invoice Period, "
                "a Print Date or an Invoice Date only if there is nothing else). Else the earliest start date of the lines."
            ),
        ),
        DocumentField(
            "flight_to",
            "date",
            about=(
                "the last day of the flight, when the advertising ends: of two dates parted by a dash, the second. Labelled Flight "
                "Dates, Order Flight, Contract Dates, Schedule Dates, Flight, or Period where there is none of them (an Invoice Period, "
                "a Print Date or an Invoice Date only if there is nothing else). Else the latest end date of the lines."
            ),
        ),
    ),
    month_first=True,
)
SROIE = DocumentSet(
    "sroie",
    "scanned receipts",
    "a scanned till receipt or small invoice of a shop in Malaysia",
    (
        DocumentField(
            "company",
            about=(
                "the name of the shop's company as printed at the top, before its address: mostly the line with the legal form (SDN BHD, "
                "BHD, ENTERPRISE, TRADING, RESTAURANT …), joined with the line before where the name runs over two. Without the "
                "registration number, brackets of a branch or remarks after it. Never a bare name of a person that stands in the first "
                "line above the company, a heading (TAX INVOICE, RECEIPT, WELCOME) or a line of the address. A misread SDN BND or SON BHD is SDN BHD."
            ),
        ),
        DocumentField(
            "date",
            "date",
            about=(
                "the day of the purchase, as printed, without the time of day: near a label Date or Invoice Date, or beside the "
                "time; printed as 25/12/2018, 25-12-2018, 25/12/18, 25 DEC 2018, 2018-12-25 or 20181225. Never a due, print or expiry date."
            ),
        ),
        DocumentField(
            "address",
            about=(
                "the address of the shop as printed below the company's name, from the first part (NO. 12, LOT 3, a number, a floor or a "
                "building) to the last (town or state, with dot if one is printed), lines joined by one blank. Without the "
                "company's name, registration number, telephone, fax, GST number, web address or a heading. A postcode is five digits. "
                "The state that follows the postcode's line belongs to it."
            ),
        ),
        DocumentField(
            "total",
            "amount",
            about=(
                "the amount to be paid, after tax and rounding, as printed without RM or $: of Total, Grand Total, Net Total, Total Sales "
                "(inclusive of GST), Rounded Total, Amount Due the last that includes rounding. Never a subtotal, the total excluding "
                "GST, the tax, the discount, the quantity, cash handed over or change. Two decimals. Cash less change is equal to it."
            ),
        ),
    ),
)
TV_REACH = {"contract_num": 0.6, "advertiser": 0.7, "gross_amount": 0.8, "flight_from": 0.8, "flight_to": 0.75}
SROIE_REACH = {"company": 0.5, "date": 0.85, "address": 0.4, "total": 0.6}
UNCHECKED = "one unchecked program written in one shot by a frontier model, exact, documents it had not seen"
REFERENCES = {
    "tv": {"contract_num": 0.85, "advertiser": 0.75, "gross_amount": 0.93, "flight_from": 0.93, "flight_to": 0.91},
    "sroie": {"company": 0.93, "date": 0.98, "address": 0.68, "total": 0.78},
}
MEANS = {"tv": 0.872, "sroie": 0.842}
PAPER = Reference(
    "published compiled system (regular expressions)",
    "fields right, by a looser rule",
    0.203,
    "share",
    "arXiv 2604.05150",
)


def load_tv(path: Path) -> Suite:
    """TV advertising invoices: scored ones are of templates that no case has. Raises InputError."""
    found = documents(path, TV.fields)
    return suite_of(TV, by_template(found), TV_REACH)


def load_sroie(path: Path, given: int = 12, held_out: int = 100) -> Suite:
    """Scanned receipts: `given` shown, `held_out` to calibrate on, the rest scored. Raises InputError."""
    found = documents(path, SROIE.fields)
    return suite_of(SROIE, at_random(found, given, held_out), SROIE_REACH)


def load_rows(path: Path, fields: Sequence[DocumentField], *, given: int, held_out: int, unseen: bool = False) -> Suite:
    """Any documents as JSON Lines (`documents_rows.documents`), parted at random, or by template where `unseen`."""
    found = documents(path, fields)
    name = path.stem if path.stem.isidentifier() else "rows"
    kind = DocumentSet(name.lower(), path.stem, "a business document", tuple(fields))
    return suite_of(kind, by_template(found) if unseen else at_random(found, given, held_out), {})


def suite_of(kind: DocumentSet, parts: Parts, reach: Mapping[str, float]) -> Suite:
    """A task for each field. Documents that two parts share word for word stay in the one that learns of them."""
    parts = _apart(parts)
    if not parts.scored:
        raise InputError("no document is left to score", hint="give more documents, or make fewer of them cases")
    tasks = tuple(_task(kind, one, parts, reach.get(one.name, REACH)) for one in kind.fields)
    counts = f"{len(parts.given)} given, {len(parts.held_out)} held out, {len(parts.scored)} scored documents"
    references = [
        Reference(UNCHECKED, f"field {name}", value, "share", "measured beforehand on other documents of the set")
        for name, value in REFERENCES.get(kind.name, {}).items()
    ]
    if kind.name in MEANS:
        references += [
            Reference(
                UNCHECKED,
                "mean over fields",
                MEANS[kind.name],
                "share",
                "measured beforehand on other documents of the set",
            ),
            PAPER,
        ]
    return check_apart(
        Suite(
            f"documents-{kind.name}", f"Documents: {kind.title}", "unseen", tasks,
            "exact match, blanks at the ends aside; line items by whether all cells are right", f"{counts}; {parts.said}", tuple(references),
        )
    )  # fmt: skip


def _task(kind: DocumentSet, field: DocumentField, parts: Parts, reach: float) -> Task:
    items = tuple(Item(one.id, {"text": one.text}, {field.name: one.expected[field.name]}) for one in parts.scored)
    others = {name: partial(_scored, field, measure) for name, measure in measures(field, kind.month_first).items()}
    exactly = partial(_scored, field, _rows_right(field) if field.columns is not None else scorers.exact)
    return Task(
        field.name,
        spec_text(kind, field, parts, reach),
        items,
        exactly,
        (field.name,),
        others=others,
        files=case_files(field, parts),
    )


def measures(field: DocumentField, month_first: bool) -> dict[str, Any]:
    """The further measures of a field by name: functions of found and expected."""
    if field.columns is not None:
        return {"line items F1": lambda found, expected: scorers.line_items(found, expected, field.columns).f1}
    return {
        "same text": scorers.same_text,
        "normalised": partial(scorers.normalised, kind=field.kind, month_first=month_first),
        "ANLS": scorers.anls,
    }


def _rows_right(field: DocumentField) -> Any:
    def right(found: Any, expected: Any) -> float:
        return float(scorers.line_items(found, expected, field.columns).f1 == 1)

    return right


def _scored(field: DocumentField, measure: Any, item: Item, output: Mapping[str, Any]) -> Scores:
    if field.name not in output:
        return {}
    return {field.name: measure(output[field.name], item.expected[field.name])}


def _apart(parts: Parts) -> Parts:
    """Each text in one part only: given before held out before scored."""
    seen: set[str] = set()

    def new(documents: Sequence[Document]) -> tuple[Document, ...]:
        kept = []
        for one in documents:
            if one.text not in seen:
                seen.add(one.text)
                kept.append(one)
        return tuple(kept)

    return Parts(new(parts.given), new(parts.held_out), new(parts.scored), parts.said)

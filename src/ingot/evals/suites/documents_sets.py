"""The document sets that are known: what their fields are, and what others reached on them.

Of TV invoices, what three language models say alike of which each had read the given documents of one turn alone: no word rests on
documents that are scored in the turn in which it is used. Of receipts, what the makers of this suite wrote who had read given and
held-out ones.
"""

from __future__ import annotations

from ingot.evals.suite import Reference
from ingot.evals.suites.documents_rows import DocumentField
from ingot.evals.suites.documents_spec import DocumentSet

REACH = 0.6
"""The share of given documents (whose label stands in their text) that all functions of a field must get right, where a set does
not say otherwise."""

TV = DocumentSet(
    "tv",
    "TV advertising invoices",
    "a contract, order or invoice of a TV station for political advertising in the United States",
    (
        DocumentField(
            "contract_num",
            about=(
                "the number of this document itself, printed in its header, near the top and again on later pages: a contract's "
                "at Contract # or Contract / Revision; an order's at Order # or Order / Rev. It stands right of its label, or below it "
                "where labels are the heads of columns. Copy the number alone, without the label, the # and a revision (what stands "
                "after a slash). Never an Alt Order #, Estimate, Agency or Advertiser Code or Ref, a product's number or a phone number."
            ),
        ),
        DocumentField(
            "advertiser",
            about=(
                "the name of who advertises (a candidate, committee or PAC), right of the label Advertiser; elsewhere perhaps Client or "
                "Sponsor. It ends at two or more blanks or the next label. Copy all of it as printed, in its case, with a prefix such as "
                "POL/. Never the agency, a billing address, the product, the brand, a buyer, the station, a salesperson, or what stands "
                "at Advertiser Code or Ref."
            ),
        ),
        DocumentField(
            "gross_amount",
            "amount",
            about=(
                "the total of the whole document before the agency's commission: right of Gross Total, near the end of an invoice; "
                "elsewhere at Gross Amount, Total Gross, Gross Billing, Order Total, Contract Total or Total Amount, or the amount after "
                "the number of spots in a line of totals. Copy it with its $ sign, commas and cents. Never a net amount, the commission, "
                "the rate or amount of one line, a number of spots, or the part of one month where there are several."
            ),
        ),
        DocumentField(
            "flight_from",
            "date",
            about=(
                "the first date of the flight of the whole order: of the range at Flight Dates, Schedule Dates, Contract Dates, Flight or "
                "(where there is none of these) Period in the header, the left date. The dash may stand without blanks. Copy it exactly as "
                "printed, not written anew. Never an invoice date, a print date, or the date of a week or of one line; if the header has "
                "no range, the earliest start date of the lines."
            ),
        ),
        DocumentField(
            "flight_to",
            "date",
            about=(
                "the last date of the flight of the whole order: of the same range as flight_from (Flight Dates, Schedule Dates, Contract "
                "Dates, or where there is none of these Period), the right date. The dash may stand without blanks. Copy it exactly as "
                "printed, and not what stands in the next column. Never an invoice date, or the date of a week or of one line; if the "
                "header has no range, the latest end date of the lines."
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
                "BHD, ENTERPRISE, TRADING, RESTAURANT …), joined with the lines before where the name runs over two or three (a line "
                "that closes a bracket it does not open, or begins with SDN, BHD or ENTERPRISE, is the end of a name: all its lines "
                "count). A place in brackets that is part of the name stays. Without the registration number and remarks after it; "
                "of two names, that of the shop itself stands first. Never a company that only made the till, the words COMPANY NO, "
                "a bare name of a person that stands in the first "
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
                "The state that follows the postcode's line belongs to it, also after a postcode without a town. A label before it (HQ "
                "ADD:, BR NO, ADDRESS) is no part of it. It ends before REG, COMPANY REG, DOC, DOCUMENT NO, NO ID, a goods line or "
                "anything else that is no place, in the same line too. A name of a building or branch that stands before the street "
                "number belongs to it where it is a place (PLAZA, MALL, JALAN) and no company. All lines up to that with "
                "the postcode belong to it, and it itself (a first line behind a label, too: the next line goes on); after a state, "
                "DARUL EHSAN, D.E. and MALAYSIA too. A number in brackets before it ((123456-A)) is none of it, nor is a telephone "
                "number, also one without a label (012-3456789, 03-12345678). Commas, points and brackets are copied as they are, at "
                "the beginning and end of lines too. Of two addresses, the first."
            ),
        ),
        DocumentField(
            "total",
            "amount",
            about=(
                "the amount to be paid, after tax and rounding: a whole word as printed, so that RM or $ belongs to it where no blank "
                "stands between (RM12.30) and does not where one does (RM 12.30 is 12.30). Where what was handed over (CASH, PAY, "
                "PAID) and CHANGE are both printed, the first less the second tells it to within a rounding of five hundredths: of the "
                "amounts so near to it the last at a label with the word TOTAL; where there is none, the one at another label (DUE, "
                "AMOUNT, SUBTOTAL) or at none. Else that of Total, Grand Total, Net Total, Total Sales (inclusive of GST), Rounded "
                "Total, Amount Due, Due the last that includes rounding; a subtotal only where there is none. Never a total "
                "excluding GST, the tax (TOTAL GST, TOTAL INCLUDED GST @ 6 %, what a GST summary adds up), the discount, the "
                "quantity, cash handed over or change. Two decimals."
            ),
        ),
    ),
)
TV_REACH = {"contract_num": 0.7, "advertiser": 0.75, "gross_amount": 0.8, "flight_from": 0.8, "flight_to": 0.75}
SROIE_REACH = {"company": 0.6, "date": 0.85, "address": 0.5, "total": 0.75}
UNCHECKED = "one unchecked program written in one shot by a frontier model, exact, documents it had not seen"
REFERENCES = {
    "tv": {"contract_num": 0.85, "advertiser": 0.75, "gross_amount": 0.93, "flight_from": 0.93, "flight_to": 0.91},
    "sroie": {"company": 0.93, "date": 0.98, "address": 0.68, "total": 0.78},
}
BEFORE = "measured beforehand on other documents of the set"
MEANS = {"tv": 0.872, "sroie": 0.842}
PAPER = Reference(
    "published compiled system (regular expressions)",
    "fields right, by a looser rule",
    0.203,
    "share",
    "arXiv 2604.05150",
)


def references(kind: DocumentSet) -> tuple[Reference, ...]:
    """The figures of others for a set, where there are any."""
    if kind.name not in MEANS:
        return ()
    fields = [
        Reference(UNCHECKED, f"field {name}", value, "share", BEFORE) for name, value in REFERENCES[kind.name].items()
    ]
    return (*fields, Reference(UNCHECKED, "mean over fields", MEANS[kind.name], "share", BEFORE), PAPER)

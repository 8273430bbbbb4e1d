"""Names of people, by the words around them and by first names that are common in the United States.

There is no dictionary of surnames and no model here: a name without a title, a role or a common first name is not seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ingot.gates.folding import word_set

FIRST_NAMES = word_set("""
    James John Robert Michael William David Richard Joseph Thomas Charles Christopher Daniel Matthew Anthony Donald Steven Paul
    Andrew Joshua Kenneth Kevin Brian George Edward Ronald Timothy Jason Jeffrey Ryan Jacob Gary Nicholas Eric Jonathan Stephen
    Larry Justin Scott Brandon Benjamin Samuel Gregory Frank Alexander Raymond Patrick Jack Dennis Jerry Tyler Aaron Jose Adam
    Nathan Henry Douglas Zachary Peter Kyle Walter Ethan Jeremy Harold Keith Christian Roger Noah Gerald Carl Terry Sean Austin
    Arthur Lawrence Jesse Dylan Bryan Joe Jordan Billy Bruce Albert Willie Gabriel Logan Alan Juan Wayne Roy Ralph Randy Eugene
    Vincent Russell Elijah Louis Bobby Philip Johnny Mary Patricia Jennifer Linda Elizabeth Barbara Susan Jessica Sarah Karen
    Lisa Nancy Betty Margaret Sandra Ashley Kimberly Emily Donna Michelle Carol Amanda Dorothy Melissa Deborah Stephanie Rebecca
    Sharon Laura Cynthia Kathleen Amy Angela Shirley Anna Brenda Pamela Emma Nicole Helen Samantha Katherine Christine Debra
    Rachel Carolyn Janet Catherine Maria Heather Diane Ruth Julie Olivia Joyce Virginia Victoria Kelly Lauren Christina Joan
    Evelyn Judith Megan Andrea Cheryl Hannah Jacqueline Martha Gloria Teresa Ann Sara Madison Frances Kathryn Janice Jean Abigail
    Alice Julia Judy Sophia Grace Denise Amber Doris Marilyn Danielle Beverly Isabella Theresa Diana Natalie Brittany Charlotte
    Marie Kayla Alexis Lori Carlos Luis Miguel Jorge Pedro Rosa Carmen Ana Sofia Elena Wei Ming Mohammed Muhammad Ahmed Ali Fatima
    Priya Raj Amit Sanjay Anita Hiroshi Yuki Kenji Ivan Olga Dmitri Natasha Pierre Jane Tom Bob Jim Mike Dave Steve Chris Matt Dan
    Ben Sam Tim Tony Jeff Greg Liz Beth Kate Katie Sue Jen Meg
""")  # fmt: skip

_NOT_NAMES = word_set("""
    Mr Mrs Ms Miss Mx Dr Prof Sir Madam Customer Customers Team All Support Sirs Friend Friends Colleague Colleagues Members Member Hiring Manager Patient
    Patients Provider Providers User Users Client Clients Sincerely Regards The This That These Those A An And Or Of In On At To
    For From With Is Was Has Had Not No Yes Please Thank Thanks Dear Hello Hi New York Los Angeles San Francisco Street Avenue
    Inc Llc Ltd Corp Company Bank Insurance Health Hospital Clinic Medical Center Department University Service Services Claim
    Policy Number Name Date Birth Address Phone Email Id Ssn Mrn Dob Npi Total Amount Invoice Account Order Payment Type January
    February March April May June July August September October November December Monday Tuesday Wednesday Thursday Friday
    Saturday Sunday Must May Can Will Should Would Who When If Whose Where What Pay Pays Portal Care Plan Benefits Form Data
    Information Records Record Id Relations Success Experience Rights Education Intake Access Safety Status Responsibility Summary
    Payable Receivable Accounts Billing Badge Committee Advocate Applicant Employee Visit Visits Eligibility Identifier Representative Valued Tax Copy Code Reference
""")  # fmt: skip
_CAP = r"[A-Z][a-zA-ZÀ-ž'’]{0,20}(?:-[A-Z][a-zA-ZÀ-ž'’]{1,20})?"
_FULL = rf"(?:(?:de|la|van|von|der|al|del|di|da)[ ]){{0,2}}{_CAP}(?:[ ][A-Z]\.?(?=[ ]))?(?:[ ](?:de|la|van|von|der|bin|al|del|di|da)(?=[ ]))?(?:[ ]{_CAP}){{0,2}}"
_TITLED = re.compile(rf"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Judge|Nurse|Doctor)\b\.?[ ](?P<v>{_FULL})")
_ROLES = (
    "patient|member|customer|client|claimant|insured|subscriber|employee|applicant|beneficiary|guarantor|policyholder|user|contact|attn|attention"
    "|physician|nurse|mother|father|wife|husband|son|daughter|tenant|borrower|colleague|friend|cardholder|account holder|resident|student|manager"
)
_ROLE = re.compile(rf"\b(?i:{_ROLES})(?i:[ ](?:named?|called|is))?(?:[ ]|:[ ]?)(?P<v>{_FULL})")
_LABEL = re.compile(
    r"\b(?i:(?:patient|member|customer|full|first|last|given|family|maiden|legal|card ?holder|account|employee|insured|subscriber|contact)?[ ]?name(?:[ ]is)?|"
    rf"my name is|signed(?: by)?|i am|i'm|prepared by|referred by|seen by|on behalf of|sincerely,?|regards,?)[ ]?[:=]?[ \n]{{1,2}}(?P<v>{_CAP},[ ]{_FULL}|{_FULL})"
)
_GREETED = re.compile(rf"^(?:Dear|Hi|Hello|Hey|Good (?:morning|afternoon|evening)),?[ ](?P<v>{_FULL})", re.MULTILINE)
_COMMON = re.compile(rf"\b(?P<v>{_CAP}(?:[ ][A-Z]\.?(?=[ ]))?(?:[ ]{_CAP}){{1,2}})")
_ALONE = re.compile(rf"\b(?i:contact|call|ask|tell|email|meet|with|by|for|from|to)[ ](?P<v>{_CAP})(?![ ][A-Z])")


def names_in(text: str) -> Iterator[tuple[int, int, float, str]]:
    """(start, end, score, why) of every name seen; they may overlap."""
    for pattern, score, why in (
        (_TITLED, 0.85, "a name after a title"),
        (_ROLE, 0.75, "a name after a person's role"),
        (_LABEL, 0.75, "a name by its label"),
        (_GREETED, 0.7, "a name in a greeting"),
    ):
        for match in pattern.finditer(text):
            end = _kept(text, match.start("v"), match.end("v"))
            if end > match.start("v"):
                yield match.start("v"), end, score, why
    for match in _COMMON.finditer(text):
        if match["v"].split()[0] in FIRST_NAMES:
            end = _kept(text, match.start("v"), match.end("v"))
            if " " in text[match.start("v") : end]:
                yield match.start("v"), end, 0.7, "a common first name and a surname"
    for match in _ALONE.finditer(text):
        if match["v"] in FIRST_NAMES:
            yield match.start("v"), match.end("v"), 0.6, "a common first name"


def _kept(text: str, start: int, end: int) -> int:
    """Where the name ends: before the first word that is no part of a name."""
    at = start
    last = start
    for word in text[start:end].split(" "):
        plain = word.strip(".,'’")
        if plain.capitalize() in _NOT_NAMES or (
            len(plain) > 1 and plain.isupper() and not _spelled_large(text, start, end)
        ):
            break
        at += len(word) + 1
        last = at - 1
    if last - start < 2:
        return start
    return last


def _spelled_large(text: str, start: int, end: int) -> bool:
    """Whether a name stands in capitals after a colon, as on a form: elsewhere capitals are headings and codes."""
    return text[start:end].isupper() and " " in text[start:end] and text[:start].rstrip(" ").endswith((":", "="))

"""The table of recognisers of personal data: a pattern, a check of what it found, and words that must stand near."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ingot.gates import checks

NEAR = 48
"""Characters before a value (and half of it after) in which its context is looked for."""


@dataclass(frozen=True, slots=True)
class Recogniser:
    """How one kind is seen.

    The value is group ``v`` of `pattern`, else the whole match. A value that passes `check` scores `sure`; one that does
    not, or that has no check, scores `near` where a word of `context` stands near it. A score of 0 is not reported.
    """

    kind: str
    pattern: re.Pattern[str]
    sure: float
    near: float = 0.0
    check: Callable[[str], bool] | None = None
    context: re.Pattern[str] | None = None
    why: str = ""


def _words(text: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z])(?:{text})(?![A-Za-z])", re.IGNORECASE)


_DAY = (
    r"(?:\d{1,2}[/.-]\d{1,2}[/.-](?:\d{4}|\d{2})|\d{4}[/.-]\d{1,2}[/.-]\d{1,2}"
    r"|(?:\d{1,2}(?:st|nd|rd|th)?[ -])?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}\.?[ -](?:\d{1,2}(?:st|nd|rd|th)?,?[ -])?\d{4})"
)
_TO = r"(?:[ \t]?(?:number|numbers|num|no\.?|nr\.?|code|id|identifier|#))?[ \t]?(?:\([^()\n]{1,20}\)[ \t]?)?(?::|=|#|\bis\b|\bwas\b|-)?[ \t\n]{0,3}#?"
"""What stands between a label and its value."""


def _labelled(label: str, value: str, flags: int = re.IGNORECASE) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z])(?:{label}){_TO}(?P<v>{value})(?![A-Za-z0-9])", flags)


_STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR|PA|RI|SC|SD"
    "|TN|TX|UT|VT|VA|WA|WV|WI|WY|DC|PR"
)
_STREET = (
    "Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Drive|Dr|Lane|Ln|Court|Ct|Circle|Cir|Place|Pl|Square|Sq|Terrace|Ter|Way|Parkway"
    "|Pkwy|Highway|Hwy|Trail|Trl|Loop|Alley|Crescent|Close|Row|Broadway"
)
_CODE = r"(?=[A-Z0-9-]{0,20}\d)[A-Z0-9](?:[A-Z0-9]|-(?=[A-Z0-9])){3,20}"
_MONEY = r"(?:USD|EUR|GBP|[$€£])[ ]?\d[\d,.]{2,14}(?:[kK]\b)?|\d[\d,.]{2,14}(?:[kK]\b)?[ ]?(?:USD|EUR|GBP|dollars|euros|[$€£])"

RECOGNISERS: tuple[Recogniser, ...] = (
    Recogniser(
        "email", re.compile(r"(?<![\w.+%-])[A-Za-z0-9][\w.+%'-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,6}[A-Za-z]{2,24}(?![\w@])"), 1.0,
        why="an e-mail address",
    ),
    Recogniser(
        "ssn", re.compile(r"(?<![\w.-])\d{3}(?P<s>[- .])\d{2}(?P=s)\d{4}(?![\w-]|\.\d)"), 0.85, 0.9, checks.is_ssn,
        _words("ssn|ss ?#|social|soc sec"), "a social security number",
    ),
    Recogniser(
        "ssn", re.compile(r"(?<![\w.-])\d{9}(?![\w-]|\.\d)"), 0.0, 0.85, None,
        _words("ssn|ss ?#|social|soc sec"), "nine digits called a social security number",
    ),
    Recogniser(
        "ssn", _labelled(r"ssn|social(?: security)?", r"(?:[xX*]{3}-?[xX*]{2}-?)\d{4}"), 0.6, why="the end of a social security number",
    ),
    Recogniser(
        "itin", re.compile(r"(?<![\w.-])9\d{2}(?P<s>[- ])\d{2}(?P=s)\d{4}(?![\w-]|\.\d)"), 0.8, 0.85, checks.is_itin,
        _words("itin|tin|taxpayer|tax id"), "a taxpayer number",
    ),
    Recogniser("ein", _labelled(r"ein|fein|employer identification", r"\d{2}-?\d{7}"), 0.6, why="an employer's tax number"),
    Recogniser(
        "card", re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-]|\.\d)"), 0.95, 0.7, checks.is_card,
        _words("cards?|visa|mastercard|amex|american express|discover|pan|credit|debit|cvv|cvc|exp|expir\\w*"), "a payment card's number",
    ),
    Recogniser("card_code", _labelled(r"cvv2?|cvc2?|security code|pin", r"\d{3,6}", re.IGNORECASE), 0.7, why="a card's security code or PIN"),
    Recogniser(
        "iban", re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}(?![A-Za-z0-9])"), 0.95, 0.6, checks.is_iban,
        _words("iban"), "a bank account (IBAN)",
    ),
    Recogniser(
        "routing", re.compile(r"(?<![\w.-])\d{9}(?![\w-]|\.\d)"), 0.4, 0.85, checks.is_routing,
        _words("routing|aba|rtn|transit"), "a bank's routing number",
    ),
    Recogniser(
        "bank_account", _labelled(r"(?:bank |checking |savings |wire )?(?:account|acct|a/c)", r"\d[\d -]{4,18}\d"), 0.75,
        why="digits called an account",
    ),
    Recogniser("swift", _labelled(r"swift|bic|swift/bic|swift code", r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?"), 0.5, why="a bank's code"),
    Recogniser(
        "mrn", _labelled(r"mrn|medical record|med(?:ical)? rec|mr ?(?=#)|chart (?:number|no|#)|hospital (?:number|no|id)|patient (?:id|number|no)", rf"(?:MRN[-: ]?)?{_CODE}|\d{{5,12}}"), 0.9,
        why="a medical record's number",
    ),
    Recogniser("npi", _labelled(r"npi|national provider(?: identifier)?|provider", r"[12]\d{9}"), 0.9, 0.7, checks.is_npi, _words("npi|provider"), "a provider's identifier (NPI)"),
    Recogniser("dea", _labelled(r"dea", r"[A-Z]{2}\d{7}"), 0.85, why="a prescriber's DEA number"),
    Recogniser(
        "icd10", re.compile(r"(?<![\w.])[A-TV-Z]\d[0-9AB](?:\.[0-9A-Z]{1,4})?(?![\w-]|\.\d)"), 0.0, 0.8, None,
        _words(r"icd(?:-?10)?(?:-?cm)?|diagnos\w+|dx|principal|assessment|impression|condition"), "a diagnosis (ICD-10)",
    ),
    Recogniser(
        "date_of_birth", re.compile(rf"(?<![A-Za-z])(?:d\.?o\.?b\.?|date of birth|birth ?date|birth ?day|born(?: on)?|birth){_TO}(?P<v>{_DAY})(?!\d)", re.IGNORECASE),
        0.95, 0.0, checks.is_date, why="a date of birth",
    ),
    Recogniser("date_of_birth", re.compile(rf"(?<![\w/.-])(?P<v>{_DAY})[ ]?\(?(?:dob|d\.o\.b\.)", re.IGNORECASE), 0.9, 0.0, checks.is_date, why="a date of birth"),
    Recogniser(
        "phone", re.compile(r"(?<![\w.+/-])(?:\+?1[ .-]?)?(?:\(\d{3}\)[ ]?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\w-]|\.\d)(?:[ ]?(?:x|ext\.?)[ ]?\d{1,6})?"), 0.8, 0.9,
        checks.is_phone, _words("phone|tel|telephone|call|fax|mobile|cell|contact|text|reach"), "a telephone number",
    ),
    Recogniser("phone", re.compile(r"(?<![\w+])\+[1-9][\d ().-]{6,20}\d(?![\w-])"), 0.85, 0.0, checks.is_phone, why="an international telephone number"),
    Recogniser(
        "phone", re.compile(r"(?<![A-Za-z])(?:phone|tel|telephone|call|fax|mobile|cell|contact|callback)(?:[ ]?(?:number|no\.?|#|me at|us at|him at|her at|at|on))?[ ]?(?:[:=.]|is\b)?[ ]{0,3}(?P<v>[0(]?\d[\d ().-]{5,16}\d)(?![\w-])", re.IGNORECASE),
        0.75, why="a telephone number by its label",
    ),
    Recogniser("ip_address", re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)"), 0.8, 0.0, checks.is_ip, why="an IP address"),
    Recogniser("ip_address", re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]{2,36}:[0-9A-Fa-f]{0,4}(?![\w:.])"), 0.8, 0.0, lambda text: len(text) > 5 and checks.is_ip(text), why="an IP address"),
    Recogniser("mac_address", re.compile(r"(?<![\w:-])[0-9A-Fa-f]{2}(?P<s>[:-])(?:[0-9A-Fa-f]{2}(?P=s)){4}[0-9A-Fa-f]{2}(?![\w:-])"), 0.7, why="a device's address"),
    Recogniser(
        "address",
        re.compile(
            rf"(?<![\w.,#$-])\d{{1,6}}[A-Za-z]?[ ](?:(?:N|S|E|W|NE|NW|SE|SW|North|South|East|West)\.?[ ])?(?:[A-Z0-9][\w.'’-]{{0,20}}[ ]){{1,4}}(?:{_STREET})\b\.?"
            rf"(?:,?[ ](?:NE|NW|SE|SW|N|S|E|W)\b)?(?:,?[ ](?:Apt|Apartment|Suite|Ste|Unit|Floor|Fl|#)\.?[ ]?#?[\w-]{{1,8}})?(?:[,\n]{{1,2}}[ ]?[A-Z][A-Za-z.' ]{{1,30}})?(?:,?[ ](?:{_STATES})(?:[ ]\d{{5}}(?:-\d{{4}})?)?)?"
        ),
        0.8, why="a postal address",
    ),
    Recogniser("address", re.compile(r"\bP\.?[ ]?O\.?[ ]?Box[ ]\d{1,7}\b", re.IGNORECASE), 0.7, why="a post-office box"),
    Recogniser("address", re.compile(rf"\b(?P<v>[A-Z][a-zA-Z.'-]{{1,20}}(?:[ ][A-Z][a-zA-Z.'-]{{1,20}}){{0,2}},?[ ](?:{_STATES}),?[ ]\d{{5}}(?:-\d{{4}})?)(?!\d)"), 0.6, why="a town with its ZIP code"),
    Recogniser("address", _labelled(r"(?:home |street |mailing |billing |shipping )?address|lives at|resides at|residing at", r"\d{1,6}[ ][\w.,'# -]{5,60}\w"), 0.6, why="what is called an address"),
    Recogniser(
        "drivers_license", _labelled(r"driver'?s?'?[ ]?licen[cs]e|driving licen[cs]e|dl|licen[cs]e|lic", r"(?=[A-Z0-9-]{0,18}\d{3})[A-Z0-9](?:[A-Z0-9]|-(?=[A-Z0-9])){4,18}"), 0.8,
        why="a driver's licence by its label",
    ),
    Recogniser("passport", _labelled(r"passport", r"(?=[A-Z0-9]{0,4}\d{4})[A-Z0-9]{6,10}"), 0.85, why="a passport's number by its label"),
    Recogniser(
        "national_id", re.compile(r"(?<![A-Za-z0-9])(?![DFIQUV])[A-Z](?![DFIQUVO])[A-Z][ ]?\d{2}[ ]?\d{2}[ ]?\d{2}[ ]?[A-D](?![A-Za-z0-9])"), 0.75,
        why="a national insurance number",
    ),
    Recogniser("national_id", _labelled(r"national (?:id|identity|insurance)|ni|nino|nhs|aadhaar|tax id|sin|curp|cpf|dni|nie|visa|alien registration|green card|citizen id", rf"\d[\d -]{{6,14}}\d|{_CODE}"), 0.7, why="an identity number by its label"),
    Recogniser(
        "member_id", _labelled(r"(?:member|policy|subscriber|insurance|group|medicaid|medicare|beneficiary|mbi|hicn|certificate|enrollee|plan member)(?:[ ]?(?:id|card))?", _CODE), 0.8,
        why="an insured person's number by its label",
    ),
    Recogniser("member_id", re.compile(r"(?<![A-Z0-9])[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y]{2}\d{2}(?![A-Z0-9])"), 0.85, why="a Medicare beneficiary's number"),
    Recogniser("account_id", _labelled(r"claim|case|prescription|rx|encounter|visit|accession|reference", _CODE), 0.45, why="a number of somebody's record"),
    Recogniser("employee_id", _labelled(r"employee(?: id)?|emp(?: id)?|staff id|badge|personnel", _CODE), 0.75, why="an employee's number by its label"),
    Recogniser("account_id", _labelled(r"(?:customer|client|student|user|account|patient|tenant|voter)[ ]?id", _CODE), 0.6, why="a person's number by its label"),
    Recogniser(
        "username", re.compile(r"(?<![A-Za-z])(?:user ?name|login|screen name|handle)[ ]?(?::|=|\bis\b)[ ]{0,3}(?P<v>[\w.@-]{3,40})", re.IGNORECASE), 0.5,
        why="a user's name by its label",
    ),
    Recogniser(
        "partial_number", re.compile(r"(?<![A-Za-z])(?:ssn|social|account|card|acct)[ \w]{0,20}(?:ending|ends)(?: in| with)?[ ]?(?P<v>\d{4})(?!\d)", re.IGNORECASE), 0.5,
        why="the end of a number",
    ),
    Recogniser(
        "partial_number", re.compile(r"(?<![A-Za-z])last (?:four|4)(?: digits)?(?: of)?[ \w]{0,30}[:=]?[ ]{0,3}(?P<v>\d{4})(?!\d)", re.IGNORECASE), 0.5,
        why="the end of a number",
    ),
    Recogniser("address", re.compile(r"(?<![A-Za-z0-9])[A-Z]{1,2}\d[A-Z\d]?[ ]\d[ABD-HJLNP-UW-Z]{2}(?![A-Za-z0-9])"), 0.55, why="a British postcode"),
    Recogniser("address", _labelled(r"zip(?: code)?|postcode|postal code|lives in|living in|resides in", r"\d{5}(?:-\d{4})?"), 0.5, why="a ZIP code by its label"),
    Recogniser(
        "health",
        re.compile(
            r"(?<![A-Za-z])(?:patient|member|claimant|insured|he|she|i|mother|father|son|daughter|wife|husband)[ ](?:has|had|takes|took|is on|was on|is taking)[ ]"
            r"(?P<v>(?:[\w-]{1,20}[ ]){0,4}(?:cancer|diabetes|hiv|aids|asthma|depression|hypertension|epilepsy|schizophrenia|hepatitis|dementia|alzheimer's|copd|lupus|leukemia|lymphoma|tuberculosis|anxiety|arthritis|\d{1,4}[ ]?m[cg]g?))(?![A-Za-z])",
            re.IGNORECASE,
        ),
        0.65, why="what a person suffers from or takes",
    ),
    Recogniser("vin", re.compile(r"(?<![A-Za-z0-9])[A-HJ-NPR-Z0-9]{17}(?![A-Za-z0-9])"), 0.85, 0.7, checks.is_vin, _words("vin|vehicle|chassis"), "a vehicle's number"),
    Recogniser("license_plate", _labelled(r"licen[cs]e plates?|number plate|plate|registration plate|tag", r"(?=[A-Z0-9 -]{0,8}\d)[A-Z0-9]{1,4}[ -]?[A-Z0-9]{2,5}"), 0.7, why="a licence plate by its label"),
    Recogniser(
        "api_key",
        re.compile(r"(?<![A-Za-z0-9])(?:(?:AKIA|ASIA|AROA)[A-Z0-9]{16}|sk-[A-Za-z0-9_-]{20,160}|(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{16,99}|gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_\w{22,255}|glpat-[\w-]{20}|xox[abprs]-[\w-]{10,200}|AIza[\w-]{35}|hf_[A-Za-z0-9]{30,40}|npm_[A-Za-z0-9]{36}|SG\.[\w-]{16,32}\.[\w-]{16,64}|eyJ[\w-]{10,2000}\.[\w-]{10,4000}\.[\w-]{10,1000})"),
        0.95, why="a key of a service",
    ),
    Recogniser("private_key", re.compile(r"-----BEGIN (?:[A-Z]{2,12} ){0,2}PRIVATE KEY-----"), 1.0, why="a private key"),
    Recogniser(
        "password", re.compile(r"(?<![A-Za-z])(?:password|passwd|pwd|passphrase|api[ _-]?key|secret[ _-]?key|access[ _-]?token|auth[ _-]?token|bearer)[ ]?(?::|=|\bis\b)[ ]?['\"]?(?P<v>[^\s'\",;]{6,120})", re.IGNORECASE), 0.75,
        check=lambda text: any(one.isdigit() or not one.isalnum() for one in text[:-1]) or len(text) >= 16, why="a secret by its label",
    ),
    Recogniser(
        "biometric", re.compile(r"(?<![A-Za-z])(?:fingerprint|retina|retinal|iris|face ?print|facial|voice ?print|biometric|dna|genetic|palm)(?:[ ]\w{1,12}){0,2}?[ ]?(?:hash|template|scan|sequence|id|embedding|vector|data|profile|marker)[ ]?(?::|=|\bis\b)[ ]{0,3}(?P<v>[\w+/=-]{6,512})", re.IGNORECASE), 0.8,
        why="a biometric value",
    ),
    Recogniser("salary", re.compile(rf"(?<![A-Za-z])(?:salary|salaries|wage|income|compensation|earns|earning|paid|net worth|pension)(?:[ ](?:is|of|was|at|to|about)){{0,2}}[ ]?[:=]?[ ]?(?P<v>{_MONEY})", re.IGNORECASE), 0.6, why="what a person earns"),
    Recogniser(
        "health",
        re.compile(
            r"(?<![A-Za-z])(?:patient|member|claimant|insured|he|she|mother|father|son|daughter|wife|husband|i|employee|client)(?:[ ](?:is|was|has|had|have|been|being|am|currently|recently|also|now|previously)|[ ]?'s){0,3}[ ]"
            r"(?P<v>(?:diagnosed with|prescribed|treated for|suffering from|suffers from|allergic to|tested positive for|hospitali[sz]ed (?:for|with)|history of|taking|presents with|presented with|complains of|undergoing|pregnant|hiv[ -]positive)(?:[ ][\w-]{1,24}){0,4})",
            re.IGNORECASE,
        ),
        0.7, why="what a person suffers from or takes",
    ),
    Recogniser("health", re.compile(r"(?<![A-Za-z])(?:diagnosis|dx|prescription|medication|chief complaint|allerg(?:y|ies))[ ]?:[ ]{0,3}(?P<v>[A-Za-z][\w-]{2,24}(?:[ ][\w-]{1,24}){0,4})", re.IGNORECASE), 0.6, why="a finding by its label"),
    Recogniser("geolocation", re.compile(r"(?<![\w.])-?\d{1,2}\.\d{4,8}[ ]?°?[NS]?,[ ]?-?\d{1,3}\.\d{4,8}(?![\w])"), 0.6, why="a place on the map"),
)  # fmt: skip

SUPPOSED = re.compile(
    r"\b(?:if|when|whether|any|each|every|unless|must|should|all|no|where|who|whose|which|that|may|can|is|are|was|were|does|did)\W+(?:\w+\W+){0,2}$",
    re.IGNORECASE,
)
"""Before a sentence on health: it speaks of patients in general."""

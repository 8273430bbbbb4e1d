"""Check digits and number ranges of identifiers. Every function takes the characters as written, separators and all."""

from __future__ import annotations

import ipaddress
from datetime import date


def digits_of(text: str) -> str:
    """The ASCII digits of a text."""
    return "".join(one for one in text if one.isascii() and one.isdigit())


def luhn(text: str) -> bool:
    """Whether the last digit is the Luhn check digit of the others."""
    total = 0
    for at, one in enumerate(reversed(digits_of(text))):
        digit = int(one) * (2 if at % 2 else 1)
        total += digit - 9 if digit > 9 else digit
    return total % 10 == 0


def is_card(text: str) -> bool:
    """A payment card's number: issuer range, its length, Luhn."""
    digits = digits_of(text)
    return _issued(digits) and luhn(digits) and len(set(digits)) > 1


def _issued(digits: str) -> bool:
    size = len(digits)
    if size < 13:
        return False
    two, three, four = int(digits[:2]), int(digits[:3]), int(digits[:4])
    if digits[0] == "4":
        return size in (13, 16, 19)
    if 51 <= two <= 55 or 2221 <= four <= 2720:
        return size == 16
    if two in (34, 37):
        return size == 15
    if four == 6011 or two == 65 or 644 <= three <= 649 or 3528 <= four <= 3589 or two == 62:
        return 16 <= size <= 19
    return (300 <= three <= 305 or two in (36, 38, 39)) and 14 <= size <= 19


def is_ssn(text: str) -> bool:
    """A social security number that can have been given out."""
    digits = digits_of(text)
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return (
        len(digits) == 9 and area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"
        and digits not in ("219099999", "078051120")
    )  # fmt: skip


def is_itin(text: str) -> bool:
    """An individual taxpayer number: 9xx, with a group that is used."""
    digits = digits_of(text)
    if len(digits) != 9 or digits[0] != "9":
        return False
    group = int(digits[3:5])
    return 50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or 94 <= group <= 99


def is_npi(text: str) -> bool:
    """A national provider identifier: ten digits from 1 or 2, Luhn with 80840 before them."""
    digits = digits_of(text)
    return len(digits) == 10 and digits[0] in "12" and luhn("80840" + digits)


def is_routing(text: str) -> bool:
    """A bank's routing number: a range that is used, and the 3-7-1 sum."""
    digits = digits_of(text)
    if len(digits) != 9:
        return False
    first = int(digits[:2])
    used = first <= 12 or 21 <= first <= 32 or 61 <= first <= 72 or first == 80
    return (
        used and digits != "000000000" and sum(int(one) * (3, 7, 1)[at % 3] for at, one in enumerate(digits)) % 10 == 0
    )


_IBAN_SIZES = dict(
    zip(
        [
            "AD",
            "AE",
            "AL",
            "AT",
            "AZ",
            "BA",
            "BE",
            "BG",
            "BH",
            "BR",
            "BY",
            "CH",
            "CR",
            "CY",
            "CZ",
            "DE",
            "DK",
            "DO",
            "EE",
            "EG",
            "ES",
            "FI",
            "FO",
            "FR",
            "GB",
            "GE",
            "GI",
            "GL",
            "GR",
            "GT",
            "HR",
            "HU",
            "IE",
            "IL",
            "IQ",
            "IS",
            "IT",
            "JO",
            "KW",
            "KZ",
            "LB",
            "LC",
            "LI",
            "LT",
            "LU",
            "LV",
            "MC",
            "MD",
            "ME",
            "MK",
            "MR",
            "MT",
            "MU",
            "NL",
            "NO",
            "PK",
            "PL",
            "PS",
            "PT",
            "QA",
            "RO",
            "RS",
            "SA",
            "SC",
            "SE",
            "SI",
            "SK",
            "SM",
            "ST",
            "SV",
            "TL",
            "TN",
            "TR",
            "UA",
            "VA",
            "VG",
            "XK",
        ],
        map(
            int,
            [
                "24",
                "23",
                "28",
                "20",
                "28",
                "20",
                "16",
                "22",
                "22",
                "29",
                "28",
                "21",
                "22",
                "28",
                "24",
                "22",
                "18",
                "28",
                "20",
                "29",
                "24",
                "18",
                "18",
                "27",
                "22",
                "22",
                "23",
                "18",
                "27",
                "28",
                "21",
                "28",
                "22",
                "23",
                "23",
                "26",
                "27",
                "30",
                "30",
                "20",
                "28",
                "32",
                "21",
                "20",
                "20",
                "21",
                "27",
                "24",
                "22",
                "19",
                "27",
                "31",
                "30",
                "18",
                "15",
                "24",
                "28",
                "29",
                "25",
                "29",
                "24",
                "22",
                "24",
                "31",
                "24",
                "19",
                "24",
                "27",
                "25",
                "28",
                "23",
                "24",
                "26",
                "29",
                "22",
                "24",
                "20",
            ],
        ),
        strict=True,
    )
)


def is_iban(text: str) -> bool:
    """An IBAN: its country's length, and 1 modulo 97."""
    plain = "".join(text.split()).replace("-", "").upper()
    if _IBAN_SIZES.get(plain[:2]) != len(plain) or not plain.isalnum() or not plain.isascii():
        return False
    return int("".join(str(int(one, 36)) for one in plain[4:] + plain[:4])) % 97 == 1


_VIN_VALUES = {**{str(n): n for n in range(10)}, **dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", (*range(1, 9), *range(1, 6), 7, 9, *range(2, 10)), strict=True))}  # fmt: skip
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def is_vin(text: str) -> bool:
    """A vehicle's number with the North American check digit."""
    plain = text.upper()
    if len(plain) != 17 or any(one not in _VIN_VALUES for one in plain):
        return False
    rest = sum(_VIN_VALUES[one] * weight for one, weight in zip(plain, _VIN_WEIGHTS, strict=True)) % 11
    return plain[8] == ("X" if rest == 10 else str(rest))


def is_ip(text: str) -> bool:
    """An IP address, version 4 or 6."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_phone(text: str) -> bool:
    """A North American number of ten digits (eleven with the 1), or an international one of 8 to 15 after a plus."""
    digits = digits_of(text)
    if text.lstrip("(").startswith("+") and not digits.startswith("1"):
        return 8 <= len(digits) <= 15
    digits = digits.removeprefix("1") if len(digits) == 11 else digits
    return len(digits) == 10 and digits[0] in "23456789" and len(set(digits)) > 2


_MONTHS = {
    name: at
    for at, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)
}


def is_date(text: str) -> bool:
    """A day in one of the usual spellings, not before 1880."""
    parts = [one for one in "".join(c if c.isalnum() else " " for c in text).split() if not one.isspace()]
    numbers = [int("".join(filter(str.isdigit, one))) for one in parts if one[0].isdigit()]
    month = next((_MONTHS[one[:3].lower()] for one in parts if one[:3].lower() in _MONTHS), 0)
    if month:
        numbers = [number for number in numbers if number <= 31][:1] + [number for number in numbers if number > 31][
            -1:
        ]
        tries = [(numbers[-1], month, numbers[0])] if len(numbers) == 2 else []
    elif len(numbers) == 3:
        one, two, three = numbers
        tries = [(one, two, three)] if one > 31 else [(three, one, two), (three, two, one)]
    else:
        return False
    return any(_is_day(*each) for each in tries)


def _is_day(year: int, month: int, day: int) -> bool:
    year += 0 if year > 99 else 1900 if year > 30 else 2000
    try:
        date(year, month, day)
    except ValueError:
        return False
    return 1880 <= year <= 2100

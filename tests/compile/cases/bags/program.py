"""Bags, version 0.1.0.

Compiled from spec c9ddd5388818. Do not edit: the artifact's digests cover this file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Generator, Mapping
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any, Literal, TypedDict

# ---- types and clauses -----------------------------------------------------------------------------------------------
#
#   C1: A bag of more than 50 pounds costs 30 dollars.
#   C2: The note is the postal code of the home.


class BagsItem(TypedDict):
    weight: Decimal
    tag: str | None


class Home(TypedDict):
    zip: str
    since: date | None


class HeavyItem(TypedDict):
    weight: Decimal
    tag: str | None


class ChargeOutput(TypedDict):
    heavy: list[HeavyItem]
    fee: Decimal
    note: str


class Inputs(TypedDict):
    bags: list[BagsItem]
    home: Home


class Outputs(TypedDict):
    heavy: list[HeavyItem]
    fee: Decimal
    note: str


# ---- logic: the generated functions, as they are in logic.py --------------------------------------------------------


def charge(bags: list[BagsItem], home: Home) -> ChargeOutput:
    found: list[HeavyItem] = [{"weight": bag["weight"], "tag": bag["tag"]} for bag in bags if bag["weight"] > 50]
    return {"heavy": found, "fee": Decimal("30.00") * len(found), "note": home["zip"]}


# ---- flow: written by Ingot from the spec ----------------------------------------------------------------------------


def transact(_case: Inputs) -> tuple[Outputs | None, tuple[str, str] | None]:
    """Run one transaction: the output, and the step and reason where a person must decide."""
    bags = _case["bags"]
    home = _case["home"]
    # charge: C1, C2
    _output_charge = charge(bags, home)
    heavy = _output_charge["heavy"]
    fee = _output_charge["fee"]
    note = _output_charge["note"]
    _output: Outputs = {"heavy": heavy, "fee": fee, "note": note}
    return _output, None

"""A small rule in the format of the adapter, and right programs for it, all our own."""

import json
from pathlib import Path
from typing import Any

import pytest

CAP = """\
description: The parking subsidy is limited to this amount.
metadata:
  unit: currency-USD
  period: month
  breakdown:
  - filing_status
  reference:
    - title: A law
      href: https://law.example/1
SINGLE:
  2019-01-01: 80
  2023-01-01: 1_00  # after the reform
  2030-01-01: 999
JOINT:
  2019-01-01: 200
"""
RATE = """\
description: Share of the cost.
values:
  2000-01-01: 0.5
metadata:
  type: single_amount
"""


def case(n: int, period: Any, cost: Any, status: str | None, expected: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"cost": cost, "state_code": "ZZ"}
    given |= {} if status is None else {"filing_status": status}
    return {"id": f"parking_{n}", "period": period, "input": given, "expected": expected, "abs_tol": 0.01, "name": "x"}


RULE: dict[str, Any] = {
    "name": "parking",
    "spec": {
        "program": "parking", "label": "Parking subsidy", "documentation": "Half of the cost.", "references": [],
        "inputs": {
            "cost": {"label": "Cost", "type": "float"},
            "filing_status": {"label": None, "type": "Enum"},
            "state_code": {"label": "State", "type": "Enum"},
        },
        "parameters": {"gov/park/cap.yaml": CAP, "gov/park/rate.yaml": RATE},
        "origin_test": "x",
    },
    "cases": [
        case(0, "2024-01", 100, "SINGLE", 50),
        case(1, "2024-01", 900, "SINGLE", "25 * 4"),
        case(2, "2024-01", 900, "JOINT", 200),
        case(3, "2022-06", 900, "SINGLE", 80.0),
        case(4, "2024-01", 0, "JOINT", 0),
        case(5, "2024-01", 399.5, "JOINT", "1_99.75"),
    ],
}  # fmt: skip

PROGRAM = """\
from datetime import date
from decimal import Decimal
from typing import Literal


def parking(
    period: date,
    cost: Decimal,
    filing_status: Literal["HEAD_OF_HOUSEHOLD", "JOINT", "SEPARATE", "SINGLE", "SURVIVING_SPOUSE"],
) -> Decimal:
    if filing_status == "JOINT":
        cap = Decimal("200")  # P1
    elif period >= date(2023, 1, 1):
        cap = Decimal("100")  # P1
    else:
        cap = Decimal("80")  # P1
    return min(cap, cost * Decimal("0.5"))  # P1, P2
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A folder with one file of one rule."""
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "dev.jsonl").write_text(json.dumps(RULE) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with a right program for the rule."""
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "parking.py").write_text(PROGRAM, encoding="utf-8")
    return folder

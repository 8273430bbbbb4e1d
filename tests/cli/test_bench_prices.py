"""A price that a user gives: what the report says of it, what a budget makes of it, and what cannot be read."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingot.errors import BudgetExceeded
from ingot.models import Scripted
from ingot.models.budget import Budget, Budgeted
from ingot.models.model import Request
from ingot.usage import Price, Usage, cost
from tests.cli.conftest import Run
from tests.evals.test_evaluate import RIGHT, SPEC
from tests.evals.test_suite_file import SUITE


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "logic.py").write_text(RIGHT)
    rows = [{"id": str(at), "input": {"weight": at}, "expected": {"fee": 5 if at <= 10 else 9}} for at in (1, 90)]
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "suite.yaml").write_text(SUITE)
    model = Scripted(['{"fee": 5}', '{"fee": 9}'], name="local:m.gguf")
    monkeypatch.setattr("ingot.models.open.open_model", lambda *_, **__: model)
    return tmp_path / "suite.yaml"


def direct(run: Run, suite: Path, *more: object) -> Any:
    return run(
        "bench", suite, "--solver", "direct", "--model", "local:m.gguf", "--out", suite.parent / "out", "--yes", *more
    )


def said_of(folder: Path, category: str, name: str) -> dict[str, Any]:
    told = json.loads((folder / "figures.json").read_text())["solvers"]["direct"][category]
    found: dict[str, Any] = next(one for one in told if one["name"] == name)
    return found


def test_a_report_names_the_price_as_the_users_with_its_day(ingot: Run, suite: Path) -> None:
    days = [datetime.now().astimezone().date()]
    done = direct(ingot, suite, "--price", "2,8")
    assert done.code == 0, done.err
    assert "no price known" not in done.err  # nor is it in what is told before the first request
    days.append(datetime.now().astimezone().date())
    out = suite.parent / "out" / "shipping"
    one = said_of(out, "token efficiency", "run-time cost")
    assert one["note"] in [f"tokens at 2 and 8 USD a million in and out (given by the user, {day})" for day in days]
    used = [
        item["answer"]["usage"] for item in json.loads((out / "direct" / "log.json").read_text())["tasks"][0]["items"]
    ]
    spent = sum(2 * each["input_tokens"] + 8 * each["output_tokens"] for each in used) / 1e6
    assert one["value"] == pytest.approx(spent / 2)
    assert "given by the user" in (out / "report.md").read_text()
    assert "given by the user" in (out / "report.html").read_text()
    again = ingot("bench", "report", out / "direct", "--price", "4,16", "--out", suite.parent / "again")
    assert again.code == 0, again.err
    assert said_of(suite.parent / "again", "token efficiency", "run-time cost")["value"] == pytest.approx(spent)


def test_an_estimate_is_at_the_price_that_was_given(ingot: Run, suite: Path) -> None:
    done = ingot("bench", suite, "--solver", "direct", "--estimate", "--price", "1000000,1000000")
    assert done.code == 0, done.err
    tokens = int(done.out.split("about ")[1].split(" tokens")[0].replace(",", ""))
    assert f"(${tokens}.00)" in done.out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--price", "3"), "'3' has 1 parts, and a price two: IN,OUT, dollars per million tokens in and out"),
        (("--price", "0,25,2"), "'0,25,2' has 3 parts"),
        (("--price", "$3,15"), "'$3' in '$3,15' is not an amount; dollars per million"),
        (("--price", "3,"), "'' in '3,' is not an amount"),
        (("--price", "3,-1"), "'-1' in '3,-1' is not an amount of zero or more"),
        (("--price", "nan,1"), "'nan' in 'nan,1' is not an amount of zero or more"),
        (("--price", "3,15", "--priced-as", "openai:gpt-5"), "--price and --priced-as both say what tokens cost"),
    ],
)
def test_what_is_no_price_is_told(ingot: Run, suite: Path, more: tuple[str, ...], said: str) -> None:
    for done in (
        direct(ingot, suite, *more),
        ingot("bench", "report", suite.parent, *more),
        ingot(
            "bench", "consistency", suite.parent / "spec.yaml", "--input", '{"weight": 3}', "--solver", "direct", *more
        ),
    ):
        assert done.code == 2
        assert said in " ".join(done.err.split())
    assert not (suite.parent / "out").exists()


def test_repeats_of_a_model_are_at_the_price_that_was_given(ingot: Run, suite: Path) -> None:
    done = ingot(
        "bench", "consistency", suite.parent / "spec.yaml", "--input", '{"weight": 3}', "--solver", "direct",
        "--model", "local:m.gguf", "--price", "2,8", "-n", "2", "--yes", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    found = {one["name"]: one for one in json.loads(done.out)}
    assert "given by the user" in found["cost"]["note"]
    assert found["cost"]["value"] > 0


def test_a_budget_in_dollars_holds_at_the_price_that_was_given() -> None:
    price = Price("", Decimal(2), Decimal(8), datetime(2026, 1, 1).date(), by_user=True)
    assert cost(Usage(1_000_000, 500_000, 1), price) == 6
    request = Request("s", "p", max_tokens=1_000)
    model = Scripted(["a"], name="openai:unlisted")
    with pytest.raises(BudgetExceeded, match="no price is known"):
        Budgeted(model, Budget(max_cost=Decimal(1)))
    assert Budgeted(model, Budget(max_cost=Decimal(1), price=price)).complete(request).text == "a"
    with pytest.raises(BudgetExceeded, match="the next request may need"):
        Budgeted(model, Budget(max_cost=Decimal("0.001"), price=price)).complete(request)

"""The hard limit."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest

from ingot.errors import BudgetExceeded, ModelError, ModelTimeout
from ingot.models import Budget, Budgeted, Completion, Request, Scripted, budgeted
from ingot.usage import Usage, cost


def answer(inputs: int, outputs: int) -> Completion:
    return Completion("x", "openai:gpt-5", Usage(inputs, outputs, 1))


def test_no_limit_is_no_wrapper(request_: Request) -> None:
    model = Scripted(["x"])
    assert budgeted(model, None) is model
    assert budgeted(model, Budget()) is model


def test_a_call_that_may_not_fit_is_not_made(request_: Request) -> None:
    model = Scripted([answer(10, 40)] * 9)
    # The request asks for at most 50 tokens and is 7 long by estimate.
    limited = Budgeted(model, Budget(max_tokens=107))
    limited.complete(request_)
    limited.complete(request_)
    assert limited.spent == Usage(20, 80, 2)
    with pytest.raises(BudgetExceeded, match=r"107 tokens .* may need up to 157 in all \(100 used so far\)"):
        limited.complete(request_)
    assert len(model.requests) == 2
    exact = Budgeted(Scripted([answer(7, 50)]), Budget(max_tokens=57))
    assert exact.complete(request_).text == "x"
    with pytest.raises(BudgetExceeded):
        Budgeted(Scripted([answer(1, 1)]), Budget(max_tokens=56)).complete(request_)


def test_usage_that_passes_the_budget_stops_hard(request_: Request) -> None:
    limited = Budgeted(Scripted([answer(10, 9_000)]), Budget(max_tokens=1_000))
    with pytest.raises(BudgetExceeded, match=r"the last request brought it to 9,010 in all"):
        limited.complete(request_)
    assert limited.spent.total_tokens == 9_010


def test_the_completion_that_passed_the_budget_is_with_the_error(request_: Request) -> None:
    limited = Budgeted(Scripted([answer(10, 9_000)]), Budget(max_tokens=1_000))
    with pytest.raises(BudgetExceeded) as caught:
        limited.complete(request_)
    assert caught.value.paid == answer(10, 9_000)
    with pytest.raises(BudgetExceeded) as caught:
        limited.complete(request_)
    assert caught.value.paid is None


def test_money(request_: Request) -> None:
    model = Scripted([answer(1_000, 1_000)] * 3, name="openai:gpt-5")
    limited = Budgeted(model, Budget(max_cost=Decimal("0.02")))  # 0.01125 each, 0.0005 reserved for the next
    limited.complete(request_)
    with pytest.raises(BudgetExceeded, match=r"\$0\.02 .* brought it to \$0\.022500"):
        limited.complete(request_)
    with pytest.raises(BudgetExceeded, match=r"may need up to \$0\.023"):
        limited.complete(request_)
    assert len(model.requests) == 2


@pytest.mark.parametrize("name", ["openai:unheard-of", "files:replies", "openai:gpt-5@http://127.0.0.1:1/v1"])
def test_an_unknown_price_fails_closed(name: str) -> None:
    with pytest.raises(BudgetExceeded, match="no price is known"):
        budgeted(Scripted(["x"], name=name), Budget(max_cost=Decimal(1)))


def test_a_failure_costs_nothing_and_a_timeout_its_most(request_: Request) -> None:
    limited = Budgeted(Scripted([ModelError("no"), ModelTimeout("late")]), Budget(max_tokens=1_000))
    with pytest.raises(ModelError, match="no"):
        limited.complete(request_)
    assert limited.spent == Usage()
    with pytest.raises(ModelTimeout):
        limited.complete(request_)
    assert limited.spent == Usage(7, 50, 1)


def test_a_reply_that_is_no_answer_counts_with_what_it_took(request_: Request) -> None:
    cut_off = ModelError("cut off")
    cut_off.used = Usage(7, 50, 1)
    limited = Budgeted(Scripted([cut_off, "x"]), Budget(max_tokens=100))
    with pytest.raises(ModelError, match="cut off"):
        limited.complete(request_)
    assert limited.spent == Usage(7, 50, 1)
    with pytest.raises(BudgetExceeded):
        limited.complete(request_)


def test_calls_at_once_share_the_budget(request_: Request) -> None:
    entered, leave = threading.Event(), threading.Event()

    class Slow:
        name = "slow"

        def complete(self, request: Request) -> Completion:
            entered.set()
            leave.wait(5)
            return answer(7, 50)

    limited = Budgeted(Slow(), Budget(max_tokens=100))
    thread = threading.Thread(target=limited.complete, args=(request_,))
    thread.start()
    assert entered.wait(5)
    with pytest.raises(BudgetExceeded):
        limited.complete(request_)
    leave.set()
    thread.join(5)
    assert limited.spent == Usage(7, 50, 1)


def test_a_limit_below_zero() -> None:
    with pytest.raises(ModelError, match="max_tokens is -1"):
        Budget(max_tokens=-1)


@pytest.mark.parametrize(
    ("model", "dollars"),
    [
        ("openai:gpt-5", "1.25"),
        ("openai:gpt-5-2025-08-07", "1.25"),
        ("openai:gpt-5-mini", "0.25"),
        ("anthropic:claude-haiku-4-5-20251001", "1"),
        ("openai:gpt-5-nano", None),
        ("openai:gpt-5@http://127.0.0.1:8000/v1", None),
        ("local:q.gguf", "0"),
    ],
)
def test_a_price_belongs_to_one_model(model: str, dollars: str | None) -> None:
    assert cost(Usage(1_000_000, 0, 1), model) == (None if dollars is None else Decimal(dollars))

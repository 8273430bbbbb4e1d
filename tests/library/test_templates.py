"""handler, validator and stream."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from ingot.library.templates import handler, stream, validator


def test_handler_gives_the_outcome_and_keeps_the_item() -> None:
    item = {"n": 1}

    def transact(received: Any) -> int:
        received["n"] += 1
        return int(received["n"])

    assert handler.run(transact, item) == 2
    assert item == {"n": 1}
    with pytest.raises(TypeError, match="not a list"):
        handler.run(transact, [1])  # type: ignore[arg-type]


# ---- validator ---------------------------------------------------------------------------------------------------


def positive(outcome: int) -> list[str]:
    return [] if outcome > 0 else [f"{outcome} is not positive"]


def escalate(item: Mapping[str, Any], outcome: Any, problems: Any) -> Any:
    return ("person", outcome, problems)


def test_validator_takes_the_first_outcome_that_holds() -> None:
    def run(first: int, second: int) -> Any:
        return validator.run(
            lambda item: first, {}, validate=positive, fallback=lambda item, problems: second, escalate=escalate
        )

    assert run(1, 2) == (1, "primary", ())
    assert run(-1, 2) == (2, "fallback", ("-1 is not positive",))
    assert run(-1, -2).source == "escalation"
    assert run(-1, -2).outcome == ("person", -2, ("-1 is not positive", "-2 is not positive"))


def test_validator_passes_on_nothing_that_could_not_be_computed_or_checked() -> None:
    def breaks(*_: Any) -> Any:
        raise KeyError("Ann Example")

    nothing = validator.run(breaks, {}, validate=positive, escalate=escalate)
    assert nothing == (("person", None, ("no outcome: KeyError",)), "escalation", ("no outcome: KeyError",))
    unchecked = validator.run(lambda item: 1, {}, validate=breaks, escalate=escalate)
    assert unchecked.problems == ("the outcome could not be checked: KeyError",)
    one_text = validator.run(lambda item: 1, {}, validate=lambda outcome: "wrong", escalate=escalate)
    assert one_text.problems == ("wrong",)
    none_is_an_outcome = validator.run(lambda item: None, {}, validate=lambda outcome: [], escalate=escalate)
    assert none_is_an_outcome == (None, "primary", ())


# ---- stream ------------------------------------------------------------------------------------------------------


class Source:
    """Items 0, 1, 2 …; knows how many were pulled and whether it was closed."""

    def __init__(self, count: int) -> None:
        self.count, self.pulled, self.closed = count, 0, False

    async def items(self) -> AsyncIterator[dict[str, int]]:
        try:
            while self.pulled < self.count:
                self.pulled += 1
                yield {"n": self.pulled - 1}
                await asyncio.sleep(0)
        finally:
            self.closed = True


async def jumbled(item: Mapping[str, Any]) -> int:
    await asyncio.sleep(0.002 * ((item["n"] * 7) % 5))
    return int(item["n"])


def test_outcomes_keep_the_order_of_the_items() -> None:
    async def main() -> list[Any]:
        return [outcome async for outcome in stream.run(jumbled, Source(50).items(), in_flight=8)]

    assert asyncio.run(main()) == list(range(50))


@pytest.mark.parametrize("in_flight", [1, 3, 8])
def test_a_slow_reader_slows_the_source_down(in_flight: int) -> None:
    async def main() -> int:
        source, delivered, ahead = Source(40), 0, 0
        async for _ in stream.run(jumbled, source.items(), in_flight=in_flight):
            delivered += 1
            await asyncio.sleep(0.003)
            ahead = max(ahead, source.pulled - delivered)
        assert delivered == 40
        return ahead

    ahead = asyncio.run(main())
    assert ahead <= in_flight
    assert in_flight == 1 or ahead >= in_flight - 1


def test_at_most_in_flight_items_run_at_once_and_they_do_run_at_once() -> None:
    running = most = 0

    async def transact(item: Mapping[str, Any]) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.002)
        running -= 1

    async def main() -> None:
        async for _ in stream.run(transact, Source(30).items(), in_flight=4):
            pass

    asyncio.run(main())
    assert most == 4


def test_a_slow_source_does_not_hold_back_what_is_done() -> None:
    async def main() -> None:
        never = asyncio.Event()

        async def source() -> AsyncIterator[dict[str, int]]:
            yield {"n": 1}
            await never.wait()

        outcomes = stream.run(lambda item: item["n"], source(), in_flight=8)
        assert await asyncio.wait_for(anext(outcomes), 2) == 1
        await outcomes.aclose()  # type: ignore[attr-defined]

    asyncio.run(main())


def test_one_broken_item_becomes_a_failure_or_ends_the_stream() -> None:
    def transact(item: Mapping[str, Any]) -> float:
        return 6 / item["n"]

    async def main(errors: Any) -> list[Any]:
        seen: list[Any] = []
        try:
            async for outcome in stream.run(transact, Source(3).items(), errors=errors):
                seen.append(outcome)
        except ZeroDivisionError:
            seen.append("ended")
        return seen

    first, *rest = asyncio.run(main("record"))
    assert (first.number, type(first.error)) == (0, ZeroDivisionError)
    assert rest == [6, 3]
    assert asyncio.run(main("raise")) == ["ended"]


def test_an_error_of_the_source_comes_after_the_outcomes_before_it() -> None:
    async def source() -> AsyncIterator[dict[str, int]]:
        yield {"n": 1}
        yield {"n": 2}
        raise OSError("the feed broke")

    async def main() -> list[Any]:
        seen: list[Any] = []
        try:
            async for outcome in stream.run(jumbled, source()):
                seen.append(outcome)
        except OSError as error:
            seen.append(str(error))
        return seen

    assert asyncio.run(main()) == [1, 2, "the feed broke"]


def test_stopping_early_cancels_what_runs_and_closes_the_source() -> None:
    cancelled: list[int] = []

    async def transact(item: Mapping[str, Any]) -> int:
        try:
            await asyncio.sleep(0 if item["n"] == 0 else 60)
        except asyncio.CancelledError:
            cancelled.append(item["n"])
            raise
        return int(item["n"])

    async def main(by_cancel: bool) -> Source:
        source = Source(100)
        outcomes = stream.run(transact, source.items(), in_flight=4)
        assert await anext(outcomes) == 0
        if by_cancel:
            waiting = asyncio.ensure_future(anext(outcomes))
            await asyncio.sleep(0.02)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        else:
            await asyncio.sleep(0.01)
            await outcomes.aclose()  # type: ignore[attr-defined]
        assert len(asyncio.all_tasks()) == 1
        return source

    for by_cancel in (False, True):
        cancelled.clear()
        assert asyncio.run(main(by_cancel)).closed
        assert cancelled
        assert len(cancelled) <= 4


def test_a_waiting_function_runs_in_threads() -> None:
    barrier = threading.Barrier(3, timeout=5)

    def transact(item: Mapping[str, Any]) -> int:
        barrier.wait()
        return int(item["n"])

    async def main() -> list[Any]:
        return [o async for o in stream.run(transact, Source(3).items(), in_flight=3, threads=True)]

    assert asyncio.run(main()) == [0, 1, 2]


def test_in_flight_is_one_or_more() -> None:
    async def main() -> None:
        await anext(stream.run(jumbled, Source(1).items(), in_flight=0))

    with pytest.raises(ValueError, match="in_flight is 0"):
        asyncio.run(main())

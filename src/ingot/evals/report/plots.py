"""The plots of a report as SVG, drawn by matplotlib (extra ``bench``). The same logs give the same bytes."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ingot.errors import StageError
from ingot.evals.log import Log
from ingot.evals.metrics.reliability import accuracy, accuracy_on_answered, coverage, wrong_accept
from ingot.evals.metrics.security_cost import cost_of_ownership
from ingot.evals.metrics.tokens import paid_tokens, runtime_tokens, token_break_even
from ingot.evals.report.risk import risk_coverage
from ingot.evals.report.tables import BASELINE

COLOURS = ("#1f4e79", "#c05a1c", "#2e7d4f", "#7a3e8e", "#8a6d1d", "#4b5563", "#b0304c")


def plots(logs: Sequence[Log], *, priced_as: str = "") -> Iterator[tuple[str, str]]:
    """Caption and SVG of each plot that the logs have figures for. Raises StageError without the extra."""
    drawers: tuple[tuple[str, Callable[[Any, Sequence[Log], str], bool]], ...] = (
        ("Answers: shares with 95 % intervals", _answers),
        ("Tokens against transactions, of one deployed task", _tokens),
        ("Latency: share of transactions answered within", _latency),
        ("Risk and coverage: wrong among answered, as less is answered", _risk),
        ("Cost of a million transactions a month", _cost),
    )
    for caption, draw in drawers:
        svg = _drawn(draw, logs, priced_as)
        if svg is not None:
            yield caption, svg


def _drawn(draw: Callable[[Any, Sequence[Log], str], bool], logs: Sequence[Log], priced_as: str) -> str | None:
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        raise StageError("the report's plots need matplotlib", hint="pip install 'ingot[bench]'") from None
    with mpl.rc_context(
        {"svg.hashsalt": "ingot", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10}
    ):
        figure = Figure(figsize=(7.2, 3.4), layout="constrained")
        axes = figure.subplots()
        axes.spines[["top", "right"]].set_visible(False)
        if not draw(axes, logs, priced_as):
            return None
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return re.sub(r"^.*?(?=<svg)", "", out.getvalue(), flags=re.DOTALL)


def _answers(axes: Any, logs: Sequence[Log], _: str) -> bool:
    makers = (accuracy, accuracy_on_answered, coverage, wrong_accept)
    names: list[str] = []
    for at, log in enumerate(logs):
        measures = [make(log.items) for make in makers]
        names = [one.name for one in measures]
        places = [place + (at - (len(logs) - 1) / 2) * 0.16 for place in range(len(makers))]
        known = [(place, one) for place, one in zip(places, measures, strict=True) if one.value is not None]
        axes.errorbar(
            [one.value for _, one in known], [place for place, _ in known],
            xerr=[[(one.value or 0) - (one.low or 0) for _, one in known], [(one.high or 0) - (one.value or 0) for _, one in known]],
            fmt="o", capsize=3, color=COLOURS[at % len(COLOURS)], label=log.header.solver,
        )  # fmt: skip
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(-0.02, 1.02)
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="best")
    return True


def _tokens(axes: Any, logs: Sequence[Log], _: str) -> bool:
    known = [(log, paid_tokens(log), runtime_tokens(log).value) for log in logs]
    drawn = [(log, g, r) for log, g, r in known if g is not None and r is not None and (g or r)]
    if not drawn:
        return False
    numbers = [10 ** (step / 8) for step in range(49)]
    baseline = next((log for log in logs if log.header.solver == BASELINE), None)
    for at, (log, g, r) in enumerate(drawn):
        colour = COLOURS[at % len(COLOURS)]
        axes.plot(numbers, [g + n * r for n in numbers], color=colour, label=log.header.solver)
        even = None if baseline is None or log is baseline else token_break_even(log, baseline).value
        if even is not None and 1 <= even <= numbers[-1]:
            axes.axvline(even, color=colour, linestyle=":", linewidth=1)
            axes.annotate(
                f"{even:,.0f}", (even, g + even * r), textcoords="offset points", xytext=(5, -12), color=colour
            )
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=1)
    axes.set_xlabel("transactions")
    axes.set_ylabel("tokens in all")
    axes.legend(loc="best")
    return True


def _latency(axes: Any, logs: Sequence[Log], _: str) -> bool:
    drawn = False
    for at, log in enumerate(logs):
        seconds = sorted(item.answer.seconds for item in log.items if item.answer.seconds)
        if seconds:
            shares = [(number + 1) / len(seconds) for number in range(len(seconds))]
            axes.step(seconds, shares, where="post", color=COLOURS[at % len(COLOURS)], label=log.header.solver)
            drawn = True
    if drawn:
        axes.set_xscale("log")
        axes.set_xlabel("seconds")
        axes.set_ylim(0, 1.02)
        axes.legend(loc="best")
    return drawn


def _risk(axes: Any, logs: Sequence[Log], _: str) -> bool:
    drawn = False
    for at, log in enumerate(logs):
        points = risk_coverage(log)
        if points:
            colour = COLOURS[at % len(COLOURS)]
            axes.step(
                [one.coverage for one in points],
                [one.risk for one in points],
                where="post",
                color=colour,
                label=log.header.solver,
            )
            drawn = True
    if drawn:
        axes.set_xlabel("coverage (share answered)")
        axes.set_ylabel("risk (wrong among answered)")
        axes.set_xlim(0, 1.02)
        axes.set_ylim(bottom=0)
        axes.legend(loc="best")
    return drawn


def _cost(axes: Any, logs: Sequence[Log], priced_as: str) -> bool:
    known = [(log.header.solver, cost_of_ownership(log, priced_as=priced_as).value) for log in logs]
    bars = [(name, value) for name, value in known if value]
    if not bars:
        return False
    axes.barh([name for name, _ in bars], [value for _, value in bars], color=COLOURS[0], height=0.5)
    for place, (_, value) in enumerate(bars):
        axes.annotate(f"${value:,.2f}", (value, place), textcoords="offset points", xytext=(4, -3))
    axes.set_xscale("log")
    axes.set_xlabel("US dollars a month")
    axes.margins(x=0.25)
    return True

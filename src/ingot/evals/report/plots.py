"""The plots of a report as SVG, drawn by matplotlib (extra ``bench``). The same logs give the same bytes.

A figure in a plot is the one of the tables, which was measured once; curves are of the items themselves.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ingot.errors import StageError
from ingot.evals.log import Log
from ingot.evals.metrics.measure import Measure
from ingot.evals.report.risk import risk_coverage
from ingot.evals.report.tables import Measured, number

ANSWERS = ("accuracy", "accuracy on answered", "coverage", "wrong accepts")
"""The figures of reliability that are drawn."""

COLOURS = ("#1f4e79", "#c05a1c", "#2e7d4f", "#7a3e8e", "#8a6d1d", "#4b5563", "#b0304c")


Draw = Callable[[Any, Sequence[Log], Measured], bool]
"""Draws on axes; False where there is nothing to draw."""


def plots(logs: Sequence[Log], found: Measured) -> Iterator[tuple[str, str]]:
    """Caption and SVG of each plot that the logs have figures for. Raises StageError without the extra."""
    drawers: tuple[tuple[str, Draw], ...] = (
        ("Answers: shares with 95 % intervals", _answers),
        ("Tokens against transactions, of one deployed task", _tokens),
        ("Latency: share of transactions answered within", _latency),
        ("Risk and coverage: wrong among answered, as less is answered", _risk),
        ("Cost of a million transactions a month", _cost),
    )
    for caption, draw in drawers:
        svg = _drawn(draw, logs, found)
        if svg is not None:
            yield caption, svg


def _figure(own: Mapping[str, Sequence[Measure]], category: str, name: str) -> Measure | None:
    """A figure of one log by its name; None where it was not measured."""
    return next((one for one in own[category] if one.name == name and one.value is not None), None)


def _drawn(draw: Draw, logs: Sequence[Log], found: Measured) -> str | None:
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        raise StageError("the report's plots need matplotlib", hint="pip install 'ingot[bench]'") from None
    with mpl.rc_context(
        {
            "svg.hashsalt": "ingot",
            "svg.fonttype": "none",
            "font.family": "sans-serif",
            "font.size": 10,
            "text.parse_math": False,  # a name may have dollar signs
        }
    ):
        figure = Figure(figsize=(7.2, 3.4), layout="constrained")
        axes = figure.subplots()
        axes.spines[["top", "right"]].set_visible(False)
        if not draw(axes, logs, found):
            return None
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return re.sub(r"^.*?(?=<svg)", "", out.getvalue(), flags=re.DOTALL)


def _answers(axes: Any, logs: Sequence[Log], found: Measured) -> bool:
    for at, (log, own) in enumerate(zip(logs, found, strict=True)):
        measures = [_figure(own, "reliability", name) for name in ANSWERS]
        places = [place + (at - (len(logs) - 1) / 2) * min(0.16, 0.8 / len(logs)) for place in range(len(ANSWERS))]
        known = [(place, one) for place, one in zip(places, measures, strict=True) if one is not None]
        axes.errorbar(
            [one.value for _, one in known], [place for place, _ in known],
            xerr=[[(one.value or 0) - (one.low or 0) for _, one in known], [(one.high or 0) - (one.value or 0) for _, one in known]],
            fmt="o", capsize=3, color=COLOURS[at % len(COLOURS)], label=log.name,
        )  # fmt: skip
    axes.set_yticks(range(len(ANSWERS)), ANSWERS)
    axes.invert_yaxis()
    axes.set_xlim(-0.02, 1.02)
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="best")
    return True


def _tokens(axes: Any, logs: Sequence[Log], found: Measured) -> bool:
    numbers = [10 ** (step / 8) for step in range(49)]
    both = enumerate(zip(logs, found, strict=True))  # a solver has one colour in all plots
    drawn = [(at, log, own, line) for at, (log, own) in both if (line := _line(own)) is not None]
    if not drawn:
        return False
    for at, log, own, (first, each) in drawn:
        colour = COLOURS[at % len(COLOURS)]
        axes.plot(numbers, [first + (n - 1) * each for n in numbers], color=colour, label=log.name)
        even = _figure(own, "token efficiency", "break-even, tokens")
        if even is not None and even.value is not None and 1 <= even.value <= numbers[-1]:
            at_even = (even.value, first + (even.value - 1) * each)
            axes.axvline(even.value, color=colour, linestyle=":", linewidth=1)
            axes.annotate(f"{even.value:,.0f}", at_even, textcoords="offset points", xytext=(5, -12), color=colour)
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(bottom=0)  # what is drawn lies above; left alone, the scale goes on below it
    axes.set_xlabel("transactions")
    axes.set_ylabel("tokens in all")
    axes.legend(loc="best")
    return True


def _line(own: Mapping[str, Sequence[Measure]]) -> tuple[float, float] | None:
    """The tokens in all at one transaction and those of each further one; None where there are none."""
    first, each = (_figure(own, "token efficiency", name) for name in ("total at 1", "run-time tokens"))
    if first is None or each is None or first.value is None or each.value is None:
        return None
    return (first.value, each.value) if first.value or each.value else None


def _latency(axes: Any, logs: Sequence[Log], _: Measured) -> bool:
    drawn = False
    for at, log in enumerate(logs):
        seconds = sorted(item.answer.seconds for item in log.items if item.answer.seconds)
        if seconds:
            shares = [(number + 1) / len(seconds) for number in range(len(seconds))]
            axes.step(seconds, shares, where="post", color=COLOURS[at % len(COLOURS)], label=log.name)
            drawn = True
    if drawn:
        axes.set_xscale("log")
        axes.set_xlabel("seconds")
        axes.set_ylim(0, 1.02)
        axes.legend(loc="best")
    return drawn


def _risk(axes: Any, logs: Sequence[Log], _: Measured) -> bool:
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
                label=log.name,
            )
            drawn = True
    if drawn:
        axes.set_xlabel("coverage (share answered)")
        axes.set_ylabel("risk (wrong among answered)")
        axes.set_xlim(0, 1.02)
        axes.set_ylim(bottom=0)
        axes.legend(loc="best")
    return drawn


def _cost(axes: Any, logs: Sequence[Log], found: Measured) -> bool:
    known = [(log.name, own["cost"][0].value) for log, own in zip(logs, found, strict=True)]
    bars = [(name, value) for name, value in known if value]
    if not bars:
        return False
    axes.barh([name for name, _ in bars], [value for _, value in bars], color=COLOURS[0], height=0.5)
    for place, (_, value) in enumerate(bars):
        axes.annotate(number(value, "USD"), (value, place), textcoords="offset points", xytext=(4, -3))
    axes.set_xscale("log")
    axes.set_xlabel("US dollars a month")
    axes.margins(x=0.25)
    return True

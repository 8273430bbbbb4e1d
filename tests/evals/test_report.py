"""The report: the same bytes each time, nothing loaded, every value escaped, figures as measured."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ingot.errors import InputError
from ingot.evals.log import Log, Scored, TaskLog
from ingot.evals.metrics.selective import coverage_at
from ingot.evals.report.markdown import markdown
from ingot.evals.report.page import page
from ingot.evals.report.plots import COLOURS, plots
from ingot.evals.report.risk import risk_coverage
from ingot.evals.report.tables import measured, number
from ingot.evals.report.text import summary
from ingot.evals.report.write import figures, write_report
from ingot.evals.shared import alike
from ingot.evals.solvers import Answer, Generation
from ingot.usage import Usage
from tests.evals.test_metrics import HELD, RIGHT, WRONG, item, log


def both() -> list[Log]:
    made = Generation(True, usage=Usage(900, 100, 1), seconds=2.0, attempts=1, model="openai:gpt-5")
    ours = log(item(RIGHT, seconds=1e-5), item(HELD, seconds=1e-5), generations=(made,))
    theirs = log(item(RIGHT, tokens=300, seconds=0.8), item(WRONG, tokens=300, seconds=0.9), solver="direct")
    return [ours, theirs]


def shown(form: Callable[..., str], logs: list[Log]) -> str:
    return form(logs, measured(logs))


def written(folder: Path, logs: list[Log]) -> Path:
    return write_report(folder, logs, measured(logs))


def test_it_is_written_whole_and_the_same_each_time(tmp_path: Path) -> None:
    first = written(tmp_path / "a", both()).read_bytes()
    assert first == written(tmp_path / "b", both()).read_bytes()
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"report.html", "report.md", "figures.json"}
    told = json.loads((tmp_path / "a" / "figures.json").read_text())
    even = next(one for one in told["solvers"]["compiled"]["token efficiency"] if one["name"] == "break-even, tokens")
    assert even["value"] == pytest.approx(1000 / 300)


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    text = shown(page, both())
    assert "default-src 'none'" in text
    assert "<script" not in text
    loaded = re.findall(r"""(?:src|href)\s*=\s*["'](?!#)[^"']*|url\((?!#)[^)]*\)|@import""", text)
    assert loaded == []
    assert text.count("<figure>") >= 4


def test_plots_show_the_figures_that_were_measured_and_measure_none() -> None:
    logs = both()
    found = [dict(own) for own in measured(logs, priced_as="openai:gpt-5")]
    known = dict(plots(logs, found))
    tokens, cost = "Tokens against transactions, of one deployed task", "Cost of a million transactions a month"
    assert ">3</text>" in known[tokens]
    others = {"break-even, tokens": 77_777.0, found[0]["cost"][0].name: 5.25}
    for category in ("token efficiency", "cost"):
        found[0][category] = [replace(one, value=others.get(one.name, one.value)) for one in found[0][category]]
    changed = dict(plots(logs, found))
    assert "77,777" in changed[tokens]
    assert "$5.2500" in changed[cost]
    assert "\u2212" not in re.sub(r"\s", "", known[tokens])  # no token is below zero, and no line of the axis
    nothing = [{name: [replace(one, value=None) for one in some] for name, some in own.items()} for own in found]
    assert {tokens, cost}.isdisjoint(dict(plots(logs, nothing)))


def test_a_solver_has_one_colour_in_all_plots() -> None:
    ours, theirs = both()
    logs = [
        log(item(RIGHT, seconds=1e-5), solver="human"),
        ours,
        theirs,
    ]  # who uses no token has no line among the tokens
    known = dict(plots(logs, measured(logs)))
    tokens, latency = (
        known["Tokens against transactions, of one deployed task"],
        known["Latency: share of transactions answered within"],
    )
    assert COLOURS[0] not in tokens
    for colour in COLOURS[1:3]:
        assert colour in tokens
        assert colour in latency


def test_values_are_escaped() -> None:
    ours, theirs = both()
    bad = "<img src=x onerror=alert(1)>"
    ours = replace(ours, header=replace(ours.header, title=bad, model=bad))
    assert bad not in shown(page, [ours, theirs])


def test_what_was_not_measured_says_so() -> None:
    text = shown(markdown, [log(item(HELD))])
    assert re.search(r"\| accuracy on answered \| share \| not measured \|", text)


def test_refusals_and_wrong_fields_are_counted() -> None:
    refused = replace(log(item(HELD)), tasks=(TaskLog("t", Generation(False, "refused by accuracy"), ()),))
    assert "refused by accuracy" in shown(markdown, [refused])
    assert "| wrong: fee | 1 |" in shown(markdown, [log(item(WRONG))])


def test_logs_of_different_suites_are_not_put_together() -> None:
    ours, theirs = both()
    with pytest.raises(InputError, match="different suites"):
        measured([ours, replace(theirs, header=replace(theirs.header, suite_digest="other"))])


def test_the_terminal_shows_the_main_figures_and_all_tokens() -> None:
    text = "\n".join(summary(both(), measured(both())))
    assert "accuracy on answered" in text
    assert re.search(r"tokens to generate +1,000 +0", text)
    assert re.search(r"tokens at run time +0 +600", text)


def test_columns_are_as_wide_as_what_is_in_them() -> None:
    long = [replace(one, label=f"a solver with quite a long name {at}") for at, one in enumerate(both())]
    lines = list(summary(long, measured(long)))[1:]
    starts = {len(line) for line in lines}
    assert len(starts) == 1, lines  # every column ends where the one above it does


def test_the_page_says_what_went_wrong_as_the_markdown_does() -> None:
    refused = replace(
        log(item(HELD), item(WRONG)),
        tasks=(TaskLog("t", Generation(False, "<refused>"), ()), *log(item(HELD), item(WRONG)).tasks),
    )
    for text in (shown(markdown, [refused]), shown(page, [refused])):
        for said in ("What went wrong", "not deployed: &lt;refused&gt;", "wrong: fee", "withheld, in part or whole"):
            assert said in text
    assert "What went wrong" not in shown(page, [log(item(RIGHT))])


def test_a_note_that_several_figures_have_stands_once() -> None:
    text = markdown(both(), measured(both(), priced_as="openai:gpt-5"))
    row = next(line for line in text.splitlines() if line.startswith("| cost of 1,000,000"))
    assert row.count("1.25 and 10 USD a million in and out (2025-08-07)") == 1
    assert row.count("machine 0.0446 USD") == 1


def test_numbers_have_their_unit() -> None:
    assert number(0.5, "share") == "50.0 %"
    assert number(0.0000123, "s") == "12.3 µs"
    assert number(1234.5, "tokens") == "1,234"
    assert number(0.0012, "USD a task") == "$0.001200"


def test_figures_of_different_numbers_of_observations_say_theirs() -> None:
    ours, theirs = both()
    answer = Answer(None, withheld="not deployed: no", ran=False)
    ours = replace(ours, tasks=(replace(ours.tasks[0], items=(ours.items[0], replace(ours.items[1], answer=answer))),))
    for form in (markdown, page):
        text = shown(form, [ours, theirs])
        assert re.search(r"run-time tokens.*tokens a transaction.*0 \(n = 1\).*300.* \(n = 2\)", text)
        assert "1 of 2 transactions were not run" in text
    text = "\n".join(summary([ours, theirs], measured([ours, theirs])))
    assert re.search(r"accuracy on answered +100.0 % \(n = 1\) +50.0 % .* \(n = 2\)", text)
    assert re.search(r"items not run +1 +0", text)


def test_a_log_that_was_cut_short_is_marked_and_stands_beside_others_on_what_all_have() -> None:
    ours, theirs = both()
    further = replace(ours.tasks[0], task="further")
    ours = replace(ours, tasks=(*ours.tasks, further))
    theirs = replace(theirs, whole=False)
    with pytest.raises(InputError, match="different tasks: compiled has 2; direct has 1, cut short"):
        measured([ours, theirs])
    logs = alike([ours, theirs], shared=True)
    assert [len(log.tasks) for log in logs] == [1, 1]
    for form in (markdown, page):
        text = shown(form, logs)
        assert "1 tasks left out, since not all logs have them" in text
        assert "cut short after 1 tasks" in text
    assert "direct: cut short after 1 tasks" in "\n".join(summary(logs, measured(logs)))
    told = figures(logs, measured(logs))
    assert (told["tasks"], list(told["cut_short"])) == (1, ["compiled", "direct"])


def test_logs_of_one_solver_are_told_apart() -> None:
    ours, theirs = both()
    other = replace(ours, header=replace(ours.header, model="local:m.gguf"))
    names = [log.name for log in alike([ours, other, theirs])]
    assert names == ["compiled openai:gpt-5", "compiled local:m.gguf", "direct"]
    twice = alike([ours, ours])
    assert [log.name for log in twice] == ["compiled openai:gpt-5 1", "compiled openai:gpt-5 2"]
    assert list(figures(twice, measured(twice))["solvers"]) == [log.name for log in twice]
    assert "| compiled openai:gpt-5 1 | compiled openai:gpt-5 2 |" in shown(markdown, twice)
    assert alike([ours])[0].name == "compiled"


def sure(confidence: float, right: bool) -> Scored:
    return Scored("x", "unseen", True, Answer({"fee": 1}, confidence={"fee": confidence}), {"fee": float(right)})


def test_the_risk_coverage_curve() -> None:
    curve = log(sure(0.9, True), sure(0.8, False), sure(0.8, True), sure(0.1, False))
    points = risk_coverage(curve)
    assert [(one.confidence, one.coverage) for one in points] == [(0.9, 0.25), (0.8, 0.75), (0.1, 1.0)]
    assert [one.risk for one in points] == [0, pytest.approx(1 / 3), 0.5]
    best = coverage_at(curve, 0.6)
    assert (best.value, best.n, best.low) == (0.75, 4, None)
    assert best.note == "from 0.800 on; flattered by the choice"
    assert coverage_at(curve, 0.95).value == 0.25
    nowhere = coverage_at(log(sure(0.9, False)), 0.5)
    assert (nowhere.value, nowhere.n, nowhere.note) == (0, 1, "no threshold reaches it")
    assert coverage_at(log(), 0.5).value is None
    assert "| coverage at 95%, threshold chosen on these items | share | 25.0 % | 4 |" in shown(markdown, [curve])
    assert risk_coverage(log(item(RIGHT))) == []


def test_markdown_escapes_what_suites_and_programs_say() -> None:
    ours, theirs = both()
    bad = "<img src=x> a|b [x](javascript:y)"
    broken = replace(item(WRONG, error=f"{bad}: no"), kind=bad)
    ours = replace(ours, header=replace(ours.header, title=bad, origin=bad))
    ours = replace(ours, tasks=(replace(ours.tasks[0], items=(*ours.items, broken)),))
    text = shown(markdown, [ours, theirs])
    assert "<img" not in text
    assert "[x](" not in text
    rows = [line for line in text.splitlines() if line.startswith("| accuracy")]
    assert any("&lt;img" in line for line in rows)
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in rows}) == 1


def test_a_models_name_is_text_in_tables_and_plots() -> None:
    """A path may have a bar, a backtick, brackets and dollar signs; a legend takes no mathematics from them."""
    name = "files:/a|b`c$x_{$<script>"
    ours, other = both()[0], both()[0]
    ours = replace(ours, header=replace(ours.header, model=name))
    logs = alike([ours, other])
    assert logs[0].name.endswith(name)
    text = shown(markdown, logs)
    assert name not in text
    counts = {len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines() if line.startswith("| | unit")}
    assert counts == {7}
    drawn = shown(page, logs)
    assert "<script" not in drawn
    assert drawn.count("files:/a|b`c$x_{$&lt;script&gt;</text>") >= 2

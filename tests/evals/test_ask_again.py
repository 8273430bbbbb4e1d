"""The same input asked many times of a model: every repeat is a draw of its own, paid once and told with its tokens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingot.errors import BudgetExceeded, InputError
from ingot.evals.ask_again import APART, asked, measured, suite_of
from ingot.evals.kept import Kept
from ingot.models import Scripted
from ingot.models.model import Completion, Request
from tests.cli.conftest import Run, ingot  # noqa: F401 - a fixture
from tests.evals.test_agent_solvers import NAMES, submits
from tests.evals.test_evaluate import RIGHT, SPEC

INPUT = '{"weight": 3}'
FEES = ['{"fee": 5}', '{"fee": 9}', '{"fee": 5}', '{"fee": 5}']


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(SPEC)
    return tmp_path / "spec.yaml"


def scripted(monkeypatch: pytest.MonkeyPatch, answers: list[Any], kind: type[Scripted] = Scripted) -> Scripted:
    model = kind(answers, name="openai:gpt-5-mini")
    monkeypatch.setattr("ingot.models.open.open_model", lambda *_, **__: model)
    return model


def named(out: str) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in json.loads(out)}


def bench(run: Run, target: Path, *more: object) -> Any:
    return run("bench", "consistency", target, "--input", INPUT, "--solver", "direct", "--model", "openai:x", *more)


def test_answers_that_differ_have_entropy_and_kept_ones_are_not_paid_again(
    ingot: Run,  # noqa: F811
    spec: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = spec.parent / "kept"
    model = scripted(monkeypatch, FEES)
    done = bench(ingot, spec, "-n", "4", "--out", out, "--json")
    assert done.code == 0, done.err
    assert "direct: 1 tasks, 4 items; at least about" in done.err
    assert "in 4 requests ($0.00)" in done.err
    found = named(done.out)
    assert found["entropy"]["value"] == pytest.approx(0.811278)
    assert found["exact match"]["value"] == 0.75
    assert (found["entropy"]["n"], found["tokens"]["n"]) == (4, 4)
    assert found["tokens"]["value"] > 100
    assert "4 requests" in found["tokens"]["note"]
    assert found["cost"]["value"] > 0
    assert "0.25 and 2 USD a million" in found["cost"]["note"]
    assert [one.seed for one in model.requests] == [0, APART, 2 * APART, 3 * APART]
    assert {(one.prompt, one.temperature) for one in model.requests} == {(model.requests[0].prompt, 0.0)}
    again = scripted(monkeypatch, ['{"fee": 1}'])
    done = bench(ingot, spec, "-n", "5", "--out", out, "--json", "--yes")
    assert done.code == 0, done.err
    assert done.err == ""
    assert len(again.requests) == 1
    assert named(done.out)["exact match"]["value"] == 0.6
    assert named(done.out)["tokens"]["value"] > found["tokens"]["value"]


def test_an_artifact_is_asked_of_as_its_spec_and_never_shown_the_answer(spec: Path) -> None:
    from ingot.compile.driver import check

    made = check(spec, RIGHT, out=spec.parent / "artifacts")
    assert made.path is not None
    prompts = []
    for target in (spec, made.path):
        model = Scripted(['{"fee": 5}'] * 2)
        list(asked("direct", model, suite_of(target, {"weight": 10}, 2)))
        prompts += [one.prompt for one in model.requests]
    assert len(set(prompts)) == 1
    assert '{"weight":11} -> {"fee":9}' in prompts[0]
    assert '{"weight":10} ->' not in prompts[0]  # the given case of this very input
    assert '{"weight":50}' not in prompts[0]  # a held-out one


def test_no_answer_is_an_outcome_and_what_was_not_asked_is_none(spec: Path, tmp_path: Path) -> None:
    suite = suite_of(spec, {"weight": 3}, 3)
    model = Scripted(['{"fee": 5}', "no", "no", '{"fee": 5}'], name="local:m.gguf")
    found = {
        one.name: one for one in measured(list(asked("direct", Kept(model, tmp_path / "kept"), suite)), model.name)
    }
    assert found["exact match"].value == pytest.approx(2 / 3)
    assert "1 gave no answer" in found["entropy"].note
    assert "4 requests" in found["tokens"].note
    assert (found["cost"].value, found["cost"].n) == (None, 0)
    assert [one.seed for one in model.requests] == [0, APART, APART + 1, 2 * APART]
    nothing = {one.name: one for one in measured([], "openai:gpt-5")}
    assert all(one.value is None for one in nothing.values())


@pytest.mark.parametrize("name", NAMES)
def test_agents_are_asked_anew_in_every_repeat(name: str, spec: Path, tmp_path: Path) -> None:
    each = len(submits(name, 5))
    suite = suite_of(spec, {"weight": 3}, 3)
    model = Scripted([*submits(name, 5), *submits(name, 9), *submits(name, 5)])
    for _ in range(2):  # the second time all of it is kept
        found = list(asked(name, Kept(model, tmp_path / "kept"), suite))
        assert [one.output for one in found] == [{"fee": 5}, {"fee": 9}, {"fee": 5}]
    assert [one.seed // APART for one in model.requests] == [0] * each + [1] * each + [2] * each


class Stopped(Scripted):
    """Ctrl-C at the third request."""

    def complete(self, request: Request) -> Completion:
        if len(self.requests) == 2:
            raise KeyboardInterrupt
        return super().complete(request)


def test_what_was_answered_is_told_where_it_ends_early(
    ingot: Run,  # noqa: F811
    spec: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scripted(monkeypatch, FEES, Stopped)
    done = bench(ingot, spec, "-n", "4", "--out", spec.parent / "kept", "--json", "--yes")
    assert done.code == 130
    assert "cut short after 2 of 4 runs; the same command goes on" in done.err
    assert named(done.out)["entropy"]["value"] == 1
    scripted(monkeypatch, [*FEES[:3], BudgetExceeded("the budget does not hold")])
    done = bench(ingot, spec, "-n", "4", "--json", "--yes")
    assert done.code != 0
    assert "the budget does not hold" in done.err
    assert named(done.out)["entropy"]["n"] == 3


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--solver", "direct"), "the solver 'direct' asks a model"),
        (("--model", "openai:x"), "--model is for --solver"),
        (("--max-tokens", "5"), "--max-tokens is for --solver"),
        ((), "is a spec, which nothing runs; give an artifact, or --solver and --model"),
    ],
)
def test_what_does_not_fit_together_is_told(
    ingot: Run,  # noqa: F811
    spec: Path,
    monkeypatch: pytest.MonkeyPatch,
    more: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.delenv("INGOT_MODEL", raising=False)
    done = ingot("bench", "consistency", spec, "--input", INPUT, *more)
    assert done.code == 2
    assert said in done.err


@pytest.mark.parametrize(
    ("given", "said"), [({"weight": "much"}, "weight: 'much' does not fit"), ([3], "a list, not an object")]
)
def test_an_input_that_is_none_is_refused_before_a_model_is_paid(spec: Path, given: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        suite_of(spec, given, 2)

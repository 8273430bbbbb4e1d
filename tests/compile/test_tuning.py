"""Tuned prompts of bounded steps: learnt on given cases, kept where they help, redacted, signed, run and shown."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ingot.artifact.sign import trusted_keys
from ingot.artifact.verify import verify
from ingot.compile import tuning_dspy
from ingot.compile.driver import Compiled, compile_spec
from ingot.compile.rerun import rerun_stages
from ingot.compile.tuning import Tuning, shown_cases, tuned_prompts
from ingot.errors import ArtifactError, ModelError, ModelTimeout, SpecError
from ingot.models import Completion, Request, Scripted
from ingot.models.bounded import ask_with
from ingot.runtime.bounded.tuned import Tuned, shown_examples, tuned_from
from ingot.runtime.run import load
from ingot.spec import Spec, load_spec, parse_spec
from ingot.usage import Usage
from tests.cli.conftest import Run
from tests.cli.conftest import ingot as ingot  # noqa: PLC0414 - a fixture

SPEC = """
metadata: {{name: triage}}
inputs: {{note: text, patient: {{type: text, sensitive: phi}}}}
outputs: {{kind: {{type: enum, values: [urgent, other]}}, about: {{type: text{label}}}}}
logic_requirements:
  - step: read_note
    type: bounded_invocation
    intent: Read the kind, and whom it is about.
    inputs: [note, patient]
    schema: {{kind: {{type: enum, values: [urgent, other]}}, about: {{type: text{label}}}}}
    validation: ["kind != 'none'"]
    retries: 0
    {more}
cases:
{cases}
"""
NAMES = ("Ann Example", "Bob Sample", "Cid Model", "Dee Trial", "Eve Proof", "Flo Test", "Gus Held", "Hal Held")


def rows() -> str:
    found = []
    for number, name in enumerate(NAMES):
        kind = "urgent" if number % 2 else "other"
        held = "true" if number >= 6 else "false"
        case = f"input: {{note: 'note {number} of {name}, {kind}', patient: {name}}}"
        told = f"expected: {{kind: {kind}, about: {name}}}, steps: {{read_note: {{kind: {kind}, about: {name}}}}}"
        found.append(f"  - {{id: c{number}, {case}, {told}, held_out: {held}}}")
    return "\n".join(found)


def text(more: str = "", label: str = ", sensitive: phi") -> str:
    return SPEC.format(cases=rows(), more=more, label=label)


def spec(more: str = "", label: str = ", sensitive: phi") -> Spec:
    return parse_spec(text(more, label), "spec.yaml")


class Reader:
    """A model that reads notes rightly where its instructions have `word`, and words tasks anew with it."""

    name = "reader"

    def __init__(self, word: str = "carefully", *, breaks_after: int = 10_000) -> None:
        self.word, self.requests, self._left = word, list[Request](), breaks_after

    def complete(self, request: Request) -> Completion:
        self.requests.append(request)
        if len(self.requests) > self._left:
            raise ModelTimeout("it took too long")
        if "<material" not in request.prompt:
            answer = {"proposed_instruction": f"Read {self.word}.", "proposed_prefix_for_output_field": "Answer:"}
            return Completion(json.dumps(answer), self.name, Usage(30, 3, 1))
        material = json.loads(request.prompt.split("\n")[1])
        kind = "urgent" if "urgent" in material["note"] else "other"
        kind = kind if self.word in request.system else "other"
        return Completion(json.dumps({"kind": kind, "about": material["patient"]}), self.name, Usage(10, 1, 1))


def worded(tuning: Tuning) -> Sequence[Tuned]:
    examples = tuple((one.line, one.answer) for one in tuning.cases if one.answer is not None)
    return [Tuned("Read it."), Tuned("Read carefully.", examples)]


def sent(requests: Sequence[Request]) -> str:
    return "\n".join(one.system + one.prompt + json.dumps(one.schema) for one in requests)


# ---- what is kept ------------------------------------------------------------------------------------------------


def test_what_helps_on_cases_that_it_was_not_tuned_on_is_kept() -> None:
    model = Reader()
    found, used = tuned_prompts(spec(), model, worded)
    one = found["read_note"]
    assert one["prompt"]["task"] == "Read carefully."
    assert one["validation"] == {"cases": 3, "before": 0, "after": 3}
    assert one["held_out"] == {"cases": 2, "before": 1, "after": 2}
    assert used == Usage(10 * len(model.requests), len(model.requests), len(model.requests))
    assert one["usage"] == used.to_json()


def test_what_does_not_help_is_not_kept_and_that_is_said() -> None:
    model = Reader("never written")
    found, _ = tuned_prompts(spec(), model, worded)
    assert found["read_note"]["prompt"] is None
    assert found["read_note"]["said"].startswith("not kept: no prompt was right on more than 0 of 3")
    assert found["read_note"]["held_out"] is None
    assert "Held" not in sent(model.requests)  # nothing that is held out is looked at where nothing is kept


def test_words_that_nobody_can_read_are_not_kept() -> None:
    for task in ("", "carefully \x1b[2J", "carefully " * 1_000):
        found, _ = tuned_prompts(spec(), Reader(), lambda _, task=task: [Tuned(task)])
        assert found["read_note"]["prompt"] is None


def test_too_few_cases_are_not_tuned_on_and_nobody_is_asked() -> None:
    whole = spec()
    few = whole.model_copy(update={"cases": whole.cases[:3]})
    model = Scripted([])
    found, used = tuned_prompts(few, model, worded)
    assert found["read_note"]["said"].startswith("not tuned: 3 given cases")
    assert used == Usage()


def test_a_model_that_cannot_be_reached_is_no_wrong_answer() -> None:
    with pytest.raises(ModelTimeout):
        tuned_prompts(spec(), Reader(breaks_after=2), worded)
    with pytest.raises(SpecError, match="no bounded step"):
        tuned_prompts(spec().model_copy(update={"logic_requirements": ()}), Reader(), worded)


# ---- what is shown -----------------------------------------------------------------------------------------------


def test_examples_hold_no_labelled_value_and_no_held_out_case() -> None:
    model = Reader()
    found, _ = tuned_prompts(spec(), model, worded)
    kept = json.dumps(found["read_note"]["prompt"])
    assert "carefully" in kept
    assert "X1" in kept
    for name in NAMES:
        assert name not in kept
        assert name not in sent(model.requests)
    assert not any("Held" in one.system for one in model.requests)


def test_a_labelled_answer_that_is_not_in_the_material_is_no_example() -> None:
    whole = spec()
    changed = [
        case.model_copy(update={"steps": {"read_note": {"kind": "other", "about": "Zoe Other"}}})
        for case in whole.given
    ]
    shown = shown_cases(whole, whole.logic_requirements[0], changed)
    assert [one.answer for one in shown] == [None] * len(changed)


@pytest.mark.parametrize("told", ["about Zoé Other", "about Zoe\u0301 Other", "Zoe  Other"])
def test_an_answer_with_a_labelled_value_in_another_spelling_is_no_example(told: str) -> None:
    labelled = parse_spec(
        """
metadata: {name: told}
inputs: {note: text, sender: {type: text, sensitive: pii}}
outputs: {what: text}
logic_requirements:
  - {step: read_note, type: bounded_invocation, intent: What is said?, inputs: [note, sender], schema: {what: text}}
cases:
  - {id: one, input: {note: hello, sender: Zoe Other}, expected: {what: hello}}
"""
    )
    (case,) = labelled.given
    changed = [case, case.model_copy(update={"expected": {"what": told}})]
    shown = shown_cases(labelled, labelled.logic_requirements[0], changed)
    assert [one.answer for one in shown] == ['{"what":"hello"}', None]


def test_without_redaction_labelled_fields_give_no_examples() -> None:
    open_spec = spec("gates: {redact: 'off'}")
    assert all(one.answer is None for one in shown_cases(open_spec, open_spec.logic_requirements[0], open_spec.given))


def test_a_number_that_was_taken_out_is_not_in_an_answer() -> None:
    numbered = parse_spec(
        """
metadata: {name: numbers}
inputs: {age: {type: integer, sensitive: phi}, note: text}
outputs: {years: integer}
logic_requirements:
  - {step: read, type: bounded_invocation, intent: Read., inputs: [age, note], schema: {years: integer}}
cases:
  - {id: a, input: {age: 41, note: x}, expected: {years: 41}, steps: {read: {years: 41}}}
  - {id: b, input: {age: 42, note: x}, expected: {years: 7}, steps: {read: {years: 7}}}
""",
        "spec.yaml",
    )
    shown = shown_cases(numbered, numbered.logic_requirements[0], numbered.given)
    assert [one.answer for one in shown] == [None, '{"years":7}']


# ---- in an artifact ----------------------------------------------------------------------------------------------


@pytest.fixture
def compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Compiled:
    """A compile that tuned, with a proposer that needs no DSPy."""
    monkeypatch.setattr(tuning_dspy, "require_dspy", lambda: None)
    monkeypatch.setattr(tuning_dspy, "propose", worded)
    path = tmp_path / "spec.yaml"
    path.write_text(text())
    return compile_spec(path, Reader(), out=tmp_path / "artifacts", optimise=True)


def test_an_artifact_runs_with_its_tuned_prompt_and_shows_it(compiled: Compiled) -> None:
    assert compiled.path is not None
    model = Reader()
    workflow = load(compiled.path, ask_model=ask_with(model))
    outcome = workflow.run({"note": "urgent, of Ida New", "patient": "Ida New"})
    assert outcome.output == {"kind": "urgent", "about": "Ida New"}
    system = model.requests[0].system
    assert system.startswith("Read carefully.\nFill in the schema")
    assert "Examples of such material" in system
    assert "Ida New" not in sent(model.requests)
    page = (compiled.path / "report.html").read_text()
    assert "Tuned prompts" in page
    assert "0 of 3 before, 3 of 3 after" in page
    assert "1 of 2 before, 2 of 2 after" in page
    assert "Read carefully." in page
    provenance = json.loads((compiled.path / "evidence/provenance.json").read_text())
    assert provenance["usage"]["requests"] == compiled.usage.requests > 0


def test_the_digest_covers_the_prompt_and_a_rerun_needs_no_dspy(
    compiled: Compiled, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert compiled.path is not None
    monkeypatch.setattr(tuning_dspy, "propose", None)
    assert all(one.passed for one in rerun_stages(verify(compiled.path, trusted_keys(()))))
    prompts = compiled.path / "evidence/prompts.json"
    prompts.write_text(prompts.read_text().replace("carefully", "carelessly"))
    with pytest.raises(ArtifactError):
        load(compiled.path)


def test_without_tuning_nothing_is_in_the_artifact(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(text())
    made = compile_spec(path, None, out=tmp_path / "artifacts")
    assert made.path is not None
    assert not (made.path / "evidence/prompts.json").exists()
    assert "Tuned prompts" not in (made.path / "report.html").read_text()


def test_a_prompt_that_is_none_is_refused() -> None:
    assert tuned_from(None, "s") is None
    assert tuned_from({"prompt": None}, "s") is None
    sound = Tuned("Read.", (("{}", "{}"),))
    assert tuned_from({"prompt": sound.to_json()}, "s") == sound
    assert shown_examples(sound).split("\n")[-1] == "{} -> {}"
    for wrong in (
        {"task": 3, "examples": []},
        {"task": "a"},
        {"task": "a", "examples": [["x"]]},
        {"task": "a", "examples": [["x\ny", "z"]]},
    ):
        with pytest.raises(ArtifactError, match="tuned prompt of step 's'"):
            tuned_from({"prompt": wrong}, "s")


def test_the_command_says_what_came_of_it(ingot: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning_dspy, "require_dspy", lambda: None)
    monkeypatch.setattr(tuning_dspy, "propose", worded)
    monkeypatch.setattr("ingot.models.open.open_model", lambda *_, **__: Reader())
    path = tmp_path / "spec.yaml"
    path.write_text(text())
    done = ingot("compile", path, "--model", "openai:x", "--optimise", "--out", tmp_path / "out")
    assert done.code == 0, done.err
    assert "tuning:   read_note: kept: right on 3 of 3" in done.out
    assert "held-out cases: 1 of 2 before, 2 of 2 after" in done.out
    artifact = next((tmp_path / "out").iterdir())
    assert "tuning     read_note: kept" in ingot("show", artifact).out
    assert ingot("verify", artifact, "--rerun").code == 0
    assert "no model: give --model" in ingot("compile", path, "--optimise").err


def test_missing_dspy_is_named_before_a_model_is_paid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    path = tmp_path / "spec.yaml"
    path.write_text(text())
    model = Scripted([])
    with pytest.raises(ModelError, match=r"pip install 'ingot\[dspy\]'"):
        compile_spec(path, model, optimise=True)
    assert model.requests == []


# ---- DSPy itself -------------------------------------------------------------------------------------------------

needs_dspy = pytest.mark.skipif(importlib.util.find_spec("dspy") is None, reason="extra dspy")


@needs_dspy
def test_dspy_words_a_prompt_that_helps(capfd: pytest.CaptureFixture[str]) -> None:
    model = Reader()
    found, used = tuned_prompts(spec(), model, tuning_dspy.propose)
    one: dict[str, Any] = found["read_note"]
    assert one["prompt"]["task"] == "Read carefully."
    assert one["validation"]["after"] == 3
    assert capfd.readouterr() == ("", "")
    assert used.requests == len(model.requests)
    told = sent(model.requests)
    assert not any(name in told for name in NAMES)
    before_held = [request for request in model.requests if "note 6" in request.prompt or "note 7" in request.prompt]
    assert len(before_held) == 4  # held-out cases run twice each, before and after, and are in no other request
    assert not any("note 6" in one.system or "note 7" in one.system for one in model.requests)


@needs_dspy
def test_dspy_hides_no_model_that_cannot_be_reached() -> None:
    for count in (0, 3, 8):
        with pytest.raises(ModelTimeout):
            tuned_prompts(spec(), Reader(breaks_after=count), tuning_dspy.propose)


@needs_dspy
def test_a_model_that_words_nothing_is_no_failure() -> None:
    class Mute(Reader):
        def complete(self, request: Request) -> Completion:
            if "<material" not in request.prompt:
                self.requests.append(request)
                return Completion("I will not.", self.name, Usage(1, 1, 1))
            return super().complete(request)

    found, _ = tuned_prompts(spec(), Mute("Examples of such material"), tuning_dspy.propose)
    assert found["read_note"]["prompt"] is None or found["read_note"]["prompt"]["examples"]


def test_a_spec_that_is_compiled_is_the_one_that_is_tuned(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(text())
    assert [case.id for case in load_spec(path).given] == [f"c{number}" for number in range(6)]

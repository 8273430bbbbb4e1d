"""Tuned prompts from one version to the next: taken over, tuned anew where that is asked for, and compared word by word."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from ingot.artifact.difference_page import difference_page
from ingot.artifact.sign import trusted_keys
from ingot.artifact.verify import Verified, verify
from ingot.cli.difference_text import difference_lines
from ingot.compile import tuning_dspy
from ingot.compile.compare import difference, version_of
from ingot.compile.driver import check, compile_spec
from ingot.compile.recompile import recompile
from ingot.compile.retuning import taken_over
from ingot.compile.tuning import Tuning
from ingot.errors import SpecError
from ingot.labels import Label
from ingot.models import Completion, Request
from ingot.models.bounded import ask_with
from ingot.proof.prompts import changed_prompts, prompts_of
from ingot.runtime.bounded.tuned import Tuned
from ingot.runtime.run import load
from ingot.spec import parse_spec
from ingot.usage import Usage
from tests.cli.conftest import Run
from tests.cli.conftest import ingot as ingot  # noqa: PLC0414 - a fixture

SPEC = """\
metadata: {name: triage, version: 1.4.2}
inputs: {note: text, days: {type: integer, range: [0, 90]}}
outputs: {kind: {type: enum, values: [urgent, other]}, late: boolean}
clauses:
  - {id: C1, text: After the days of grace it is late.}
logic_requirements:
  - step: read_note
    type: bounded_invocation
    intent: Read the kind.
    inputs: [note]
    schema: {kind: {type: enum, values: [urgent, other]}}
    retries: 0
  - {step: lateness, type: function, intent: C1., clauses: [C1], inputs: [days], outputs: {late: boolean}}
cases:
"""
LOGIC = """def lateness(days: int) -> bool:
    return days > 14  # C1
"""
MENDED = f"```python\n{LOGIC.replace('14', '30')}```"


def rows() -> str:
    found = []
    for number in range(10):
        kind, days = ("urgent" if number % 2 else "other"), (5 if number % 4 < 2 else 60)
        case = f"input: {{note: 'note {number}, {kind}', days: {days}}}, steps: {{read_note: {{kind: {kind}}}}}"
        told = f"expected: {{kind: {kind}, late: {str(days > 30).lower()}}}, held_out: {str(number >= 8).lower()}"
        found.append(f"  - {{id: c{number}, {case}, {told}}}\n")
    return "".join(found)


LABELS = [
    Label({"note": "a note", "days": days}, {"late": False}, "Ben", "2026-03-01T10:00:00Z", steps={"read_note": {"kind": "other"}})
    for days in range(15, 31)
]  # fmt: skip


class Reader:
    """A model that reads notes rightly where its instructions have `word`, and writes the function it is asked for."""

    name = "reader"

    def __init__(self, word: str = "carefully", code: str = f"```python\n{LOGIC}```") -> None:
        self.word, self.code, self.requests = word, code, list[Request]()

    def complete(self, request: Request) -> Completion:
        self.requests.append(request)
        if "<material" not in request.prompt:
            return Completion(self.code, self.name, Usage(30, 3, 1))
        material = json.loads(request.prompt.split("\n")[1])
        kind = "urgent" if "urgent" in material["note"] and self.word in request.system else "other"
        return Completion(json.dumps({"kind": kind}), self.name, Usage(10, 1, 1))


def worded(tuning: Tuning) -> Sequence[Tuned]:
    examples = tuple((one.line, one.answer) for one in tuning.cases if one.answer is not None)
    return [Tuned("Read carefully.", examples)]


@pytest.fixture(autouse=True)
def _proposer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning_dspy, "require_dspy", lambda: None)
    monkeypatch.setattr(tuning_dspy, "propose", worded)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC + rows())
    return path


@pytest.fixture
def tuned(spec: Path, tmp_path: Path) -> Verified:
    compiled = compile_spec(spec, Reader(), out=tmp_path / "artifacts", optimise=True)
    assert compiled.path is not None
    return verify(compiled.path, trusted_keys())


@pytest.fixture
def untuned(spec: Path, tmp_path: Path) -> Verified:
    compiled = check(spec, LOGIC, author="Ada", out=tmp_path / "plain")
    assert compiled.path is not None, [str(one) for one in compiled.attempts[-1].findings]
    return verify(compiled.path, trusted_keys())


def prompt_in(verified: Verified) -> dict[str, object]:
    return json.loads(verified.files["evidence/prompts.json"])["read_note"]


# ---- recompile ---------------------------------------------------------------------------------------------------


def test_a_candidate_keeps_the_prompt_that_the_last_version_was_tuned_to(tuned: Verified, tmp_path: Path) -> None:
    made = recompile(tuned, LABELS, Reader(code=MENDED), tmp_path / "candidates")
    assert made.compiled is not None
    assert made.compiled.path is not None
    new = verify(made.compiled.path, trusted_keys())
    assert prompt_in(new)["prompt"] == prompt_in(tuned)["prompt"]
    assert prompt_in(new)["from"] == {"name": "triage", "version": "1.4.2", "digest": tuned.digest}
    page = new.files["report.html"].decode()
    assert f"taken over as tuned for triage 1.4.2 ({tuned.digest[:12]})" in page
    assert "Read carefully." in page
    assert difference(version_of(tuned), version_of(new), effort=40).prompts == ()
    model = Reader()
    load(new.path, ask_model=ask_with(model)).run({"note": "urgent", "days": 3})
    assert model.requests[0].system.startswith("Read carefully.")
    again = taken_over(new)
    assert again is not None
    assert again["read_note"]["from"]["version"] == "1.4.2", "the version that it was tuned for, not the one between"


def test_without_tuning_before_nothing_is_taken_over(untuned: Verified, tmp_path: Path) -> None:
    made = recompile(untuned, LABELS, Reader(code=MENDED), tmp_path / "candidates")
    assert made.compiled is not None
    assert made.compiled.path is not None
    assert not (made.compiled.path / "evidence/prompts.json").exists()


def test_tuned_anew_the_last_prompt_is_tried_too(
    tuned: Verified, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning_dspy, "propose", lambda _: [Tuned("Read slowly.")])
    same = recompile(tuned, LABELS, Reader(code=MENDED), tmp_path / "same", optimise=True)
    assert same.compiled is not None
    assert same.compiled.prompts is not None
    assert same.compiled.prompts["read_note"]["prompt"]["task"] == "Read carefully."
    assert "from" not in same.compiled.prompts["read_note"]
    assert same.compiled.usage.requests > 1, "what tuning used counts"
    better = recompile(tuned, LABELS, Reader("slowly", MENDED), tmp_path / "better", optimise=True)
    assert better.compiled is not None
    assert better.compiled.prompts is not None
    assert better.compiled.prompts["read_note"]["prompt"]["task"] == "Read slowly."


def test_tuning_anew_without_a_bounded_step_is_told_before_a_model_is_paid(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(
        "metadata: {name: plain}\ninputs: {days: {type: integer, range: [0, 90]}}\noutputs: {late: boolean}\n"
        "logic_requirements: [{step: lateness, type: function, intent: Late after a time.}]\n"
        "cases: [{id: a, input: {days: 3}, expected: {late: false}}, {id: b, input: {days: 80}, expected: {late: true}}]\n"
    )
    compiled = check(path, LOGIC, author="Ada", out=tmp_path / "out")
    assert compiled.path is not None
    labels = [Label({"days": 20}, {"late": False}, "Ben", "2026-03-01T10:00:00Z")]
    model = Reader(code=MENDED)
    with pytest.raises(SpecError, match="no bounded step to tune"):
        recompile(verify(compiled.path, trusted_keys()), labels, model, tmp_path / "c", optimise=True)
    assert model.requests == []


def test_the_command_says_what_becomes_of_prompts(
    ingot: Run, tuned: Verified, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingot.models.open.open_model", lambda *_, **__: Reader(code=MENDED))
    labels = tmp_path / "labels.jsonl"
    labels.write_text("".join(json.dumps(one.to_json()) + "\n" for one in LABELS))
    done = ingot("recompile", tuned.path, "--labels", labels, "--model", "openai:x", "--out", tmp_path / "one")
    assert done.code == 0, done.err
    assert "prompt     read_note: taken over as tuned for triage 1.4.2" in done.out
    assert "prompt of step" not in done.out
    (candidate,) = (tmp_path / "one").iterdir()
    assert "tuning     read_note: taken over as tuned for triage 1.4.2" in ingot("show", candidate).out
    assert ingot("verify", candidate, "--rerun").code == 0
    options = ("--labels", labels, "--model", "openai:x", "--out", tmp_path / "two", "--optimise")
    assert "prompt     read_note: kept: right on 4 of 4" in ingot("recompile", tuned.path, *options).out


# ---- compared ----------------------------------------------------------------------------------------------------


def test_a_changed_prompt_is_shown_word_by_word(tuned: Verified, untuned: Verified) -> None:
    found = difference(version_of(untuned), version_of(tuned), effort=40)
    assert found.differs
    assert found.verdict == "same"
    lines = list(difference_lines(found))
    assert "  prompt of step 'read_note' changed" in lines
    assert "    - Read the kind." in lines
    assert "    + Read carefully." in lines
    assert '    + example {"note":"note 0, other"} -> {"kind":"other"}' in lines
    (told,) = found.to_json()["prompts"]
    assert told["old"] == {"task": "Read the kind.", "examples": []}
    assert told["new"]["task"] == "Read carefully."
    assert len(told["new"]["examples"]) == 4
    named = {"name": "triage", "version": "1", "digest": "a" * 64}
    page = difference_page(named, named, found.to_json(), found.digest(), found.sentence())
    assert "Prompt of read_note" in page
    assert "Read the kind." in page
    assert "Read carefully." in page
    assert "4 examples" in page


def test_equal_prompts_leave_a_difference_as_it_was(untuned: Verified) -> None:
    found = difference(version_of(untuned), version_of(untuned), effort=40)
    assert "prompts" not in found.to_json(), "digests that were signed stay what they are"
    assert not found.differs
    assert not any("prompt of" in line for line in difference_lines(found))


def test_prompts_that_came_or_went_and_hybrid_steps() -> None:
    one, other = Tuned("Read."), Tuned("Read.", (("{}", '"a"'),))
    told = {found.step: found.change for found in changed_prompts({"a": one, "b": one, "d": one}, {"b": other, "c": one, "d": one})}  # fmt: skip
    assert told == {"a": "removed", "b": "changed", "c": "added"}
    assert changed_prompts({"a": one}, {})[0].to_json()["new"] is None
    hybrid = """
metadata: {name: h}
inputs: {text: text}
outputs: {kind: text}
logic_requirements:
  - {step: find, type: function, intent: Find it., inputs: [text], outputs: {found: {type: text, nullable: true}}}
  - {step: pick, type: hybrid, intent: Take it., inputs: [text, found], outputs: {kind: text}, candidates: {kind: [found]}, otherwise: OTHER}
cases: [{id: a, input: {text: x}, expected: {kind: x}}]
"""
    assert prompts_of(parse_spec(hybrid.replace("OTHER", "model"), "s"), None) == {"pick": Tuned("Take it.")}
    assert prompts_of(parse_spec(hybrid.replace("OTHER", "human"), "s"), None) == {}


def test_diff_and_approve_show_it(ingot: Run, tuned: Verified, untuned: Verified, tmp_path: Path) -> None:
    done = ingot("diff", untuned.path, tuned.path)
    assert done.code == 1
    assert "    + Read carefully." in done.out
    (told,) = json.loads(ingot("diff", untuned.path, tuned.path, "--json").out)["outcomes"]["prompts"]
    assert told["new"]["task"] == "Read carefully."
    key = tmp_path / "boss" / "signing.pem"
    assert ingot("keys", "--new", key).code == 0
    shown = ingot("approve", tuned.path, "--as", "Grace", "--signing-key", key, "--against", untuned.path)
    assert shown.code == 0, shown.err
    assert "    + Read carefully." in shown.out
    (page,) = (tuned.path.parent / "approvals").iterdir()
    assert "Prompt of read_note" in page.read_text()


def test_a_build_holds_the_change_of_a_prompt(spec: Path, untuned: Verified, tmp_path: Path) -> None:
    made = compile_spec(spec, Reader(), out=tmp_path / "next", optimise=True, against=untuned.path)
    assert made.path is not None
    evidence = json.loads((made.path / "evidence/difference.json").read_text())
    assert evidence["outcomes"]["prompts"][0]["new"]["task"] == "Read carefully."
    assert "Prompt of read_note" in (made.path / "report.html").read_text()

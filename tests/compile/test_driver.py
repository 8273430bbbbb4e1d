"""The compile path from end to end: asks, repairs, draws anew, signs; and the same gates for code from anywhere."""

import json
import signal
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path

import pytest

import ingot
from ingot.compile.driver import Event, check, compile_spec
from ingot.errors import ArtifactError, CompileFailed, ModelError, PromptTooLong, SigningError, SpecError
from ingot.models.model import Completion, Request
from ingot.models.replay import Replay, recorded
from ingot.models.scripted import Scripted
from ingot.runtime.run import load

HEADER = "def permit_fee(zone: Literal['A', 'B'], months: int, resident: bool) -> Decimal:"
RIGHT = f"""{HEADER}
    monthly = Decimal("30.00") if zone == "A" else Decimal("18.00")
    total = monthly * months
    if resident:
        return (total / 2).quantize(Decimal("0.01"), ROUND_HALF_UP)  # C3
    return total  # C1, C2
"""
WRONG = RIGHT.replace('"18.00"', '"19.00"')
UNSAFE = f"""{HEADER}
    return Decimal(open("/etc/passwd").read())  # C1
"""
FITS_THE_EXAMPLES = f"""{HEADER}
    if zone == "B":
        return Decimal("27.00")  # C2
    return Decimal("30.00")  # C1
"""


def fenced(code: str) -> str:
    return f"```python\n{code}```"


@pytest.fixture
def starter(tmp_path: Path) -> Path:
    text = resources.files("ingot.library").joinpath("starter", "spec.yaml").read_text(encoding="utf-8")
    path = tmp_path / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_right_answer_becomes_a_signed_artifact_that_runs(starter: Path, tmp_path: Path) -> None:
    compiled = compile_spec(starter, Scripted([fenced(RIGHT)]), out=tmp_path / "out")
    assert compiled.passed
    assert [verdict.stage for verdict in compiled.verdicts] == ["security", "syntax", "execution", "accuracy"]
    assert compiled.path is not None
    assert compiled.usage.requests == 1
    outcome = load(compiled.path).run({"zone": "B", "months": 3, "resident": True})
    assert str(outcome.output["fee"]) == "27.00"
    assert outcome.digest == compiled.digest


def test_each_failed_stage_is_repaired_with_its_findings(starter: Path) -> None:
    events: list[Event] = []
    model = Scripted(["Sorry, no.", fenced(UNSAFE), fenced(WRONG), fenced(RIGHT)])
    compiled = compile_spec(starter, model, listen=events.append)
    assert [one.kind for one in compiled.attempts] == ["first", "redraw", "repair", "repair"]
    assert [one.verdicts[-1].stage for one in compiled.attempts] == ["reply", "security", "accuracy", "accuracy"]
    asked = model.requests
    assert "open" in asked[2].prompt
    assert "SEC" in asked[2].prompt
    assert "ACC001" in asked[3].prompt
    assert compiled.usage.requests == 4
    assert [event.kind for event in events].count("attempt") == 4


def test_held_out_failures_tell_the_model_that_and_which_field_only(starter: Path) -> None:
    model = Scripted([fenced(FITS_THE_EXAMPLES), fenced(RIGHT)])
    # the given zone A cases agree with the constant; the held-out ones do not
    compiled = compile_spec(starter, model)
    assert compiled.passed
    repair = model.requests[1].prompt
    assert "ACC002 fee is wrong in 3 of 3 held-out cases" in repair
    for secret in ("216", "180", "zone-b-year", "zone-a-year-resident", "9.00"):
        assert secret not in repair


def test_unsafe_code_is_refused_before_it_runs(starter: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    code = f'open({str(mark)!r}, "w").write("x")\n{RIGHT}'
    checked = check(starter, code)
    assert not checked.passed
    assert [verdict.stage for verdict in checked.verdicts] == ["security"]
    assert not mark.exists()


def test_no_candidate_passes_no_artifact(starter: Path, tmp_path: Path) -> None:
    with pytest.raises(CompileFailed) as failed:
        compile_spec(starter, Scripted([fenced(WRONG)] * 3), out=tmp_path / "out", attempts=3)
    assert len(failed.value.attempts) == 3
    assert not (tmp_path / "out").exists()


def test_a_place_that_takes_no_artifact_is_told_before_the_model_is_asked(starter: Path, tmp_path: Path) -> None:
    model = Scripted([fenced(RIGHT)])
    (tmp_path / "file").write_text("", encoding="utf-8")
    for out in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(ArtifactError, match="is not a folder"):
            compile_spec(starter, model, out=out)
        with pytest.raises(ArtifactError, match="is not a folder"):
            check(starter, RIGHT, out=out)
    assert model.requests == []


def test_a_key_that_cannot_be_had_is_told_before_the_model_is_asked(
    starter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME", "INGOT_SIGNING_KEY"):
        monkeypatch.delenv(name, raising=False)
    model = Scripted([fenced(RIGHT)])
    with pytest.raises(SigningError, match="no folder for keys"):
        compile_spec(starter, model, out=tmp_path / "out")
    assert model.requests == []
    assert compile_spec(starter, model).passed  # nothing is signed, so no key is needed


def test_a_model_that_breaks_ends_the_compile_with_its_error(starter: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="gone"):
        compile_spec(starter, Scripted([ModelError("gone")]), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_check_makes_the_same_program_and_says_who_wrote_it(starter: Path, tmp_path: Path) -> None:
    by_hand = check(starter, RIGHT, author="Ada", out=tmp_path / "hand")
    by_model = compile_spec(starter, Scripted([fenced(RIGHT)]), out=tmp_path / "model")
    assert by_hand.path
    assert by_model.path
    assert (by_hand.path / "program.py").read_bytes() == (by_model.path / "program.py").read_bytes()
    told = json.loads((by_hand.path / "evidence" / "provenance.json").read_text(encoding="utf-8"))
    assert told["author"] == {"kind": "given", "name": "Ada", "recorded": False, "wrote_in_part": ["Ada"]}


@pytest.mark.parametrize("author", ["", " ", "Ada\nsecurity   pass", "\x1b[31mAda"])
def test_an_author_is_a_name_on_one_line(starter: Path, author: str) -> None:
    with pytest.raises(SpecError, match="cannot be an author's name"):
        check(starter, RIGHT, author=author)


def test_compiling_twice_from_a_recording_gives_the_same_bytes(starter: Path, tmp_path: Path) -> None:
    first = compile_spec(starter, recorded(Scripted([fenced(WRONG), fenced(RIGHT)]), tmp_path / "recordings"))
    again = [
        compile_spec(starter, Replay(tmp_path / "recordings"), out=tmp_path / name).path for name in ("one", "two")
    ]
    assert first.passed
    assert again[0].name == again[1].name
    files = sorted(path.relative_to(again[0]) for path in again[0].rglob("*") if path.is_file())
    assert len(files) > 10
    for name in files:
        assert (again[0] / name).read_bytes() == (again[1] / name).read_bytes(), name


def test_two_functions_only_the_wrong_one_is_asked_for_again(tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        """
metadata: {name: two}
inputs: {a: {type: integer, range: [0, 9]}, b: {type: integer, range: [0, 9]}}
outputs: {double: integer, triple: integer}
logic_requirements:
  - {step: make_double, type: function, intent: Twice a., inputs: [a], outputs: {double: integer}}
  - {step: make_triple, type: function, intent: Three times b., inputs: [b], outputs: {triple: integer}}
cases:
  - {id: one, input: {a: 2, b: 3}, expected: {double: 4, triple: 9}}
  - {id: two, input: {a: 5, b: 1}, expected: {double: 10, triple: 3}, held_out: true}
""",
        encoding="utf-8",
    )
    double = "def make_double(a: int) -> int:\n    return a * 2  # C1\n"
    triple = "def make_triple(b: int) -> int:\n    return b * 3  # C2\n"
    model = Scripted([fenced(f"{double}\n\n{triple.replace('3', '4')}"), fenced(triple)])
    compiled = compile_spec(spec, model)
    assert model.requests[1].functions == ("make_triple",)
    assert "make_double" not in model.requests[1].prompt
    assert compiled.program is not None
    assert "return a * 2" in compiled.program.logic


def test_the_public_names_do_the_same(starter: Path, tmp_path: Path) -> None:
    compiled = ingot.compile_spec(starter, Scripted([fenced(RIGHT)]), out=tmp_path)
    assert ingot.load(compiled.path).run({"zone": "A", "months": 1, "resident": False}).status == "completed"


def test_ctrl_c_while_waiting_for_a_model_leaves_nothing(starter: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "ingot", "compile", str(starter), "--model", f"files:{tmp_path / 'box'}"]
    running = subprocess.Popen([*command, "--out", str(out)], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not list((tmp_path / "box").glob("*.request.md")):
        assert time.monotonic() < deadline, "no request was written"
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=20)
    assert running.returncode == 130
    assert "Traceback" not in said
    assert "interrupted" in said
    assert not out.exists() or not list(out.iterdir())
    assert list((tmp_path / "box").glob("*.request.md")), "the request stays, to be answered later"


def test_a_model_that_makes_nothing_of_findings_is_asked_anew_instead(starter: Path) -> None:
    model = Scripted([fenced(WRONG), fenced(WRONG), fenced(UNSAFE), fenced(WRONG), fenced(RIGHT)])
    compiled = compile_spec(starter, model)
    assert [one.kind for one in compiled.attempts] == ["first", "repair", "redraw", "redraw", "redraw"]
    assert len({request.digest for request in model.requests}) == 5


THREE = """
metadata: {name: three}
inputs: {n: integer}
outputs: {a: integer, b: integer, c: integer}
logic_requirements:
  - {step: one, type: function, intent: One more., inputs: [n], outputs: {a: integer}}
  - {step: two, type: function, intent: Two more., inputs: [n], outputs: {b: integer}}
  - {step: six, type: function, intent: Six more., inputs: [n], outputs: {c: integer}}
cases:
  - {id: x, input: {n: 1}, expected: {a: 2, b: 3, c: 7}}
  - {id: y, input: {n: 5}, expected: {a: 6, b: 7, c: 11}, held_out: true}
"""


def test_a_repair_that_brings_missing_functions_is_repaired_on_though_it_has_more_errors(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(THREE, encoding="utf-8")

    def function(name: str, value: str) -> str:
        return f"def {name}(n: int) -> int:\n    return {value}\n\n\n"

    faulty = "str(n) + str(n + 1) if str(n) > n else str(n) - n"
    model = Scripted(
        [
            fenced(function("one", "n + 1")),
            fenced(function("two", "n + 2") + function("six", faulty)),
            fenced(function("six", "n + 6")),
        ]
    )
    compiled = compile_spec(path, model)
    assert compiled.passed
    assert [one.kind for one in compiled.attempts] == ["first", "repair", "repair"]
    errors = [sum(found.severity == "error" for found in one.findings) for one in compiled.attempts]
    assert errors[1] > errors[0]
    assert model.requests[2].functions == ("six",)


def test_weak_cases_that_the_spec_refuses_are_for_the_author_not_the_model(starter: Path) -> None:
    text = starter.read_text(encoding="utf-8")
    kept = [line for line in text.splitlines() if "id: zone-b" not in line]
    starter.write_text("\n".join(kept) + "\nthresholds: {mutation: refuse, branch_coverage: 0}\n", encoding="utf-8")
    model = Scripted([fenced(RIGHT)] * 3)
    with pytest.raises(CompileFailed) as failed:
        compile_spec(starter, model)
    assert [finding.code for finding in failed.value.attempts[-1].findings if finding.severity == "error"] == ["ACC006"]
    assert len(model.requests) == 1


class Narrow:
    """A model with room for so many characters of a prompt."""

    name = "narrow"

    def __init__(self, inner: Scripted, room: int) -> None:
        self.inner, self.room, self.asked = inner, room, 0

    def complete(self, request: Request) -> Completion:
        self.asked += 1
        if len(request.prompt) > self.room:
            raise PromptTooLong("the prompt does not fit")
        return self.inner.complete(request)


def test_a_redraw_that_does_not_fit_with_what_was_refused_is_asked_without(starter: Path) -> None:
    plain = Scripted([fenced(WRONG), fenced(WRONG), fenced(WRONG)])
    with pytest.raises(CompileFailed):
        compile_spec(starter, plain, attempts=3)
    first, _, redraw = plain.requests
    assert "Earlier programs for this were refused" in redraw.prompt
    assert "ACC001" in redraw.prompt
    assert "monthly" not in redraw.prompt
    room = len(first.prompt) + 20
    model = Narrow(Scripted([fenced(WRONG), fenced(WRONG), fenced(RIGHT)]), room)
    compiled = compile_spec(starter, model, attempts=3)
    assert compiled.passed
    assert all("Earlier programs" not in request.prompt for request in model.inner.requests)
    assert model.asked > len(model.inner.requests)

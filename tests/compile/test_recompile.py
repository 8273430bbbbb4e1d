"""Labelled outcomes, and the candidate that comes of them: typed as people type it, with models that answer by script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ingot.artifact.sign import trusted_keys
from ingot.artifact.verify import Verified, verify
from ingot.cli import cli, main
from ingot.compile.driver import Event, check
from ingot.compile.recompile import measure_labels, next_version, recompile
from ingot.errors import ArtifactError, CompileFailed, InputError, SigningError, SpecError
from ingot.labels import Label, read_labels, unknown_labels
from ingot.models.scripted import Scripted
from ingot.runtime.run import load
from ingot.spec import parse_spec
from ingot.store.labels import kept_labels
from ingot.store.runs import RecordedWorkflow
from ingot.store.store import Store

SPEC = """\
metadata: {name: late_fee, version: 1.4.2}
inputs:
  days: {type: integer, range: [0, 400]}
  member: boolean
  name: {type: text, sensitive: phi}
outputs:
  base_fee: decimal
  fee: {type: decimal, places: 2}
clauses:
  - {id: C1, text: "After the days of grace 1.00 a day is charged."}
  - {id: C2, text: "Members pay half."}
logic_requirements:
  - {step: base, type: function, intent: C1., clauses: [C1], inputs: [days], outputs: {base_fee: decimal}}
  - step: discount
    type: function
    intent: C2.
    clauses: [C2]
    inputs: [base_fee, member]
    outputs: {fee: {type: decimal, places: 2}}
cases:
  given:
    - {id: none, input: {days: 0, member: false, name: A}, expected: {base_fee: 0, fee: 0}}
    - {id: hundred, input: {days: 110, member: false, name: A}, expected: {fee: 110}}
    - {id: member, input: {days: 100, member: true, name: A}, expected: {fee: 50}}
  held_out:
    - {id: hid, input: {days: 200, member: true, name: A}, expected: {fee: 100}}
"""
LOGIC = """def base(days: int) -> Decimal:
    if days <= 14:
        return Decimal("0")  # C1
    return Decimal(days)  # C1


def discount(base_fee: Decimal, member: bool) -> Decimal:
    if member:
        return (base_fee / 2).quantize(Decimal("0.01"), ROUND_HALF_UP)  # C2
    return base_fee  # C2
"""
MENDED = """```python
def base(days: int) -> Decimal:
    if days <= 30:
        return Decimal("0")  # C1
    return Decimal(days)  # C1
```"""
GREEDY = MENDED.replace(
    "```python\n", "```python\ndef discount(base_fee: Decimal, member: bool) -> Decimal:\n    return base_fee\n\n\n"
)


def label(days: int, fee: str, member: bool = False, name: str = "Bob", **more: Any) -> Label:
    return Label(
        {"days": days, "member": member, "name": name}, {"base_fee": fee}, "Ada", "2026-03-01T10:00:00Z", **more
    )


LABELS = [label(days, "0") for days in range(15, 31)] + [label(40, "40"), label(120, "120", True)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("late")


@pytest.fixture(scope="module")
def artifact(folder: Path) -> Verified:
    (folder / "spec.yaml").write_text(SPEC)
    compiled = check(folder / "spec.yaml", LOGIC, author="Ada", out=folder / "artifacts")
    assert compiled.path, [str(one) for one in compiled.attempts[-1].findings]
    return verify(compiled.path, trusted_keys())


FEES = [Label(one.input, {"fee": one.expected["base_fee"]}, one.by, one.at) for one in LABELS[:-1]]
"""What is labelled is the end of a chain of two functions: either could be at fault."""


def test_at_fault_is_what_computes_a_wrong_output(artifact: Verified) -> None:
    measured = measure_labels(artifact, LABELS)
    assert (measured.right, measured.total) == (2, 18)
    assert measured.at_fault == {"base": 16}
    assert measured.crossed
    assert measure_labels(artifact, FEES).at_fault == {"base": 16, "discount": 16}


def test_where_two_can_be_at_fault_a_change_that_is_not_needed_is_taken_back(
    artifact: Verified, tmp_path: Path
) -> None:
    both = MENDED.replace(
        "```python\n", "```python\n" + LOGIC.split("\n\n\n")[1].replace("/ 2", "/ Decimal(2)") + "\n\n"
    )
    model = Scripted([both])
    made = recompile(artifact, FEES, model, tmp_path / "out")
    assert model.requests[0].functions == ("base", "discount")
    assert made.functions == ("base",)
    assert made.compiled is not None
    assert made.compiled.path is not None
    assert "base_fee / 2)" in (made.compiled.path / "logic.py").read_text()


def test_one_by_one_each_function_that_can_be_at_fault_has_requests_of_its_own(
    artifact: Verified, tmp_path: Path
) -> None:
    """The first reply changes nothing, the second makes the other function worse and is dropped, the third mends."""
    first, second = (f"```python\n{one}\n```" for one in LOGIC.split("\n\n\n"))
    worse = second.replace("    return base_fee  # C2", '    return Decimal("0")  # C2')
    model, events = Scripted([first, worse, MENDED]), list[Event]()
    made = recompile(artifact, FEES, model, tmp_path / "out", one_by_one=True, attempts=2, listen=events.append)
    assert [one.functions for one in model.requests] == [("base",), ("discount",), ("base",)]
    assert "def discount" not in model.requests[0].prompt
    assert 'Decimal("0")  # C2' not in model.requests[2].prompt
    assert len({one.digest for one in model.requests}) == 3
    told = [event.function for event in events if event.kind == "attempt"]
    assert told == [None, "base", "discount", "base"]
    assert made.functions == ("base",)
    assert made.after is not None
    assert made.after.accuracy == 1


def test_one_by_one_what_two_functions_do_wrong_is_mended_one_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC.replace("100}}", "100, base_fee: 200}}").replace("{base_fee: 0, fee: 0}", "{fee: 0}"))
    old = check(path, LOGIC, author="Ada", out=tmp_path / "artifacts").path
    assert old is not None
    third = LOGIC.split("\n\n\n")[1].replace("base_fee / 2", "base_fee / 2 if base_fee >= 100 else base_fee / 4")
    labels = [
        Label({"days": days, "member": True, "name": "Bob"}, {"base_fee": "0", "fee": "0"}, "Ada", LABELS[0].at)
        for days in range(15, 31)
    ]
    labels += [Label({"days": days, "member": True, "name": "Bob"}, {"base_fee": str(days), "fee": str(days / 4)}, "Ada", LABELS[0].at) for days in range(40, 90, 4)]  # fmt: skip
    model = Scripted([MENDED, f"```python\n{third}\n```"])
    made = recompile(verify(old, trusted_keys()), labels, model, tmp_path / "out", one_by_one=True, attempts=1)
    assert [one.functions for one in model.requests] == [("base",), ("discount",)]
    assert made.functions == ("base", "discount")


def test_one_by_one_ends_with_so_many_replies_for_each(artifact: Verified, tmp_path: Path) -> None:
    model = Scripted(["no code"] * 9)
    with pytest.raises(CompileFailed, match="no candidate passed in 4 attempts; nothing was made"):
        recompile(artifact, FEES, model, tmp_path / "out", one_by_one=True, attempts=2)
    assert [one.functions[0] for one in model.requests] == ["base", "discount"] * 2


def test_one_by_one_a_single_function_is_asked_for_as_ever(artifact: Verified, tmp_path: Path) -> None:
    asked = []
    for one_by_one in (False, True):
        model = Scripted(["no code", MENDED])
        recompile(artifact, LABELS, model, tmp_path / f"out{one_by_one}", one_by_one=one_by_one)
        asked.append([one.digest for one in model.requests])
    assert asked[0] == asked[1]


def test_a_candidate_has_only_the_failing_function_written_anew(artifact: Verified, tmp_path: Path) -> None:
    model = Scripted([GREEDY])
    made = recompile(artifact, LABELS, model, tmp_path / "candidates")
    assert made.functions == ("base",)
    assert made.compiled is not None
    assert made.compiled.path is not None
    assert made.after is not None
    assert made.after.accuracy == 1
    new = verify(made.compiled.path, trusted_keys())
    assert new.manifest.version == "1.4.3"
    assert new.approvals == ()
    assert new.path.parent == tmp_path / "candidates"
    logic = new.files["logic.py"].decode()
    assert logic == LOGIC.replace("14", "30"), "what the model wrote of another function is left out"
    provenance = json.loads(new.files["evidence/provenance.json"])
    assert provenance["author"]["name"] == "scripted"
    assert provenance["attempts"][1]["functions"] == ["base"]
    held = [json.loads(line) for line in new.files["cases/held_out.jsonl"].decode().splitlines()]
    given = [json.loads(line) for line in new.files["cases/given.jsonl"].decode().splitlines()]
    assert sum(one["id"].startswith("label-") for one in held) == sum(case.held_out for case in made.cases) > 1
    assert len(given) + len(held) == 4 + len(made.cases)
    asked = "".join(request.system + request.prompt for request in model.requests)
    for one in held:
        assert f'"days":{one["input"]["days"]},' not in asked, "a held-out label in a prompt"
    assert any(f'"days":{one["input"]["days"]},' in asked for one in given)
    assert "discount" not in asked
    assert made.cases


def test_the_same_labels_are_held_out_whatever_else_is_labelled(artifact: Verified, tmp_path: Path) -> None:
    def held(labels: list[Label]) -> set[str]:
        made = recompile(artifact, labels, Scripted([MENDED]), tmp_path / str(len(labels)))
        return {case.id for case in made.cases if case.held_out}

    few = held(LABELS[:9])
    assert few
    assert few <= held(LABELS)


def test_a_single_wrong_label_is_given_or_nobody_could_mend_anything(artifact: Verified, tmp_path: Path) -> None:
    for days in range(15, 25):
        made = recompile(artifact, [label(days, "0")], Scripted([MENDED]), tmp_path / str(days))
        assert [case.held_out for case in made.cases] == [False]


def test_nothing_is_made_above_the_threshold(artifact: Verified, tmp_path: Path) -> None:
    model = Scripted([])
    made = recompile(artifact, LABELS, model, tmp_path / "out", threshold=0.1)
    assert made.compiled is None
    assert not model.requests
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_written_or_signed_is_told_before_the_model_is_asked(
    artifact: Verified, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Scripted([MENDED])
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ArtifactError, match="is not a folder"):
        recompile(artifact, LABELS, model, tmp_path / "file")
    for name in ("HOME", "XDG_CONFIG_HOME", "INGOT_SIGNING_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SigningError, match="no folder for keys"):
        recompile(artifact, LABELS, model, tmp_path / "out")
    assert model.requests == []


def test_nothing_is_made_where_no_candidate_passes(artifact: Verified, tmp_path: Path) -> None:
    model = Scripted(["no code", MENDED.replace("30", "10")])
    with pytest.raises(CompileFailed, match="nothing was made"):
        recompile(artifact, LABELS, model, tmp_path / "out", attempts=2)
    assert len(model.requests) == 2
    assert not list(tmp_path.glob("out/*"))


def test_a_labelled_value_that_no_rule_reads_goes_nowhere(artifact: Verified, tmp_path: Path) -> None:
    model = Scripted([MENDED])
    labels = [label(days, "0", name=f"Zelda Quux {days}") for days in range(15, 31)]
    made = recompile(artifact, labels, model, tmp_path / "out")
    assert made.compiled is not None
    assert made.compiled.path is not None
    assert made.unused == 0
    assert "Quux" not in "".join(request.prompt for request in model.requests)
    assert not [path for path in made.compiled.path.rglob("*") if path.is_file() and b"Quux" in path.read_bytes()]


def test_a_labelled_value_that_a_rule_reads_needs_a_person_to_reveal_it(tmp_path: Path) -> None:
    text = SPEC.replace(
        "days: {type: integer, range: [0, 400]}", "days: {type: integer, range: [0, 400], sensitive: phi}"
    )
    (tmp_path / "spec.yaml").write_text(text)
    compiled = check(tmp_path / "spec.yaml", LOGIC, out=tmp_path / "artifacts")
    assert compiled.path is not None
    old = verify(compiled.path, trusted_keys())
    with pytest.raises(InputError, match="rests on labelled values"):
        recompile(old, LABELS, Scripted([]), tmp_path / "out")
    assert recompile(old, LABELS, Scripted([MENDED]), tmp_path / "out", reveal=True).compiled


def test_a_table_at_fault_is_for_its_owner(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(
        SPEC.replace(
            "intent: C1., clauses: [C1], inputs: [days], outputs: {base_fee: decimal}}",
            "clauses: [C1], inputs: [days], outputs: {base_fee: decimal}, table: {inputs: [days], outputs: [base_fee], "
            'rows: [["<=14", "0"], [">14", "days"]]}}',
        )
    )
    _, discount = LOGIC.split("\n\n\n")
    compiled = check(tmp_path / "spec.yaml", discount, out=tmp_path / "artifacts")
    assert compiled.path is not None, [str(one) for one in compiled.attempts[-1].findings]
    with pytest.raises(SpecError, match="the decision table of 'base'"):
        recompile(verify(compiled.path, trusted_keys()), LABELS, Scripted([]), tmp_path / "out")


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (label(0, "7", name="A"), "contradicts case 'none' of the spec"),
        (label(15, "3"), "contradicts what Ada said at"),
        (label(99, "1", place="f:2"), "contradicts what Ada says at f:1"),
        (label(500, "1"), "days"),
        (Label({"days": 1}, {"fee": "0"}, "Ada", "2026-01-01"), "lacks"),
        (Label(LABELS[0].input, {"fees": "0"}, "Ada", "2026-01-01"), "not an output"),
        (Label(LABELS[0].input, {}, "Ada", "2026-01-01"), "expects nothing"),
    ],
)
def test_what_contradicts_or_does_not_fit_is_refused(new: Label, said: str) -> None:
    spec = parse_spec(SPEC)
    with pytest.raises(InputError, match=said):
        unknown_labels(spec, [label(99, "2", place="f:1"), new], LABELS)


def test_a_label_of_null_contradicts_a_case_that_is_not_null() -> None:
    spec = parse_spec(
        SPEC.replace("fee: {type: decimal, places: 2}\n", "fee: {type: decimal, places: 2, nullable: true}\n").replace(
            "name: A}, expected: {fee: 110}", "name: A}, expected: {base_fee: 110}, answered: [fee]"
        )
    )
    null = Label({"days": 110, "member": False, "name": "A"}, {"fee": None}, "Ada", "2026-01-01")
    with pytest.raises(InputError, match=r"contradicts case 'hundred' .*'fee', null in one and not null in the other"):
        unknown_labels(spec, [null], [])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("[]", "a label is an object"),
        ('{"input": {}, "expected": {}, "at": "2026-01-01"}', "who labelled it"),
        ('{"input": {}, "expected": {}, "by": "A"}', "does not say when"),
        ('{"input": {}, "rigth": {}, "by": "A"}', "unknown key 'rigth'"),
        ('{"run": "a-1", "by": "A", "at": "2026-01-01"}', "--store"),
    ],
)
def test_a_bad_line_is_told_with_its_place(line: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as told:
        read_labels(f"\n{line}\n", "labels.jsonl")
    assert told.value.place == "labels.jsonl:2"


@pytest.mark.parametrize(
    ("old", "new"), [("1.4.2", "1.4.3"), ("0.9", "0.10"), ("1.0-rc1", "1.0-rc2"), ("2024a", "2024a.1")]
)
def test_versions_are_bumped(old: str, new: str) -> None:
    assert next_version(old) == new


# ---- as people type it -------------------------------------------------------------------------------------------


def typed(*words: str) -> str:
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_feedback_and_recompile_typed(artifact: Verified, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url, path = str(tmp_path / "store.db"), str(artifact.path)
    case = '{"days": 20, "member": true, "name": "Zelda Quux"}'
    run = json.loads(typed("run", path, "--input", case, "--store", url))["run_id"]
    assert "1 label kept" in typed(
        "feedback", path, "--run", run, "--right", '{"base_fee": 0}', "--by", "Ada", "--store", url
    )
    lines = [json.dumps(one.to_json()) for one in LABELS]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    told = typed("feedback", path, "--from", str(tmp_path / "in.jsonl"), "--store", url)
    assert f"{len(LABELS)} labels kept" in told
    assert "0 labels kept, 18 known already" in typed(
        "feedback", path, "--from", str(tmp_path / "in.jsonl"), "--store", url
    )
    told = typed("recompile", path, "--store", url, "--threshold", "0.1")
    assert "2 of 19 answered right" in told
    assert "nothing was made" in told
    box = tmp_path / "replies"
    recorded(artifact, url, box)
    told = typed("recompile", path, "--store", url, "--model", f"replay:{box}", "--out", str(tmp_path / "made"))
    assert "suspect    base, by 17 labels" in told
    assert "rewritten  base; every other function is as it was" in told
    assert "late_fee 1.4.2" in told
    assert "→ late_fee 1.4.3" in told
    assert "Nothing is deployed and nobody has approved it. Next: ingot approve" in told
    assert len(list((tmp_path / "made").iterdir())) == 1
    again = ("--model", f"replay:{box}", "--one-by-one", "--out", str(tmp_path / "again"))
    assert "rewritten  base;" in typed("recompile", path, "--store", url, *again)
    with pytest.raises(SystemExit) as ended:
        main(["feedback", path, "--input", case, "--right", '{"base_fee": "3"}', "--by", "Bob", "--store", url])
    assert ended.value.code == 2
    assert "contradicts what Ada said" in capsys.readouterr().err


def recorded(artifact: Verified, url: str, box: Path) -> None:
    """Replies to the requests that a recompile will send, kept as `--record` keeps them."""
    from ingot.compile.rerun import program_of
    from ingot.models.replay import recorded as recording

    with Store.open(url) as store:
        labels = kept_labels(store, program_of(artifact).spec)
    recompile(artifact, labels, recording(Scripted([MENDED]), box), box.parent / "once")


def test_a_file_takes_no_labelled_values(
    artifact: Verified, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case, file = '{"days": 20, "member": true, "name": "Zelda Quux"}', tmp_path / "labels.jsonl"
    with pytest.raises(SystemExit):
        main(["feedback", str(artifact.path), "--input", case, "--right", '{"fee": 0}', "--file", str(file)])
    assert "a file would show them" in capsys.readouterr().err
    assert not file.exists()


def test_where_runs_drifted_one_wrong_label_is_enough(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC + "thresholds: {accuracy: 0.5}\ndrift: {window: 60, baseline: first}\n")
    compiled = check(tmp_path / "spec.yaml", LOGIC, out=tmp_path / "artifacts")
    assert compiled.path is not None
    path, url = str(compiled.path), str(tmp_path / "store.db")
    right = [label(days, str(days)) for days in (40, 41, 42)]
    (tmp_path / "in.jsonl").write_text("\n".join(json.dumps(one.to_json()) for one in [label(20, "0"), *right]))
    typed("feedback", path, "--from", str(tmp_path / "in.jsonl"), "--store", url)
    assert "nothing was made" in typed("recompile", path, "--store", url)
    workflow = load(compiled.path)
    with Store.open(url) as store:
        recorded = RecordedWorkflow(workflow, store)
        for number in range(120):
            days = 40 + number if number < 60 else 390 + number % 10
            recorded.run({"days": days, "member": True, "name": "A"})
    done = CliRunner().invoke(cli, ["recompile", path, "--store", url], env={"INGOT_MODEL": ""})
    assert "drift      alarms" in done.output
    assert "3 of 4 answered right" in done.output
    assert "nothing was made" not in done.output

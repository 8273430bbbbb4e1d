"""Every command that takes JSON or @FILE reads it alike, and says alike what is wrong with it."""

from pathlib import Path

import pytest

from tests.cli.conftest import Run

COMMANDS = (
    ("run",),
    ("explain",),
    ("bench", "consistency"),
    ("feedback", "--file", "labels.jsonl", "--right", '{"fee": "5.00"}'),
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[-1] if len(command) < 3 else command[0])
def test_what_is_wrong_with_a_file_is_said_alike(
    ingot: Run, artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.json").write_text('{"zone": "B",\n "months" 3}', encoding="utf-8")
    (tmp_path / "list.json").write_text("[1]", encoding="utf-8")
    (tmp_path / "bytes.json").write_bytes(b"\xff{")
    for given, said in (
        ("@none.json", "none.json: cannot read the input: No such file or directory"),
        ("@bytes.json", "bytes.json: cannot read the input: it is not UTF-8 text"),
        ("@bad.json", "bad.json:2:11: not JSON: Expecting ':' delimiter"),
        ("@list.json", "list.json: a list is not an object"),
        ('{"zone" "B"}', "--input:1:9: not JSON: Expecting ':' delimiter"),
        ('{"zone": "A", "zone": "B"}', "--input: not JSON: the key 'zone' is there twice"),
    ):
        done = ingot(*command, artifact, "--input", given)
        assert done.code == 2, done.err
        assert f"error: {said}\n" in done.err
        assert "hint: give" in done.err


def test_a_label_that_is_no_object_names_its_own_option(ingot: Run, artifact: Path) -> None:
    done = ingot("feedback", artifact, "--input", "{}", "--right", '{"fee" 5}', "--file", "labels.jsonl")
    assert "error: --right:1:8: not JSON" in done.err
    assert "give a JSON object of outputs" in done.err


def test_the_input_of_a_consistency_run_is_kept_as_it_is_typed(ingot: Run, artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "case.json").write_text('{"zone": "B", "months": 3, "resident": true}', encoding="utf-8-sig")
    out = tmp_path / "kept"
    done = ingot("bench", "consistency", artifact, "--input", f"@{tmp_path / 'case.json'}", "-n", 2, "--out", out)
    assert done.code == 0, done.err
    assert '"months": 3' in (out / "runs.jsonl").read_text().splitlines()[0]

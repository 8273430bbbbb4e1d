"""ingot diff and ingot approve: what changes is said first, shown before signing, and named in what is signed."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ingot.artifact.dsse import read_envelope

from .conftest import LOGIC, Run

CHANGED = LOGIC.replace("    if resident:", '    if resident and (zone == "A" or months < 12):')


def check(ingot: Run, starter: Path, logic: str, out: Path) -> Path:
    before = set(out.iterdir()) if out.exists() else set()
    code = starter.with_name("logic.py")
    code.write_text(logic, encoding="utf-8")
    done = ingot("check", starter, "--code", code, "--author", "Ada", "--out", out)
    assert done.code == 0, done.err
    return next(iter(set(out.iterdir()) - before))


@pytest.fixture
def changed(ingot: Run, artifact: Path, starter: Path) -> Path:
    """A version, beside `artifact`, that answers some residents otherwise."""
    return check(ingot, starter, CHANGED, artifact.parent)


@pytest.fixture
def boss(ingot: Run, tmp_path: Path) -> Path:
    """An approver's key."""
    key = tmp_path / "boss" / "signing.pem"
    assert ingot("keys", "--new", key).code == 0
    return key


def test_diff_tells_the_changed_inputs_first(ingot: Run, artifact: Path, changed: Path) -> None:
    done = ingot("diff", artifact, changed)
    assert done.code == 1
    assert done.out.index("inputs change their outcome") < done.out.index("--- ")
    assert 'zone="B", months=12, resident=true' in done.out
    assert 'old    fee="108.00"' in done.out
    assert 'new    fee="216.00"' in done.out
    told = json.loads(ingot("diff", artifact, changed, "--json").out)
    assert told["differs"] is True
    assert told["outcomes"]["verdict"] == "differ"
    assert told["outcomes"]["changes"][0]["solver"] is True
    assert list(told["text"]) == ["logic.py", "evidence/verdicts.json"] or list(told["text"]) == ["logic.py"]
    assert told["replay"] is None


def test_diff_replays_traffic_and_fails_on_bad_lines(ingot: Run, artifact: Path, changed: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs.jsonl"
    lines = [json.dumps({"zone": "B", "months": 1 + n % 12, "resident": n % 2 == 1}) for n in range(24)]
    runs.write_text("\n".join(lines), encoding="utf-8")
    done = ingot("diff", artifact, changed, "--replay", runs)
    assert "runs.jsonl: 2 of 24 runs change: 2 by C1, C2" in done.out
    assert ingot("diff", artifact, artifact, "--replay", runs).code == 0
    runs.write_text("\n".join([*lines, "{"]), encoding="utf-8")
    done = ingot("diff", artifact, artifact, "--replay", runs)
    assert done.code == 1
    assert "runs.jsonl:25: not JSON" in done.out
    assert ingot("diff", artifact, artifact, "--replay", tmp_path / "none.jsonl").code == 2


def test_approve_shows_and_records_the_difference(ingot: Run, artifact: Path, changed: Path, boss: Path) -> None:
    first = ingot("approve", artifact, "--as", "Grace", "--signing-key", boss)
    assert "no approved version of this workflow found beside it: everything is new" in first.out
    assert not (artifact.parent / "approvals").exists()
    done = ingot("approve", changed, "--as", "Grace", "--signing-key", boss)
    assert done.code == 0, done.err
    assert "approved by Grace:" in done.out
    assert 'zone="B", months=12, resident=true' in done.out
    envelope = read_envelope((changed / "attestation.intoto.jsonl").read_bytes().splitlines(keepends=True)[1])
    shown = json.loads(envelope.payload)["predicate"]["shown"]
    old = json.loads(ingot("show", artifact, "--json").out)["digest"]
    assert shown["against"] == old
    (page,) = (artifact.parent / "approvals").iterdir()
    text = page.read_text(encoding="utf-8")
    assert shown["difference"] in text
    assert "<script" not in text
    assert "216.00" in text
    public = boss.with_suffix(".pub")
    assert ingot("verify", changed, "--require-approval", "--key", public).code == 0


def test_a_tampered_version_is_not_compared_with(ingot: Run, artifact: Path, changed: Path, boss: Path) -> None:
    assert ingot("approve", artifact, "--as", "Grace", "--signing-key", boss).code == 0
    program = artifact / "program.py"
    program.write_bytes(program.read_bytes().replace(b"18.00", b"08.00"))
    done = ingot("approve", changed, "--as", "Grace", "--signing-key", boss)
    assert "everything is new" in done.out
    assert "was passed over: refused at step 4" in done.err
    named = ingot("approve", changed, "--as", "Grace", "--signing-key", boss, "--against", artifact)
    assert named.code == 1


def test_against_names_the_version(ingot: Run, artifact: Path, changed: Path, boss: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / artifact.name
    shutil.copytree(artifact, elsewhere)
    shutil.rmtree(artifact)
    done = ingot("approve", changed, "--as", "Grace", "--signing-key", boss, "--against", elsewhere)
    assert done.code == 0
    assert "is approved by nobody whose key is trusted here" in done.err
    assert "inputs change their outcome" in done.out


@pytest.mark.parametrize(("answer", "signed"), [("n\n", 1), ("y\n", 2)])
def test_on_a_terminal_it_asks_before_it_signs(artifact: Path, boss: Path, answer: str, signed: int) -> None:
    outer, inner = pty.openpty()
    command = [sys.executable, "-m", "ingot", "approve", str(artifact), "--as", "Grace", "--signing-key", str(boss)]
    child = subprocess.Popen(command, stdin=inner, stdout=inner, stderr=subprocess.DEVNULL)
    os.close(inner)
    os.write(outer, answer.encode())
    child.wait(60)
    os.close(outer)
    assert len((artifact / "attestation.intoto.jsonl").read_bytes().splitlines()) == signed


# ---- at build time -----------------------------------------------------------------------------------------------


def test_a_build_shows_what_changes_since_the_last_approved_version(
    ingot: Run, artifact: Path, starter: Path, boss: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INGOT_TRUSTED_KEYS", str(boss.with_suffix(".pub")))
    assert not (artifact / "evidence" / "difference.json").exists()
    assert ingot("approve", artifact, "--as", "Grace", "--signing-key", boss).code == 0
    code = starter.with_name("logic.py")
    code.write_text(CHANGED, encoding="utf-8")
    done = ingot("check", starter, "--code", code, "--author", "Ada", "--out", artifact.parent)
    assert f"since:    permit 0.1.0 ({artifact.name[-12:]}), approved by Grace" in done.out.replace(
        "starter-workflow", "permit"
    )
    assert "inputs change their outcome" in done.out
    (new,) = set(artifact.parent.iterdir()) - {artifact}
    evidence = json.loads((new / "evidence" / "difference.json").read_bytes())
    assert evidence["from"]["digest"].startswith(artifact.name[-12:])
    assert evidence["outcomes"]["changes"][0]["witness"]["input"] == {"zone": "B", "months": 12, "resident": True}
    assert "logic.py" in evidence["texts"]
    assert 'id="changes"' in (new / "report.html").read_text(encoding="utf-8")
    assert ingot("verify", new).code == 0
    shown = json.loads(ingot("diff", artifact, new, "--json").out)["outcomes"]
    assert evidence["outcomes"] == shown, "in the sandbox it comes to what it comes to in the process"


def test_a_build_made_again_is_the_same_artifact(
    ingot: Run, artifact: Path, starter: Path, boss: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also once it is approved itself: it is compared with the version before, not with itself."""
    monkeypatch.setenv("INGOT_TRUSTED_KEYS", str(boss.with_suffix(".pub")))
    out = artifact.parent
    assert ingot("approve", artifact, "--as", "Grace", "--signing-key", boss).code == 0
    assert check_again(ingot, starter, LOGIC, out) == {artifact}
    new = check(ingot, starter, CHANGED, out)
    assert check_again(ingot, starter, CHANGED, out) == {artifact, new}
    assert ingot("approve", new, "--as", "Grace", "--signing-key", boss).code == 0
    assert check_again(ingot, starter, CHANGED, out) == {artifact, new}


def check_again(ingot: Run, starter: Path, logic: str, out: Path) -> set[Path]:
    code = starter.with_name("logic.py")
    code.write_text(logic, encoding="utf-8")
    done = ingot("check", starter, "--code", code, "--author", "Ada", "--out", out)
    assert done.code == 0, done.err
    return {path for path in out.iterdir() if path.name != "approvals"}


def test_the_same_bytes_under_another_hash_seed(ingot: Run, artifact: Path, starter: Path, tmp_path: Path) -> None:
    code = starter.with_name("logic.py")
    code.write_text(CHANGED, encoding="utf-8")
    made = set()
    for seed in ("1", "77"):
        out = tmp_path / f"out-{seed}"
        command = [sys.executable, "-m", "ingot", "check", str(starter), "--code", str(code), "--author", "Ada"]
        command += ["--out", str(out), "--against", str(artifact)]
        subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True)
        made.add(next(out.iterdir()).name)
    assert len(made) == 1


def test_a_previous_version_that_is_refused_stops_a_build_only_where_it_is_named(
    ingot: Run, artifact: Path, starter: Path, boss: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INGOT_TRUSTED_KEYS", str(boss.with_suffix(".pub")))
    assert ingot("approve", artifact, "--as", "Grace", "--signing-key", boss).code == 0
    program = artifact / "program.py"
    program.write_bytes(program.read_bytes().replace(b"18.00", b"08.00"))
    code = starter.with_name("logic.py")
    code.write_text(CHANGED, encoding="utf-8")
    common = ("check", starter, "--code", code, "--author", "Ada", "--out", artifact.parent)
    done = ingot(*common)
    assert done.code == 0
    assert "was passed over: refused at step 4" in done.err
    assert "since:" not in done.out
    named = ingot(*common, "--against", artifact)
    assert named.code == 1
    assert "refused at step 4" in named.err
    assert ingot("check", starter, "--code", code, "--against", artifact).code == 2

"""Artifacts are reproducible, whole or absent, and one at a time under a name."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest
from late_fee import LOGIC, PROVENANCE, SPEC, make_contents, verdicts

from ingot.artifact.manifest import artifact_digest, folder_name
from ingot.artifact.sign import SigningKey, trust
from ingot.artifact.verify import verify
from ingot.artifact.write import Contents, write_artifact
from ingot.errors import ArtifactError
from ingot.verdict import Finding, Verdict

HERE = str(Path(__file__).parent)
EXPECTED = {
    "manifest.json", "attestation.intoto.jsonl", "spec.yaml", "logic.py", "program.py", "template.py",
    "modules/files.py", "cases/given.jsonl", "cases/held_out.jsonl", "evidence/verdicts.json",
    "evidence/findings.sarif", "evidence/questions.json", "evidence/provenance.json", "sbom.cdx.json", "report.html",
}  # fmt: skip


def tree(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def test_every_file_is_there_and_the_name_says_what_it_is(artifact: Path) -> None:
    assert set(tree(artifact)) == EXPECTED
    assert artifact.name == f"late-fee-script-alert-1-script-1.2.0-{artifact_digest(artifact)[:12]}"
    assert (artifact / "spec.yaml").read_text() == SPEC
    assert (artifact / "logic.py").read_text() == LOGIC


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Größe & Maß", "gr-e-ma-1-aaaaaaaaaaaa"),
        ("日本", "workflow-1-aaaaaaaaaaaa"),
        ("../../etc", "etc-1-aaaaaaaaaaaa"),
    ],
)
def test_folder_names_are_safe(name: str, expected: str) -> None:
    assert folder_name(name, "1", "a" * 64) == expected


def test_the_same_contents_give_the_same_bytes_in_another_process(
    tmp_path: Path, artifact: Path, key: SigningKey
) -> None:
    script = f"""
        import sys; sys.path.insert(0, {HERE!r})
        from pathlib import Path
        from late_fee import make_contents
        from ingot.artifact.sign import read_key
        from ingot.artifact.write import write_artifact
        write_artifact(Path({str(tmp_path / "twin")!r}), make_contents(), read_key(Path({str(key_file(tmp_path, key))!r})))
    """
    env = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, env=env, cwd="/")
    assert tree(tmp_path / "twin") == tree(artifact.parent)


def key_file(folder: Path, key: SigningKey) -> Path:
    from cryptography.hazmat.primitives import serialization as s

    path = folder / "key.pem"
    pem = key.private.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
    path.write_bytes(pem)
    path.chmod(0o600)
    return path


def test_no_folder_of_this_machine_reaches_an_artifact(tmp_path: Path, key: SigningKey) -> None:
    question = {"id": "leak:a:b", "text": "Is a the same as b?", "place": f"{tmp_path}/spec.yaml:3:5", "answer": None}
    path = write_artifact(tmp_path / "out", make_contents(questions=(question,)), key)
    assert not [name for name, content in tree(path).items() if str(tmp_path).encode() in content]
    assert b'"place": "spec.yaml:3:5"' in tree(path)["evidence/questions.json"]


def test_an_artifact_that_is_there_is_kept_with_its_approvals(
    artifact: Path, contents: Contents, key: SigningKey
) -> None:
    before = (artifact / "manifest.json").stat().st_ino
    assert write_artifact(artifact.parent, contents, key) == artifact
    assert (artifact / "manifest.json").stat().st_ino == before
    assert os.listdir(artifact.parent) == [artifact.name]


@pytest.mark.parametrize("damage", ["file", "key"])
def test_a_place_taken_by_something_else_is_an_error(
    artifact: Path, contents: Contents, key: SigningKey, other_key: SigningKey, damage: str
) -> None:
    if damage == "file":
        (artifact / "logic.py").unlink()
    with pytest.raises(ArtifactError, match="the place is taken by something that does not verify") as caught:
        write_artifact(artifact.parent, contents, key if damage == "file" else other_key)
    assert str(artifact) in str(caught.value)
    assert "move it away" in str(caught.value)
    assert os.listdir(artifact.parent) == [artifact.name]


# ---- contents that are not whole ---------------------------------------------------------------------------------


def failing() -> tuple[Verdict, ...]:
    return (*verdicts()[:3], Verdict.of("accuracy", (Finding("ACC001", "wrong fee"),)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"verdicts": failing()}, "not passed \\['accuracy'\\]"),
        ({"verdicts": verdicts()[:3]}, "no artifact without four passed stages"),
        ({"verdicts": verdicts()[::-1]}, "no artifact without four passed stages"),
        ({"provenance": {**PROVENANCE, "author": {"name": "x"}}}, "author needs kind, name, recorded"),
        ({"extra": {"../up.py": b""}}, "'../up.py' cannot be the path of an extra file"),
        ({"extra": {"logic.py": b""}}, "'logic.py' cannot be the path"),
        ({"extra": {"/etc/x": b""}}, "'/etc/x' cannot be the path"),
    ],
)
def test_contents_that_are_not_whole_are_refused(
    tmp_path: Path, key: SigningKey, change: dict[str, object], words: str
) -> None:
    with pytest.raises(ArtifactError, match=words):
        write_artifact(tmp_path / "out", make_contents(**change), key)
    assert not (tmp_path / "out").exists()


def test_another_spec_text_than_the_programs_is_refused(tmp_path: Path, key: SigningKey) -> None:
    other = SPEC.replace("pays USD 5", "pays USD 6")
    with pytest.raises(ArtifactError, match="not the spec that the program was assembled from"):
        write_artifact(tmp_path / "out", replace(make_contents(), spec_text=other), key)


# ---- disks, signals, other processes -----------------------------------------------------------------------------

WRITER = """
    import sys; sys.path.insert(0, {here!r})
    from pathlib import Path
    from late_fee import make_contents
    from ingot.artifact.sign import read_key
    from ingot.artifact.write import write_artifact
    from ingot.errors import IngotError
    key = read_key(Path({key!r}))
    {prepare}
    try:
        print(write_artifact(Path({out!r}), make_contents(extra={{"template.py": b"#" * {size}}}), key))
    except IngotError as error:
        print(type(error).__name__, error)
        sys.exit(1)
"""


def writer(tmp_path: Path, key: SigningKey, out: Path, prepare: str = "", size: int = 100) -> list[str]:
    names = {"here": HERE, "key": str(key_file(tmp_path, key)), "out": str(out), "prepare": prepare, "size": size}
    return [sys.executable, "-c", textwrap.dedent(WRITER.format(**names))]


def test_a_file_size_limit_leaves_nothing_and_says_so(tmp_path: Path, key: SigningKey) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    command = writer(tmp_path, key, tmp_path / "out", limit, size=300_000)
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "")
    assert "cannot write the artifact: File too large" in done.stdout
    assert "nothing was left behind" in done.stdout
    assert os.listdir(tmp_path / "out") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_leaves_nothing_and_says_so(tmp_path: Path, contents: Contents, key: SigningKey) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    mounted = subprocess.run(command, check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip(f"this machine does not let root mount a tmpfs: {mounted.stderr.decode().strip()}")
    try:
        big = replace(contents, extra={"template.py": b"#" * 300_000})
        with pytest.raises(ArtifactError, match="cannot write the artifact: No space left on device"):
            write_artifact(disk, big, key)
        assert os.listdir(disk) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_read_only_place_is_one_precise_error(tmp_path: Path, contents: Contents, key: SigningKey) -> None:
    (tmp_path / "out").write_text("a file where a folder belongs")
    with pytest.raises(ArtifactError, match="cannot write the artifact: File exists") as caught:
        write_artifact(tmp_path / "out", contents, key)
    assert str(tmp_path / "out") in str(caught.value)


@pytest.mark.parametrize("number", [signal.SIGINT])
def test_ctrl_c_in_the_middle_leaves_nothing(tmp_path: Path, key: SigningKey, number: int) -> None:
    slow = """
    import ingot.artifact.write as module, time
    whole = module.write_new
    def write_new(path, content):
        whole(path, content)
        print("wrote", flush=True)
        time.sleep(0.3)
    module.write_new = write_new
    """
    command = writer(tmp_path, key, tmp_path / "out", textwrap.indent(textwrap.dedent(slow), "    ").strip())
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "wrote\n"
        assert len(os.listdir(tmp_path / "out")) == 1  # it is in the middle
        process.send_signal(number)
        process.wait(10)
        assert process.returncode != 0
    assert os.listdir(tmp_path / "out") == []


def test_processes_writing_the_same_artifact_at_once(tmp_path: Path, key: SigningKey) -> None:
    command = writer(tmp_path, key, tmp_path / "out")
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = {process.communicate(timeout=60)[0].strip() for process in processes}
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(answers) == 1
    path = Path(answers.pop())
    assert os.listdir(tmp_path / "out") == [path.name]
    assert verify(path, trust(key)).manifest.version == "1.2.0"


def test_losing_the_race_for_the_name_keeps_the_winners_artifact(
    tmp_path: Path, contents: Contents, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ingot.artifact.write as module

    fill = module._fill

    def fill_second(folder: Path, files: dict[str, bytes]) -> None:
        monkeypatch.setattr(module, "_fill", fill)
        write_artifact(tmp_path / "out", contents, key)  # another process, between the look and the rename
        fill(folder, files)

    monkeypatch.setattr(module, "_fill", fill_second)
    path = write_artifact(tmp_path / "out", contents, key)
    assert os.listdir(tmp_path / "out") == [path.name]


def test_what_a_killed_process_left_is_swept_later(tmp_path: Path, contents: Contents, key: SigningKey) -> None:
    old, young = tmp_path / "out" / ".ingot-00.tmp", tmp_path / "out" / ".ingot-11.tmp"
    for folder in (old, young):
        folder.mkdir(parents=True)
        (folder / "logic.py").write_text("half")
    hour_ago = time.time() - 3600
    os.utime(old, (hour_ago, hour_ago))
    write_artifact(tmp_path / "out", contents, key)
    assert not old.exists()
    assert young.exists()


def test_numbers_of_one_artifact(artifact: Path) -> None:
    manifest = json.loads((artifact / "manifest.json").read_bytes())
    assert set(manifest["files"]) == EXPECTED - {"manifest.json", "attestation.intoto.jsonl"}
    assert manifest["program"]["logic_offset"] == (artifact / "program.py").read_text().split("def late_fee")[0].count(
        "\n"
    )

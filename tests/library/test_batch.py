"""batch: no item lost, none doubled, whenever the process is killed."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from ingot.library.templates import batch

WORK = {"input_digest": "a" * 64, "program_digest": "b" * 64}


def square(item: Mapping[str, Any]) -> int:
    return int(item["n"]) ** 2


def line(file: BinaryIO, outcome: Any) -> None:
    file.write(json.dumps(outcome if isinstance(outcome, int) else f"failed {outcome.number}").encode() + b"\n")


def items(count: int) -> list[dict[str, int]]:
    return [{"n": number} for number in range(count)]


def expected(count: int) -> bytes:
    return b"".join(b"%d\n" % (number**2) for number in range(count))


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., batch.Report]:
    def call(count: int = 25, transact: Any = square, **changes: Any) -> batch.Report:
        settings = {**WORK, "output": tmp_path / "out.jsonl", "chunk": 10, **changes}
        source = settings.pop("items", items(count))
        return batch.run(transact, source, tmp_path / "journal", line, **settings)

    return call


def test_all_items_in_order_with_progress(run: Any, tmp_path: Path) -> None:
    heard: list[int] = []
    assert run(25, progress=heard.append) == (25, len(expected(25)), 0, 0)
    assert (tmp_path / "out.jsonl").read_bytes() == expected(25)
    assert heard == [10, 20, 25]


@pytest.mark.parametrize("count", [0, 1, 10, 20])
def test_whole_chunks_and_none(run: Any, tmp_path: Path, count: int) -> None:
    run(count)
    assert (tmp_path / "out.jsonl").read_bytes() == expected(count)
    assert run(count) == (count, len(expected(count)), count, 0)
    assert (tmp_path / "out.jsonl").read_bytes() == expected(count)


def test_an_error_stops_and_the_next_run_goes_on(run: Any, tmp_path: Path) -> None:
    def breaks(item: Mapping[str, Any]) -> int:
        if item["n"] == 17:
            raise ConnectionError("down")
        return square(item)

    with pytest.raises(ConnectionError):
        run(25, breaks)
    with (tmp_path / "out.jsonl").open("ab") as torn:
        torn.write(b"half a chunk, longer than all that is left" * 50)
    seen: list[int] = []
    report = run(25, lambda item: (seen.append(item["n"]), square(item))[1])
    assert report == (25, len(expected(25)), 10, 0)
    assert seen == list(range(10, 25))
    assert (tmp_path / "out.jsonl").read_bytes() == expected(25)


def test_errors_can_be_recorded_in_their_place(run: Any, tmp_path: Path) -> None:
    def breaks(item: Mapping[str, Any]) -> int:
        if item["n"] == 17:
            raise ConnectionError("down")
        return square(item)

    assert run(25, breaks, errors="record").failures == 1
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert lines[16:19] == ["256", '"failed 17"', "324"]


def test_another_input_program_or_output_is_refused(run: Any, tmp_path: Path) -> None:
    run(25)
    for change in ({"input_digest": "c"}, {"program_digest": "c"}, {"output": tmp_path / "other"}):
        with pytest.raises(ValueError, match="belongs to another"):
            run(25, **change)
    with pytest.raises(ValueError, match="there are 3 items and the journal says that 25 are done"):
        run(3)


def test_output_that_is_not_ours_is_refused_and_left(run: Any, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("precious")
    with pytest.raises(FileExistsError, match="without a journal"):
        run(25)
    assert out.read_text() == "precious"
    out.unlink()
    run(25)
    content = out.read_bytes()
    for changed in (content.replace(b"4", b"5", 1), content[:-1]):
        out.write_bytes(changed)
        with pytest.raises(ValueError, match="changed from outside"):
            run(25)
        assert out.read_bytes() == changed
    out.unlink()
    with pytest.raises(FileNotFoundError):
        run(25)
    (tmp_path / "journal").write_text("not a journal\n")
    with pytest.raises(ValueError, match="not a journal"):
        run(25)


def test_two_at_once_are_refused(run: Any, tmp_path: Path) -> None:
    def inner(item: Mapping[str, Any]) -> int:
        with pytest.raises(BlockingIOError, match="another process"):
            run(25)
        return square(item)

    assert run(1, inner).items == 1


# A child that runs the batch and is killed at its n-th write, sync or cut: before it, after it, or half-way in a write.
CHILD = """
import json, os, signal, sys
from pathlib import Path
source, folder, stop, where, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
batch = {"__name__": "copied"}
exec(compile(Path(source).read_bytes(), source, "exec"), batch)
calls = 0
def counted(name):
    real = getattr(os, name)
    def call(descriptor, *rest):
        global calls
        calls += 1
        if calls == stop and where == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        if calls == stop and where == "torn" and name == "write":
            real(descriptor, bytes(rest[0])[: len(rest[0]) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        done = real(descriptor, *rest)
        if calls == stop and where == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return done
    setattr(os, name, call)
for name in ("write", "fsync", "ftruncate"):
    counted(name)
def line(file, outcome):
    file.write(json.dumps(outcome).encode() + b"\\n")
items = ({"n": n} for n in range(count))
batch["run"](lambda item: item["n"] ** 2, items, folder / "journal", line, output=folder / "out.jsonl",
             input_digest="a" * 64, program_digest="b" * 64, chunk=10)
print(calls)
"""


def command(folder: Path, stop: int, where: str, count: int) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", CHILD, str(batch.__file__), str(folder), str(stop), where, str(count)]


def child(folder: Path, stop: int, where: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(folder, stop, where, 25), capture_output=True, text=True, timeout=30, check=False)


def resume(folder: Path, count: int) -> None:
    output = folder / "out.jsonl"
    batch.run(square, items(count), folder / "journal", line, **WORK, output=output, chunk=10)
    assert output.read_bytes() == expected(count), folder.name


def test_killed_at_every_write_sync_and_cut_it_resumes_without_loss(tmp_path: Path) -> None:
    done = child(tmp_path, 0, "never")
    assert done.returncode == 0, done.stderr
    steps = int(done.stdout)
    assert steps >= 12
    torn = 0
    for where in ("before", "torn", "after"):
        for stop in range(1, steps + 1):
            folder = tmp_path / f"{where}{stop}"
            folder.mkdir()
            killed = child(folder, stop, where).returncode == -signal.SIGKILL
            assert killed or where == "torn"  # only writes can be torn
            torn += killed and where == "torn"
            if stop % 4 == 0:  # killed once more on the way back
                child(folder, 3, where)
            resume(folder, 25)
    assert torn >= 6


def test_killed_at_random_moments_it_resumes_without_loss(tmp_path: Path) -> None:
    moments = random.Random(7)
    kills = 0
    for _ in range(8):
        process = subprocess.Popen(command(tmp_path, 0, "never", 4_000), stdout=subprocess.DEVNULL)
        time.sleep(0.1 + moments.random() * 0.15)
        process.kill()
        kills += process.wait(10) == -signal.SIGKILL
    assert kills >= 1
    resume(tmp_path, 4_000)

"""Recordings."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingot.errors import ModelError
from ingot.models import Completion, Replay, Request, Scripted, record, recorded
from ingot.models.replay import recording_path
from ingot.usage import Usage

WRITTEN = Completion("```python\nä = 1\n```", "openai:gpt-5", Usage(3, 4, 2), seconds=9.0)


def test_what_was_recorded_is_replayed(request_: Request, tmp_path: Path) -> None:
    path = record(tmp_path / "new", request_, WRITTEN)
    assert path.name == f"{request_.digest[:16]}.json"
    assert [found.name for found in path.parent.iterdir()] == [path.name]
    replayed = Replay(tmp_path / "new").complete(request_)
    assert replayed == replace(WRITTEN, seconds=0.0, recorded=True)


def test_recording_passes_through_and_writes(request_: Request, tmp_path: Path) -> None:
    other = replace(request_, seed=1)
    schema = replace(request_, schema={"type": "object", "properties": {"ß": {"type": "string"}}})
    inside = Scripted([WRITTEN, "second", "{}"])
    model = recorded(inside, tmp_path)
    assert model.name == "scripted"
    assert model.complete(request_) is WRITTEN
    model.complete(other)
    model.complete(schema)
    replay = Replay(tmp_path)
    assert [replay.complete(one).text for one in (request_, other, schema)] == [WRITTEN.text, "second", "{}"]


def test_an_error_is_not_recorded(request_: Request, tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        recorded(Scripted([ModelError("no")]), tmp_path / "none").complete(request_)
    assert not (tmp_path / "none").exists()


def test_a_missing_recording_is_named(request_: Request, tmp_path: Path) -> None:
    record(tmp_path, replace(request_, seed=9), WRITTEN)
    with pytest.raises(ModelError) as caught:
        Replay(tmp_path).complete(request_)
    assert f"no recording of request {request_.digest[:16]} (functions f) among the 1" in str(caught.value)
    assert "--record" in str(caught.value)


def test_a_missing_directory(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no directory of recordings"):
        Replay(tmp_path / "none")


def test_a_renamed_recording_is_refused(request_: Request, tmp_path: Path) -> None:
    other = replace(request_, prompt="Write g.")
    record(tmp_path, other, WRITTEN).rename(recording_path(tmp_path, request_))
    with pytest.raises(ModelError, match=f"holds the request {other.digest[:16]}, not {request_.digest[:16]}"):
        Replay(tmp_path).complete(request_)


def change(path: Path, *keys: str, to: Any) -> None:
    content = json.loads(path.read_text())
    at = content
    for key in keys[:-1]:
        at = at[key]
    at[keys[-1]] = to
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("keys", "to", "said"),
    [
        (("request", "prompt"), "Write f!", "holds the request"),
        (("request",), None, "holds the request"),
        (("completion",), None, "needs 'text'"),
        (("completion", "text"), 3, "needs 'text'"),
        (("completion", "usage"), {"input_tokens": -1}, "needs 'text'"),
        (("completion", "usage"), {"input_tokens": True}, "needs 'text'"),
        (("completion", "usage"), {"coins": 1}, "needs 'text'"),
        (("completion", "text"), "x" * 1_000_001, "1,000,000 bytes is the limit"),
        (("extra",), 1, "exactly the keys"),
    ],
)
def test_an_edited_recording_is_refused(
    request_: Request, tmp_path: Path, keys: tuple[str, ...], to: Any, said: str
) -> None:
    change(record(tmp_path, request_, WRITTEN), *keys, to=to)
    with pytest.raises(ModelError, match=said):
        Replay(tmp_path).complete(request_)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_recording_that_is_no_json(request_: Request, tmp_path: Path, content: bytes) -> None:
    recording_path(tmp_path, request_).write_bytes(content)
    with pytest.raises(ModelError, match="recording"):
        Replay(tmp_path).complete(request_)


def test_a_directory_that_cannot_be_written(request_: Request, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="cannot be written"):
        record(tmp_path / "file", request_, WRITTEN)


def test_a_full_disk_leaves_the_old_recording(
    request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = record(tmp_path, request_, WRITTEN)

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ModelError, match="No space left on device"):
        record(tmp_path, request_, replace(WRITTEN, text="new"))
    assert [found.name for found in tmp_path.iterdir()] == [path.name]
    assert Replay(tmp_path).complete(request_).text == WRITTEN.text

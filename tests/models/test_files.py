"""The model behind a directory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ingot.errors import ModelError, ModelTimeout
from ingot.models import Files, Request
from ingot.models.reply import REPLY_LIMIT
from ingot.usage import Usage


def reply_path(directory: Path, request: Request) -> Path:
    return directory / f"{request.digest[:16]}.reply.md"


def request_path(directory: Path, request: Request) -> Path:
    return directory / f"{request.digest[:16]}.request.md"


def later(act: Callable[[], object], seconds: float = 0.2) -> None:
    threading.Timer(seconds, act).start()


def test_an_existing_reply_is_used_at_once(request_: Request, tmp_path: Path) -> None:
    path = reply_path(tmp_path, request_)
    path.write_text("```python\nx = 1\n```\n")
    os.utime(path, (1, 1))
    began = time.monotonic()
    completion = Files(tmp_path).complete(request_)
    assert time.monotonic() - began < 0.2
    assert completion.text == "```python\nx = 1\n```\n"
    assert completion.model == "files:unstated"
    assert completion.usage == Usage(7, 5, 1)  # 25 characters in, 20 out, at four a token


def test_the_request_is_readable_and_a_renamed_reply_is_taken(request_: Request, tmp_path: Path) -> None:
    asked = replace(request_, schema={"type": "object", "properties": {"ä": {"type": "string"}}})

    def write() -> None:
        (tmp_path / "draft").write_text("---\nmodel: anthropic:claude-opus-4-5\n---\n\nhello\n")
        (tmp_path / "draft").rename(reply_path(tmp_path, asked))

    later(write)
    completion = Files(tmp_path / "").complete(asked)
    assert completion.text == "hello\n"
    assert completion.model == "anthropic:claude-opus-4-5"
    text = request_path(tmp_path, asked).read_text()
    for part in (f"digest: {asked.digest}", "functions: f", "max_tokens: 50", "You write Python.", "Write f.", '"ä"'):
        assert part in text
    assert text.startswith("---\n")
    assert reply_path(tmp_path, asked).name in text
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".md", ".md"]


def test_a_reply_written_slowly_is_read_whole(request_: Request, tmp_path: Path) -> None:
    def write() -> None:
        with reply_path(tmp_path, request_).open("w") as file:
            for number in range(8):
                file.write(f"line {number}\n")
                file.flush()
                time.sleep(0.1)

    later(write)
    assert Files(tmp_path).complete(request_).text == "".join(f"line {number}\n" for number in range(8))


def test_a_block_that_is_still_open_is_waited_for_until_its_writer_is_gone(request_: Request, tmp_path: Path) -> None:
    path = reply_path(tmp_path, request_)

    def finish() -> None:
        with path.open("a") as file:
            file.write("y = 2\n```\n")

    path.write_text("```python\nx = 1\n")
    later(finish, 0.8)
    assert Files(tmp_path).complete(request_).text == "```python\nx = 1\ny = 2\n```\n"
    path.write_text("```python\nx = ")
    assert Files(tmp_path, timeout=0.6).complete(request_).text == "```python\nx = "
    os.utime(path, (1, 1))
    began = time.monotonic()
    assert Files(tmp_path).complete(request_).text == "```python\nx = "
    assert time.monotonic() - began < 0.2


def test_an_object_and_a_front_matter_are_read_whole(request_: Request, tmp_path: Path) -> None:
    bounded = replace(request_, schema={"type": "object"})

    def write() -> None:
        with reply_path(tmp_path, bounded).open("w") as file:
            for part in ("---\nmodel: some", "body\n", "---\n", '{"a": ', "1}\n"):
                file.write(part)
                file.flush()
                time.sleep(0.5)

    later(write)
    read = Files(tmp_path).complete(bounded)
    assert (read.text, read.model) == ('{"a": 1}\n', "somebody")


@pytest.mark.parametrize("text", ["no object", "[1]", '{"a": 1}', "---\nno front matter\nat all", "---\na: b\n---\n1"])
def test_what_is_no_begun_object_is_not_waited_for(request_: Request, tmp_path: Path, text: str) -> None:
    bounded = replace(request_, schema={"type": "object"})
    reply_path(tmp_path, bounded).write_text(text.replace("a: b", "model: b"))
    began = time.monotonic()
    Files(tmp_path).complete(bounded)
    assert time.monotonic() - began < 2


def test_an_empty_reply_is_an_empty_text(request_: Request, tmp_path: Path) -> None:
    path = reply_path(tmp_path, request_)
    path.touch()
    os.utime(path, (1, 1))
    assert Files(tmp_path).complete(request_).text == ""


def test_a_file_just_touched_is_waited_for(request_: Request, tmp_path: Path) -> None:
    reply_path(tmp_path, request_).touch()
    later(lambda: reply_path(tmp_path, request_).write_text("here"), 0.5)
    assert Files(tmp_path).complete(request_).text == "here"


def test_no_reply_says_where_it_is_expected(request_: Request, tmp_path: Path) -> None:
    with pytest.raises(ModelTimeout, match=r"no reply within 0\.3 s") as caught:
        Files(tmp_path, timeout=0.3).complete(request_)
    assert str(reply_path(tmp_path, request_)) in str(caught.value)
    assert str(request_path(tmp_path, request_)) in str(caught.value)
    assert request_path(tmp_path, request_).exists()


def test_the_front_matter_may_count_tokens(request_: Request, tmp_path: Path) -> None:
    path = reply_path(tmp_path, request_)
    path.write_text("---\nmodel: me\ninput_tokens: 100\noutput_tokens: 20\n---\nx")
    completion = Files(tmp_path).complete(request_)
    assert (completion.text, completion.model, completion.usage) == ("x", "me", Usage(100, 20, 1))


@pytest.mark.parametrize(
    ("front", "said"),
    [
        ("modle: me", "has 'modle', unknown or twice"),
        ("model: a\nmodel: b", "has 'model', unknown or twice"),
        ("input_tokens: 5", "counts tokens as"),
        ("input_tokens: 5\noutput_tokens: -1", "counts tokens as"),
    ],
)
def test_a_wrong_front_matter(request_: Request, tmp_path: Path, front: str, said: str) -> None:
    reply_path(tmp_path, request_).write_text(f"---\n{front}\n---\nx")
    with pytest.raises(ModelError, match=said):
        Files(tmp_path).complete(request_)


@pytest.mark.parametrize(
    "text", ["---\n", "---\nprose without an end", "---\nno colon\n---\nx", "x\n---\nmodel: a\n---"]
)
def test_a_rule_is_not_a_front_matter(request_: Request, tmp_path: Path, text: str) -> None:
    reply_path(tmp_path, request_).write_text(text)
    assert Files(tmp_path).complete(request_).text == text


def test_replies_that_cannot_be_read(request_: Request, tmp_path: Path) -> None:
    path = reply_path(tmp_path, request_)
    path.write_bytes(b"x" * (REPLY_LIMIT + 1))
    with pytest.raises(ModelError, match="1,000,001 bytes; 1,000,000 bytes is the limit"):
        Files(tmp_path).complete(request_)
    path.write_bytes(b"ab\xff")
    with pytest.raises(ModelError, match="not UTF-8 at byte 2"):
        Files(tmp_path).complete(request_)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ModelError, match="not a regular file"):
        Files(tmp_path).complete(request_)


def test_a_key_in_a_reply_is_cut_out(request_: Request, tmp_path: Path, planted: str) -> None:
    reply_path(tmp_path, request_).write_text(f"key = '{planted}'")
    assert Files(tmp_path).complete(request_).text == "key = '[key removed]'"


def test_ctrl_c_leaves_the_request_to_be_answered_later(request_: Request, tmp_path: Path) -> None:
    code = (
        "import sys; from ingot.models import Files, Request\n"
        f"Files(sys.argv[1]).complete(Request({request_.system!r}, {request_.prompt!r}, ('f',), max_tokens=50))"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 10
        while not request_path(tmp_path, request_).exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=10)
    assert b"KeyboardInterrupt" in error
    assert [path.name for path in tmp_path.iterdir()] == [request_path(tmp_path, request_).name]
    reply_path(tmp_path, request_).write_text("late")
    assert Files(tmp_path).complete(request_).text == "late"

"""The bench of hostile requests: that it finds what is wrong, and a small run of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.evals.http_hostile import attack
from ingot.evals.http_wire import Answer, ill_formed, read_answers


@pytest.mark.slow
def test_a_few_hundred_hostile_requests_find_nothing_wrong(tmp_path: Path) -> None:
    found = attack(tmp_path, 300, seed=5)
    assert found.problems == []
    assert found.requests >= 300
    assert len(found.kinds) >= 12
    assert found.runs > 60
    assert found.searched > 50_000


def test_what_is_no_http_is_told() -> None:
    good = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    answers, wrong = read_answers(interim + good + chunked)
    assert ([one.body for one in answers], wrong) == ([b"{}", b"{}"], None)
    for bad in (good[:-1], good + b"x", b"HTTP/1.1 200 OK\r\n", chunked[:-6], b"{}"):
        assert read_answers(bad)[1] is not None


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (
            Answer(422, {"content-type": "application/json"}, b'{"error":"x","place":null,"hint":null,"fields":[]}'),
            False,
        ),
        (Answer(422, {"content-type": "application/json"}, b'{"error":"x"}'), True),
        (Answer(500, {"content-type": "text/plain"}, b"Internal Server Error"), True),
        (Answer(400, {"content-type": "text/plain"}, b'{"error":"x","place":null,"hint":null}'), True),
        (Answer(200, {"content-type": "application/jsonl"}, b'{"row":0}\n{"row":'), True),
        (Answer(200, {"content-type": "application/jsonl"}, b""), False),
    ],
)
def test_an_error_that_is_not_one_object_is_told(answer: Answer, wrong: bool) -> None:
    assert (ill_formed(answer) is not None) is wrong

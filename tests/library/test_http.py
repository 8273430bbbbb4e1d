"""http.get and http.post against a loopback server."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from ingot import library

Operation = Callable[..., Any]
HOST = {"hosts": ["127.0.0.1"], "backoff_seconds": 0.01}
SECRET = "Bearer hunter2-token"


def test_get_fills_the_url_and_reads_json(operation: Operation, web: Any) -> None:
    web.replies[:] = [(200, {"coverage": {"tier": 2, "names": ["a", "b"]}, "x": 1}, {})]
    settings = {
        **HOST,
        "url": f"{web.url}/v1/drugs/{{code}}/price",
        "query": {"plan": "{plan}"},
        "headers_env": {"Authorization": "TOKEN"},
        "outputs": {"tier": "coverage.tier", "second": "coverage.names.1", "absent": "coverage.none.at.all"},
    }
    perform = operation("http.get", settings, TOKEN=SECRET)
    assert perform({"code": "a b", "plan": Decimal("1.50")}) == {"tier": 2, "second": "b", "absent": None}
    assert web.requests[0].path == "/v1/drugs/a%20b/price?plan=1.50"
    assert web.requests[0].headers["Authorization"] == SECRET


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("../admin", "/v1/..%2Fadmin"),
        ("a/b?c=d#e", "/v1/a%2Fb%3Fc%3Dd%23e"),
        ("@evil.example", "/v1/%40evil.example"),
        ("50%2F", "/v1/50%252F"),
        ("x\r\nHost: evil", "/v1/x%0D%0AHost%3A%20evil"),
    ],
)
def test_a_value_fills_one_segment_and_no_more(operation: Operation, web: Any, value: str, sent: str) -> None:
    operation("http.get", {**HOST, "url": f"{web.url}/v1/{{code}}"})({"code": value})
    assert web.requests[0].path == sent


@pytest.mark.parametrize("value", ["..", ".", "%2e%2e", "", " ", None, ["a"]])
def test_a_value_that_would_change_the_path_is_refused(operation: Operation, web: Any, value: Any) -> None:
    with pytest.raises(ValueError, match="code"):
        operation("http.get", {**HOST, "url": f"{web.url}/v1/{{code}}/x"})({"code": value})
    assert not web.requests


@pytest.mark.parametrize(
    "url",
    [
        "https://{host}/x",
        "https://api.{host}/x",
        "https://api.example.org:{port}/x",
        "{scheme}://api.example.org/x",
        "https://{user}@api.example.org/x",
        "https://api.example.org{host}/x",
        "https://api.example.org\\@evil.example/x",
        "https://user:pw@api.example.org/x",
        "https://evil.example/x",
        "https://api.example.org.evil.example/x",
        "http://api.example.org/x",
        "http://10.0.0.8/x",
        "ftp://api.example.org/x",
        "//api.example.org/x",
        "https:///x",
        "https://api.example.org/x#part",
        "https://api.example.org:99999/x",
        "https://[::1/x",
        "{url}",
    ],
)
def test_only_a_literal_listed_encrypted_host_is_reached(operation: Operation, url: str) -> None:
    settings = {"url": url, "hosts": ["api.example.org"]}
    assert library.module("http").check("http.get", settings, ["host", "port", "scheme", "user", "url"])
    with pytest.raises(ValueError, match=r"http\.get: "):
        operation("http.get", settings)


def test_a_good_step_has_no_problems() -> None:
    check = library.module("http").check
    settings = {"url": "https://api.example.org/{a}", "hosts": ["api.example.org"], "query": {"b": "{b}"}}
    assert check("http.get", settings, ["a", "b"]) == []
    assert check("http.get", settings, ["a"]) == [
        "'query' holds the placeholder {b}, which is not among the step's inputs"
    ]
    assert check("http.get", {**settings, "mask": ["c"]}, ["a", "b"])
    assert check("http.post", {**settings, "retries": 2}, ["a", "b"])


def test_unavailability_is_tried_again_and_refusal_is_not(operation: Operation, web: Any) -> None:
    web.replies[:] = [(503, {}, {}), (429, {}, {}), (200, {"n": 1}, {})]
    get = operation("http.get", {**HOST, "url": f"{web.url}/x"})
    assert get({}) == {"n": 1}
    assert len(web.requests) == 3
    web.replies[:] = [(404, {}, {}), (200, {"n": 2}, {})]
    with pytest.raises(RuntimeError, match="status 404"):
        get({})
    web.replies[:] = [(502, {}, {})] * 4
    with pytest.raises(RuntimeError, match="status 502"):
        get({})
    assert len(web.requests) == 3 + 1 + 4


def test_a_post_is_repeated_only_under_a_key(operation: Operation, web: Any) -> None:
    settings = {**HOST, "url": f"{web.url}/claims", "json": {"id": "{claim}", "note": "claim {claim}", "due": "{due}"}}
    web.replies[:] = [(503, {}, {})]
    with pytest.raises(RuntimeError, match="status 503"):
        operation("http.post", settings)({"claim": "c1", "due": None})
    assert len(web.requests) == 1
    web.replies[:] = [(503, {}, {}), (200, {"ok": True}, {})]
    keyed = operation("http.post", {**settings, "idempotency_key": "{claim}"})
    assert keyed({"claim": 'c"1\r\nX: y', "due": Decimal("2.50")}) == {"ok": True}
    first, second = web.requests[1:]
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"] == "c%221%0D%0AX: y"
    assert json.loads(second.body) == {"id": 'c"1\r\nX: y', "note": 'claim c"1\r\nX: y', "due": "2.50"}


def test_redirects_sizes_and_odd_answers_are_refused(operation: Operation, web: Any) -> None:
    get = operation("http.get", {**HOST, "url": f"{web.url}/x", "max_bytes": 100})
    for reply, message in (
        ((302, {}, {"Location": "http://169.254.169.254/"}), "redirected"),
        ((200, b"[" + b"1," * 200 + b"1]", {}), "more than 100 bytes"),
        ((200, b"<html>", {}), "not JSON"),
        ((200, b'{"x": NaN}', {}), "not JSON"),
        ((200, b"[1]", {}), "not a JSON object"),
    ):
        web.replies[:] = [reply]
        with pytest.raises(RuntimeError, match=message):
            get({})
    assert {request.path for request in web.requests} == {"/x"}


def test_errors_hold_no_credential_and_no_value(operation: Operation, web: Any) -> None:
    settings = {**HOST, "url": f"{web.url}/{{name}}", "headers_env": {"Authorization": "TOKEN"}, "retries": 0}
    perform = operation("http.get", settings, TOKEN=SECRET)
    web.replies[:] = [(401, {"token": SECRET}, {})]
    with pytest.raises(RuntimeError) as refused:
        perform({"name": "Ann-Example"})
    web.shutdown()
    web.server_close()
    with pytest.raises(ConnectionError) as lost:
        operation("http.get", settings, TOKEN=SECRET)({"name": "Ann-Example"})
    for error in (refused.value, lost.value):
        assert "hunter2" not in str(error)
        assert "Ann" not in str(error)
        assert error.__cause__ is None
    with pytest.raises(ValueError, match="'TOKEN' is not set"):
        operation("http.get", settings)
    with pytest.raises(ValueError, match="'TOKEN' does not hold a header's value") as bad:
        operation("http.get", settings, TOKEN="hunter2\r\nX: y")
    assert "hunter2" not in str(bad.value)


def test_a_silent_server_costs_the_stated_time(operation: Operation, web: Any) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/x"
        start = time.monotonic()
        with pytest.raises(TimeoutError):
            operation("http.get", {**HOST, "url": url, "timeout_seconds": Decimal("0.2"), "retries": 0})({})
        assert time.monotonic() - start < 2


def test_masked_values_are_what_is_sent(operation: Operation, web: Any) -> None:
    settings = {**HOST, "url": f"{web.url}/x", "mask": {"card": "last_four", "name": "last_four", "born": "all"}}
    operation("http.post", settings)({"card": "4111-1111-1111-1111", "name": "Ann Example", "born": None})
    assert json.loads(web.requests[0].body) == {"card": "***1111", "name": "***", "born": None}

"""http.get and http.post: JSON over HTTPS to listed hosts, with time-outs, retries and a limit on the answer's size.

    - step: fetch_formulary
      type: module
      module: http.get
      with:
        url: https://api.example.org/v1/drugs/{drug_code}
        hosts: [api.example.org]
        query: {plan: "{plan_id}"}
        headers_env: {Authorization: FORMULARY_TOKEN}   # the variable holds the whole value: Bearer …
        outputs: {tier: coverage.tier}                  # dotted paths; without it, the members of the JSON object
        timeout_seconds: 5
      outputs: {tier: integer?}

Scheme, host and port are literal; values enter the path and the query only, percent-encoded, and JSON bodies as JSON.
Redirects are never followed. Lost connections, time-outs and 429, 502, 503, 504 are tried again `retries` times with
exponential back-off and jitter; a POST only where an `idempotency_key` is sent. Without `json`, a POST sends its
arguments. ``as: text`` gives the body as the output that `output` names (``text``).

Each operation takes ``(settings, environment)``, raises ValueError for settings that are wrong, and returns
``perform(arguments) -> outputs``. `perform` raises ValueError for an argument that has no place in a URL, TimeoutError,
ConnectionError, and RuntimeError for an answer that is refused. No message holds a path, a value or a credential.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlencode, urlsplit, urlunsplit

from ingot.library.modules.shared import (
    HEADER_NAME,
    TRY_AGAIN,
    Perform,
    back_off,
    filled,
    filled_part,
    is_loopback,
    json_outputs,
    masked,
    placeholders,
    plain_json,
    refuse,
    secret_headers,
    shape_problems,
    unknown_names,
)

_SETTINGS: Mapping[str, str] = {
    "url": "text", "hosts": "texts", "query": "pairs", "headers": "pairs", "headers_env": "envs",
    "timeout_seconds": "seconds", "retries": "count", "backoff_seconds": "seconds", "max_bytes": "count",
    "as": "text", "output": "text", "outputs": "pairs", "mask": "mask", "json": "json", "idempotency_key": "text",
}  # fmt: skip
_POST = ("json", "idempotency_key")


def check(operation: str, settings: Mapping[str, Any], inputs: Sequence[str]) -> list[str]:
    """What is wrong with a step's settings, without any I/O; `inputs` are the fields that the step reads."""
    keys = ("url", "query", "json", "idempotency_key")
    return _problems(operation, settings) or unknown_names(settings, keys, inputs)


def _problems(operation: str, settings: Mapping[str, Any]) -> list[str]:
    if operation not in OPERATIONS:
        return [f"there is no operation {operation!r}; there are {', '.join(sorted(OPERATIONS))}"]
    kinds = (
        _SETTINGS if operation == "http.post" else {key: kind for key, kind in _SETTINGS.items() if key not in _POST}
    )
    if problems := shape_problems(settings, kinds, ("url", "hosts")):
        return problems  # what follows reads settings of these shapes
    problems = _url_problems(settings)
    if settings.get("as", "json") not in ("json", "text"):
        problems.append("'as' must be json or text")
    if operation == "http.post" and settings.get("retries") and "idempotency_key" not in settings:
        problems.append("'retries' of a POST need an 'idempotency_key', or the other side may act twice")
    if type(settings.get("retries", 0)) is int and settings.get("retries", 0) > 10:
        problems.append("'retries' must be 10 at most")
    for name in [*settings.get("headers", ()), *settings.get("headers_env", ())]:
        if not HEADER_NAME.fullmatch(name):
            problems.append(f"{name!r} is not the name of a header")
    if any(re.search(r"[\r\n\0]|\{", text) for text in settings.get("headers", {}).values()):
        problems.append("'headers' are literal texts of one line, without placeholders")
    return problems


def _url_problems(settings: Mapping[str, Any]) -> list[str]:
    """The URL is literal up to its path, its host is on the list, and it is encrypted unless it stays here."""
    before_path = re.split(r"(?<![:/])/|[?#]", settings["url"], maxsplit=1)[0]
    if "{" in before_path:
        return ["'url' has a placeholder before its path; the scheme, host and port must be literal"]
    try:
        parts = urlsplit(settings["url"])
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return ["'url' has a host or port that cannot be read"]
    problems = []
    if not settings["hosts"]:
        problems.append("'hosts' is empty, so no host may be reached")
    if not host or not re.fullmatch(r"[a-z0-9.:-]+", host) or re.search(r"[\s\\]", settings["url"]):
        problems.append("'url' has no plain host name")
    elif host not in [name.lower() for name in settings["hosts"]]:
        problems.append(f"the host {host!r} is not among 'hosts'")
    if parts.username is not None or parts.password is not None:
        problems.append("'url' holds a user or password; name an environment variable in 'headers_env'")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        problems.append("'url' must begin with https:// (http:// only to this machine)")
    if parts.fragment:
        problems.append("'url' has a fragment (#), which is never sent")
    return problems


# ---- one request -------------------------------------------------------------------------------------------------


def _address(settings: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    """The URL with encoded values. A value can fill a segment of the path, but not make, drop or climb one."""
    parts = urlsplit(settings["url"])
    for segment in parts.path.split("/"):
        if placeholders(segment) and unquote(filled(segment, arguments)).strip() in ("", ".", ".."):
            raise ValueError(f"the part {segment!r} of the URL's path would be empty or climb out of its folder")
    path: str = filled(parts.path, arguments, lambda text: quote(text, safe=""))
    search: str = filled(parts.query, arguments, lambda text: quote(text, safe=""))
    pairs = {key: filled(str(plain_json(text)), arguments) for key, text in settings.get("query", {}).items()}
    search = "&".join(part for part in (search, urlencode(pairs)) if part)
    return str(urlunsplit((parts.scheme, parts.netloc, path or "/", search, "")))


def _headers(operation: str, settings: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, str]:
    headers = {
        "Accept": "application/json" if settings.get("as", "json") == "json" else "*/*",
        "User-Agent": "ingot",
        "Accept-Encoding": "identity",
    }
    headers |= {str(name): str(text) for name, text in settings.get("headers", {}).items()}
    headers |= secret_headers(settings, environment)
    if operation == "http.post":
        headers["Content-Type"] = "application/json"
    return headers


class _Answer(NamedTuple):
    status: int
    content: bytes


class _Limits(NamedTuple):
    seconds: float
    bytes: int
    retries: int
    pause: float


def _attempt(client: Any, request: Any, limits: _Limits) -> _Answer:
    """One try. The whole answer must arrive within the time and the size that are allowed."""
    deadline = time.monotonic() + limits.seconds
    response = client.send(request, stream=True)
    try:
        received = bytearray()
        for piece in response.iter_bytes() if response.is_success else ():
            received += piece
            if len(received) > limits.bytes:
                raise RuntimeError(f"the answer has more than {limits.bytes:,} bytes")
            if time.monotonic() > deadline:
                raise TimeoutError(f"the answer took longer than {limits.seconds:g} s")
        return _Answer(response.status_code, bytes(received))
    finally:
        response.close()


def _exchange(client: Any, request: Any, limits: _Limits) -> bytes:
    """The body of a 2xx answer. Lost connections and 429, 502, 503, 504 are tried again after a growing, random pause.

    Errors name the method and the host only: the path, the query and the headers may hold values and credentials.
    """
    import httpx

    place = f"{request.method} to {request.url.host}"
    for attempt in range(limits.retries + 1):
        back_off(attempt, limits.pause)
        last = attempt == limits.retries
        try:
            answer = _attempt(client, request, limits)
        except httpx.TimeoutException:
            if last:
                raise TimeoutError(f"{place} took longer than {limits.seconds:g} s") from None
            continue
        except httpx.RequestError as error:
            if last:
                raise ConnectionError(f"{place} failed ({type(error).__name__})") from None
            continue
        if 200 <= answer.status < 300:
            return answer.content
        if 300 <= answer.status < 400:
            raise RuntimeError(f"{place} was redirected ({answer.status}); redirects are not followed")
        if last or answer.status not in TRY_AGAIN:
            raise RuntimeError(f"{place} was answered with status {answer.status}")
    raise AssertionError("the last attempt returns or raises")


def _picked(content: bytes, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs in an answer's body: its text, the members of its JSON object, or those that 'outputs' points to."""
    if settings.get("as", "json") == "text":
        try:
            return {settings.get("output", "text"): content.decode()}
        except UnicodeDecodeError:
            raise RuntimeError("the answer is not UTF-8 text") from None
    return json_outputs(content, settings, "answer")


# ---- operations --------------------------------------------------------------------------------------------------


def _operation(operation: str, settings: Mapping[str, Any], environment: Mapping[str, str]) -> Perform:
    refuse(operation, _problems(operation, settings))
    import httpx

    seconds = float(settings.get("timeout_seconds", 10))
    retries = settings.get("retries", 3 if operation == "http.get" or "idempotency_key" in settings else 0)
    limits = _Limits(seconds, settings.get("max_bytes", 1 << 20), retries, float(settings.get("backoff_seconds", 0.25)))
    method = operation.removeprefix("http.").upper()
    fixed = _headers(operation, settings, environment)
    # trust_env: neither proxies nor .netrc of the machine may change where a reviewed call goes and with what
    client = httpx.Client(timeout=seconds, follow_redirects=False, trust_env=False)

    def perform(arguments: Mapping[str, Any]) -> dict[str, Any]:
        values = masked(arguments, settings.get("mask", ()))
        headers, content = dict(fixed), None
        if operation == "http.post":
            body = filled_part(settings["json"], values) if "json" in settings else plain_json(values)
            content = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        if "idempotency_key" in settings:
            headers["Idempotency-Key"] = quote(filled(settings["idempotency_key"], values), safe=" -._~:/")
        address = _address(settings, values)
        if len(address) > 8_000:
            raise ValueError("the URL would have more than 8,000 characters")
        request = client.build_request(method, address, content=content, headers=headers)
        return _picked(_exchange(client, request, limits), settings)

    return perform


def get(settings: Mapping[str, Any], environment: Mapping[str, str]) -> Perform:
    """A GET; see the top of this file."""
    return _operation("http.get", settings, environment)


def post(settings: Mapping[str, Any], environment: Mapping[str, str]) -> Perform:
    """A POST of JSON; see the top of this file."""
    return _operation("http.post", settings, environment)


OPERATIONS: dict[str, Callable[[Mapping[str, Any], Mapping[str, str]], Perform]] = {"http.get": get, "http.post": post}

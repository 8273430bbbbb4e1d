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
import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlencode, urlsplit, urlunsplit

_SETTINGS: Mapping[str, str] = {
    "url": "text", "hosts": "texts", "query": "pairs", "headers": "pairs", "headers_env": "envs",
    "timeout_seconds": "seconds", "retries": "count", "backoff_seconds": "seconds", "max_bytes": "count",
    "as": "text", "output": "text", "outputs": "pairs", "mask": "mask", "json": "json", "idempotency_key": "text",
}  # fmt: skip
_POST = ("json", "idempotency_key")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,99}")


# ---- the same lines stand in every module: each file is alone once it has been copied into an artifact -----------

Perform = Callable[[Mapping[str, Any]], dict[str, Any]]
_PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")
_ENV_NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,99}")
_KINDS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "text": ("a text", lambda value: isinstance(value, str) and bool(value.strip())),
    "texts": ("a list of texts", lambda value: isinstance(value, list | tuple) and all(map(_is_text, value))),
    "flag": ("true or false", lambda value: isinstance(value, bool)),
    "count": ("a whole number from 0 to 100,000,000", lambda value: type(value) is int and 0 <= value <= 100_000_000),
    "seconds": ("a number of seconds above 0, 600 at most", lambda value: _is_number(value) and 0 < value <= 600),
    "env": ("the NAME of an environment variable", lambda value: _is_text(value) and bool(_ENV_NAME.fullmatch(value))),
    "envs": ("a mapping of names to NAMES of environment variables", lambda value: _is_pairs(value, _ENV_NAME)),
    "pairs": ("a mapping of names to texts", lambda value: _is_pairs(value, None)),
    "json": ("texts, numbers, lists and mappings", lambda value: isinstance(value, Mapping | list | tuple | str)),
    "mask": (
        "a list of inputs, or a mapping of inputs to 'all' or 'last_four'",
        lambda value: (
            _KINDS["texts"][1](value)
            or (isinstance(value, Mapping) and all(how in ("all", "last_four") for how in value.values()))
        ),
    ),
}


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _is_pairs(value: Any, pattern: re.Pattern[str] | None) -> bool:
    return isinstance(value, Mapping) and all(
        _is_text(key) and _is_text(text) and (pattern is None or pattern.fullmatch(text)) for key, text in value.items()
    )


def _shape(settings: Mapping[str, Any], kinds: Mapping[str, str], required: Sequence[str]) -> list[str]:
    """What is wrong with the keys and types of the settings. Values are not quoted: one may be a misplaced secret."""
    problems = [
        f"{key!r} is not a setting here; there are {', '.join(sorted(kinds))}" for key in settings if key not in kinds
    ]
    problems += [f"the setting {key!r} is missing" for key in required if key not in settings]
    for key, kind in kinds.items():
        wanted, fits = _KINDS[kind]
        if key in settings and not fits(settings[key]):
            problems.append(f"{key!r} must be {wanted}")
    return problems


def _names(value: Any) -> set[str]:
    """The names in ``{name}`` placeholders anywhere in a value."""
    if isinstance(value, Mapping):
        return set().union(*(_names(inner) for inner in value.values()))
    if isinstance(value, list | tuple):
        return set().union(*(_names(inner) for inner in value))
    return set(_PLACEHOLDER.findall(value)) if isinstance(value, str) else set()


def _unknown(settings: Mapping[str, Any], keys: Sequence[str], inputs: Sequence[str]) -> list[str]:
    """Placeholders and masks that name something which the step does not read."""
    problems = [
        f"{key!r} holds the placeholder {{{name}}}, which is not among the step's inputs"
        for key in keys
        for name in sorted(_names(settings.get(key)) - set(inputs))
    ]
    strange = [name for name in settings.get("mask", ()) if name not in inputs]
    return problems + [f"'mask' names {name!r}, which is not among the step's inputs" for name in strange]


def _masked(arguments: Mapping[str, Any], mask: Mapping[str, str] | Sequence[str]) -> dict[str, Any]:
    """The arguments with masked values: ``***``, or the last four digits of a card number of 12 digits and more."""
    ways = dict(mask) if isinstance(mask, Mapping) else dict.fromkeys(mask, "all")
    return {name: _mask(value, ways[name]) if name in ways else value for name, value in arguments.items()}


def _mask(value: Any, way: str) -> Any:
    if value is None:
        return None
    digits = re.sub(r"[ -]", "", str(value))
    keeps = way == "last_four" and re.fullmatch(r"[0-9]{12,19}", digits) is not None
    return f"***{digits[-4:]}" if keeps else "***"


def _variable(environment: Mapping[str, str], name: str) -> str:
    """The value of an environment variable; ValueError names the variable where it is not set."""
    value = environment.get(name, "")
    if not value:
        raise ValueError(f"the environment variable {name!r} is not set")
    return value


def _plain(value: Any) -> Any:
    """A value as JSON: decimals and dates become text."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def _filled(template: Any, arguments: Mapping[str, Any], encode: Callable[[str], str] = str) -> Any:
    """The template with values in its placeholders; a text that is one placeholder in a list or mapping keeps
    the value's JSON type. A null inside a longer text is a ValueError: it has no spelling there."""
    if isinstance(template, Mapping):
        return {key: _filled_part(inner, arguments) for key, inner in template.items()}
    if isinstance(template, list | tuple):
        return [_filled_part(inner, arguments) for inner in template]
    if not isinstance(template, str):
        return template
    return _PLACEHOLDER.sub(lambda match: encode(_spelled(match[1], arguments)), template)


def _filled_part(template: Any, arguments: Mapping[str, Any]) -> Any:
    whole = _PLACEHOLDER.fullmatch(template) if isinstance(template, str) else None
    if whole is None:
        return _filled(template, arguments)
    if whole[1] not in arguments:
        raise ValueError(f"there is no argument for the placeholder {{{whole[1]}}}")
    return _plain(arguments[whole[1]])


def _spelled(name: str, arguments: Mapping[str, Any]) -> str:
    """The argument as text; ValueError where it is null, absent or not a single value."""
    value = _plain(arguments.get(name))
    if value is None or isinstance(value, dict | list):
        raise ValueError(f"the placeholder {{{name}}} needs one value, and it has {type(value).__name__}")
    return str(value).lower() if isinstance(value, bool) else str(value)


# ---- end of the shared lines --------------------------------------------------------------------------------------


def check(operation: str, settings: Mapping[str, Any], inputs: Sequence[str]) -> list[str]:
    """What is wrong with a step's settings, without any I/O; `inputs` are the fields that the step reads."""
    keys = ("url", "query", "json", "idempotency_key")
    return _problems(operation, settings) or _unknown(settings, keys, inputs)


def _problems(operation: str, settings: Mapping[str, Any]) -> list[str]:
    if operation not in OPERATIONS:
        return [f"there is no operation {operation!r}; there are {', '.join(sorted(OPERATIONS))}"]
    kinds = (
        _SETTINGS if operation == "http.post" else {key: kind for key, kind in _SETTINGS.items() if key not in _POST}
    )
    problems = _shape(settings, kinds, ("url", "hosts")) or _url_problems(settings)
    if settings.get("as", "json") not in ("json", "text"):
        problems.append("'as' must be json or text")
    if operation == "http.post" and settings.get("retries") and "idempotency_key" not in settings:
        problems.append("'retries' of a POST need an 'idempotency_key', or the other side may act twice")
    if type(settings.get("retries", 0)) is int and settings.get("retries", 0) > 10:
        problems.append("'retries' must be 10 at most")
    for name in [*settings.get("headers", ()), *settings.get("headers_env", ())]:
        if not _HEADER.fullmatch(name):
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
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        problems.append("'url' must begin with https:// (http:// only to this machine)")
    if parts.fragment:
        problems.append("'url' has a fragment (#), which is never sent")
    return problems


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "127.0.0.1", "::1")


# ---- one request -------------------------------------------------------------------------------------------------

_RANDOM = random.SystemRandom()
_AGAIN = (429, 502, 503, 504)


def _address(settings: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    """The URL with encoded values. A value can fill a segment of the path, but not make, drop or climb one."""
    parts = urlsplit(settings["url"])
    for segment in parts.path.split("/"):
        if _names(segment) and unquote(_filled(segment, arguments)).strip() in ("", ".", ".."):
            raise ValueError(f"the part {segment!r} of the URL's path would be empty or climb out of its folder")
    path: str = _filled(parts.path, arguments, lambda text: quote(text, safe=""))
    search: str = _filled(parts.query, arguments, lambda text: quote(text, safe=""))
    pairs = {key: _filled(str(_plain(text)), arguments) for key, text in settings.get("query", {}).items()}
    search = "&".join(part for part in (search, urlencode(pairs)) if part)
    return str(urlunsplit((parts.scheme, parts.netloc, path or "/", search, "")))


def _headers(operation: str, settings: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, str]:
    headers = {
        "Accept": "application/json" if settings.get("as", "json") == "json" else "*/*",
        "User-Agent": "ingot",
        "Accept-Encoding": "identity",
    }
    headers |= {str(name): str(text) for name, text in settings.get("headers", {}).items()}
    for name, variable in settings.get("headers_env", {}).items():
        headers[name] = _variable(environment, variable)
        if re.search(r"[\r\n\0]", headers[name]) or not headers[name].isascii():
            raise ValueError(f"the environment variable {variable!r} does not hold a header's value: one line of ASCII")
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
        if attempt:
            time.sleep(min(limits.pause * 2 ** (attempt - 1), 30) * _RANDOM.uniform(0.5, 1.5))
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
        if last or answer.status not in _AGAIN:
            raise RuntimeError(f"{place} was answered with status {answer.status}")
    raise AssertionError("the last attempt returns or raises")


def _picked(content: bytes, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs in an answer's body: its text, the members of its JSON object, or those that 'outputs' points to."""
    if settings.get("as", "json") == "text":
        try:
            return {settings.get("output", "text"): content.decode()}
        except UnicodeDecodeError:
            raise RuntimeError("the answer is not UTF-8 text") from None
    try:
        tree = json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise RuntimeError("the answer is not JSON") from None
    if "outputs" in settings:
        return {name: _at(tree, path) for name, path in settings["outputs"].items()}
    if not isinstance(tree, dict):
        raise RuntimeError("the answer is not a JSON object; name its parts in 'outputs'")
    return tree


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _at(tree: Any, path: str) -> Any:
    """The value at a dotted path such as ``items.0.price``; None where it leads nowhere."""
    for part in path.split("."):
        if isinstance(tree, dict):
            tree = tree.get(part)
        elif isinstance(tree, list) and part.isdecimal() and int(part) < len(tree):
            tree = tree[int(part)]
        else:
            return None
    return tree


# ---- operations --------------------------------------------------------------------------------------------------


def _operation(operation: str, settings: Mapping[str, Any], environment: Mapping[str, str]) -> Perform:
    problems = _problems(operation, settings)
    if problems:
        raise ValueError(f"{operation}: {'; '.join(problems)}")
    import httpx

    seconds = float(settings.get("timeout_seconds", 10))
    retries = settings.get("retries", 3 if operation == "http.get" or "idempotency_key" in settings else 0)
    limits = _Limits(seconds, settings.get("max_bytes", 1 << 20), retries, float(settings.get("backoff_seconds", 0.25)))
    method = operation.removeprefix("http.").upper()
    fixed = _headers(operation, settings, environment)
    # trust_env: neither proxies nor .netrc of the machine may change where a reviewed call goes and with what
    client = httpx.Client(timeout=seconds, follow_redirects=False, trust_env=False)

    def perform(arguments: Mapping[str, Any]) -> dict[str, Any]:
        values = _masked(arguments, settings.get("mask", ()))
        headers, content = dict(fixed), None
        if operation == "http.post":
            body = _filled_part(settings["json"], values) if "json" in settings else _plain(values)
            content = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        if "idempotency_key" in settings:
            headers["Idempotency-Key"] = quote(_filled(settings["idempotency_key"], values), safe=" -._~:/")
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

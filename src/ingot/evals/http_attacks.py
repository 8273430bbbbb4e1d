"""Requests that nobody meant, as the bytes on the wire: made by chance from a seed, bodies by hypothesis."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PURE, ASKS, LEFT = "fees", "asks", "left"
"""The workflows: one function; one that asks a person; one for clients that go away, whose runs need not be answered."""
ERRORS = frozenset((400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 431))
ANY = ERRORS | {200}
LATE = frozenset((503,))
"""Out of time: may answer everything, and is counted."""
SECONDS, HEAD_SECONDS, BODY_BYTES = 3.0, 10.0, 128 * 1024
"""The server's limits: of a request, of its first lines, of its body."""
RUN_ID = re.compile(rb'"run_id":"([^"]+)"')
JSON_KIND = "application/json"
ROUTES = (f"/workflows/{PURE}/run", f"/workflows/{PURE}/batch", f"/workflows/{PURE}/explain", f"/workflows/{ASKS}/run")


@dataclass(frozen=True, slots=True)
class Attack:
    """One connection. `statuses` are those that may answer it; `same` names attacks of which all answers 200 must be equal,
    and `once` those of which exactly one is 200; `answers` is how many requests it holds at most."""

    kind: str
    sends: tuple[bytes | float, ...]
    statuses: frozenset[int] = ANY
    leaves: bool = False
    head: bool = False
    same: str | None = None
    once: str | None = None
    answers: int = 1
    longest: float = SECONDS


@dataclass(frozen=True)
class Target:
    """What attackers know: tokens by scope, what is planted (`planted` anywhere, `phi` as a labelled value), reviews that
    wait, and bodies that hypothesis made."""

    tokens: Mapping[str, str]
    planted: str
    phi: str
    reviews: Sequence[str]
    bodies: Sequence[bytes]
    keys: Iterator[int] = field(default_factory=lambda: iter(range(1 << 60)))

    def case(self, chance: random.Random, **more: Any) -> dict[str, Any]:
        """An input that fits."""
        grade, paid = chance.choice(("LOW", "HIGH")), chance.random() < 0.5
        return {
            "name": f"{self.phi} {chance.random()}",
            "months": chance.randrange(13),
            "grade": grade,
            "paid": paid,
            **more,
        }


Make = Callable[[Target, random.Random], list[Attack]]


def request(
    path: str,
    body: bytes,
    token: str | None,
    *,
    method: str = "POST",
    kind: str = JSON_KIND,
    more: Sequence[str] = (),
    length: int | str | None = None,
    close: bool = True,
) -> bytes:
    """A request's bytes; `length` is said where it is given."""
    said = len(body) if length is None else length
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", f"content-type: {kind}", f"content-length: {said}", *more]
    lines += [f"authorization: Bearer {token}"] if token else []
    lines += ["connection: close"] if close else []
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + body


# ---- what a run is asked with ------------------------------------------------------------------------------------


def _valid(target: Target, chance: random.Random) -> list[Attack]:
    body = json.dumps(target.case(chance)).encode()
    path = chance.choice((ROUTES[0], ROUTES[2], ROUTES[3]))
    return [Attack("fits", (request(path, body, target.tokens["run"]),), frozenset((200,)))]


def _any_body(target: Target, chance: random.Random) -> list[Attack]:
    kinds = (JSON_KIND, JSON_KIND, JSON_KIND, "application/jsonl", f"{JSON_KIND}; charset=utf-16", "text/html", "")
    sent = request(chance.choice(ROUTES), chance.choice(target.bodies), target.tokens["run"], kind=chance.choice(kinds))
    return [Attack("any body", (sent,))]


def _json(target: Target, chance: random.Random) -> list[Attack]:
    """JSON that is deep, huge, doubled, or not quite JSON, with something planted in it."""
    deep, planted = chance.choice((40, 1_000, 50_000)), target.planted
    case = target.case(chance)
    text = chance.choice(
        [
            "[" * deep,
            '{"a":' * (deep // 4) + "1" + "}" * (deep // 4),
            json.dumps(case)[:-1] + f', "name": "{planted}"}}',
            json.dumps({**case, f"{planted} is no name": {planted: [planted]}}),
            json.dumps({**case, "name": {planted: planted}}),
            json.dumps({**case, "grade": planted}),
            json.dumps({**case, "months": planted}),
            json.dumps(case).replace("12", "1e999999999").replace(": 1", ": 1e400"),
            json.dumps({**case, "months": 0})[:-1].replace(
                '"months": 0', f'"months": {"9" * chance.choice((20, 5_000))}'
            )
            + "}",
            f'{{"name": "{planted}", "months": NaN}}',
            f'{{"name": "{planted}", "months": -Infinity}}',
            f"// {planted}\n{json.dumps(case)}",
            json.dumps(case)[:-1] + ",}",
            "\ufeff" + json.dumps(case),
            json.dumps(case)[:-1] + f', "x": "{planted}',
            json.dumps([case]),
            json.dumps(planted),
            "9" * 100_000,
        ]
    )
    return [Attack("hostile JSON", (request(chance.choice(ROUTES), text.encode(), target.tokens["run"]),))]


def _texts(target: Target, chance: random.Random) -> list[Attack]:
    """Texts that are no Unicode, or hard to show."""
    case = json.dumps(target.case(chance, name="@")).encode()
    name = chance.choice(
        [
            b"\\ud800", b"\\udfff\\ud800", b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80", b"\\u0000", b"\x00", b"\r\n\t",
            b"\\u202e\\u200b", "\u202e\u0000".encode(), b"\xf4\x90\x80\x80", "e\u0301".encode() * 5_000, b"\\", b"\\x41",
            b"%s%n{0}${jndi:ldap://x}", b"'; DROP TABLE ingot_runs; --",
        ]
    )  # fmt: skip
    body = case.replace(b"@", target.phi.encode() + name)
    return [Attack("hostile text", (request(chance.choice(ROUTES), body, target.tokens["run"]),))]


def _lines(target: Target, chance: random.Random) -> list[Attack]:
    """A stream of rows of which some are none."""
    good = json.dumps(target.case(chance)).encode()
    bad = (b"{", b"3", b"", b"\xff", b"null", json.dumps({"name": target.planted}).encode(), b"[" * 2_000)
    rows = [good if chance.random() < 0.5 else chance.choice(bad) for _ in range(chance.randrange(1, 12))]
    if chance.random() < 0.1:
        rows.append(b"9" * (BODY_BYTES + 9))
    body = b"\n".join(rows)
    sent = request(ROUTES[1], body, target.tokens["run"], kind="application/jsonl")
    return [Attack("stream of rows", (sent,), frozenset((200, 413)))]


# ---- who asks, and for what --------------------------------------------------------------------------------------


def _tokens(target: Target, chance: random.Random) -> list[Attack]:
    """Forged, broken and insufficient tokens."""
    known = target.tokens["run"]
    body = json.dumps(target.case(chance)).encode()
    if chance.random() < 0.3:
        path, scope = chance.choice((("/admin/reload", "run"), ("/reviews", "run"), (ROUTES[0], "admin")))
        method = "GET" if path == "/reviews" else "POST"
        sent = request(path, body, target.tokens[scope], method=method)
        return [Attack("token without the scope", (sent,), frozenset((403,)))]
    forged = chance.choice(
        [
            None,
            known[:-1],
            known + "x",
            known.swapcase(),
            target.planted,
            "",
            "\u00e9" * 40,
            "x" * 8_000,
            known + " " + known,
        ]
    )
    more = [] if chance.random() < 0.8 else ["authorization: Basic " + target.planted]
    sent = request(chance.choice(ROUTES), body, forged, more=more)
    return [Attack("forged token", (sent,), frozenset((400, 401)))]


def _headers(target: Target, chance: random.Random) -> list[Attack]:
    """Headers that decide something, with values that they cannot have."""
    body = json.dumps(target.case(chance)).encode()
    more, statuses = chance.choice(
        [
            (["x-ingot-digest: " + target.planted], {409}),
            (["idempotency-key: " + "k" * 300], {400}),
            (["idempotency-key: a b"], {400}),
            (["idempotency-key: \u00e9" + target.planted], {400}),
            (["idempotency-key: a", "idempotency-key: b"], {400}),
            (["host: " + target.planted], {400}),
            (["traceparent: 00-" + target.planted], {200}),
            ([f"traceparent: 00-{'ab' * 16}-{'cd' * 8}-01", "tracestate: v=" + target.planted], {200}),
            (["content-encoding: gzip"], {200, 400}),
            (["expect: 100-continue"], {200}),
            (["upgrade: websocket", "sec-websocket-key: " + target.planted], {200, 400}),
            (["x-forwarded-for: " + target.planted, "forwarded: for=" + target.planted], {200}),
        ]
    )
    if more[0].startswith("content-encoding"):
        body = gzip.compress(b"[" * 10_000_000, 9)
    return [Attack("hostile header", (request(ROUTES[0], body, target.tokens["run"], more=more),), frozenset(statuses))]


def _paths(target: Target, chance: random.Random) -> list[Attack]:
    planted = target.planted
    path = chance.choice(
        [
            "//run", "/./run", "/../run", "/%2e%2e/%2e%2e/etc/passwd", "/run/", "/run%00", f"/workflows/{planted}/run",
            "/workflows/..%2f..%2fetc%2fpasswd/run", "/workflows/%ff%fe/run", f"/workflows//{planted}/run", f"/{planted}",
            "/workflows/%E2%80%AE/run", "/workflows/fees/run;a=b", f"/reviews/{planted}", "/reviews/%00", "/reviews/" + "x" * 9_000,
            f"/reviews?state={planted}", "/reviews?most=-1", "/reviews?most=%F0%9D%9F%99", "/reviews?" + "a=b&" * 3_000, "/reviews?%ff",
            f"/reviews/{planted}/approve", "/RUN", "/workflows/FEES/run", "/metrics/../run", "/\xe9\xff", "/run\\..\\run", "/%",
        ]
    )  # fmt: skip
    method = chance.choice(("POST", "GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE"))
    body = json.dumps({**target.case(chance), "why": planted}).encode()
    sent = request(path, body, target.tokens["review"], method=method)
    return [Attack("path", (sent,), ANY, head=method == "HEAD")]


def _same_key(target: Target, chance: random.Random) -> list[Attack]:
    """One key, asked by several at once; now and then by one with another body."""
    key = f"key-{next(target.keys)}"
    name = chance.choice((PURE, ASKS))
    body = json.dumps(target.case(chance)).encode()
    sent = request(f"/workflows/{name}/run", body, target.tokens["run"], more=[f"idempotency-key: {key}"])
    one = Attack("same key at once", (sent,), frozenset((200, 409)), same=key)
    return [one] * chance.randrange(3, 9)


def decisions(target: Target, review: str, chance: random.Random) -> list[Attack]:
    """One review, decided by several at once: exactly one of them does."""
    made: list[Attack] = []
    for way in chance.choices(("approve", "reject"), k=4):
        answer = {"answer": {"permit": "YES"}} if way == "approve" else {}
        body = json.dumps({"why": target.planted, **answer}).encode()
        sent = request(f"/reviews/{review}/{way}", body, target.tokens["review"])
        made.append(Attack("one review decided at once", (sent,), frozenset((200, 409)), once=review))
    return made


# ---- slow ones ---------------------------------------------------------------------------------------------------


def _slow_body(target: Target, chance: random.Random) -> list[Attack]:
    body = json.dumps(target.case(chance)).encode()
    sent = request(f"/workflows/{LEFT}/run", body, target.tokens["run"])
    if chance.random() < 0.5:  # slowly, and whole in the end
        parts = [sent[first : first + 40] for first in range(0, len(sent), 40)]
        return [Attack("slow", tuple(part for one in parts for part in (one, 0.02)), ANY)]
    return [Attack("body that stops", (sent[:-9],), LATE)]


def _slow_head(target: Target, chance: random.Random) -> list[Attack]:
    sent = request(ROUTES[0], b"{}", target.tokens["run"])
    cut = chance.choice((0, 7, 60))
    return [Attack("first lines that stop", (sent[:cut],), frozenset((408,)), longest=HEAD_SECONDS)]


def _slow_stream(target: Target, chance: random.Random) -> list[Attack]:
    row = json.dumps(target.case(chance)).encode()
    sent = request(
        f"/workflows/{LEFT}/batch", row + b"\n", target.tokens["run"], kind="application/jsonl", length=9_000
    )
    return [Attack("stream that stops", (sent,), frozenset((200, 503)))]


KINDS: tuple[Make, ...] = (
    _valid,
    _valid,
    _any_body,
    _any_body,
    _json,
    _texts,
    _lines,
    _tokens,
    _headers,
    _paths,
    _same_key,
)
SLOW: tuple[Make, ...] = (_slow_body, _slow_body, _slow_head, _slow_stream)

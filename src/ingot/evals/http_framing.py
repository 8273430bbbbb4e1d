"""Requests whose bytes are no request, or two readings of one; and clients that go away."""

from __future__ import annotations

import json
import random

from ingot.evals.http_attacks import ANY, BODY_BYTES, ERRORS, LEFT, ROUTES, Attack, Make, Target, request

_RUN = ROUTES[0]


def _broken(target: Target, chance: random.Random) -> list[Attack]:
    """First lines that are wrong in one place."""
    planted, token = target.planted, target.tokens["run"]
    good = request(_RUN, b"{}", token)
    sent = chance.choice(
        [
            good.replace(b"HTTP/1.1", chance.choice((b"HTTP/9.9", b"HTTP/0.9", b"HTTP/2.0", b"ICY/1.1", b"HTTP/1.1x"))),
            good.replace(b"\r\n", b"\n"),
            good.replace(b"content-type:", b"content-type :"),
            good.replace(b"content-type:", b"\x00content-type:"),
            good.replace(b"host: ", f"x-{planted}\r\nhost: ".encode()),
            good.replace(b"host: ", f" folded {planted}\r\nhost: ".encode()),
            good.replace(b"POST", chance.choice((b"post", b"P\x00ST", b"X" * 5_000, planted.encode(), b""))),
            good.replace(_RUN.encode(), chance.choice((b"*", b"http://127.0.0.1/run", b"", b"run", b"/run /run"))),
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + planted.encode(),
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + chance.randbytes(300),
            b"CONNECT " + planted.encode() + b":443 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
            b"GET /\r\n\r\n",
            planted.encode() + b"\r\n\r\n",
            b"\xff" + chance.randbytes(chance.randrange(1, 400)) + b"\r\n\r\n",
        ]
    )
    return [Attack("broken first lines", (sent, 0.05, b"\r\n\r\n"), ANY, answers=2, longest=10.0)]


def _lengths(target: Target, chance: random.Random) -> list[Attack]:
    """Lengths that are wrong, doubled, or contradict each other."""
    body, token = json.dumps(target.case(chance)).encode(), target.tokens["run"]
    wrong = chance.choice(
        ("-1", "+5", "0x10", "1e3", "99999999999999999999999", " ", "5, 5", "\u00b2", str(BODY_BYTES + 1))
    )
    smuggled = request("/admin/reload", b"{}", token)
    sent, statuses = chance.choice(
        [
            (request(_RUN, body, token, length=wrong), ERRORS),
            (request(_RUN, body, token, more=[f"content-length: {len(body) + 1}"]), ERRORS),
            (request(_RUN, b"0\r\n\r\n" + smuggled, token, more=["transfer-encoding: chunked"]), ERRORS),
            (request(_RUN, body, token, more=["transfer-encoding: gzip, chunked"]), ERRORS),
            (request(_RUN, body, token, more=["transfer-encoding: xchunked"]), ERRORS),
            (request(_RUN, body + smuggled, token, length=len(body)), ANY),
            (request(_RUN, body, token, length=len(body) - 5), ERRORS),
        ]
    )
    return [Attack("lengths", (sent,), statuses, longest=10.0)]


def _chunks(target: Target, chance: random.Random) -> list[Attack]:
    """Chunked bodies: byte by byte, with extensions and trailers, too large, or no chunks at all."""
    token, body = target.tokens["run"], json.dumps(target.case(chance)).encode()
    head = request(_RUN, b"", token, more=["transfer-encoding: chunked"]).replace(b"content-length: 0\r\n", b"")
    single = b"".join(b"1\r\n" + body[at : at + 1] + b"\r\n" for at in range(len(body)))
    whole = f"{len(body):x}".encode()
    sent, statuses = chance.choice(
        [
            (single + b"0\r\n\r\n", ANY),
            (whole + b";" + target.planted.encode() * 9 + b"\r\n" + body + b"\r\n0\r\n\r\n", ANY),
            (whole + b"\r\n" + body + b"\r\n0\r\nx-trailer: " + target.planted.encode() + b"\r\n\r\n", ANY),
            (b"FFFFFFFFFFFFFFFFFF\r\n" + body, ERRORS),
            (b"-1\r\n" + body + b"\r\n0\r\n\r\n", ERRORS),
            (b"zz\r\n" + body + b"\r\n0\r\n\r\n", ERRORS),
            (whole + b"\r\n" + body + b"XX0\r\n\r\n", ERRORS),
            ((b"4000\r\n" + b" " * 0x4000 + b"\r\n") * 10 + b"0\r\n\r\n", ERRORS),
        ]
    )
    return [Attack("chunks", (head + sent,), statuses, longest=10.0)]


def _large(target: Target, chance: random.Random) -> list[Attack]:
    """First lines and bodies above their limits."""
    token, body = target.tokens["run"], json.dumps(target.case(chance)).encode()
    sent, status = chance.choice(
        [
            (request(_RUN, body, token, more=["x-large: " + target.planted * 3_000]), 431),
            (request(_RUN, body, token, more=[f"x-{number}: {target.planted}" for number in range(3_000)]), 431),
            (request("/" + "x" * 40_000, body, token), 431),
            (request("/" + "x" * 20_000, body, token), 404),
            (request(_RUN, b" " * (BODY_BYTES + 1), token), 413),
            (request(_RUN, json.dumps(target.case(chance, name=target.phi * 4_000)).encode(), token), 200),
        ]
    )
    return [Attack("large", (sent,), frozenset((status,)), longest=10.0)]


def _leaves(target: Target, chance: random.Random) -> list[Attack]:
    """A client that goes away: in the first lines, in the body, before the answer, in a stream."""
    token, body = target.tokens["run"], json.dumps(target.case(chance)).encode()
    path, kind = chance.choice(
        ((f"/workflows/{LEFT}/run", "application/json"), (f"/workflows/{LEFT}/batch", "application/jsonl"))
    )
    sent = request(path, body, token, kind=kind)
    cut = chance.choice((len(sent), len(sent), len(sent) - 3, 30))
    return [Attack("goes away", (sent[:cut], chance.choice((0.0, 0.002, 0.01))), frozenset(), leaves=True)]


def _together(target: Target, chance: random.Random) -> list[Attack]:
    """Several requests in one piece."""
    token, count = target.tokens["run"], chance.randrange(2, 6)
    bodies = [json.dumps(target.case(chance)).encode() for _ in range(count)]
    sent = b"".join(request(_RUN, body, token, close=body is bodies[-1]) for body in bodies)
    return [Attack("several in one piece", (sent,), frozenset((200,)), answers=count)]


FRAMING: tuple[Make, ...] = (_broken, _lengths, _chunks, _large, _leaves, _leaves, _together)

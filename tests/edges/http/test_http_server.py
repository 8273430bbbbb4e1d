"""The process: where it may listen, how it stops, how it takes new versions, whom it cuts off."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.edges.http.conftest import CASE, Lines, Make, Serving, app_of, known_tokens, running

ROW = json.dumps({**CASE, "paid": False}).encode() + b"\n"
JSON_LINES = {"content-type": "application/jsonl"}


class Stream:
    """A batch that is under way: rows are sent one by one, each answered before the next."""

    def __init__(self, client: httpx.Client) -> None:
        self._rows: list[bytes] = []
        self._more = threading.Condition()
        self._ended = False
        self._answer = client.stream("POST", "/batch", content=self._sent(), headers=JSON_LINES)
        self.answers: list[dict[str, object]] = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _sent(self) -> Iterator[bytes]:
        while True:
            with self._more:
                self._more.wait_for(lambda: self._rows or self._ended, 20)
                if not self._rows:
                    return
                yield self._rows.pop()

    def _read(self) -> None:
        with self._answer as answer:
            self.digest = answer.headers["x-ingot-digest"]
            self.answers = [json.loads(line) for line in answer.iter_lines()]

    def send(self) -> None:
        with self._more:
            self._rows.append(ROW)
            self._more.notify()

    def end(self) -> list[dict[str, object]]:
        with self._more:
            self._ended = True
            self._more.notify()
        self._thread.join(20)
        return self.answers


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0"], "can be reached from other machines"),
        (["--host", "no.such.host.invalid", "--tokens", "t"], "cannot read the tokens"),
        (["--port", "PORT"], "cannot listen: Address already in use"),
        (["--tls-cert", "nowhere.pem", "--tls-key", "nowhere.pem"], "the TLS files cannot be used"),
    ],
)
def test_what_cannot_begin_is_one_precise_error(make: Make, tmp_path: Path, arguments: list[str], said: str) -> None:
    artifact = make(tmp_path / "served")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "ingot", "serve", str(artifact), *arguments]
        command = [port if one == "PORT" else one for one in command]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "hint:" in done.stderr
    assert "Traceback" not in done.stderr


def test_told_to_stop_it_finishes_what_is_under_way_and_exits_with_0(
    make: Make, tmp_path: Path, serving: Callable[..., Serving]
) -> None:
    server = serving(make(tmp_path / "served"), "--port", 0, "--store", tmp_path / "s.db")
    with httpx.Client(base_url=server.url, timeout=20) as client:
        stream = Stream(client)
        stream.send()
        until(lambda: "ingot_requests_under_way 2.0" in client.get("/metrics").text)
        server.process.send_signal(signal.SIGTERM)
        until(lambda: _refuses(server.url))  # nobody new comes in
        stream.send()
        time.sleep(0.3)
        answers = stream.end()
    assert [one["status"] for one in answers] == ["completed", "completed"]
    assert server.process.wait(20) == 0
    assert "Traceback" not in server.errors.read_text()


def _refuses(url: str) -> bool:
    try:
        return httpx.post(f"{url}/run", json=CASE).status_code == 503
    except httpx.TransportError:
        return True


def test_what_does_not_end_is_cut_off_after_the_limit(
    make: Make, tmp_path: Path, serving: Callable[..., Serving]
) -> None:
    server = serving(make(tmp_path / "served"), "--port", 0, "--drain-seconds", 1)
    address = server.url.rpartition("/")[2].split(":")
    with socket.create_connection((address[0], int(address[1]))) as slow:
        slow.sendall(
            b"POST /run HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"
        )
        time.sleep(0.3)
        started = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
    assert time.monotonic() - started < 8


def test_a_new_version_serves_new_runs_and_those_under_way_keep_theirs(
    make: Make, tmp_path: Path, serving: Callable[..., Serving]
) -> None:
    folder = tmp_path / "served"
    make(folder, rate=10)
    server = serving(folder, "--port", 0)
    with httpx.Client(base_url=server.url, timeout=20) as client:
        old = client.post("/run", json={**CASE, "paid": False}).json()
        stream = Stream(client)
        stream.send()
        make(folder, version="0.2.0", rate=30)
        until(lambda: client.post("/run", json=CASE).json()["digest"] != old["digest"])
        new = client.post("/run", json={**CASE, "paid": False}).json()
        stream.send()
        time.sleep(0.2)
        answers = stream.end()
        assert (old["output"]["fee"], new["output"]["fee"]) == (20, 60)
        assert {one["digest"] for one in answers} == {stream.digest} == {old["digest"]}
        broken = make(tmp_path / "elsewhere", version="0.3.0", rate=40)
        (broken / "logic.py").write_text("changed", encoding="utf-8")
        broken.rename(folder / broken.name)
        server.process.send_signal(signal.SIGHUP)
        until(lambda: b'"refused":[{"artifact":"fees-0.3.0' in server.errors.read_bytes())
        assert client.post("/run", json=CASE).json()["digest"] == new["digest"]


def test_a_version_that_does_not_verify_is_refused_and_the_old_one_stays(make: Make, tmp_path: Path) -> None:
    known, headers = known_tokens()
    folder, lines = tmp_path / "served", Lines()
    make(folder, rate=10)
    with running(app_of(folder, tokens=known, lines=lines)) as client:
        before = client.get("/workflows", headers=headers["runner"]).json()
        broken = make(tmp_path / "elsewhere", version="0.2.0", rate=30)
        (broken / "logic.py").write_text("changed", encoding="utf-8")
        broken.rename(folder / broken.name)
        told = client.post("/admin/reload", headers=headers["chief"])
        assert client.get("/workflows", headers=headers["runner"]).json() == before
        assert client.post("/run", json=CASE, headers=headers["runner"]).status_code == 200
    assert told.status_code == 409
    assert told.json()["refused"][0]["artifact"] == broken.name
    assert broken.name in lines.text


# ---- hostile connections -----------------------------------------------------------------------------------------


def _said(address: tuple[str, int], sent: bytes) -> bytes:
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(sent)
        got = b""
        while part := connection.recv(65536):
            got += part
    return got


def test_slow_large_and_broken_first_lines_are_cut_off(make: Make, tmp_path: Path) -> None:
    app = app_of(make(tmp_path / "served"), head_seconds=0.5, head_bytes=2_000, seconds=0.5, connections=3)
    with running(app) as client:
        address = ("127.0.0.1", client.base_url.port or 0)
        assert b" 408 " in _said(address, b"")
        assert b" 408 " in _said(address, b"POST /run HTTP/1.1\r\nhost: loc")
        assert b" 431 " in _said(address, b"POST /run HTTP/1.1\r\nx: " + b"y" * 5_000)
        whole = b"POST /run HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx: " + b"y" * 5_000 + b"\r\n\r\n"
        assert b" 431 " in _said(address, whole)  # however few pieces it comes in
        assert b" 400 " in _said(address, b"\x16\x03\x01 planted\r\n\r\n")
        begun = b"POST /run HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n"
        assert b" 503 " in _said(address, begun + b"content-length: 9\r\n\r\n{")
        assert b" 413 " in _said(address, begun + b"content-length: 99999999999\r\n\r\n{")
        held = [socket.create_connection(address) for _ in range(3)]
        time.sleep(0.1)
        assert b" 503 " in _said(address, b"")
        for one in held:
            one.close()
        assert client.post("/run", json=CASE).status_code == 200


def test_a_certificate_of_the_authority_lets_in(make: Make, tmp_path: Path, serving: Callable[..., Serving]) -> None:
    import ssl

    paths = _certificates(tmp_path)
    (tmp_path / "tokens").write_text("ann run certificate\n")
    tls = ["--tls-cert", paths["server"], "--tls-key", paths["server"], "--tls-client-ca", paths["ca"]]
    server = serving(make(tmp_path / "served"), "--port", 0, *tls, "--tokens", tmp_path / "tokens")
    status = {}
    for name in ("ann", "bob", None):
        context = ssl.create_default_context(cafile=str(paths["ca"]))
        if name is not None:
            context.load_cert_chain(paths[name])
        try:
            with httpx.Client(verify=context, base_url=server.url) as client:
                status[name] = client.post("/run", json=CASE).status_code
        except httpx.TransportError:
            status[name] = 0
    assert status == {"ann": 200, "bob": 401, None: 0}


def _certificates(folder: Path) -> dict[str, Path]:
    """An authority, a server for 127.0.0.1 and two clients; each file holds the certificate and its key."""
    import ipaddress
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    made: dict[str, Path] = {}
    issuer = authority = None
    for name in ("ca", "server", "ann", "bob"):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        signer, by = (authority, issuer) if authority is not None else (key, subject)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(by or subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.now(UTC) - timedelta(days=1))
            .not_valid_after(datetime.now(UTC) + timedelta(days=1))
            .add_extension(x509.BasicConstraints(name == "ca", None), True)
            .add_extension(address, False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .sign(signer, hashes.SHA256())
        )
        if authority is None:
            authority, issuer = key, subject
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        made[name] = folder / f"{name}.pem"
        made[name].write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    return made

"""notify.email against a loopback SMTP server, with and without TLS; notify.webhook against a loopback web server."""

from __future__ import annotations

import base64
import datetime
import email
import email.policy
import hashlib
import hmac
import ipaddress
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingot import library

Operation = Callable[..., Any]
MAIL = {
    "host_env": "SMTP_HOST",
    "starttls": False,
    "from": "claims@example.org",
    "to": ["reviewers@example.org"],
    "subject": "Claim {claim}",
    "body": "Claim {claim} of {member}: {decision}.\n",
}
VALUES = {"claim": "c-1", "member": "Ann Example", "decision": "DENY"}


def test_an_email_arrives_with_masked_values(operation: Operation, mail: Any) -> None:
    perform = operation("notify.email", {**MAIL, "port": mail.port, "mask": ["member"]}, SMTP_HOST="127.0.0.1")
    assert perform(VALUES) == {"sent": True}
    message = email.message_from_bytes(mail.messages[0].content, policy=email.policy.default)
    assert message["Subject"] == "Claim c-1"
    assert message["To"] == "reviewers@example.org"
    assert message.get_content().strip() == "Claim c-1 of ***: DENY."
    assert b"Ann" not in mail.messages[0].content


@pytest.mark.parametrize("attack", ["x\r\nBcc: evil@example.net", "x\nX: y", "x\ry", "x\x00", "x\u2028Bcc: e@e.e"])
def test_a_value_cannot_start_a_header(operation: Operation, mail: Any, attack: str) -> None:
    perform = operation("notify.email", {**MAIL, "port": mail.port}, SMTP_HOST="127.0.0.1")
    with pytest.raises(ValueError, match="line break"):
        perform({**VALUES, "claim": attack})
    assert not mail.messages


@pytest.mark.parametrize(
    "address",
    [
        "a@evil.example",
        "a@example.org, b@evil.example",
        "a@example.org\r\nBcc: b@evil.example",
        "a@example.org>",
        "x",
        "",
    ],
)
def test_a_recipient_is_one_address_of_a_listed_domain(operation: Operation, mail: Any, address: str) -> None:
    settings = {**MAIL, "port": mail.port, "to": ["{to}"], "to_domains": ["Example.org"]}
    perform = operation("notify.email", settings, SMTP_HOST="127.0.0.1")
    with pytest.raises(ValueError, match=r"recipient '\{to\}'"):
        perform({**VALUES, "to": address})
    assert not mail.messages
    perform({**VALUES, "to": "ann@example.org"})
    assert (
        mail.messages[0].recipients == ["RCPT TO:<ann@example.org>"]
        or "ann@example.org" in mail.messages[0].recipients[0]
    )


def test_settings_that_would_send_in_the_clear_are_refused(operation: Operation) -> None:
    with pytest.raises(ValueError, match="for this machine only"):
        operation("notify.email", MAIL, SMTP_HOST="smtp.example.org")
    check = library.module("notify").check
    assert check("notify.email", {**MAIL, "to": ["{to}"]}, [*VALUES, "to"])
    assert check("notify.email", {**MAIL, "username_env": "U"}, [*VALUES])
    assert check("notify.email", {**MAIL, "password": "hunter2"}, [*VALUES])
    assert check("notify.email", MAIL, [*VALUES]) == []
    assert check("notify.email", MAIL, ["claim"])


def _certificate(folder: Path) -> Path:
    """A self-signed certificate for 127.0.0.1 and its key, in one file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    certificate = (
        builder.not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "server.pem"
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


def test_starttls_with_a_verified_certificate_and_a_login(operation: Operation, mail: Any, tmp_path: Path) -> None:
    pem = _certificate(tmp_path)
    mail.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    mail.context.load_cert_chain(pem)
    mail.login = base64.b64encode(b"\0ann\0hunter2")
    settings = {key: value for key, value in MAIL.items() if key != "starttls"}
    settings |= {"port": mail.port, "username_env": "U", "password_env": "P"}
    environment = {"SMTP_HOST": "127.0.0.1", "U": "ann", "P": "hunter2", "CA": str(pem)}
    with pytest.raises(ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        operation("notify.email", settings, **environment)(VALUES)
    trusted = {**settings, "ca_file_env": "CA"}
    operation("notify.email", trusted, **environment)(VALUES)
    assert mail.messages[0].secure
    with pytest.raises(RuntimeError, match="SMTPAuthenticationError, 535") as refused:
        operation("notify.email", trusted, **{**environment, "P": "wrong-password"})(VALUES)
    assert "wrong-password" not in str(refused.value)
    assert base64.b64encode(b"\0ann\0wrong-password").decode() not in str(refused.value)
    assert len(mail.messages) == 1


def test_a_server_without_starttls_gets_nothing(operation: Operation, mail: Any) -> None:
    settings = {**MAIL, "port": mail.port, "starttls": True}
    with pytest.raises(ConnectionError):
        operation("notify.email", settings, SMTP_HOST="127.0.0.1")(VALUES)
    assert not mail.messages


def test_a_webhook_is_signed_and_masked(operation: Operation, web: Any) -> None:
    settings = {"url_env": "HOOK", "secret_env": "KEY", "mask": ["member"], "json": {"text": "{claim}: {member}"}}
    perform = operation("notify.webhook", settings, HOOK=f"{web.url}/hook/hunter2", KEY="k")
    assert perform(VALUES) == {"sent": True}
    request = web.requests[0]
    assert json.loads(request.body) == {"text": "c-1: ***"}
    assert request.headers["X-Signature-256"] == "sha256=" + hmac.new(b"k", request.body, hashlib.sha256).hexdigest()


def test_a_webhook_is_repeated_only_under_a_key(operation: Operation, web: Any) -> None:
    web.replies[:] = [(503, {}, {})]
    with pytest.raises(RuntimeError, match="status 503") as refused:
        operation("notify.webhook", {"url_env": "HOOK"}, HOOK=f"{web.url}/hook/hunter2")(VALUES)
    assert "hunter2" not in str(refused.value)
    assert len(web.requests) == 1
    web.replies[:] = [(503, {}, {}), (200, {}, {})]
    keyed = {"url_env": "HOOK", "idempotency_key": "{claim}", "backoff_seconds": 0.01}
    operation("notify.webhook", keyed, HOOK=web.url)(VALUES)
    assert [request.headers.get("Idempotency-Key") for request in web.requests] == [None, "c-1", "c-1"]
    web.replies[:] = [(307, {}, {"Location": "http://169.254.169.254/"})]
    with pytest.raises(RuntimeError, match="status 307"):
        operation("notify.webhook", {"url_env": "HOOK"}, HOOK=web.url)(VALUES)


@pytest.mark.parametrize(
    "url", ["http://hooks.example.org/x", "https://user:hunter2@h/x", "hunter2", "https://other.example/x"]
)
def test_a_webhook_goes_to_an_encrypted_listed_host(operation: Operation, url: str) -> None:
    with pytest.raises(ValueError, match="'HOOK'") as refused:
        operation("notify.webhook", {"url_env": "HOOK", "hosts": ["hooks.example.org"]}, HOOK=url)
    assert "hunter2" not in str(refused.value)

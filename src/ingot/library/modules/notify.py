"""notify.email and notify.webhook: tell people or another system, once, without leaking or injecting anything.

    - step: tell_reviewer
      type: module
      module: notify.email
      with:
        host_env: SMTP_HOST
        username_env: SMTP_USER          # optional, with password_env
        password_env: SMTP_PASSWORD
        from: claims@example.org
        to: [reviewers@example.org]      # a placeholder here needs 'to_domains'
        subject: "Claim {claim_id} needs a decision"
        body: "Proposed: {decision}."
        mask: [member_name]

STARTTLS with a verified certificate is the default; ``starttls: false`` is refused except to this machine, and
``tls: true`` is for servers that speak TLS from the start. `port` is 587 (465 with ``tls``). An e-mail is sent in one
try: a second could be a second e-mail. `notify.webhook` POSTs `json` (by default the arguments) to the URL in
`url_env`; with `secret_env` the header `signature_header` (``X-Signature-256``) carries ``sha256=`` and the
HMAC-SHA256 of the body in hex; with an `idempotency_key`, lost connections and 429, 502, 503, 504 are tried again.
Both give ``{"sent": true}``.

Each operation takes ``(settings, environment)``, raises ValueError for settings that are wrong, and returns
``perform(arguments) -> outputs``. `perform` raises ValueError for a value that cannot stand in a header or an address,
TimeoutError, ConnectionError, and RuntimeError for what the other side refused. No message holds a value or a credential.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from ingot.library.modules.shared import (
    HEADER_NAME,
    TRY_AGAIN,
    Perform,
    back_off,
    filled,
    filled_part,
    is_loopback,
    masked,
    placeholders,
    plain_json,
    refuse,
    secret_headers,
    shape_problems,
    unknown_names,
    variable_value,
)

_SETTINGS: Mapping[str, Mapping[str, str]] = {
    "notify.email": {"host_env": "env", "port": "count", "username_env": "env", "password_env": "env", "starttls": "flag",
              "tls": "flag", "ca_file_env": "env", "from": "text", "to": "texts", "to_domains": "texts",
              "subject": "text", "body": "text", "timeout_seconds": "seconds", "mask": "mask"},
    "notify.webhook": {"url_env": "env", "hosts": "texts", "json": "json", "headers_env": "envs", "secret_env": "env",
                "signature_header": "text", "idempotency_key": "text", "retries": "count",
                "backoff_seconds": "seconds", "timeout_seconds": "seconds", "mask": "mask"},
}  # fmt: skip
_REQUIRED = {"notify.email": ("host_env", "from", "to", "subject", "body"), "notify.webhook": ("url_env",)}
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`|~-]{1,64}@([A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)*)"
)


def check(operation: str, settings: Mapping[str, Any], inputs: Sequence[str]) -> list[str]:
    """What is wrong with a step's settings, without any I/O; `inputs` are the fields that the step reads."""
    keys = ("to", "subject", "body", "json", "idempotency_key")
    return _problems(operation, settings) or unknown_names(settings, keys, inputs)


def _problems(operation: str, settings: Mapping[str, Any]) -> list[str]:
    if operation not in OPERATIONS:
        return [f"there is no operation {operation!r}; there are {', '.join(sorted(OPERATIONS))}"]
    problems = shape_problems(settings, _SETTINGS[operation], _REQUIRED[operation])
    if problems:
        return problems
    return _email_problems(settings) if operation == "notify.email" else _webhook_problems(settings)


def _email_problems(settings: Mapping[str, Any]) -> list[str]:
    problems = [f"{address!r} in 'to' is not an e-mail address"
                for address in settings["to"] if not placeholders(address) and not _ADDRESS.fullmatch(address)]  # fmt: skip
    if not settings["to"]:
        problems.append("'to' is empty")
    if not _ADDRESS.fullmatch(settings["from"]):
        problems.append("'from' must be one literal e-mail address")
    if any(placeholders(address) for address in settings["to"]) and not settings.get("to_domains"):
        problems.append("'to' has a placeholder, so 'to_domains' must list the domains that may be written to")
    if ("username_env" in settings) != ("password_env" in settings):
        problems.append("'username_env' and 'password_env' come together")
    if settings.get("tls") and settings.get("starttls"):
        problems.append("'tls' and 'starttls' exclude each other")
    if not 1 <= settings.get("port", 587) <= 65_535:
        problems.append("'port' must be from 1 to 65535")
    if re.search(r"[\r\n]", settings["subject"]):
        problems.append("'subject' must be one line")
    return problems


def _webhook_problems(settings: Mapping[str, Any]) -> list[str]:
    names = [*settings.get("headers_env", ()), settings.get("signature_header", "X-Signature-256")]
    problems = [f"{name!r} is not the name of a header" for name in names if not HEADER_NAME.fullmatch(name)]
    if settings.get("retries") and "idempotency_key" not in settings:
        problems.append("'retries' need an 'idempotency_key', or the other side may act twice")
    if settings.get("retries", 0) > 10:
        problems.append("'retries' must be 10 at most")
    return problems


# ---- e-mail ------------------------------------------------------------------------------------------------------


def email(settings: Mapping[str, Any], environment: Mapping[str, str]) -> Perform:
    """Send one e-mail; see the top of this file."""
    refuse("notify.email", _problems("notify.email", settings))
    host = variable_value(environment, settings["host_env"])
    tls, starttls = settings.get("tls", False), settings.get("starttls", not settings.get("tls", False))
    if not (tls or starttls or is_loopback(host)):
        raise ValueError("notify.email: 'starttls: false' is for this machine only")
    login = tuple(
        variable_value(environment, settings[key]) for key in ("username_env", "password_env") if key in settings
    )
    ca_file = variable_value(environment, settings["ca_file_env"]) if "ca_file_env" in settings else None
    port = settings.get("port", 465 if tls else 587)
    seconds = float(settings.get("timeout_seconds", 10))

    def perform(arguments: Mapping[str, Any]) -> dict[str, Any]:
        message = _message(settings, masked(arguments, settings.get("mask", ())))
        _deliver(message, _Server(host, port, tls, starttls, ca_file, login), seconds)
        return {"sent": True}

    return perform


class _Server(NamedTuple):
    host: str
    port: int
    tls: bool
    starttls: bool
    ca_file: str | None
    login: tuple[str, ...]


def _message(settings: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    """The message. A value with a line break would start a header of its own and is refused in subject and address."""
    from email.message import EmailMessage
    from email.utils import make_msgid

    subject = filled(settings["subject"], values)
    if re.search(r"[\x00-\x1f\x7f\x85\u2028\u2029]", subject):
        raise ValueError("the subject would have a line break or control character in it")
    message = EmailMessage()
    message["From"] = settings["from"]
    message["To"] = ", ".join(_recipient(address, settings, values) for address in settings["to"])
    message["Subject"] = subject
    message["Message-ID"] = make_msgid(domain=settings["from"].partition("@")[2])
    message.set_content(filled(settings["body"], values))
    return message


def _recipient(template: str, settings: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    address = str(filled(template, values))
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise ValueError(f"the recipient {template!r} would not be one e-mail address")
    allowed = [domain.lower() for domain in settings.get("to_domains", ())]
    if placeholders(template) and match[1].lower() not in allowed:
        raise ValueError(f"the recipient {template!r} would not be in one of 'to_domains'")
    return address


def _deliver(message: Any, server: _Server, seconds: float) -> None:
    """One SMTP conversation; the server's own words stay out of errors, for they may repeat what was sent."""
    import smtplib
    import ssl

    context = ssl.create_default_context(cafile=server.ca_file)
    try:
        if server.tls:
            connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=seconds, context=context)
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=seconds)
        with connection:
            if server.starttls:
                connection.starttls(context=context)
            if server.login:
                connection.login(*server.login)
            refused = connection.send_message(message)
    except smtplib.SMTPRecipientsRefused:
        raise RuntimeError("the mail server refused every recipient") from None
    except smtplib.SMTPResponseException as error:
        raise RuntimeError(f"the mail server refused ({type(error).__name__}, {error.smtp_code})") from None
    except TimeoutError:
        raise TimeoutError(f"the mail server took longer than {seconds:g} s") from None
    except ssl.SSLError as error:
        raise ConnectionError(f"no safe connection to the mail server ({error.reason})") from None
    except (smtplib.SMTPException, OSError) as error:
        raise ConnectionError(f"the mail server could not be used ({type(error).__name__})") from None
    if refused:
        raise RuntimeError(f"the mail server refused {len(refused)} of the recipients; the others were written to")


# ---- webhook -----------------------------------------------------------------------------------------------------


def webhook(settings: Mapping[str, Any], environment: Mapping[str, str]) -> Perform:
    """POST JSON to one URL; see the top of this file."""
    refuse("notify.webhook", _problems("notify.webhook", settings))
    import httpx

    url = _target(settings, environment)
    headers = {"Content-Type": "application/json", "User-Agent": "ingot"} | secret_headers(settings, environment)
    secret = variable_value(environment, settings["secret_env"]).encode() if "secret_env" in settings else None
    seconds = float(settings.get("timeout_seconds", 10))
    client = httpx.Client(timeout=seconds, follow_redirects=False, trust_env=False)

    def perform(arguments: Mapping[str, Any]) -> dict[str, Any]:
        values = masked(arguments, settings.get("mask", ()))
        body = filled_part(settings["json"], values) if "json" in settings else plain_json(values)
        content = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        sent = dict(headers)
        if secret is not None:
            name = settings.get("signature_header", "X-Signature-256")
            sent[name] = f"sha256={hmac.new(secret, content, hashlib.sha256).hexdigest()}"
        if "idempotency_key" in settings:
            sent["Idempotency-Key"] = quote(filled(settings["idempotency_key"], values), safe=" -._~:/")
        _post(client, client.build_request("POST", url, content=content, headers=sent), settings)
        return {"sent": True}

    return perform


def _target(settings: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """The webhook's URL; errors name the variable only, for such URLs are often secrets themselves."""
    url, what = variable_value(environment, settings["url_env"]), f"the environment variable {settings['url_env']!r}"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"{what} does not hold a URL") from None
    if not host or re.search(r"[\s\\]", url) or "@" in parts.netloc:
        raise ValueError(f"{what} does not hold a URL with a plain host name")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise ValueError(f"{what} must begin with https:// (http:// only to this machine)")
    if "hosts" in settings and host not in [name.lower() for name in settings["hosts"]]:
        raise ValueError(f"{what} names a host that is not among 'hosts'")
    return url


def _post(client: Any, request: Any, settings: Mapping[str, Any]) -> None:
    import httpx

    retries = settings.get("retries", 3 if "idempotency_key" in settings else 0)
    pause = float(settings.get("backoff_seconds", 0.25))
    for attempt in range(retries + 1):
        back_off(attempt, pause)
        last = attempt == retries
        try:
            response = client.send(request, stream=True)
            response.close()
        except httpx.TimeoutException:
            if last:
                raise TimeoutError("the webhook took too long to answer") from None
            continue
        except httpx.RequestError as error:
            if last:
                raise ConnectionError(f"the webhook could not be reached ({type(error).__name__})") from None
            continue
        if response.is_success:
            return
        if last or response.status_code not in TRY_AGAIN:
            raise RuntimeError(f"the webhook answered with status {response.status_code}")


OPERATIONS: dict[str, Callable[[Mapping[str, Any], Mapping[str, str]], Perform]] = {
    "notify.email": email,
    "notify.webhook": webhook,
}

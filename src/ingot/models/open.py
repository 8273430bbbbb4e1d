"""Provider string → model backend."""

from __future__ import annotations

import difflib
import importlib.util
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from ingot.errors import ModelError
from ingot.models.budget import Budget, budgeted
from ingot.models.files import Files
from ingot.models.local import CONTEXT, Local
from ingot.models.model import Model
from ingot.models.provider import Endpoint, Provided, ProviderName
from ingot.models.replay import Replay

FORMS = {
    "anthropic": "anthropic:MODEL",
    "openai": "openai:MODEL or openai:MODEL@http://HOST:PORT/v1",
    "ollama": "ollama:MODEL",
    "local": "local:PATH.gguf",
    "files": "files:DIR",
    "replay": "replay:DIR",
}
OLLAMA_URL = "http://localhost:11434/v1"
_PROVIDERS: dict[str, ProviderName] = {"anthropic": "anthropic", "openai": "openai", "ollama": "ollama"}
_PROVIDER_TIMEOUT = 120.0
_HOUR = 3_600.0
_LOCAL_TIMEOUT = 600.0  # a slow machine writes ten tokens a second, and a reply may have thousands


def open_model(
    name: str,
    *,
    budget: Budget | None = None,
    timeout: float | None = None,
    context: int = CONTEXT,
) -> Model:
    """The model that `name` stands for, inside `budget` where one is given.

    `timeout` is in seconds for one completion, retries included (None: 120 for a provider, 600 for ``local:``, an hour
    for ``files:``); `context` is the context size of a ``local:`` model in tokens. Keys come from ANTHROPIC_API_KEY,
    OPENAI_API_KEY and OLLAMA_API_KEY only; a key is sent to whatever address is given with the model. Nothing is sent
    or loaded yet, but what can be known now is an error now: ModelError for an unknown form, a missing file, extra or
    key.
    """
    if timeout is not None and not timeout > 0:
        raise ModelError(f"a time-out of {timeout!r} s leaves no time", hint="give a number of seconds above zero")
    prefix, colon, rest = name.partition(":")
    if not colon or prefix not in FORMS or not rest.strip():
        raise _unknown(name)
    return budgeted(_open(name, prefix, rest, timeout, context), budget)


def _open(name: str, prefix: str, rest: str, timeout: float | None, context: int) -> Model:
    if prefix == "files":
        return Files(Path(rest), timeout=timeout or _HOUR)
    if prefix == "replay":
        return Replay(Path(rest))
    if prefix == "local":
        return Local(Path(rest).expanduser(), timeout=timeout or _LOCAL_TIMEOUT, context=context)
    endpoint = _endpoint(_PROVIDERS[prefix], rest)
    _need("pydantic_ai", "providers", prefix)
    _need("anthropic" if prefix == "anthropic" else "openai", "providers", prefix)
    _check_key(endpoint)
    return Provided(name, endpoint, timeout=timeout or _PROVIDER_TIMEOUT)


def _endpoint(provider: ProviderName, rest: str) -> Endpoint:
    model, at, url = _split_address(rest)
    if not model or any(char.isspace() for char in model):
        raise ModelError(f"{model!r} is not a model's name", hint=f"write {FORMS[provider]}")
    if at and provider == "anthropic":
        raise ModelError("'anthropic:' takes no address", hint="set ANTHROPIC_BASE_URL instead")
    if at:
        return Endpoint(provider, model, _checked_url(url, f"{provider}:{model}@…"))
    variable = {"openai": "OPENAI_BASE_URL", "ollama": "OLLAMA_BASE_URL", "anthropic": "ANTHROPIC_BASE_URL"}[provider]
    set_url = os.environ.get(variable, "").strip()
    base_url = _checked_url(set_url, variable) if set_url else None
    if provider == "ollama":
        base_url = base_url or OLLAMA_URL
        base_url = f"{base_url}/v1" if urlsplit(base_url).path in ("", "/") else base_url
    return Endpoint(provider, model, base_url)


def _split_address(rest: str) -> tuple[str, bool, str]:
    """``MODEL@URL`` apart. Only an ``@`` before ``http`` counts: model names may hold one."""
    match = re.search(r"@(?=https?://)", rest)
    return (rest[: match.start()], True, rest[match.end() :]) if match else (rest, False, "")


def _checked_url(url: str, place: str) -> str:
    """The base URL without a trailing slash. Credentials in it are refused, and not repeated in the error."""
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        raise ModelError("the base URL cannot be read", place=place, hint="write http://HOST:PORT/v1") from None
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ModelError(
            "the base URL holds credentials or a query",
            place=place,
            hint="give the key in the environment (OPENAI_API_KEY) and a plain address",
        )
    if not sound or any(char.isspace() for char in url):
        raise ModelError(f"{url!r} is not a base URL", place=place, hint="write http://HOST:PORT/v1")
    return url.rstrip("/")


def _need(module: str, extra: str, prefix: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise ModelError(
            f"{prefix + ':'!r} needs the package {module!r}, which is not installed",
            hint=f"pip install 'ingot[{extra}]'",
        )


def _check_key(endpoint: Endpoint) -> None:
    """A key must be there where the provider's own address is asked, and fit into an HTTP header."""
    variable = {"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY", "ollama": "OLLAMA_API_KEY"}
    name = variable[endpoint.provider]
    key = os.environ.get(name, "")
    if not key and endpoint.base_url is None:
        raise ModelError(f"{endpoint.provider + ':'!r} needs a key in {name}", hint=f"export {name}=…")
    if not all("!" <= char <= "~" for char in key):
        raise ModelError(f"the key in {name} holds a blank or a character that no key has", hint=f"export {name} anew")


def _unknown(name: str) -> ModelError:
    forms = ", ".join(FORMS.values())
    return ModelError(f"{_shown(name)!r} names no model", hint=f"{_guess(name)}the forms are {forms}")


def _shown(name: str) -> str:
    return name if len(name) <= 80 else f"{name[:80]}…"


def _guess(name: str) -> str:
    prefix, _, rest = name.partition(":")
    if name.endswith(".gguf"):
        return f"did you mean 'local:{_shown(rest or name)}'? "
    if prefix in FORMS:
        return f"write {FORMS[prefix]}; "
    for start, provider in (("claude", "anthropic"), ("gpt", "openai")):
        if name.startswith(start):
            return f"did you mean '{provider}:{_shown(name)}'? "
    if close := difflib.get_close_matches(prefix.lower(), FORMS, n=1, cutoff=0.6):
        return f"did you mean '{close[0]}:{_shown(rest) or '…'}'? "
    return ""

"""What the exceptions of pydantic-ai and of the clients below it mean: our error, and whether to try again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ingot.errors import ModelError, ModelTimeout, PromptTooLong
from ingot.models.reply import without_keys

_MESSAGE_LIMIT = 500
_AGAIN = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed attempt. `again` where another attempt may succeed, not before `retry_after` seconds; `came` where a reply
    came that cannot be used, which may be charged for."""

    error: ModelError
    again: bool = False
    retry_after: float | None = None
    came: bool = False

    def given_up(self, attempts: int, wait: float, timeout: float) -> Failure:
        """The same failure, saying why there is no further attempt."""
        tried = f"after {attempts} attempt{'s' if attempts > 1 else ''}"
        left = f"; the next may be made in {wait:.1f} s, past the limit of {timeout:g} s" if self.retry_after else ""
        hint = "wait and try again, or allow a longer time-out"
        return Failure(ModelError(f"{self.error.message} ({tried}{left})", hint=hint))


def failure_of(error: Exception, name: str, timeout: float) -> Failure:
    """The failure that `error`, raised by a provider's client, stands for."""
    from pydantic_ai import exceptions as ai

    if ours := next((cause for cause in _causes(error) if isinstance(cause, ModelError)), None):
        return Failure(ModelError(ours.message.replace("'the provider'", repr(name)), hint=ours.hint), came=True)
    if _is_timeout(error):
        message = f"{name!r} did not answer within {timeout:g} s"
        return Failure(ModelTimeout(message, hint="allow a longer time-out, or use a faster model"))
    if isinstance(error, ai.ModelHTTPError):
        return _http(error, name)
    if isinstance(error, ai.ModelConnectionError):
        why = "the connection failed" if error.phase in (None, "connect", "pool") else "the connection broke"
        message = f"{name!r} cannot be reached: {why}: {_said(error.message)}"
        return Failure(ModelError(message, hint="check the address and the network"), again=True)
    if isinstance(error, ai.UserError):
        return Failure(ModelError(f"{name!r} cannot be used: {_said(error.message)}"))
    if isinstance(error, ai.AgentRunError):
        said = error.message
        unexpected = ModelError(f"{name!r} sent something unexpected: {_said(said)}", hint="is it a compatible API?")
        return Failure(unexpected, came=True)
    if isinstance(error, RuntimeError) and "ALLOW_MODEL_REQUESTS" in str(error):
        message = f"{name!r} may not be asked: requests are switched off (pydantic_ai.models.ALLOW_MODEL_REQUESTS)"
        return Failure(ModelError(message, hint="in a test, use Scripted or replay:DIR, or allow requests around it"))
    return _other(error, name)


def _http(error: Any, name: str) -> Failure:
    from pydantic_ai import exceptions as ai

    status = int(error.status_code)
    message = f"{name!r} answered {status}: {_said(_message_in(error.body))}"
    spent = isinstance(error, ai.ModelQuotaExceededError)
    if isinstance(error, ai.ModelContextWindowExceededError):
        return Failure(PromptTooLong(message, hint=_hint(error, status, spent)))
    again = not spent and (status in _AGAIN or status >= 500)
    return Failure(ModelError(message, hint=_hint(error, status, spent)), again, error.retry_after)


def _hint(error: Any, status: int, spent: bool) -> str:
    from pydantic_ai import exceptions as ai

    if spent:
        return "the account's quota or credit is used up"
    if isinstance(error, ai.ModelAuthenticationError) or status in (401, 403):
        return "check the API key in the environment and what it may use"
    if isinstance(error, ai.ModelContextWindowExceededError):
        return "the prompt is too long for this model: use one with a larger context"
    if isinstance(error, ai.ModelNotFoundError) or status == 404:
        return "check the model's name and the base URL"
    return "the provider refused the request as it stands" if status < 500 else "the provider has a fault"


def _message_in(body: object) -> str:
    """The provider's own words in an error body, whatever it wraps them in."""
    while isinstance(body, dict):
        body = body.get("error") or body.get("message") or body.get("detail") or str(body)
    return str(body or "no message")


def _said(text: str) -> str:
    """One line, without keys, not too long. Keys go first: half a key must not survive the cut."""
    line = " ".join(without_keys(text).split())
    return line if len(line) <= _MESSAGE_LIMIT else f"{line[:_MESSAGE_LIMIT]}…"


def _is_timeout(error: Exception) -> bool:
    from pydantic_ai import exceptions as ai

    if isinstance(error, ai.ModelTimeoutError):
        return error.phase != "connect"
    return isinstance(error, ai.ModelRequestTimeout | TimeoutError)


def _other(error: Exception, name: str) -> Failure:
    """What a client raises on a body that no API sends, or on a setting that no request can carry."""
    said = f"{type(error).__name__}: {_said(str(error))}"
    unreadable = ModelError(f"{name!r} sent or was sent something unreadable: {said}", hint="check the base URL")
    return Failure(unreadable, came=True)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """`error` and what it was raised from, each once."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__

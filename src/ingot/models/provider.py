"""Hosted models and compatible servers, through pydantic-ai: one request, retried within one time limit.

Keys are read from the environment by the provider's own client at the moment of the call. They are in no value here,
and every message that leaves this module has been through `without_keys`; the exceptions of the libraries, which hold
requests and headers, are turned into ours and never chained to them.
"""

from __future__ import annotations

import asyncio
import copy
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ingot.errors import ModelError
from ingot.models.failures import Failure, failure_of
from ingot.models.model import Completion, Request
from ingot.models.reply import REPLY_LIMIT, estimate_input, estimated_usage, too_large, within_limit, without_known_keys
from ingot.usage import Usage

if TYPE_CHECKING:
    import httpx2
    from pydantic_ai.messages import ModelResponse
    from pydantic_ai.models import Model as ProviderModel
    from pydantic_ai.models import ModelRequestParameters

ATTEMPTS = 5
FIRST_WAIT = 0.5
LONGEST_WAIT = 20.0
_BODY_LIMIT = 8 * REPLY_LIMIT  # JSON writes a character in up to six bytes; beyond this the text is over its limit

ProviderName = Literal["anthropic", "openai", "ollama"]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A provider, the model's name there, and the address it answers at (None: the provider's own)."""

    provider: ProviderName
    model: str
    base_url: str | None = None


@dataclass(frozen=True, slots=True)
class Provided:
    """A model of a provider. `timeout` seconds bound a whole completion, all its attempts and waits together.

    Rate limits (429), server errors (5xx) and broken connections are tried again, up to `attempts` times in all, after
    waits that double from `first_wait` with jitter and are never shorter than the ``Retry-After`` the provider sent.
    """

    name: str
    endpoint: Endpoint
    timeout: float = 120.0
    attempts: int = ATTEMPTS
    first_wait: float = FIRST_WAIT

    def complete(self, request: Request) -> Completion:
        """Ask once. Raises ModelTimeout, or ModelError with the provider's own message, never with a key."""
        began = time.monotonic()
        outcome, asked = _run(lambda: self._attempts(request, began + self.timeout))
        most = Usage(estimate_input(request), request.max_tokens, asked)
        if isinstance(outcome, Failure):
            outcome.error.used = most if outcome.came else Usage(requests=asked)
            raise outcome.error
        try:
            text = without_known_keys(within_limit(_text(outcome, request, self.name), self.name))
        except ModelError as error:
            error.used = _counted(outcome, most)
            raise
        counted = _counted(outcome, estimated_usage(request, text))
        counted = Usage(counted.input_tokens, counted.output_tokens, asked)
        return Completion(text, self._author(outcome), counted, time.monotonic() - began)

    def _author(self, response: ModelResponse) -> str:
        """The provider and the dated name that it answered with; the asked name where that is not a plain name."""
        answered = response.model_name or ""
        plain = 0 < len(answered) <= 100 and all(char.isalnum() or char in "._:/@+-" for char in answered)
        author = f"{self.endpoint.provider}:{answered if plain else self.endpoint.model}"
        elsewhere = self.endpoint.provider == "openai" and self.endpoint.base_url
        return without_known_keys(f"{author}@{self.endpoint.base_url}" if elsewhere else author)

    async def _attempts(self, request: Request, deadline: float) -> tuple[ModelResponse | Failure, int]:
        client = _client()
        async with client:
            for attempt in range(1, self.attempts + 1):
                outcome = await self._once(client, request, deadline - time.monotonic())
                if not isinstance(outcome, Failure) or not outcome.again:
                    return outcome, attempt
                wait = max(_wait(attempt, self.first_wait), outcome.retry_after or 0.0)
                if attempt == self.attempts or time.monotonic() + wait >= deadline:
                    return outcome.given_up(attempt, wait, self.timeout), attempt
                await asyncio.sleep(wait)
        raise ModelError(f"{self.name!r} was given {self.attempts} attempts", hint="allow at least one attempt")

    async def _once(self, client: httpx2.AsyncClient, request: Request, seconds: float) -> ModelResponse | Failure:
        from pydantic_ai.direct import model_request
        from pydantic_ai.messages import ModelRequest, SystemPromptPart, UserPromptPart

        parts = [SystemPromptPart(request.system)] if request.system else []
        message = ModelRequest(parts=[*parts, UserPromptPart(request.prompt)])
        try:
            model = _model(self.endpoint, client)
            return await model_request(
                model,
                [message],
                model_settings={
                    "max_tokens": request.max_tokens,
                    "temperature": request.temperature,
                    "seed": request.seed,
                    "timeout": max(seconds, 0.001),
                    "request_timeout": max(seconds, 0.001),
                    "max_retries": 0,
                },
                model_request_parameters=_parameters(request, model),
                instrument=False,
            )
        except Exception as error:  # noqa: BLE001 - clients raise what they like on a malformed reply
            return failure_of(error, self.name, self.timeout)


def _counted(response: ModelResponse, estimate: Usage) -> Usage:
    """What the provider counted; some servers count nothing, or one side, and a budget must not take that for free."""
    used = response.usage
    return Usage(
        used.input_tokens or estimate.input_tokens, used.output_tokens or estimate.output_tokens, estimate.requests
    )


def _model(endpoint: Endpoint, client: httpx2.AsyncClient) -> ProviderModel:
    if endpoint.provider == "anthropic":
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        return AnthropicModel(endpoint.model, provider=AnthropicProvider(http_client=client))
    if endpoint.provider == "ollama":
        from pydantic_ai.models.ollama import OllamaModel
        from pydantic_ai.providers.ollama import OllamaProvider

        return OllamaModel(endpoint.model, provider=OllamaProvider(base_url=endpoint.base_url, http_client=client))
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    return OpenAIChatModel(endpoint.model, provider=OpenAIProvider(base_url=endpoint.base_url, http_client=client))


def _parameters(request: Request, model: ProviderModel) -> ModelRequestParameters:
    """Plain text, or the schema in the provider's own JSON mode, or as the one tool to call where it has none."""
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.output import OutputObjectDefinition
    from pydantic_ai.tools import ToolDefinition

    if request.schema is None:
        return ModelRequestParameters()
    schema = copy.deepcopy(dict(request.schema))
    if model.profile.get("supports_json_schema_output", False):
        wanted = OutputObjectDefinition(json_schema=schema, name="answer")
        return ModelRequestParameters(output_mode="native", output_object=wanted)
    tool = ToolDefinition(name="answer", description="Give the answer.", parameters_json_schema=schema, kind="output")
    return ModelRequestParameters(output_mode="tool", output_tools=[tool], allow_text_output=False)


def _text(response: ModelResponse, request: Request, name: str) -> str:
    from pydantic_ai.messages import TextPart, ToolCallPart

    if response.finish_reason == "content_filter":
        raise ModelError(f"{name!r} refused to answer (content filter)", hint="reword the spec, or use another model")
    if request.schema is None:
        return "".join(part.content for part in response.parts if isinstance(part, TextPart))
    if response.finish_reason == "length":
        raise ModelError(
            f"{name!r} was cut off after {request.max_tokens} tokens, within its JSON answer",
            hint="allow more max_tokens, or ask for less",
        )
    calls = [part.args_as_json_str() for part in response.parts if isinstance(part, ToolCallPart)]
    return calls[0] if calls else "".join(part.content for part in response.parts if isinstance(part, TextPart))


def _wait(attempt: int, first: float) -> float:
    """Seconds before the next attempt: doubling, with half of it left to chance so that clients spread out."""
    most = min(LONGEST_WAIT, first * 2.0 ** (attempt - 1))
    return most * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load; nothing secret depends on it


def _client() -> httpx2.AsyncClient:
    """An HTTP client that stops reading a body that is far too large, counted as it is after decompression."""
    from pydantic_ai.models import create_async_httpx2_client

    async def cap(response: httpx2.Response) -> None:
        decoded = response.aiter_bytes

        async def capped(chunk_size: int | None = None) -> AsyncIterator[bytes]:
            size = 0
            async for chunk in decoded(chunk_size):
                size += len(chunk)
                if size > _BODY_LIMIT:
                    raise too_large("the provider")
                yield chunk

        response.aiter_bytes = capped  # type: ignore[method-assign, assignment]

    client = create_async_httpx2_client()
    client.event_hooks = {**client.event_hooks, "response": [cap]}
    return client


def _run(start: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
    """Run to the end, also where the caller is inside an event loop of its own (a notebook)."""
    if not _in_event_loop():
        return asyncio.run(start())
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(start())).result()


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True

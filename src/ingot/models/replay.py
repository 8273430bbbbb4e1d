"""Recorded completions: one JSON file per request, found again by the request's digest."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingot.canonical import canonical_json, digest, readable_json
from ingot.errors import ModelError
from ingot.models.atomic import write_atomically
from ingot.models.model import Completion, Model, Request
from ingot.models.reply import REPLY_LIMIT, within_limit
from ingot.usage import Usage


def recording_path(directory: Path, request: Request) -> Path:
    """Where the completion of `request` is recorded."""
    return directory / f"{request.digest[:16]}.json"


def record(directory: Path, request: Request, completion: Completion) -> Path:
    """Write one completion down and return its path. A recording of the same request is replaced, never half written.

    Raises ModelError where the directory cannot be written.
    """
    path = recording_path(directory, request)
    content = {
        "request": request.to_json(),
        "completion": {"text": completion.text, "model": completion.model, "usage": completion.usage.to_json()},
        "recorded": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_atomically(path, readable_json(content))
    return path


class Recording:
    """A model that writes down every completion of the model inside, in `directory`."""

    def __init__(self, model: Model, directory: Path) -> None:
        self.model = model
        self.directory = directory

    @property
    def name(self) -> str:
        """The name of the model inside."""
        return self.model.name

    def __repr__(self) -> str:
        return f"Recording({self.model!r}, {str(self.directory)!r})"

    def complete(self, request: Request) -> Completion:
        """The completion of the model inside, recorded before it is returned."""
        completion = self.model.complete(request)
        record(self.directory, request, completion)
        return completion


def recorded(model: Model, directory: str | Path) -> Recording:
    """`model`, with all its completions recorded in `directory`, for ``replay:DIR``."""
    return Recording(model, Path(directory))


class Replay:
    """Answers from recordings and nothing else: no model, no network. ``Completion.recorded`` is True and
    ``Completion.model`` is who wrote the recording."""

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)
        self.name = f"replay:{self.directory}"
        if not self.directory.is_dir():
            raise ModelError(
                f"there is no directory of recordings at {str(self.directory)!r}",
                hint="record into it with a real model first: ingot compile SPEC --model … --record DIR",
            )

    def writers(self) -> tuple[str, ...]:
        """Who wrote the recordings, each once, by name."""
        paths = sorted(self.directory.glob("*.json"))
        return tuple(sorted({_parsed(path.read_bytes(), path)["completion"]["model"] for path in paths}))

    def __repr__(self) -> str:
        return f"Replay({str(self.directory)!r})"

    def complete(self, request: Request) -> Completion:
        """The recorded completion. Raises ModelError where there is none, or where its request was changed by hand; its text is
        judged by the gates like any other."""
        path = recording_path(self.directory, request)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise self._missing(request) from None
        except OSError as error:
            raise ModelError(f"the recording cannot be read: {error.strerror}", place=str(path)) from None
        stored = _parsed(content, path)
        found = digest(canonical_json(stored["request"]))
        if found != request.digest:
            raise ModelError(
                f"the recording holds the request {found[:16]}, not {request.digest[:16]} that it is named after",
                place=str(path),
                hint="it was renamed or edited: record it again",
            )
        return _completion(stored["completion"], path)

    def _missing(self, request: Request) -> ModelError:
        asked = f" (functions {', '.join(request.functions)})" if request.functions else ""
        count = sum(1 for _ in self.directory.glob("*.json"))
        return ModelError(
            f"no recording of request {request.digest[:16]}{asked} among the {count} in {str(self.directory)!r}",
            hint="the spec, the prompt or a setting changed since it was recorded; record again: "
            f"ingot compile SPEC --model … --record {self.directory}",
        )


def _parsed(content: bytes, path: Path) -> dict[str, Any]:
    if len(content) > 8 * REPLY_LIMIT:
        raise ModelError(f"the recording has {len(content):,} bytes", place=str(path), hint="record it again")
    try:
        stored = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"the recording is not JSON: {error}", place=str(path), hint="record it again") from None
    if not isinstance(stored, dict) or set(stored) != {"request", "completion", "recorded"}:
        raise ModelError(
            "a recording has exactly the keys 'request', 'completion' and 'recorded'",
            place=str(path),
            hint="record it again",
        )
    return stored


def _completion(stored: Any, path: Path) -> Completion:
    try:
        text, model, counts = stored["text"], stored["model"], Usage(**stored["usage"])
        numbers = (counts.input_tokens, counts.output_tokens, counts.requests)
        sound = isinstance(text, str) and isinstance(model, str)
        sound = sound and all(type(number) is int and number >= 0 for number in numbers)
    except (KeyError, TypeError):
        sound = False
    if not sound:
        raise ModelError(
            "the recorded completion needs 'text', 'model' and 'usage' with whole numbers",
            place=str(path),
            hint="record it again",
        )
    return Completion(within_limit(text, f"replay:{path}"), model, counts, 0.0, recorded=True)

"""Completions kept beside a log, so that an evaluation that was cut short goes on without paying twice."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

from ingot.canonical import canonical_json, digest, readable_json
from ingot.errors import BudgetExceeded, ModelError
from ingot.models.atomic import write_atomically
from ingot.models.model import Completion, Model, Request
from ingot.usage import Usage


class Kept:
    """The completions of `model`, each kept in `directory` under its request's digest and taken from there when the same
    is asked again of a model of the same name, with the tokens and the seconds that it took the first time. One that passed a budget was paid
    for, and is kept too. `asked` counts new ones. Safe between threads."""

    def __init__(self, model: Model, directory: Path) -> None:
        """Raises ModelError where nothing could be kept there: that is said before the model is paid."""
        self.model = model
        self.directory = directory
        _refuse_unwritable(directory)
        self.asked = 0
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The name of the model inside."""
        return self.model.name

    def __repr__(self) -> str:
        return f"Kept({self.model!r}, {str(self.directory)!r})"

    def complete(self, request: Request) -> Completion:
        """The kept completion, or a new one. Raises as the model inside, and ModelError for a file that was changed."""
        path = self.directory / f"{request.digest[:32]}.json"
        if path.exists() and _asked(path) not in (None, self.name):  # another model's: never passed off as this one's
            path = self.directory / f"{request.digest[:32]}-{digest(self.name.encode())[:16]}.json"
        if path.exists():
            return _read(path, request)
        try:
            completion = self.model.complete(request)
        except BudgetExceeded as error:
            if isinstance(error.paid, Completion):
                self._keep(path, request, error.paid)
            raise
        self._keep(path, request, completion)
        return completion

    def _keep(self, path: Path, request: Request, completion: Completion) -> None:
        with self._lock:
            self.asked += 1
        content = {
            "request": request.to_json(),
            "asked": self.name,
            "text": completion.text,
            "model": completion.model,
            "usage": completion.usage.to_json(),
            "seconds": f"{completion.seconds:.6f}",
            "recorded": completion.recorded,
        }
        write_atomically(path, readable_json(content))


def _refuse_unwritable(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        writable = os.access(directory, os.W_OK | os.X_OK)
        why = "" if writable else "Permission denied"
    except FileExistsError:
        why = "it is no folder"
    except OSError as error:
        why = error.strerror or str(error)
    if why:
        raise ModelError(
            f"completions cannot be kept here: {why}",
            place=str(directory),
            hint="make it writable, or give another --out",
        )


def _asked(path: Path) -> str | None:
    """The name of the model that was asked; None where a file does not say, as those of earlier versions, or cannot be read."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return told.get("asked") if isinstance(told, dict) else None


def _read(path: Path, request: Request) -> Completion:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if canonical_json(told["request"]) != canonical_json(request.to_json()):
            raise ValueError("it answers another request")
        usage = Usage(**told["usage"])
        return Completion(told["text"], told["model"], usage, float(told["seconds"]), recorded=bool(told["recorded"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"the kept completion cannot be used: {error}", place=str(path), hint="remove it: it is then asked again"
        ) from None

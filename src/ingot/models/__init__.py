"""Model backends behind one protocol, and the one function that opens them by name.

    open_model("anthropic:…" | "openai:…" | "ollama:…" | "local:PATH.gguf" | "files:DIR" | "replay:DIR")
        └─▶ Model.complete(Request) ─▶ Completion
             └─ recorded(model, DIR) writes every completion down · budgeted(model, Budget(…)) stops before it is overspent

Only `ingot.compile`, `ingot.evals` and `ingot.cli` import this package; no model library is imported before it is used.
"""

from ingot.models.budget import Budget, Budgeted, budgeted
from ingot.models.files import Files
from ingot.models.local import Local
from ingot.models.model import Completion, Model, Request
from ingot.models.open import open_model
from ingot.models.provider import Endpoint, Provided
from ingot.models.replay import Recording, Replay, record, recorded
from ingot.models.scripted import Scripted

__all__ = [
    "Budget",
    "Budgeted",
    "Completion",
    "Endpoint",
    "Files",
    "Local",
    "Model",
    "Provided",
    "Recording",
    "Replay",
    "Request",
    "Scripted",
    "budgeted",
    "open_model",
    "record",
    "recorded",
]

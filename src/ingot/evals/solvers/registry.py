"""Solvers by name."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingot.errors import InputError
from ingot.evals.solvers.solver import Solver
from ingot.models.model import Model

SOLVERS = {
    "compiled": "compiled through the gates, then code without a model",
    "hybrid": "compiled; what the code withholds is asked of the model",
    "direct": "one model call a transaction, structured output",
    "code-once": "a function of the model's, asked once, without gates",
    "human": "a program that a person wrote, through the gates",
    "langchain": "a LangChain agent with tools, every transaction (extra langchain)",
    "autogen": "two AutoGen agents, every transaction (extra autogen)",
}

ASKING = ("direct", "langchain", "autogen")
"""Those that ask a model for every transaction, and prepare nothing for it."""
COMPILING = ("compiled", "hybrid")
"""Those that compile a program with a model through the gates."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user chose for a solver. `keep` is a folder for artifacts."""

    attempts: int = 5
    candidates: int = 1
    keep: Path | None = None
    one_by_one: bool = False

    def of_compiling(self) -> dict[str, Any]:
        """What the solvers that compile take."""
        return {
            "attempts": self.attempts, "candidates": self.candidates, "one_by_one": self.one_by_one, "keep": self.keep,
        }  # fmt: skip


def make_solver(name: str, model: Model | None, settings: Settings) -> Solver:
    """The solver of a name. Raises InputError where it is unknown or needs a model."""
    if name not in SOLVERS:
        raise InputError(f"no solver is called {name!r}", hint=f"one of {', '.join(SOLVERS)}")
    if name == "human":
        from ingot.evals.solvers.compiled import Human

        return Human(keep=settings.keep)
    if name == "compiled":  # a model is missed only where a rule is no decision table
        from ingot.evals.solvers.compiled import Compiled

        return Compiled(model, **settings.of_compiling())
    if model is None:
        raise InputError(f"the solver {name!r} asks a model", hint="give --model, for instance openai:gpt-5")
    if name == "hybrid":
        from ingot.evals.solvers.hybrid import Hybrid

        return Hybrid(model, **settings.of_compiling())
    module, kind = {
        "direct": ("direct", "Direct"),
        "code-once": ("code_once", "CodeOnce"),
        "langchain": ("langchain", "LangChain"),
        "autogen": ("autogen", "AutoGen"),
    }[name]
    solver: Solver = getattr(importlib.import_module(f"ingot.evals.solvers.{module}"), kind)(model)
    return solver

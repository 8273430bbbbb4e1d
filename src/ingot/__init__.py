"""Ingot: compiled AI for Python.

    spec.yaml ─ load ─▶ Spec ─ plan ─▶ Plan ─ prompt ─▶ Prompt ─ model ─▶ Candidate ─ assemble ─▶ Program
                         │                                  ▲                                        │
                         │                                  └──── findings of the failed stage ──────┤
                         ▼                                                                           ▼
                       cases (given / held out)          SECURITY ▶ SYNTAX ▶ EXECUTION ▶ ACCURACY ▶ Verdicts
                                                                                                     │ all pass
                run / explain / verify  ◀── load + verify ◀── Artifact (signed directory)  ◀─────────┘

The public names are imported when they are first used, so that ``import ingot`` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PUBLIC = {}

__all__ = ["__version__"]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'ingot' has no attribute {name!r}")

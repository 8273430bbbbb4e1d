"""Ingot: compiled AI for Python.

    spec.yaml ─ load ─▶ Spec ─ plan ─▶ Plan ─ prompt ─▶ Prompt ─ model ─▶ Candidate ─ assemble ─▶ Program
                         │                                  ▲                                        │
                         │                                  └──── findings of the failed stage ──────┤
                         ▼                                                                           ▼
                       cases (given / held out)          SECURITY ▶ SYNTAX ▶ EXECUTION ▶ ACCURACY ▶ Verdicts
                                                                                                     │ all pass
                run / explain / verify  ◀── load + verify ◀── Artifact (signed directory)  ◀─────────┘

    spec.py fields.py yaml_text.py expressions.py   what a workflow is, from YAML
    questions.py                                    what a spec leaves open
    compile/                                        plan, prompt, reply, assembly and the driver
    stages/                                         the four gates
    models/                                         model backends behind one protocol
    library/                                        reviewed templates, modules, blocks and examples
    artifact/                                       signed directories: write, sign, verify, report
    runtime/                                        load, run, trace, steps and the sandbox
    evals/                                          benchmarks
    cli/                                            arguments, printing and exit codes

The public names below are imported when they are first used, so that ``import ingot`` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingot.artifact.verify import Verified, verify
    from ingot.compile.driver import Attempt, Compiled, Event, check, compile_spec
    from ingot.errors import (
        ArtifactError,
        CompileFailed,
        IngotError,
        InputError,
        ModelError,
        OutputError,
        SpecError,
        StageError,
        StepError,
    )
    from ingot.models.open import open_model
    from ingot.questions import Question, find_questions
    from ingot.runtime.run import Explanation, Outcome, Review, Workflow, load
    from ingot.spec import Case, Spec, load_spec, parse_spec
    from ingot.stages.suggested import suggest_cases
    from ingot.verdict import Finding, Verdict

__version__ = "0.1.0"

_HOMES = {
    "artifact.verify": ("Verified", "verify"),
    "compile.driver": ("Attempt", "Compiled", "Event", "check", "compile_spec"),
    "errors": ("ArtifactError", "CompileFailed", "IngotError", "InputError", "ModelError", "OutputError",
               "SpecError", "StageError", "StepError"),
    "models.open": ("open_model",),
    "questions": ("Question", "find_questions"),
    "runtime.run": ("Explanation", "Outcome", "Review", "Workflow", "load"),
    "spec": ("Case", "Spec", "load_spec", "parse_spec"),
    "stages.suggested": ("suggest_cases",),
    "verdict": ("Finding", "Verdict"),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ArtifactError", "Attempt", "Case", "CompileFailed", "Compiled", "Event", "Explanation", "Finding", "IngotError",
    "InputError", "ModelError", "Outcome", "OutputError", "Question", "Review", "Spec", "SpecError", "StageError",
    "StepError", "Verdict", "Verified", "Workflow", "__version__", "check", "compile_spec", "find_questions", "load",
    "load_spec", "open_model", "parse_spec", "suggest_cases", "verify",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'ingot' has no attribute {name!r}")
    return getattr(importlib.import_module(f"ingot.{home}"), name)


def __dir__() -> list[str]:
    return __all__

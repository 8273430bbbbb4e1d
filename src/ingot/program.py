"""Signatures and programs: what is asked of a model, and what its answer becomes.

Both are plain frozen values that the stages, the artifact and the runtime share; `ingot.compile.assemble` makes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingot.canonical import digest
from ingot.fields import Field, annotation, class_name
from ingot.spec import Spec, Step


@dataclass(frozen=True, slots=True)
class Signature:
    """One function that a candidate must define, exactly so.

    A parameter is nullable only where the step handles nulls itself. One output is returned as a bare value, several
    as a dict of the type ``<Step>Output``.
    """

    name: str
    params: tuple[Field, ...]
    outputs: tuple[Field, ...]
    clauses: tuple[str, ...]

    @property
    def returns(self) -> str:
        """The return annotation."""
        if len(self.outputs) == 1:
            return annotation(self.outputs[0])
        return f"{class_name(self.name)}Output"

    def header(self) -> str:
        """The ``def`` line."""
        params = ", ".join(f"{field.name}: {annotation(field)}" for field in self.params)
        return f"def {self.name}({params}) -> {self.returns}:"


def signature_of(step: Step, known: Mapping[str, Field]) -> Signature:
    """The signature of a function step, its parameters taken from the fields known at that point."""
    params = tuple(
        known[name] if step.on_null == "handle" else known[name].model_copy(update={"nullable": False})
        for name in step.inputs
    )
    return Signature(step.step, params, step.outputs, step.clauses)


@dataclass(frozen=True, slots=True)
class Program:
    """A candidate put into its place.

    `logic` is ``logic.py``, what the model wrote, byte for byte; `text` is ``program.py``: types, logic and flow,
    readable and runnable on its own; a line of the logic stands `offset` lines further down in `text`.
    `program.text` defines ``transact(case)``, which returns ``(output, review)``: `review` is None or a pair
    ``(step, reason)`` that sends the run to a person with `output` as proposal (None where there is none). Where the
    workflow has module, bounded or human steps, ``transact`` is a generator that yields ``(step, arguments)`` and is
    sent that step's outputs as a dict.
    """

    spec: Spec
    signatures: tuple[Signature, ...]
    logic: str
    text: str
    offset: int
    template: str
    blocks: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the program's text."""
        return digest(self.text)


@dataclass(frozen=True, slots=True)
class Observation:
    """What one sandboxed run of a program did, as plain Python values.

    `output` is the workflow's output or proposal, `review` the ``(step, reason)`` pair of a run that went to a
    person. `error` is ``TypeName: message`` of an exception that left the program, with its `line` in ``logic.py``
    and the generated `function` it left.
    """

    output: Mapping[str, Any] | None
    review: tuple[str, str] | None = None
    error: str | None = None
    line: int | None = None
    function: str | None = None

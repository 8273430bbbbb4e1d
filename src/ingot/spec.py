"""The spec: YAML in, one frozen `Spec` out, every error with file, line and column.

`parse_spec` takes text and returns a complete `Spec`: what the author left out is derived here by stated rules and
noted in `Spec.derived`. `load_spec` is the same for a file. The models below are also the published JSON Schema.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic import Field as Setting
from pydantic_core import ErrorDetails, SchemaError

from ingot import expressions
from ingot.canonical import canonical_json, digest, equal_bytes
from ingot.errors import SpecError
from ingot.fields import Field, TypeName, class_name, declarations, to_plain, validator
from ingot.names import PRELUDE, broken_spelling, hidden_by
from ingot.stated import BuiltinName, Problem, builtin_problem, expression_problem
from ingot.yaml_text import Place, as_source, closest, read_yaml

LARGEST_SPEC = 256 * 1024
SPEC_FILES = (".yaml", ".yml", ".dmn")
STEP_TYPES = ("deterministic_rule", "function", "bounded_invocation", "hybrid", "module", "human_review")
ADVERSE_COMPLIANCE = "CMS_Decision_Timeframes"
ADVERSE_WORDS = frozenset({"DENY", "DENIED", "DENIAL", "REJECT", "REJECTED", "DECLINE", "DECLINED", "NOT_APPROVED",
                           "INELIGIBLE", "NOT_COVERED", "TERMINATE", "TERMINATED", "REDUCE", "REDUCED"})  # fmt: skip

Name = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$", max_length=60)]
Compliance = Literal["HIPAA", "PCI-DSS", "SOC2", "CMS_Decision_Timeframes"]
TemplateName = Literal["handler", "stream", "batch", "validator"]
ModuleName = Literal[
    "database.query", "database.execute", "http.get", "http.post", "notify.email", "notify.webhook", "files.read",
    "files.write",
]  # fmt: skip
ScorerName = Literal["exact", "numeric", "date", "text", "plain", "amount", "set", "list"]
_SCORED: Mapping[str, tuple[TypeName, ...]] = {
    "numeric": ("integer", "decimal", "float", "text"),
    "date": ("date", "datetime", "text"),
    "text": ("text", "enum"),
    "plain": ("text", "enum"),
    "amount": ("text",),
    "set": ("list",),
    "list": ("list",),
}


HitPolicy = Literal["unique", "first", "priority", "any", "collect", "rule order", "output order"]


def _cell_text(cell: Any) -> str:
    """A cell that YAML read as a value, as the text that it was."""
    if cell is None or isinstance(cell, bool):
        return {None: "null", True: "true", False: "false"}[cell]
    return str(cell)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Metadata(_Part):
    """What the workflow is called and which obligations it runs under."""

    name: str = Setting(min_length=1, max_length=120)
    version: str = Setting("0.1.0", pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]*$")
    title: str = ""
    description: str = ""
    owner: str = ""
    compliance: tuple[Compliance, ...] = ()
    effective_from: str | None = Setting(None, pattern=r"^\d{4}-\d{2}-\d{2}$")
    effective_until: str | None = Setting(None, pattern=r"^\d{4}-\d{2}-\d{2}$")

    @field_validator("effective_from", "effective_until")
    @classmethod
    def _day(cls, text: str | None) -> str | None:
        if text is not None:
            date.fromisoformat(text)  # ValueError: the 31st of June is no day
        return text

    @field_validator("effective_until")
    @classmethod
    def _after(cls, text: str | None, info: ValidationInfo) -> str | None:
        begins = info.data.get("effective_from")
        if text is not None and begins is not None and text < begins:
            raise ValueError(f"it ends before it begins, on {begins}")
        return text


class Clause(_Part):
    """One numbered sentence of the source policy."""

    id: str = Setting(pattern=r"^[A-Za-z][A-Za-z0-9._-]*$", max_length=24)
    text: str
    source: str = ""


class Table(_Part):
    """A decision table: column names and rows of cell texts, read top to bottom.

    `inputs` are fields, or dotted paths into object fields. `aggregate` says what ``collect`` answers; `default` is a
    row of outputs for when no row holds.
    """

    hit_policy: HitPolicy = "unique"
    aggregate: Literal["list", "sum", "min", "max", "count"] = "list"
    inputs: tuple[str, ...] = Setting(min_length=1)
    outputs: tuple[str, ...] = Setting(min_length=1)
    rows: tuple[tuple[str, ...], ...] = Setting(min_length=1)
    default: tuple[str, ...] = ()

    @field_validator("rows", mode="before")
    @classmethod
    def _cells(cls, rows: Any) -> Any:
        if not isinstance(rows, list | tuple):
            return rows
        return [[_cell_text(cell) for cell in row] if isinstance(row, list) else row for row in rows]

    @field_validator("default", mode="before")
    @classmethod
    def _defaults(cls, cells: Any) -> Any:
        return [_cell_text(cell) for cell in cells] if isinstance(cells, list) else cells


def _dollars(raw: Any) -> Any:
    text = str(raw) if isinstance(raw, int | float | Decimal) and not isinstance(raw, bool) else raw
    try:
        amount = Decimal(text)
    except (ArithmeticError, TypeError, ValueError):
        amount = Decimal("NaN")
    if not (amount.is_finite() and amount > 0):
        raise ValueError("dollars are a number above zero, for instance 0.02")
    return text


class Limits(_Part):
    """The most that may be spent: seconds, input and output tokens together, US dollars. What is left out has no limit."""

    seconds: float | None = Setting(None, gt=0, le=3_600)
    tokens: int | None = Setting(None, ge=1)
    cost: str | None = None

    _cost = field_validator("cost", mode="before")(_dollars)


class Budget(_Part):
    """What a bounded step may spend: on each model call, and on all the calls of its run, those of other steps among them."""

    call: Limits = Limits(seconds=60)
    run: Limits = Limits()

    @field_validator("call")
    @classmethod
    def _timed(cls, call: Limits) -> Limits:
        """A call that could wait for ever is no bounded one."""
        return call if call.seconds is not None else call.model_copy(update={"seconds": 60.0})


class Rung(_Part):
    """What answers next where the one before did not: another `model`, or a `function` step as deterministic extractor."""

    model: str | None = Setting(None, min_length=1)
    function: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Rung:
        if (self.model is None) == (self.function is None):
            raise ValueError("a fallback is {model: NAME}, {function: STEP} or human")
        return self


class Gates(_Part):
    """The gates around a bounded step's model. `redact`: personal data in the fields that are labelled (short values
    whole), in these fields the whole value, in all texts, or nothing; what the model copies is put back.
    `injection`: ``escalate`` sends text that looks like an attack to a person, ``classify`` also what a trained
    classifier takes for one (extra ``classifier``). `canary` and `leakage` refuse a reply
    that gives the instructions away.
    """

    redact: Literal["labelled", "whole", "all", "off"] = "labelled"
    injection: Literal["off", "escalate", "classify"] = "off"
    canary: bool = True
    leakage: bool = True


class Drift(_Part):
    """When the drift monitor alarms: over the last `window` runs, the population stability index of a field, the share of
    runs that went to a person, and the share of model answers that were refused. `baseline` is the cases of the artifact or
    the first `window` runs in the log."""

    window: int = Setting(1_000, ge=10, le=1_000_000)
    psi: float = Setting(0.25, gt=0)
    escalation: float = Setting(0.2, ge=0, le=1)
    validation_failures: float = Setting(0.2, ge=0, le=1)
    baseline: Literal["cases", "first"] = "cases"


class Step(_Part):
    """One step of `logic_requirements`, in the order of the spec.

    A function step (`deterministic_rule` or `function`) becomes one generated function. `inputs` names the fields it
    reads; `outputs` are the fields it sets. `on_null` says what a null in a nullable input means: ``escalate``
    (a person decides; the default) or ``handle`` (the rule says what to do and the function receives None).

    A bounded step asks `model`, then its `fallback`, then a person; `cache` keeps valid answers for the same question.
    A hybrid step takes each output from the function outputs that `candidates` names for it, where their agreement was
    right in at least `precision` of the held-out cases; other fields come from `otherwise`: a model, or a person. Values
    of outputs in `recall` recur: one that labelled cases have is taken in their spelling, and trusted by itself.
    """

    step: Name
    type: Literal["deterministic_rule", "function", "bounded_invocation", "hybrid", "module", "human_review"]
    intent: str = ""
    logic: str = ""
    table: Table | None = None
    clauses: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    outputs: tuple[Field, ...] = ()
    on_null: Literal["escalate", "handle"] = "escalate"
    when: str | None = None
    validation: tuple[str, ...] = ()
    retries: int = Setting(1, ge=0, le=10)
    model: str | None = None
    max_tokens: int = Setting(1_000, ge=1, le=100_000)
    fallback: tuple[Rung | Literal["human"], ...] = ()
    budget: Budget = Budget()
    cache: bool = False
    gates: Gates = Gates()
    candidates: Mapping[str, tuple[str, ...]] = Setting(default_factory=dict)
    precision: float = Setting(0.99, gt=0, lt=1)
    otherwise: Literal["human", "model"] = "human"
    recall: tuple[str, ...] = ()
    module: ModuleName | None = None
    with_: Mapping[str, Any] = Setting(default_factory=dict, alias="with")

    @property
    def is_function(self) -> bool:
        """True for the steps that a model writes a function for."""
        return self.type in ("deterministic_rule", "function")

    @property
    def is_table(self) -> bool:
        """True for a function step that its table says all of: its function is written without a model."""
        return self.is_function and self.table is not None and not self.logic.strip()

    @property
    def text(self) -> str:
        """Everything the step says in words."""
        return "\n".join(part for part in (self.intent.strip(), self.logic.rstrip()) if part)

    @model_validator(mode="before")
    @classmethod
    def _spellings(cls, raw: Any) -> Any:
        if not isinstance(raw, Mapping):
            return raw
        raw = dict(raw)
        if "schema" in raw:
            raw["outputs"] = raw.pop("schema")
        if "outputs" in raw:
            raw["outputs"] = fields_from(raw["outputs"])
        return raw


class Case(_Part):
    """An input and what must come of it. `expected` may name some of the outputs only; `answered` names outputs that must
    not be null, whatever their values, where nobody wrote these down. `steps` gives the outputs of the steps that no
    function computes (bounded, module, human). `escalates` says whether the run must end with a
    person; where it does, `expected` is compared with what the workflow proposes. `place` is where it was written.
    """

    id: str
    input: Mapping[str, Any]
    expected: Mapping[str, Any] = Setting(default_factory=dict)
    answered: tuple[str, ...] = ()
    steps: Mapping[str, Mapping[str, Any]] = Setting(default_factory=dict)
    escalates: bool | None = None
    held_out: bool = False
    note: str = ""
    place: str = ""

    def null_in_one(self, other: Case) -> tuple[str, ...]:
        """The outputs that one of two cases expects to be null, and the other says are not."""
        sides = ((self, other), (other, self))
        return tuple(
            name
            for one, twin in sides
            for name in one.answered
            if name in twin.expected and twin.expected[name] is None
        )

    def to_json(self) -> dict[str, Any]:
        """The case as it is stored in an artifact."""
        return {
            "id": self.id,
            "input": to_plain(self.input),
            "expected": to_plain(self.expected),
            **({"answered": list(self.answered)} if self.answered else {}),
            "steps": to_plain(self.steps),
            "escalates": self.escalates,
            "held_out": self.held_out,
            "note": self.note,
        }


class Scorer(_Part):
    """How an output field is compared. `tolerance` is absolute, in the field's unit, for ``numeric``."""

    scorer: ScorerName = "exact"
    tolerance: str = "0"

    @model_validator(mode="before")
    @classmethod
    def _short(cls, raw: Any) -> Any:
        return {"scorer": raw} if isinstance(raw, str) else raw

    @field_validator("tolerance", mode="before")
    @classmethod
    def _amount(cls, raw: Any) -> Any:
        text = str(raw) if isinstance(raw, int | float | Decimal) and not isinstance(raw, bool) else raw
        try:
            amount = Decimal(text)
        except (ArithmeticError, TypeError, ValueError):
            amount = Decimal("NaN")
        if not (amount.is_finite() and amount >= 0):
            raise ValueError("a tolerance is a number of zero or more, for instance 0.01")
        return text


class Thresholds(_Part):
    """What a candidate must reach. Shares are between 0 and 1; lengths are in lines.

    `mutation` says what becomes of a candidate whose cases stay below `mutation_score`, and `citations` of one with a
    return or a branch that cites no clause, or a clause that no line cites: a warning, or a refusal.
    """

    accuracy: float = Setting(1.0, ge=0, le=1)
    held_out_accuracy: float = Setting(1.0, ge=0, le=1)
    branch_coverage: float = Setting(0.8, ge=0, le=1)
    mutation_score: float = Setting(0.9, ge=0, le=1)
    mutation: Literal["warn", "refuse"] = "warn"
    citations: Literal["warn", "refuse"] = "warn"
    function_lines: int = Setting(50, ge=5, le=400)
    complexity: int = Setting(10, ge=1, le=50)


class Invariant(_Part):
    """What must hold for every input: a boolean expression over inputs and outputs, or a property offered by name.

    `builtin` is the property; `of` an output and `in` an input where it is about one; `direction` says which way
    ``monotone`` goes. `place` is where it was written.
    """

    name: Name
    holds: str = ""
    builtin: BuiltinName | None = None
    of: str | None = None
    in_: str | None = Setting(None, alias="in")
    direction: Literal["up", "down"] | None = None
    place: str = Setting("", exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _short(cls, raw: Any) -> Any:
        if isinstance(raw, Mapping) and raw.get("holds") is True:
            return {**{key: value for key, value in raw.items() if key != "holds"}, "builtin": raw.get("name")}
        return raw


class Override(_Part):
    """A guard that the owner switches off, with the reason that is recorded in every artifact."""

    rule: Literal["adverse-action"]
    reason: str = Setting(min_length=10)
    by: str = Setting(min_length=2)


class Choice(_Part):
    """Parts of the plan that the author picks instead of the orchestrator."""

    template: TemplateName | None = None
    blocks: tuple[Compliance, ...] = ()


class Spec(_Part):
    """A whole workflow. Everything that may be left out has been derived; `derived` says what, in sentences."""

    metadata: Metadata
    inputs: tuple[Field, ...] = Setting(min_length=1)
    outputs: tuple[Field, ...] = ()
    logic_requirements: tuple[Step, ...] = Setting(min_length=1)
    clauses: tuple[Clause, ...] = ()
    invariants: tuple[Invariant, ...] = ()
    cases: tuple[Case, ...] = ()
    thresholds: Thresholds = Thresholds()
    scorers: Mapping[str, Scorer] = Setting(default_factory=dict)
    overrides: tuple[Override, ...] = ()
    answers: Mapping[str, str] = Setting(default_factory=dict)
    plan: Choice = Choice()
    drift: Drift = Drift()
    derived: tuple[str, ...] = Setting((), exclude=True)

    @property
    def functions(self) -> tuple[Step, ...]:
        """The steps that a model writes a function for."""
        return tuple(step for step in self.logic_requirements if step.is_function)

    @property
    def asked(self) -> tuple[Step, ...]:
        """The function steps that are not given as tables: those a model is asked for."""
        return tuple(step for step in self.functions if not step.is_table)

    @property
    def given(self) -> tuple[Case, ...]:
        """The cases that may appear in a prompt."""
        return tuple(case for case in self.cases if not case.held_out)

    @property
    def held_out(self) -> tuple[Case, ...]:
        """The cases that never do."""
        return tuple(case for case in self.cases if case.held_out)

    def known_fields(self) -> dict[str, Field]:
        """Every field of the workflow by name: inputs, then what the steps set."""
        known = {field.name: field for field in self.inputs}
        for step in self.logic_requirements:
            known |= {field.name: field for field in step.outputs}
        return known

    def clause(self, clause_id: str) -> Clause | None:
        """The clause with this id."""
        return next((clause for clause in self.clauses if clause.id == clause_id), None)

    def digest(self) -> str:
        """SHA-256 of the resolved spec without its cases and without what is at its default."""
        return digest(
            canonical_json(self.model_dump(mode="json", exclude={"cases"}, exclude_defaults=True, by_alias=True))
        )

    def cases_digest(self) -> str:
        """SHA-256 of all cases, given and held out."""
        return digest(canonical_json([case.to_json() for case in self.cases]))

    @model_validator(mode="before")
    @classmethod
    def _spellings(cls, raw: Any) -> Any:
        if not isinstance(raw, Mapping):
            return raw
        raw = dict(raw)
        for key in ("inputs", "outputs"):
            if key in raw:
                raw[key] = fields_from(raw[key])
        if isinstance(raw.get("clauses"), Mapping):
            raw["clauses"] = [{"id": key, "text": text} for key, text in raw["clauses"].items()]
        if isinstance(raw.get("invariants"), Mapping):
            raw["invariants"] = [
                {"name": key, **(form if isinstance(form, Mapping) else {"holds": form})}
                for key, form in raw["invariants"].items()
            ]
        return raw


def adverse_outputs(spec: Spec) -> tuple[Field, ...]:
    """The outputs whose adverse values need a person: those under the guard that nobody has overridden."""
    if ADVERSE_COMPLIANCE not in (*spec.metadata.compliance, *spec.plan.blocks):
        return ()
    if any(override.rule == "adverse-action" for override in spec.overrides):
        return ()
    return tuple(field for field in spec.outputs if field.adverse)


# ---- reading -----------------------------------------------------------------------------------------------------


def load_spec(path: str | Path) -> Spec:
    """Read a spec file, and the case files it names beside it.

    Raises SpecError with ``file:line:column`` for anything that is not a complete, consistent spec.
    """
    path = Path(path)
    text = read_spec_text(path)
    try:
        return parse_spec(text, str(path), read=lambda name: read_beside(path, name))
    except SpecError as error:
        if not _is_dmn(path):
            raise
        # its places are those of the spec made of the model, which is no file
        raise SpecError(f"the model does not make a spec: {error.message}", place=str(path), hint=error.hint) from None


def read_spec_text(path: Path) -> str:
    """The text of a spec file, refused where it is absent, too large or not UTF-8; of a DMN model the spec of all its
    decisions."""
    text = _file_text(path)
    if not _is_dmn(path):
        return text
    from ingot.tables.dmn_file import spec_text

    return spec_text(text, str(path))


def _is_dmn(path: Path) -> bool:
    return path.suffix.lower() == ".dmn"


def _file_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_SPEC + 1)
    except OSError as error:
        raise SpecError(f"cannot read the spec: {error.strerror}", place=str(path)) from error
    if len(content) > LARGEST_SPEC:
        raise SpecError(
            f"the spec has more than {LARGEST_SPEC:,} bytes, which is the limit",
            place=str(path),
            hint="move cases into a file and name it: 'cases: {given: cases.jsonl}'",
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        column = error.start - (content.rfind(b"\n", 0, error.start) + 1) + 1
        raise SpecError(
            f"byte {content[error.start]:#04x} is not UTF-8",
            place=f"{path}:{line}:{column}",
            hint="save the file as UTF-8",
        ) from error


def read_beside(spec: Path, name: str) -> str:
    """The text of a file that a spec names, which must stand in the spec's folder. Raises SpecError."""
    what = "table" if name.lower().endswith((".csv", ".dmn")) else "case"
    target = (spec.parent / name).resolve()
    if not target.is_relative_to(spec.parent.resolve()):
        raise SpecError(
            f"the {what} file {name!r} is outside the spec's folder",
            place=str(spec),
            hint="copy it beside the spec: an artifact carries its cases and tables along",
        )
    try:
        return target.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"cannot read the {what} file {name!r}: {error}", place=str(spec)) from error


def parse_spec(
    text: str,
    name: str = "spec.yaml",
    *,
    read: Callable[[str], str] | None = None,
    cases: Sequence[Mapping[str, Any]] | None = None,
) -> Spec:
    """A complete `Spec` from YAML text.

    `name` stands in error places. `read` returns the text of a case or table file named by the spec. `cases`, where given,
    stands in place of the spec's own cases (an artifact keeps them apart). Raises SpecError.
    """
    if len(text) > LARGEST_SPEC:
        raise SpecError(f"the spec has {len(text):,} characters; {LARGEST_SPEC:,} is the limit", place=f"{name}:1:1")
    tree, place = read_yaml(text, name)
    if not isinstance(tree, Mapping):
        raise SpecError(
            "a spec is a mapping with metadata, inputs and logic_requirements",
            place=f"{name}:1:1",
            hint="start with 'metadata:'; 'ingot init' writes a complete one",
        )
    raw = _with_table_files(tree, read, place)
    written = raw.pop("cases", None)
    if "cases" in tree and cases is None:
        _check_written_cases(written, place)
    try:
        spec = _resolve(Spec.model_validate(raw), place)
    except ValidationError as error:
        raise _spec_error(error.errors(), place, tree) from None
    except RecursionError:
        raise SpecError("fields are nested too deeply", place=f"{name}:1:1", hint="flatten them") from None
    rows = _case_rows(written, place, read) if cases is None else [(row, place.fixed(("cases",))) for row in cases]
    return spec.model_copy(update={"cases": _cases(spec, rows)})


def _with_table_files(tree: Mapping[str, Any], read: Callable[[str], str] | None, place: Place) -> dict[str, Any]:
    from ingot.tables.inline import with_files

    return with_files(tree, read, place)


def self_contained_text(path: Path) -> str:
    """The text of a spec file with the tables that it names in other files written into it."""
    from ingot.tables.inline import self_contained

    return self_contained(read_spec_text(path), lambda name: read_beside(path, name))


def _only_keys(mapping: Mapping[str, Any], allowed: tuple[str, ...], place: Place, path: tuple[Any, ...]) -> None:
    for key in mapping:
        if key not in allowed:
            raise SpecError(f"unknown key {key!r}", place=place.of((*path, key)), hint=closest(str(key), allowed))


def _check_written_cases(written: Any, place: Place) -> None:
    """The key 'cases' stands for at least one case, as a list or in the groups given and held_out."""
    if isinstance(written, Mapping):
        _only_keys(written, ("given", "held_out"), place, ("cases",))
    groups: list[tuple[tuple[str, ...], Any]] = [(("cases",), written)]
    if isinstance(written, Mapping) and written:
        groups = [(("cases", key), group) for key, group in written.items()]
    for path, group in groups:
        if not group and (group is None or isinstance(group, list | Mapping | str)):
            raise SpecError(
                f"{path[-1]!r} is empty", place=place.of(path), hint="write at least one case, or leave the key out"
            )


# ---- fields in their short forms ---------------------------------------------------------------------------------

_JSON_TYPES = {"string": "text", "number": "decimal", "integer": "integer", "boolean": "boolean", "array": "list",
               "object": "object"}  # fmt: skip


_JSON_LENGTHS = (("minLength", "min_length"), ("minItems", "min_length"),
                 ("maxLength", "max_length"), ("maxItems", "max_length"))  # fmt: skip


def fields_from(raw: Any) -> Any:
    """Fields as a list of mappings, from any accepted form: a list, a mapping of name to type, a JSON Schema."""
    if isinstance(raw, Mapping) and isinstance(raw.get("properties"), Mapping):
        required = raw.get("required", list(raw["properties"]))
        return [
            _from_json_schema(key, value, key not in required) if isinstance(value, Mapping) else {"name": key}
            for key, value in raw["properties"].items()
        ]
    if isinstance(raw, Mapping):
        return [{"name": key, **_field_form(value)} for key, value in raw.items()]
    if isinstance(raw, list | tuple):
        return [_field_form(item) if isinstance(item, Mapping) else item for item in raw]
    return raw


def _field_form(raw: Any) -> dict[str, Any]:
    """One field's settings from ``text?``, ``list of decimal`` or a mapping with the long keys."""
    if isinstance(raw, Field):
        return raw.model_dump()
    out: dict[str, Any] = {"type": raw} if not isinstance(raw, Mapping) else dict(raw)
    kind = out.get("type")
    if isinstance(kind, str):
        if kind.endswith("?"):
            kind, out["nullable"] = kind[:-1], True
        if kind.startswith("list of "):
            kind, out["items"] = "list", kind.removeprefix("list of ")
        elif kind.startswith("list[") and kind.endswith("]"):
            kind, out["items"] = "list", kind[5:-1]
        out["type"] = kind
    if "items" in out:
        out["items"] = {"name": "item", **_field_form(out["items"])}
    if "fields" in out:
        out["fields"] = fields_from(out["fields"])
    if isinstance(out.get("range"), list | tuple) and len(out["range"]) == 2:
        out["minimum"], out["maximum"] = out.pop("range")
    if isinstance(out.get("adverse"), list | tuple):
        out["adverse"] = [str(one).lower() if isinstance(one, bool) else one for one in out["adverse"]]
    return out


def _from_json_schema(name: str, schema: Mapping[str, Any], nullable: bool) -> dict[str, Any]:
    """A field from a JSON Schema property: the common keywords, everything else is an unknown key."""
    raw = dict(schema)
    kind = raw.pop("type", "string" if "enum" in raw else "object" if "properties" in raw else None)
    if isinstance(kind, list):
        nullable = nullable or "null" in kind
        kind = next((one for one in kind if one != "null"), None)
    out: dict[str, Any] = {"name": name, "nullable": nullable, "type": _JSON_TYPES.get(str(kind), kind)}
    if "enum" in raw:
        out |= {"type": "enum", "values": raw.pop("enum")}
    written = raw.pop("format", None)
    if written in ("date", "date-time", "decimal"):
        out["type"] = {"date": "date", "date-time": "datetime", "decimal": "decimal"}[written]
    if "items" in raw:
        out["items"] = _from_json_schema("item", raw.pop("items"), nullable=False)
    if "properties" in raw:
        out["fields"] = fields_from({"properties": raw.pop("properties"), "required": raw.pop("required", [])})
    raw.pop("additionalProperties", None)
    for theirs, ours in _JSON_LENGTHS:
        if theirs in raw:
            out[ours] = raw.pop(theirs)
    return out | raw


# ---- deriving what was left out ----------------------------------------------------------------------------------


def _resolve(spec: Spec, place: Place) -> Spec:
    """Fill in clauses, step outputs, step inputs and workflow outputs, and check that names hang together."""
    _unique((clause.id for clause in spec.clauses), "clause", place, ("clauses",))
    _unique((step.step for step in spec.logic_requirements), "step", place, ("logic_requirements",))
    _unique((field.name for field in spec.inputs), "input", place, ("inputs",))
    _check_fields(spec.inputs, place, ("inputs",))
    _unique((field.name for field in spec.outputs), "output", place, ("outputs",))
    _check_fields(spec.outputs, place, ("outputs",))
    notes: list[str] = []
    clauses = list(spec.clauses)
    known: dict[str, Field] = {field.name: field for field in spec.inputs}
    steps: list[Step] = []
    last_function = spec.functions[-1].step if spec.functions else None
    for number, written in enumerate(spec.logic_requirements):
        step, where = written, ("logic_requirements", number)
        _unique((field.name for field in step.outputs), "output", place, (*where, "outputs"))
        _unique(step.inputs, "input", place, (*where, "inputs"))
        _check_fields(step.outputs, place, (*where, "outputs"))
        if step.is_table:
            step = _with_row_clauses(step, spec, clauses, notes=notes, place=place, where=where)
        elif step.is_function:
            step = _with_clauses(step, spec, clauses, notes=notes, place=place, where=where)
        if not step.outputs:
            step = _with_outputs(step, spec, known, step.step == last_function, notes=notes, place=place, where=where)
        step = _with_inputs(step, known, clauses, notes=notes, place=place, where=where)
        _check_step(step, known, place, where)
        for field in step.outputs:
            if field.name in known and step.is_function:
                raise SpecError(
                    f"step {step.step!r} sets {field.name!r}, which already has a value",
                    place=place.of(where),
                    hint="give the output a name of its own",
                )
            known[field.name] = field
        steps.append(step)
    outputs = spec.outputs
    if not outputs:
        outputs = steps[-1].outputs if last_function is None else spec_function_outputs(steps)
        notes.append(f"outputs: {', '.join(field.name for field in outputs)} (those of the last rule)")
    for field in outputs:
        if field.name not in known:
            raise SpecError(
                f"no step sets the output {field.name!r}",
                place=place.of(("outputs",)),
                hint=closest(field.name, list(known)) or "add it to a step's outputs",
            )
    spec = spec.model_copy(
        update={
            "clauses": tuple(clauses),
            "logic_requirements": tuple(steps),
            "outputs": tuple(_marked_adverse(known[field.name], field) for field in outputs),
            "derived": tuple(notes),
        }
    )
    _check_asking(spec, place)
    _check_expressions(spec, known, place)
    spec = _check_invariants(spec, known, place)
    _check_names(spec, place)
    _check_scorers(spec, place)
    return spec


def spec_function_outputs(steps: Sequence[Step]) -> tuple[Field, ...]:
    """The outputs of the last function step."""
    return next(step.outputs for step in reversed(steps) if step.is_function)


def _marked_adverse(known: Field, written: Field) -> Field:
    """The output field as the step sets it, with the adverse values named or recognised by their words."""
    adverse = written.adverse or known.adverse
    if not adverse and known.type == "enum":
        adverse = tuple(value for value in known.values if value.upper().replace(" ", "_") in ADVERSE_WORDS)
    return known.model_copy(update={"adverse": adverse, "description": written.description or known.description})


def _unique(found: Iterable[str], what: str, place: Place, path: tuple[Any, ...]) -> None:
    seen: set[str] = set()
    for number, name in enumerate(found):
        if name in seen:
            raise SpecError(
                f"duplicate {what} {name!r}", place=place.of((*path, number)), hint="names must differ; rename one"
            )
        seen.add(name)


DEEPEST_FIELD = 8

_SETTINGS: Mapping[str, tuple[str, ...]] = {
    "values": ("enum",), "adverse": ("enum", "boolean"), "items": ("list",), "fields": ("object",),
    "minimum": ("integer", "decimal", "float", "date"), "maximum": ("integer", "decimal", "float", "date"),
    "places": ("decimal",), "min_length": ("text", "list"), "max_length": ("text", "list"), "pattern": ("text",),
}  # fmt: skip


def _check_fields(fields: Iterable[Field], place: Place, path: tuple[Any, ...], depth: int = 1) -> None:
    for number, field in enumerate(fields):
        here = (*path, number)
        problem = _field_problem(field)
        if depth > DEEPEST_FIELD:
            problem = (f"{field.name!r} is nested more than {DEEPEST_FIELD} levels deep", "flatten it")
        if problem:
            raise SpecError(problem[0], place=place.of(here), hint=problem[1])
        if field.type == "object":
            _unique((inner.name for inner in field.fields), "field", place, (*here, "fields"))
            _check_fields(field.fields, place, (*here, "fields"), depth + 1)
        if field.items is not None:
            _check_fields((field.items,), place, here, depth + 1)


def _field_problem(field: Field) -> tuple[str, str | None] | None:
    """What is wrong with one field on its own: a message and a hint."""
    name = repr(field.name)
    if reason := broken_spelling(field.name):
        return f"{name} cannot be a field's name: {reason}", f"rename it, for instance '{_renamed(field.name)}'"
    for setting, types in _SETTINGS.items():
        if getattr(field, setting) not in (None, ()) and field.type not in types:
            return f"{name} is of type {field.type}, which has no {setting!r}", f"{setting!r} is for {', '.join(types)}"
    if field.type == "enum" and not field.values:
        return f"enum {name} has no values", "add 'values: [A, B]'"
    if len(set(field.values)) < len(field.values):
        return f"enum {name} has a value twice", "delete one"
    possible = field.values if field.type == "enum" else ("true", "false")
    for value in field.adverse:
        if value not in possible:
            return f"{name} has no value {value!r} that could be adverse", closest(value, possible)
    if field.type == "list" and field.items is None:
        return f"list {name} has no item type", "write 'type: list of text'"
    if field.type == "float" and field.is_money:
        return f"{name} is money ({field.unit}) in binary floating point, which loses cents", "use 'type: decimal'"
    return _bounds_problem(field)


def _bounds_problem(field: Field) -> tuple[str, str | None] | None:
    name = repr(field.name)
    for setting in ("minimum", "maximum"):
        bound = getattr(field, setting)
        if bound is not None and isinstance(bound, Decimal) == (field.type == "date"):
            what = "a date as YYYY-MM-DD" if field.type == "date" else "a number"
            return f"{name} has the {setting} {str(bound)!r}, which is not {what}", f"write {what}"
        if field.type == "integer" and bound is not None and bound != int(bound):
            return f"integer {name} has the {setting} {bound}", "write a whole number"
    for setting in ("places", "min_length", "max_length"):
        if (getattr(field, setting) or 0) < 0:
            return f"{name} has a negative {setting!r}", "write 0 or more"
    if field.max_length is not None and (field.min_length or 0) > field.max_length:
        return f"{name} has min_length {field.min_length} above max_length {field.max_length}", "swap them"
    if field.minimum is not None and field.maximum is not None and field.minimum > field.maximum:  # type: ignore[operator]
        return f"{name} has minimum {field.minimum} above maximum {field.maximum}", "swap them"
    if field.pattern is not None:
        try:
            validator((field,))
        except SchemaError:
            return f"{name} has the pattern {field.pattern!r}, which is not a regular expression", (
                "look-around and back-references are not supported"
            )
    return None


def _renamed(name: str) -> str:
    """A near name that would be accepted."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", name).strip("_") or "field"
    return f"{plain if plain[0].isalpha() else 'f_' + plain}_value"[-60:]


def _check_names(spec: Spec, place: Place) -> None:
    """No field or step hides a name that the assembled program uses, and no two types share a name.

    An output that nothing reads on may have a name such as ``date``: it is never a parameter.
    """
    steps = spec.logic_requirements
    conditional = any(step.when for step in steps)
    read = {name for step in steps for name in step.inputs} | {field.name for field in spec.inputs}
    places = {field.name: ("inputs", number) for number, field in enumerate(spec.inputs)}
    for number, step in enumerate(steps):
        at = ("logic_requirements", number)
        reason = broken_spelling(step.step) or hidden_by(step.step)
        if step.step.startswith("broken_"):
            reason = "the program's own checks of validation expressions begin with 'broken_'"
        if reason:
            raise SpecError(
                f"{step.step!r} cannot be a step's name: {reason}",
                place=place.of(at),
                hint=f"rename it, for instance 'set_{step.step.strip('_')}'",
            )
        read |= {name for text in step.validation for name in expressions.names(expressions.to_python(text))}
        for inner, field in enumerate(step.outputs):
            places.setdefault(field.name, (*at, "outputs", inner))  # type: ignore[arg-type]
    for name, at in places.items():
        if any(step.step == name for step in steps):
            raise SpecError(f"step {name!r} has the name of a field", place=place.of(at), hint="rename one of the two")
        reason = hidden_by(name)
        if reason and (name in read or conditional):
            raise SpecError(
                f"{name!r} cannot be the name of a field that a rule reads: {reason}",
                place=place.of(at),
                hint=f"give it a fuller name, for instance '{_renamed(name)}'",
            )
    _check_classes(spec, place)


def _check_classes(spec: Spec, place: Place) -> None:
    """The types written for objects must not take each other's names."""
    wholes = ["class Inputs:", "class Outputs:"]
    wholes += [f"class {class_name(step.step)}Output:" for step in spec.functions if len(step.outputs) > 1]
    written = dict.fromkeys([*declarations(spec.inputs), *declarations(spec.known_fields().values())])
    seen: set[str] = set()
    for source in (*dict.fromkeys(wholes), *written):
        name = source.split("(")[0].split(":")[0].removeprefix("class ")
        if name in seen or name in PRELUDE:
            raise SpecError(
                f"two types of the program would be called {name!r}",
                place=place.of(("inputs",)),
                hint="rename the object field that the type is named after",
            )
        seen.add(name)


def _check_scorers(spec: Spec, place: Place) -> None:
    names = [field.name for field in spec.outputs]
    for name in spec.scorers:
        if name not in names:
            raise SpecError(
                f"a scorer for {name!r}, which is not an output",
                place=place.of(("scorers", name)),
                hint=closest(name, names),
            )
    for field in spec.outputs:
        stated = spec.scorers.get(field.name)
        if stated is not None and field.type not in _SCORED.get(stated.scorer, (field.type,)):
            fitting = [name for name in get_args(ScorerName) if field.type in _SCORED.get(name, (field.type,))]
            raise SpecError(
                f"the scorer {stated.scorer!r} cannot compare {field.name!r}, which is of type {field.type}",
                place=place.of(("scorers", field.name)),
                hint=f"one of: {', '.join(fitting)}",
            )


def _with_clauses(
    step: Step, spec: Spec, clauses: list[Clause], *, notes: list[str], place: Place, where: tuple[Any, ...]
) -> Step:
    """Cited clauses checked; none cited: those named in the text, else all; none in the spec: one per line."""
    _check_cited(step, clauses, place, where)
    if step.clauses:
        return step
    if spec.clauses:
        words = set(step.text.replace(",", " ").replace(".", " ").replace("(", " ").replace(")", " ").split())
        cited = tuple(clause.id for clause in spec.clauses if clause.id in words)
        return step.model_copy(update={"clauses": cited or tuple(clause.id for clause in spec.clauses)})
    lines = [line.strip() for line in step.text.splitlines() if line.strip()]
    if step.table is not None:
        lines += [" | ".join(row) for row in step.table.rows]
    if not lines:
        raise SpecError(
            f"step {step.step!r} says nothing: no intent, logic, table or clauses",
            place=place.of(where),
            hint="add 'intent:' with the rule in words",
        )
    added = [Clause(id=f"C{len(clauses) + n}", text=line) for n, line in enumerate(lines, start=1)]
    clauses += added
    notes.append(f"clauses: {added[0].id} to {added[-1].id}, one per line of {step.step!r}")
    return step.model_copy(update={"clauses": tuple(clause.id for clause in added)})


def _check_cited(step: Step, clauses: Sequence[Clause], place: Place, where: tuple[Any, ...]) -> None:
    known = {clause.id for clause in clauses}
    for clause_id in step.clauses:
        if clause_id not in known:
            raise SpecError(
                f"step {step.step!r} cites clause {clause_id!r}, which does not exist",
                place=place.of((*where, "clauses")),
                hint=closest(clause_id, sorted(known)),
            )


def _with_row_clauses(
    step: Step, spec: Spec, clauses: list[Clause], *, notes: list[str], place: Place, where: tuple[Any, ...]
) -> Step:
    """Each row of a table is a clause: R1, R2, … of the only table, R2.1, … of the second of several."""
    assert step.table is not None
    _check_cited(step, spec.clauses, place, where)
    known = {clause.id for clause in spec.clauses}
    tables = [one.step for one in spec.functions if one.is_table]
    prefix = "R" if len(tables) == 1 else f"R{tables.index(step.step) + 1}."
    added = [Clause(id=f"{prefix}{n}", text=" | ".join(row)) for n, row in enumerate(step.table.rows, start=1)]
    for clause in added:
        if clause.id in known:
            raise SpecError(
                f"{clause.id!r} is the clause of a row of the table of {step.step!r}, and a clause of the spec",
                place=place.of(("clauses",)),
                hint="rename the spec's clause",
            )
    clauses += added
    notes.append(f"clauses: {added[0].id} to {added[-1].id}, one per row of {step.step!r}")
    return step.model_copy(update={"clauses": (*step.clauses, *(clause.id for clause in added))})


def _with_outputs(
    step: Step,
    spec: Spec,
    known: Mapping[str, Field],
    is_last: bool,
    *,
    notes: list[str],
    place: Place,
    where: tuple[Any, ...],
) -> Step:
    """Outputs of a step that declares none: the workflow's for the last rule, or the outcomes of its logic."""
    if step.type in ("module", "human_review"):
        return step
    if is_last and spec.outputs:
        # what no earlier step or input provides is this step's to set
        free = tuple(field for field in spec.outputs if field.name not in known)
        if free:
            return step.model_copy(update={"outputs": free})
    values = expressions.outcomes(step.logic)
    if not values:
        raise SpecError(
            f"step {step.step!r} has no outputs and none can be derived from its logic",
            place=place.of(where),
            hint="add 'outputs:' with a name and a type, for instance 'outputs: {decision: text}'",
        )
    name = "decision" if is_last else f"{step.step}_outcome"
    notes.append(f"{step.step}.outputs: {name}, one of {', '.join(values)} (from THEN and ELSE)")
    return step.model_copy(update={"outputs": (Field(name=name, type="enum", values=values),)})


def _with_inputs(
    step: Step,
    known: Mapping[str, Field],
    clauses: Sequence[Clause],
    *,
    notes: list[str],
    place: Place,
    where: tuple[Any, ...],
) -> Step:
    """Declared inputs checked; otherwise all known fields, or those that a table or IF … THEN … ELSE logic names.

    Prose may mean a field without naming it ("members" for ``member``), so it never narrows the inputs.
    """
    for number, name in enumerate(step.inputs):
        if name not in known:
            raise SpecError(
                f"step {step.step!r} reads {name!r}, which is not an input or an earlier step's output",
                place=place.of((*where, "inputs", number)),
                hint=closest(name, list(known)),
            )
    if step.inputs:
        return step
    if step.type == "module":
        return step.model_copy(update={"inputs": tuple(name for name in known if name in _placeholders(step.with_))})
    cited = "\n".join(clause.text for clause in clauses if clause.id in step.clauses)
    words = set(re.findall(r"\w+", f"{step.text}\n{cited}"))
    if step.table is not None:
        words |= {column.partition(".")[0] for column in step.table.inputs}
        cells = "\n".join(cell for row in (*step.table.rows, step.table.default) for cell in row)
        words |= set(re.findall(r"\w+", re.sub(r"\"[^\"\n]*\"|'[^'\n]*'", " ", cells)))
    exact = step.table is not None or expressions.branches(step.logic) is not None
    named = tuple(name for name in known if name in words)
    chosen = named if named and exact and step.is_function and (not step.intent or step.is_table) else tuple(known)
    if chosen == named and len(named) < len(known):
        notes.append(f"{step.step}.inputs: {', '.join(named)} (the fields that its logic names)")
    return step.model_copy(update={"inputs": chosen})


def _placeholders(value: Any) -> set[str]:
    """The names in ``{name}`` and ``:name`` placeholders anywhere in a module step's settings."""
    if isinstance(value, Mapping):
        return set().union(*(_placeholders(inner) for inner in value.values()))
    if isinstance(value, list | tuple):
        return set().union(*(_placeholders(inner) for inner in value))
    return set(re.findall(r"(?:\{|(?<!:):)([A-Za-z_]\w*)", value)) if isinstance(value, str) else set()


def _check_step(step: Step, known: Mapping[str, Field], place: Place, where: tuple[Any, ...]) -> None:
    if step.step in known:
        raise SpecError(
            f"step {step.step!r} has the name of a field", place=place.of(where), hint="rename the step, for "
            f"instance 'set_{step.step}'"
        )  # fmt: skip
    if step.type == "module" and step.module is None:
        raise SpecError(f"module step {step.step!r} names no module", place=place.of(where), hint="add 'module:'")
    if step.type in ("bounded_invocation", "hybrid") and not step.outputs:
        raise SpecError(
            f"{step.type.split('_')[0]} step {step.step!r} has no schema",
            place=place.of(where),
            hint="add 'schema:' with its fields",
        )
    if problem := _hybrid_problem(step, known) if step.type == "hybrid" else None:
        raise SpecError(problem[0], place=place.of((*where, "candidates")), hint=problem[1])
    if step.table is not None:
        _check_table(step.table, step, known, place, (*where, "table"))
    if step.when is not None and step.is_function:
        raise SpecError(
            f"rule {step.step!r} has 'when'", place=place.of((*where, "when")), hint="write the condition in its logic"
        )
    if step.when is not None and any(not field.nullable for field in step.outputs):
        raise SpecError(
            f"step {step.step!r} is conditional, so its outputs must be nullable",
            place=place.of(where),
            hint="add '?' to their types",
        )


_ASKING = ("fallback", "budget", "cache", "gates")
_HYBRID = ("candidates", "precision", "otherwise", "recall")


def _check_asking(spec: Spec, place: Place) -> None:
    """The settings of model calls stand where a model is called, and a fallback's function can stand in for it."""
    functions = {step.step: step for step in spec.functions}
    for number, step in enumerate(spec.logic_requirements):
        at = ("logic_requirements", number)
        asks = step.type == "bounded_invocation" or (step.type == "hybrid" and step.otherwise == "model")
        unfit = [] if asks else [name for name in _ASKING if name in step.model_fields_set]
        unfit += [] if step.type == "hybrid" else [name for name in _HYBRID if name in step.model_fields_set]
        if unfit:
            hint = "it belongs to bounded steps" if unfit[0] in _ASKING else "it belongs to steps of type hybrid"
            raise SpecError(f"step {step.step!r} has {unfit[0]!r}", place=place.of((*at, unfit[0])), hint=hint)
        for nth in range(len(step.fallback)):
            problem = _rung_problem(step, nth, functions)
            if problem is not None:
                raise SpecError(problem[0], place=place.of((*at, "fallback", nth)), hint=problem[1])


def _rung_problem(step: Step, nth: int, functions: Mapping[str, Step]) -> tuple[str, str | None] | None:
    rung = step.fallback[nth]
    if rung == "human":
        last = nth == len(step.fallback) - 1
        return None if last else ("nobody is asked after a person", "write 'human' last, or leave it out")
    if rung.function is None:
        return None
    function = functions.get(rung.function)
    if function is None:
        return f"{rung.function!r} is not a function step", closest(rung.function, list(functions))
    unread = [name for name in function.inputs if name not in step.inputs]
    if unread:
        return f"{rung.function!r} reads {unread[0]!r}, which step {step.step!r} does not", "add it to its inputs"
    unset = {field.name for field in step.outputs} - {field.name for field in function.outputs}
    if unset:
        return f"{rung.function!r} does not set {min(unset)!r}", f"a fallback sets all outputs of {step.step!r}"
    return None


def _hybrid_problem(step: Step, known: Mapping[str, Field]) -> tuple[str, str | None] | None:
    """Every output has candidates: values of its own type that the step reads."""
    outputs = {field.name: field for field in step.outputs}
    if not outputs or set(step.candidates) != set(outputs):
        return f"step {step.step!r} names candidates for {sorted(step.candidates)} and sets {sorted(outputs)}", (
            "write 'candidates: {OUTPUT: [FIELD, ...]}' for each output"
        )
    for output, names in step.candidates.items():
        for name in names:
            if name not in known or name not in step.inputs:
                return f"{name!r} is not a field that step {step.step!r} reads", closest(name, list(known))
            if known[name].type != outputs[output].type:
                return f"{name!r} is {known[name].type}, {output!r} is {outputs[output].type}", "give both one type"
        if not names or len(set(names)) < len(names):
            return f"{output!r} has no candidate, or one twice", "name each field once"
    return _recall_problem(step, outputs)


def _recall_problem(step: Step, outputs: Mapping[str, Field]) -> tuple[str, str | None] | None:
    """Only texts are recalled, and none that is labelled: one case's value must not be given for another's."""
    for name in step.recall:
        if name not in outputs:
            return f"step {step.step!r} recalls {name!r}, which it does not set", closest(name, list(outputs))
        if outputs[name].type != "text" or outputs[name].sensitive is not None:
            kind = "labelled sensitive" if outputs[name].type == "text" else outputs[name].type
            return f"{name!r} is {kind} and cannot be recalled", "recall texts without a label only"
    return None


def _check_table(table: Table, step: Step, known: Mapping[str, Field], place: Place, where: tuple[Any, ...]) -> None:
    """Columns are known fields that the step reads and sets, and every row has a cell for each."""
    outputs = [field.name for field in step.outputs]
    items = step.outputs[0].items if len(step.outputs) == 1 else None
    if table.aggregate == "list" and items is not None and items.type == "object":
        outputs = [field.name for field in items.fields]
    for key, columns, allowed in (("inputs", table.inputs, step.inputs), ("outputs", table.outputs, outputs)):
        _unique(columns, "column", place, (*where, key))
        for number, column in enumerate(columns):
            if (column.partition(".")[0] if key == "inputs" else column) not in allowed:
                reads = "reads" if key == "inputs" else "sets"
                raise SpecError(
                    f"the table's column {column!r} is not a field that step {step.step!r} {reads}",
                    place=place.of((*where, key, number)),
                    hint=closest(column, list(known) if key == "inputs" else outputs),
                )
    width = len(table.inputs) + len(table.outputs)
    for number, row in enumerate(table.rows):
        if len(row) != width:
            raise SpecError(
                f"row {number + 1} of the table has {len(row)} cells for {width} columns",
                place=place.of((*where, "rows", number)),
                hint="write '-' in a cell that does not matter",
            )
    if table.default and len(table.default) != len(table.outputs):
        raise SpecError(
            f"the table's default has {len(table.default)} cells for {len(table.outputs)} outputs",
            place=place.of((*where, "default")),
            hint="write one for each output",
        )


def _check_expressions(spec: Spec, known: Mapping[str, Field], place: Place) -> None:
    """Every expression parses and names known fields only."""
    texts: list[tuple[str, tuple[Any, ...]]] = [
        (invariant.holds, ("invariants", number)) for number, invariant in enumerate(spec.invariants) if invariant.holds
    ]
    for number, step in enumerate(spec.logic_requirements):
        path = ("logic_requirements", number)
        texts += [(text, (*path, "validation", n)) for n, text in enumerate(step.validation)]
        texts += [(step.when, (*path, "when"))] if step.when else []
    for text, path in texts:
        try:
            found = expressions.names(expressions.to_python(text))
        except expressions.ExpressionError as error:
            hint = "write a comparison, for instance 'fee <= cap AND months > 0'"
            raise SpecError(str(error), place=place.of(path), hint=hint) from error
        for name in found:
            if name not in known:
                raise SpecError(
                    f"{text!r} names {name!r}, which is not a field of this workflow",
                    place=place.of(path),
                    hint=closest(name, list(known)),
                )


def _check_invariants(spec: Spec, known: Mapping[str, Field], place: Place) -> Spec:
    """The spec with the places of its invariants, each of them a boolean expression or a property of known fields."""
    _unique((invariant.name for invariant in spec.invariants), "invariant", place, ("invariants",))
    inputs, outputs = ({field.name: field for field in fields} for fields in (spec.inputs, spec.outputs))
    placed: list[Invariant] = []
    for number, one in enumerate(spec.invariants):
        at = place.of(("invariants", number))
        problem: Problem | None = None
        if (one.builtin is None) == (not one.holds):
            problem = (
                f"invariant {one.name!r} says nothing",
                "write an expression, or name a property: 'totality: true'",
            )
            if one.builtin is not None:
                problem = f"invariant {one.name!r} has 'holds' and 'builtin'", "keep one of the two"
        elif one.builtin is not None:
            problem = builtin_problem(one.builtin, one.of, one.in_, one.direction, inputs, outputs)
        elif one.of or one.in_ or one.direction:
            problem = (
                f"invariant {one.name!r} is an expression, which has no 'of', 'in' or 'direction'",
                "leave them out",
            )
        else:
            problem = expression_problem(expressions.to_python(one.holds), known)
        if problem is not None:
            raise SpecError(problem[0], place=at, hint=problem[1])
        placed.append(one.model_copy(update={"place": at}))
    return spec.model_copy(update={"invariants": tuple(placed)}) if placed else spec


def stating(spec: Spec, invariants: Iterable[tuple[Mapping[str, Any], str]]) -> Spec:
    """The spec with these invariants in place of its own, checked as if they stood in it; each comes with its place.

    Raises SpecError.
    """
    found: list[Invariant] = []
    for row, where in invariants:
        try:
            one = Invariant.model_validate(row)
        except ValidationError as error:
            first = error.errors()[0]
            raise SpecError(f"{first['input']!r}: {first['msg']}", place=where, hint="see docs/spec.md") from error
        asked = spec.model_copy(update={"invariants": (one,), "logic_requirements": ()})
        try:
            _check_expressions(asked, spec.known_fields(), Place(None, where))
            (checked,) = _check_invariants(asked, spec.known_fields(), Place(None, where)).invariants
        except SpecError as error:
            raise SpecError(error.message, place=where, hint=error.hint) from error
        found.append(checked.model_copy(update={"place": where}))
    return spec.model_copy(update={"invariants": tuple(found)})


# ---- cases -------------------------------------------------------------------------------------------------------

_Locate = Callable[[tuple[Any, ...]], str]


def _case_rows(
    written: Any, place: Place, read: Callable[[str], str] | None
) -> list[tuple[Mapping[str, Any], _Locate]]:
    """Each written case with a function that finds the place of a path inside it."""
    if written is None:
        return []
    if not isinstance(written, Mapping):
        return _inline(written, place, ("cases",), None)
    rows: list[tuple[Mapping[str, Any], _Locate]] = []
    for key, group in written.items():
        held_out = key == "held_out"
        if isinstance(group, str):
            rows += _from_file(group, held_out, read, place.of(("cases", key)))
        else:
            rows += _inline(group, place, ("cases", key), held_out)
    return rows


def _inline(
    group: Any, place: Place, path: tuple[Any, ...], held_out: bool | None
) -> list[tuple[Mapping[str, Any], _Locate]]:
    if not isinstance(group, list | tuple):
        raise SpecError("cases are a list", place=place.of(path))
    rows: list[tuple[Mapping[str, Any], _Locate]] = []
    for number, row in enumerate(group):
        if not isinstance(row, Mapping):
            raise SpecError("a case is a mapping with input and expected", place=place.of((*path, number)))
        marked = dict(row) if held_out is None else {**row, "held_out": held_out}
        rows.append((marked, place.fixed((*path, number))))
    return rows


def _from_file(
    name: str, held_out: bool, read: Callable[[str], str] | None, where: str
) -> list[tuple[Mapping[str, Any], _Locate]]:
    if read is None:
        raise SpecError(f"the case file {name!r} cannot be read here", place=where)
    try:
        text = read(name)
    except SpecError as error:
        raise SpecError(error.message, place=where, hint=error.hint) from error
    if name.endswith((".yaml", ".yml")):
        tree, place = read_yaml(text, name)
        return _inline(tree, place, (), held_out)
    rows: list[tuple[Mapping[str, Any], _Locate]] = []
    for number, line in enumerate(text.split("\n"), start=1):  # splitlines would also cut at U+2028 inside a text
        if not line.strip():
            continue
        try:
            row = json.loads(line, object_pairs_hook=_without_twins, parse_float=Decimal)
        except (ValueError, ArithmeticError, RecursionError) as error:
            raise SpecError(f"not JSON: {error}", place=f"{name}:{number}:1") from error
        if not isinstance(row, dict):
            raise SpecError("a case is an object with input and expected", place=f"{name}:{number}:1")
        rows.append(({**row, "held_out": held_out}, lambda path, at=f"{name}:{number}:1": at))  # type: ignore[misc]
    return rows


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _cases(spec: Spec, rows: Iterable[tuple[Mapping[str, Any], _Locate]]) -> tuple[Case, ...]:
    """Cases with values of the fields' types: a decimal written as 0.1 is a Decimal from here on."""
    inputs = validator(spec.inputs)
    outputs = {field.name: field for field in spec.outputs}
    effects = {step.step: step for step in spec.logic_requirements if not step.is_function}
    nulls = {field.name: None for field in spec.inputs if field.nullable}
    cases: list[Case] = []
    for number, (row, locate) in enumerate(rows, start=1):
        raw = {"id": f"case-{number}", **row, "place": locate(())}
        try:
            case = Case.model_validate(raw)
        except ValidationError as error:
            raise _case_error(error.errors(), locate, tuple(Case.model_fields), ()) from None
        _check_outputs(case, list(outputs), locate)
        for name in case.steps:
            if name not in effects:
                raise SpecError(
                    f"case {case.id!r} gives outputs of {name!r}, which is not a module, bounded or human step",
                    place=locate(("steps", name)),
                    hint=closest(name, list(effects)),
                )
        expected_fields = [outputs[name].model_copy(update={"nullable": True}) for name in case.expected]
        update: dict[str, Any] = {
            "input": _typed({**nulls, **case.input}, inputs, ("input",), locate, spec.inputs),
            "expected": _typed(case.expected, validator(expected_fields), ("expected",), locate, expected_fields),
            "steps": _hybrid_outputs(spec, case)
            | {
                name: _typed(values, validator(effects[name].outputs), ("steps", name), locate, effects[name].outputs)
                for name, values in case.steps.items()
            },
        }
        cases.append(case.model_copy(update=update))
    seen: set[str] = set()
    for case in cases:
        if case.id in seen:
            raise SpecError(f"duplicate case {case.id!r}", place=case.place, hint="give every case its own id")
        seen.add(case.id)
    _refuse_shown_answers(cases)
    return tuple(cases)


def _check_outputs(case: Case, outputs: Sequence[str], locate: _Locate) -> None:
    """Raise SpecError unless the case says something, and of outputs that there are."""
    named: list[tuple[str, tuple[str | int, ...]]] = [(name, ("expected", name)) for name in case.expected]
    named += [(name, ("answered", number)) for number, name in enumerate(case.answered)]
    for name, path in named:
        if name not in outputs:
            raise SpecError(
                f"case {case.id!r} expects {name!r}, which is not an output",
                place=locate(path),
                hint=closest(name, list(outputs)),
            )
    for number, name in enumerate(case.answered):
        if name in case.expected or name in case.answered[:number]:
            raise SpecError(
                f"case {case.id!r} names {name!r} twice", place=locate(("answered", number)),
                hint="'answered' is for outputs whose values 'expected' does not state",
            )  # fmt: skip
    if not (case.expected or case.answered) and case.escalates is None:
        raise SpecError(
            f"case {case.id!r} expects nothing", place=locate(()),
            hint="add 'expected:', 'answered:' or 'escalates: true'",
        )  # fmt: skip


def _refuse_shown_answers(cases: Sequence[Case]) -> None:
    """A given case is shown to the model: with the input of a held-out one, it would show that one's answer."""
    held_out = {equal_bytes([case.input, case.steps]): case for case in cases if case.held_out}
    for case in cases:
        twin = None if case.held_out else held_out.get(equal_bytes([case.input, case.steps]))
        if twin is not None:
            raise SpecError(
                f"given case {case.id!r} has the input of held-out case {twin.id!r}, whose answer the model would see",
                place=case.place,
                hint=f"remove one of them, or hold out both (the held-out one is at {twin.place})",
            )


def _hybrid_outputs(spec: Spec, case: Case) -> dict[str, Mapping[str, Any]]:
    """What hybrid steps give in a case that does not say it: what is expected of the outputs that bear their names."""
    found: dict[str, Mapping[str, Any]] = {}
    for step in spec.logic_requirements:
        names = [field.name for field in step.outputs]
        if step.type == "hybrid" and all(name in case.expected for name in names):
            written = {name: case.expected[name] for name in names}
            with contextlib.suppress(ValidationError):  # what is expected of the output is checked where it stands
                found[step.step] = validator(step.outputs).validate_python(written)
    return found


def typed_cases(
    spec: Spec, rows: Iterable[tuple[Mapping[str, Any], Callable[[tuple[Any, ...]], str]]]
) -> tuple[Case, ...]:
    """Cases of a spec from rows that stand elsewhere, each with a function that says where a path inside it is.

    Raises SpecError with that place.
    """
    return _cases(spec, rows)


def _typed(values: Any, adapter: Any, path: tuple[Any, ...], locate: _Locate, fields: Iterable[Field]) -> Any:
    try:
        return adapter.validate_python(values)
    except ValidationError as error:
        raise _case_error(error.errors(), locate, tuple(field.name for field in fields), path) from None


def _case_error(
    errors: Sequence[ErrorDetails], locate: _Locate, allowed: tuple[str, ...], path: tuple[Any, ...]
) -> SpecError:
    """One error: an unknown field first, because a misspelled one is missing too."""
    error = min(errors, key=lambda one: one["type"] != "extra_forbidden")
    where = (*path, *error["loc"])
    name = ".".join(str(part) for part in where)
    if error["type"] == "extra_forbidden":
        known = allowed if len(error["loc"]) == 1 else ()
        return SpecError(
            f"case has an unknown field {name!r}", place=locate(where), hint=closest(str(where[-1]), known)
        )
    if error["type"] == "missing":
        return SpecError(f"case lacks {name!r}", place=locate(path), hint="add it, or make the field nullable")
    return SpecError(f"case field {name!r} is {as_source(error['input'])}: {error['msg']}", place=locate(where))


# ---- errors ------------------------------------------------------------------------------------------------------

_KEYS: Mapping[str, type[BaseModel]] = {
    "metadata": Metadata, "inputs": Field, "outputs": Field, "fields": Field, "items": Field, "schema": Field,
    "logic_requirements": Step, "clauses": Clause, "invariants": Invariant, "thresholds": Thresholds,
    "scorers": Scorer, "overrides": Override, "plan": Choice, "table": Table, "gates": Gates, "budget": Budget,
    "call": Limits, "run": Limits, "fallback": Rung, "drift": Drift,
}  # fmt: skip


def _spec_error(errors: Sequence[ErrorDetails], place: Place, tree: Any) -> SpecError:
    """One precise error out of what pydantic found: unknown keys first, then the earliest in the file."""
    inner = [one for one in errors if not _has_deeper(one, errors)]
    ranked = sorted(inner, key=lambda one: (one["type"] != "extra_forbidden", place.line(one["loc"])))
    error = ranked[0]
    loc = error["loc"]
    name = next((str(part) for part in reversed(loc) if isinstance(part, str)), "spec")
    where = place.of(loc)
    if error["type"] == "extra_forbidden" and name == "range":
        return SpecError(f"{as_source(error['input'])} is not a range", place=where, hint="write [lowest, highest]")
    if error["type"] == "extra_forbidden":
        parent = next((part for part in reversed(loc[:-1]) if part in _KEYS), None)
        model = _KEYS[str(parent)] if parent else Spec
        allowed = [info.alias or key for key, info in model.model_fields.items() if not info.exclude]
        allowed += ["range"] if model is Field else ["schema"] if model is Step else []
        return SpecError(f"unknown key {name!r}", place=where, hint=closest(name, allowed))
    if error["type"] == "missing":
        at = ".".join(str(part) for part in loc[:-1]) or "the spec"
        return SpecError(f"{at} lacks {name!r}", place=place.of(loc[:-1]), hint=f"add '{name}:'")
    if error["type"] == "literal_error" and name == "type":
        step = "logic_requirements" in loc and not {"outputs", "schema"} & set(loc)
        allowed_types = list(STEP_TYPES) if step else list(_type_names())
        value = str(error["input"])
        spoken = {"string": "text", "str": "text", "number": "decimal", "int": "integer", "bool": "boolean",
                  "array": "list", "money": "decimal", "dict": "object"}  # fmt: skip
        hint = f"did you mean {spoken[value]!r}?" if value in spoken and not step else closest(value, allowed_types)
        return SpecError(f"unknown type {value!r}; a type is one of {', '.join(allowed_types)}", place=where, hint=hint)
    if error["type"] == "literal_error":
        options = str(error.get("ctx", {}).get("expected", ""))
        values = [word.strip(" '") for word in options.replace(" or ", ",").split(",")]
        return SpecError(
            f"{name!r} is {as_source(error['input'])}; it is one of {', '.join(values)}",
            place=where,
            hint=closest(str(error["input"]), values),
        )
    path = ".".join(str(part) for part in loc)
    if len(path) > 120:
        path = f"{path[:60]}…{path[-40:]}"
    value = error["input"]
    hint = None
    if error["type"] == "string_type" and isinstance(value, bool | int | Decimal):
        hint = f"YAML reads it as a {'boolean' if isinstance(value, bool) else 'number'}; put it in quotes"
    said = error["msg"].removeprefix("Value error, ")
    if error["type"] in ("list_type", "tuple_type"):
        said, hint = "it is no list", f"write [{_written(value)}]" if isinstance(value, str | int) else None
    if error["type"] in ("dict_type", "model_type"):
        said = "it is no mapping"
        hint = "write a name before each: 'capped: fee <= 75'" if "invariants" in loc else "write {key: value}"
    return SpecError(f"{path}: {_written(value)} does not fit: {said}", place=where, hint=hint)


def _written(value: Any) -> str:
    """A value as it stands in the file: numbers with a point are read as Decimal."""
    return str(value) if isinstance(value, Decimal) else as_source(value)


def _has_deeper(one: ErrorDetails, errors: Sequence[ErrorDetails]) -> bool:
    """True for an error of a list or mapping that only says that what another error is about was left out."""
    loc = one["loc"]
    return one["type"] == "too_short" and any(len(o["loc"]) > len(loc) and o["loc"][: len(loc)] == loc for o in errors)


def _type_names() -> tuple[str, ...]:
    return get_args(TypeName)


def spec_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of spec files, short forms included, for editors; every key says what it means."""
    schema = Spec.model_json_schema(by_alias=True)
    field = {"$ref": "#/$defs/Field"}
    words = "|".join(_type_names())
    shape = rf"^(list of |list\[)*({words})\??\]*\??$"
    short = {"type": "string", "pattern": shape, "description": "a type, '?' for nullable"}
    one = {"anyOf": [short, field]}
    many = {
        "anyOf": [
            {"type": "array", "items": field},
            {"type": "object", "additionalProperties": one},
            {  # a JSON Schema of an object
                "type": "object",
                "required": ["properties"],
                "properties": {"properties": {"type": "object"}, "required": {"type": "array"}},
            },
        ]
    }
    definitions = schema["$defs"]
    definitions["Field"]["properties"]["type"] = {
        "anyOf": [{"enum": list(_type_names())}, short],
        "description": "text integer decimal float boolean date datetime enum list object; '?' for nullable",
    }
    definitions["Field"]["properties"]["items"] = one
    definitions["Field"]["properties"]["fields"] = many
    definitions["Field"]["properties"]["range"] = {"type": "array", "minItems": 2, "maxItems": 2}
    definitions["Field"]["required"] = ["type"]
    definitions["Step"]["properties"] |= {"outputs": many, "schema": many}
    case_rows = {"type": "array", "items": {"$ref": "#/$defs/Case"}}
    definitions["Case"]["properties"].pop("place", None)
    definitions["Case"]["required"] = ["input"]
    amount = {"type": ["string", "number", "null"], "description": "US dollars, above zero"}
    definitions["Limits"]["properties"]["cost"] = amount
    definitions["Scorer"] = {"anyOf": [{"enum": list(get_args(ScorerName))}, definitions["Scorer"]]}
    cell = {"type": ["string", "number", "boolean", "null"]}
    definitions["Table"]["properties"]["rows"]["items"] = {"type": "array", "items": cell}
    definitions["Field"]["properties"]["adverse"]["items"] = {"type": ["string", "boolean"]}
    group = {"anyOf": [case_rows, {"type": "string"}]}
    schema["properties"] |= {
        "inputs": many,
        "outputs": many,
        "cases": {
            "anyOf": [
                case_rows,
                {"type": "object", "properties": {"given": group, "held_out": group}, "additionalProperties": False},
            ]
        },
    }
    definitions["Invariant"]["properties"].pop("place", None)
    definitions["Invariant"].pop("required", None)
    builtin = {"$ref": "#/$defs/Invariant"}
    forms: dict[str, Any] = {
        "clauses": {"type": "string"},
        "invariants": {"anyOf": [{"type": "string"}, {"const": True}, builtin]},
    }
    for key, form in forms.items():
        schema["properties"][key] = {
            "anyOf": [schema["properties"][key], {"type": "object", "additionalProperties": form}]
        }
    schema["properties"].pop("derived", None)
    from ingot.spec_words import described

    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **described(schema), "title": "Ingot spec"}

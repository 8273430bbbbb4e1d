"""Tax and benefit rules given as parameters, inputs and expected outputs, made into specs.

A folder holds ``dev.jsonl`` (or any one ``*.jsonl``), one rule a line: ``name``, ``spec`` (``label``, ``documentation``,
``inputs`` with label, type and where it has one a default, ``parameters`` as YAML texts by file) and ``cases`` (``id``,
``period``, ``input``, ``expected``, ``abs_tol``). What a spec says comes from the parameters, the inputs and its own cases
alone; a row that is set apart to be scored shapes nothing of it:

- every parameter file is a clause, with the values in force between the first and the last period;
- `period` is an input, the first day of the year or month, within the years of the cases; an input with one value in all of
  them is left out and told in the step's intent;
- a case that leaves out an input is no case, unless the input has a default: the source's system computes what it is not
  given, and nobody here knows what it came to;
- numbers become decimals, and are bounded by `LARGEST`; the tolerance is the largest that a case of the spec states;
- every third case is held out, unless it alone has an answer that no given case has; with `apart` every second of them is
  scored instead.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from ingot.errors import InputError
from ingot.evals.policy_cases import day_of, days_of, parted, span_of, value_of
from ingot.evals.policy_text import clauses, keys_of
from ingot.spec import Spec, parse_spec

FILING_STATUS = ("SINGLE", "JOINT", "SEPARATE", "HEAD_OF_HOUSEHOLD", "SURVIVING_SPOUSE")
LARGEST, LARGEST_COUNT = 100_000_000, 100
LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Policy:
    """One rule as a spec's text and its cases as rows, the held-out ones apart. `scored` are rows that are no cases, each with
    the tolerance that it states in `tolerances`."""

    name: str
    spec_text: str
    given: tuple[dict[str, Any], ...]
    held_out: tuple[dict[str, Any], ...]
    scored: tuple[dict[str, Any], ...] = ()
    tolerances: Mapping[str, Decimal] = field(default_factory=dict)

    def spec(self) -> Spec:
        """The rule as a spec with all its cases. Raises SpecError."""
        rows = [*self.given, *({**row, "held_out": True} for row in self.held_out)]
        return parse_spec(self.spec_text, f"{self.name}.yaml", cases=rows)

    def write(self, folder: Path) -> Path:
        """Write ``spec.yaml``, ``given.jsonl`` and ``held_out.jsonl`` into a folder of the rule's name."""
        target = folder / self.name
        target.mkdir(parents=True, exist_ok=True)
        (target / "spec.yaml").write_text(self.spec_text, encoding="utf-8")
        for name, rows in (("given.jsonl", self.given), ("held_out.jsonl", self.held_out)):
            lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            (target / name).write_text("".join(lines), encoding="utf-8")
        return target / "spec.yaml"


@dataclass(frozen=True, slots=True)
class Read:
    """The rules of a file that have a case left, and what was left out: `cases` of `rules` there are in all, `unstated` of
    them without an input that has no default."""

    policies: tuple[Policy, ...]
    rules: int
    cases: int
    unstated: int


def policies(path: Path, names: Collection[str] | None = None) -> tuple[Policy, ...]:
    """The rules of a file, or of the one ``*.jsonl`` in a folder; of `names` only, where given. A rule without a case that
    states every input is left out.

    Raises InputError where it is not as described.
    """
    return read_policies(path, names).policies


def read_policies(path: Path, names: Collection[str] | None = None, *, apart: bool = False) -> Read:
    """As `policies`, with what was left out; with `apart` the rows to score are set apart. Raises InputError."""
    found = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    if len(found) != 1:
        raise InputError(f"{len(found)} files of rules instead of one", place=str(path), hint="name the *.jsonl file")
    try:
        lines = found[0].read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the rules: {error}", place=str(found[0])) from None
    made, cases, unstated = [], 0, 0
    for number, line in enumerate(lines, start=1):
        if line.strip() and (read := _read(line, f"{found[0]}:{number}", names, apart)) is not None:
            made.append(read[0])
            cases, unstated = cases + read[1], unstated + read[2]
    return Read(tuple(one for one in made if one is not None), len(made), cases, unstated)


def _read(line: str, place: str, names: Collection[str] | None, apart: bool) -> tuple[Policy | None, int, int] | None:
    """The rule of a line where it has a case, with its cases and how many do not state an input; None for another name."""
    try:
        row = json.loads(line)
        if names is not None and row["name"] not in names:
            return None
        source = row["spec"]
        if not row["cases"]:
            raise ValueError("a rule has cases")
        stated = [case for case in row["cases"] if _is_stated(case, source["inputs"])]
        made = _policy(row, stated, apart) if stated else None
        return made, len(row["cases"]), len(row["cases"]) - len(stated)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"not a rule: {error!r}", place=place) from None


def _is_stated(case: Mapping[str, Any], inputs: Mapping[str, Any]) -> bool:
    return all(case["input"].get(name) is not None or "default" in about for name, about in inputs.items())


# ---- one rule ----------------------------------------------------------------------------------------------------


def _policy(row: Mapping[str, Any], usable: Sequence[Any], apart: bool) -> Policy:
    source, output = row["spec"], "answer"
    given, held_out, scored = parted(usable, apart)
    cases = [*given, *held_out]
    inputs = {
        name[:LONGEST_NAME]: _input(name, about, source["parameters"], cases)
        for name, about in source["inputs"].items()
    }
    fixed = {name: about["only"] for name, about in inputs.items() if "only" in about}
    typed = {name: about for name, about in inputs.items() if name not in fixed}
    defaults = {name[:LONGEST_NAME]: one["default"] for name, one in source["inputs"].items() if "default" in one}
    days = days_of(cases)
    period = {"type": "date", "range": list(days), "description": f"the first day of the {span_of(cases)}"}
    tolerance = max(Decimal(str(case["abs_tol"])) for case in cases)
    text = _spec_text(
        row["name"], source, {"period": period, **typed}, fixed, {output: _answer(source, cases, given)},
        span_of(cases), days, tolerance,
    )  # fmt: skip
    rows = [[_case(case, typed, fixed, defaults, output) for case in part] for part in (given, held_out, scored)]
    tolerances = {case["id"]: Decimal(str(case["abs_tol"])) for case in scored}
    return Policy(row["name"], text, tuple(rows[0]), tuple(rows[1]), tuple(rows[2]), tolerances)


def _input(name: str, about: Mapping[str, Any], parameters: Mapping[str, str], cases: Sequence[Any]) -> dict[str, Any]:
    """A field of the spec, or ``{"only": value}`` for an input that has one value everywhere."""
    values = [case["input"][name] for case in cases if name in case["input"]]
    described = {"description": about["label"]} if about.get("label") else {}
    match about.get("type"):
        case "bool":
            return {"type": "boolean", **described}
        case "Enum" | "str":
            distinct = sorted(set(map(str, values)))
            known = FILING_STATUS if name == "filing_status" else keys_of(parameters, distinct)
            every = sorted({*distinct, *known}) if len(distinct) > 1 or known else distinct
            return {"only": every[0]} if len(every) == 1 else {"type": "enum", "values": every, **described}
        case "int":
            least = 1 if name.endswith("_size") else 0
            return {"type": "integer", "range": [least, LARGEST_COUNT], **described}
        case _:
            if values and all(isinstance(value, bool) for value in values):
                return {"type": "boolean", **described}
            least = -LARGEST if any(float(value) < 0 for value in values) else 0
            return {"type": "decimal", "range": [least, LARGEST], **described}


def _answer(source: Mapping[str, Any], cases: Sequence[Any], given: Sequence[Any]) -> dict[str, Any]:
    described = {"description": source["label"]} if source.get("label") else {}
    values = [value_of(case["expected"]) for case in cases]
    if all(isinstance(value, bool) for value in values):
        return {"type": "boolean", **described}
    if all(isinstance(value, Decimal) for value in values):
        return {"type": "decimal", **described}
    return {"type": "enum", "values": sorted({str(value_of(case["expected"])) for case in given}), **described}


def _case(
    case: Mapping[str, Any],
    fields: Mapping[str, Any],
    fixed: Mapping[str, str],
    defaults: Mapping[str, Any],
    output: str,
) -> dict[str, Any]:
    """A case as a row. What is no other value in any case of the spec, but is in this one, stays: it is refused as an input."""
    expected = value_of(case["expected"])
    stated = {name[:LONGEST_NAME]: value for name, value in case["input"].items() if value is not None}
    values = {"period": day_of(case["period"])}
    for name, about in fields.items():
        values[name] = _given(stated.get(name, defaults.get(name)), about["type"])
    values |= {name: str(stated[name]) for name, only in fixed.items() if str(stated.get(name, only)) != only}
    shown = str(expected) if isinstance(expected, Decimal) else expected
    return {"id": case["id"], "input": values, "expected": {output: shown}}


def _given(value: Any, kind: str) -> Any:
    return str(value) if kind in ("decimal", "enum") else value


# ---- the text ----------------------------------------------------------------------------------------------------


def _spec_text(
    name: str,
    source: Mapping[str, Any],
    fields: Mapping[str, Any],
    fixed: Mapping[str, str],
    outputs: Mapping[str, Any],
    span: str,
    days: tuple[str, str],
    tolerance: Decimal,
) -> str:
    """The YAML, block style outside and JSON, which is YAML too, inside."""
    found = clauses(source["parameters"], days)
    always = "".join(f" {field} is always {value}." for field, value in fixed.items())
    about = f"{source.get('label') or name}. {source.get('documentation') or ''}".strip()
    intent = f"{about} For the {span} that begins at period, an amount is that of the whole {span}.{always}"
    step = {"step": name[:LONGEST_NAME], "type": "deterministic_rule", "intent": intent, "clauses": list(found),
            "inputs": list(fields), "outputs": outputs}  # fmt: skip
    parts = [
        ("metadata", {"name": name, "title": source.get("label") or name}),
        ("inputs", fields),
        ("clauses", found),
        ("outputs", outputs),
    ]
    lines = [line for key, part in parts for line in (f"{key}:", *(f"  {k}: {_json(v)}" for k, v in part.items()))]
    lines += ["logic_requirements:", f"  - {_json(step)}"]
    if next(iter(outputs.values()))["type"] == "decimal":
        scored = {next(iter(outputs)): {"scorer": "numeric", "tolerance": f"{tolerance:f}"}}
        lines += ["scorers:", *(f"  {k}: {_json(v)}" for k, v in scored.items())]
    lines += ["cases:", "  given: given.jsonl", "  held_out: held_out.jsonl"]
    return "\n".join(lines) + "\n"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)

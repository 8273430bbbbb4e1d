"""Tax and benefit rules given as parameters, inputs and expected outputs, made into specs.

A folder holds ``dev.jsonl`` (or any one ``*.jsonl``), one rule a line: ``name``, ``spec`` (``label``, ``documentation``,
``inputs`` with label and type, ``parameters`` as YAML texts by file) and ``cases`` (``id``, ``period``, ``input``,
``expected``, ``abs_tol``). What a spec says comes from the parameters, the inputs and the given cases alone:

- every parameter file is a clause, with the values in force between the first and the last period of the cases;
- `period` is an input, the first day of the year or month; an input with one value everywhere is left out and told in
  the step's intent; one that a case leaves out is 0 or false, which is what the source's system does;
- numbers become decimals, and are bounded by `LARGEST`; the tolerance is the largest that a case of the rule states;
- every third case is held out, unless it alone has an answer that no given case has.
"""

from __future__ import annotations

import ast
import json
import operator
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from ingot.errors import InputError
from ingot.evals.policy_text import clauses, keys_of
from ingot.spec import Spec, parse_spec

FILING_STATUS = ("SINGLE", "JOINT", "SEPARATE", "HEAD_OF_HOUSEHOLD", "SURVIVING_SPOUSE")
LARGEST, LARGEST_COUNT = 100_000_000, 100
LONGEST_NAME = 60
EVERY = 3


@dataclass(frozen=True, slots=True)
class Policy:
    """One rule as a spec's text and its cases as rows, the held-out ones apart."""

    name: str
    spec_text: str
    given: tuple[dict[str, Any], ...]
    held_out: tuple[dict[str, Any], ...]

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


def policies(path: Path, names: Collection[str] | None = None) -> tuple[Policy, ...]:
    """The rules of a file, or of the one ``*.jsonl`` in a folder; of `names` only, where given.

    Raises InputError where it is not as described.
    """
    found = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    if len(found) != 1:
        raise InputError(f"{len(found)} files of rules instead of one", place=str(path), hint="name the *.jsonl file")
    try:
        lines = found[0].read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the rules: {error}", place=str(found[0])) from None
    read = (_read(line, f"{found[0]}:{number}", names) for number, line in enumerate(lines, start=1) if line.strip())
    return tuple(policy for policy in read if policy is not None)


def _read(line: str, place: str, names: Collection[str] | None) -> Policy | None:
    try:
        row = json.loads(line)
        return _policy(row) if names is None or row["name"] in names else None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"not a rule: {error!r}", place=place) from None


# ---- one rule ----------------------------------------------------------------------------------------------------


def _policy(row: Mapping[str, Any]) -> Policy:
    source, cases = row["spec"], row["cases"]
    if not cases:
        raise ValueError("a rule has cases")
    inputs = {
        name[:LONGEST_NAME]: _input(name, about, source["parameters"], cases)
        for name, about in source["inputs"].items()
    }
    fixed = {name: about["only"] for name, about in inputs.items() if "only" in about}
    typed = {name: about for name, about in inputs.items() if name not in fixed}
    days = sorted(_day(case["period"]) for case in cases)
    period = {"type": "date", "range": [days[0], days[-1]], "description": f"the first day of the {_span(cases)}"}
    output = "answer"
    rows = [_case(case, typed, output) for case in cases]
    given, held_out = _split(rows, output)
    answer = _answer(source, cases, {row["expected"][output] for row in given})
    fields = {"period": period, **typed}
    tolerance = max(Decimal(str(case["abs_tol"])) for case in cases)
    text = _spec_text(
        row["name"], source, fields, fixed, {output: answer}, _span(cases), (days[0], days[-1]), tolerance
    )
    return Policy(row["name"], text, tuple(given), tuple(held_out))


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


def _answer(source: Mapping[str, Any], cases: Sequence[Any], given: set[Any]) -> dict[str, Any]:
    described = {"description": source["label"]} if source.get("label") else {}
    values = [_value(case["expected"]) for case in cases]
    if all(isinstance(value, bool) for value in values):
        return {"type": "boolean", **described}
    if all(isinstance(value, Decimal) for value in values):
        return {"type": "decimal", **described}
    return {"type": "enum", "values": sorted(map(str, given)), **described}


def _split(rows: list[dict[str, Any]], output: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Every third case is held out; a text that no given case answers comes to the given ones. Of cases with one input
    and one answer the first alone is kept: shown and held out at once, it would say nothing."""
    rows = [row for number, row in enumerate(rows) if not any(_is_again(row, one) for one in rows[:number])]
    given = [row for number, row in enumerate(rows) if number % EVERY != EVERY - 1]
    held_out = [row for number, row in enumerate(rows) if number % EVERY == EVERY - 1]
    kept: list[dict[str, Any]] = []
    for row in held_out:
        answer = row["expected"][output]
        is_known = not isinstance(answer, str) or answer in {one["expected"][output] for one in given}
        (kept if is_known or _is_number(answer) else given).append(row)
    return given, kept


def _is_again(row: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return bool(row["input"] == other["input"] and row["expected"] == other["expected"])


def _case(case: Mapping[str, Any], fields: Mapping[str, Any], output: str) -> dict[str, Any]:
    expected = _value(case["expected"])
    stated = {name[:LONGEST_NAME]: value for name, value in case["input"].items()}
    values = {"period": _day(case["period"])}
    for name, field in fields.items():
        values[name] = _given(stated.get(name), field)
    shown = str(expected) if isinstance(expected, Decimal) else expected
    return {"id": case["id"], "input": values, "expected": {output: shown}}


def _given(value: Any, field: Mapping[str, Any]) -> Any:
    if value is None:
        return {"boolean": False, "enum": field.get("values", [""])[0], "integer": 0}.get(field["type"], "0")
    return str(value) if field["type"] in ("decimal", "enum") else value


# ---- values ------------------------------------------------------------------------------------------------------

_SIGNS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def _value(expected: Any) -> Any:
    """A boolean, a Decimal, or text: ``"862 * 12"`` is worked out."""
    if isinstance(expected, bool):
        return expected
    text = str(expected)
    if not _is_number(text):
        return text
    return _worked_out(ast.parse(text, mode="eval").body, text)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[\d_.eE()+\-*/\s]*\d[\d_.eE()+\-*/\s]*", text) is not None


def _worked_out(node: ast.expr, text: str) -> Decimal:
    match node:
        case ast.BinOp(left, op, right) if type(op) in _SIGNS:
            return Decimal(_SIGNS[type(op)](_worked_out(left, text), _worked_out(right, text)))
        case ast.UnaryOp(ast.USub(), operand):
            return -_worked_out(operand, text)
        case ast.Constant(int() | float()):
            return Decimal((ast.get_source_segment(text, node) or "").replace("_", ""))
        case _:
            raise ValueError(f"{text!r} is no number")


def _day(period: Any) -> str:
    """The first day of a year (``2024``) or a month (``2024-01``)."""
    text = str(period)
    return f"{text}-01-01" if len(text) == 4 else f"{text}-01"


def _span(cases: Sequence[Any]) -> str:
    return "year" if all(len(str(case["period"])) == 4 for case in cases) else "month"


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

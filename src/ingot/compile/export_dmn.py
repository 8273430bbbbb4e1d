"""Program → DMN text, checked: what was written is read back, compiled, and told apart from the program itself.

Table steps are written as they are; a function in prose is written from its paths, where each condition is a unary test
and each output an expression of a cell. Anything else is refused with its line; nothing is approximated.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from ingot.compile.assemble import assemble, signatures
from ingot.errors import SpecError
from ingot.fields import to_plain
from ingot.program import Program, Signature
from ingot.readback.paths import paths
from ingot.readback.rows import Condition
from ingot.readback.rows import Row as Path
from ingot.runtime.sandbox import Sandbox
from ingot.spec import Spec, Step, Table
from ingot.tables.cells import show_cell, show_expression
from ingot.tables.compiled import write_tables
from ingot.tables.dmn import read
from ingot.tables.dmn_spec import Lowered, lower
from ingot.tables.dmn_write import write
from ingot.tables.parse import CellError, Scope, parse_cell, parse_expression

_OPERATORS: Mapping[type[ast.cmpop], str] = {
    ast.Lt: "< ", ast.LtE: "<= ", ast.Gt: "> ", ast.GtE: ">= ", ast.Eq: "", ast.Is: "", ast.NotEq: "!", ast.IsNot: "!",
}  # fmt: skip
_TURNED = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}
_ARITHMETIC: Mapping[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


def export_dmn(program: Program, sandbox: Sandbox) -> str:
    """The DMN text of a program's rules.

    Raises SpecError where a rule has no place in a table, or where what was written would answer otherwise: then with
    an input. Raises StageError where the check cannot be made.
    """
    from ingot.proof.apart import tell_apart

    spec = _as_tables(program)
    text = write(spec)
    again = _read_back(spec, text)
    other = assemble(again, write_tables(again, signatures(again)), program.template, program.blocks)
    apart = tell_apart(program, other, sandbox)
    if apart.verdict == "differ":
        shown = "" if apart.trial is None else f", for instance for {to_plain(apart.trial.input)}"
        raise SpecError(f"the table would not answer as the program does{shown}", hint="nothing was written")
    return text


def _as_tables(program: Program) -> Spec:
    """The spec with a table for every function step."""
    by_name = {signature.name: signature for signature in program.signatures}
    clauses = {clause.id: clause.text for clause in program.spec.clauses}
    steps = [
        step if not step.is_function or step.is_table else _tabled(step, by_name[step.step], program.logic, clauses)
        for step in program.spec.logic_requirements
    ]
    return program.spec.model_copy(update={"logic_requirements": tuple(steps)})


def _tabled(step: Step, signature: Signature, logic: str, clauses: Mapping[str, str]) -> Step:
    found = paths(logic, signature, clauses)
    if found.cut:
        raise SpecError(f"{step.step!r} has more paths than a table of it can be read", hint="nothing was written")
    rows = [_row(path, signature) for path in found.rows]
    width = {name: max(len(cells.get(name, ())) for cells, _ in rows) for name in found.params}
    columns = [name for name in found.params for _ in range(width[name])] or list(found.params[:1])
    if not columns:
        raise SpecError(f"{step.step!r} reads no field", hint="nothing was written")
    texts = []
    for cells, outputs in rows:
        left = {name: list(tests) for name, tests in cells.items()}
        inputs = [left[name].pop(0) if left.get(name) else "-" for name in columns]
        texts.append((*inputs, *(outputs[name] for name in found.outputs)))
    table = Table(hit_policy="first", inputs=tuple(columns), outputs=found.outputs, rows=tuple(texts))
    cited = tuple(", ".join(path.clauses) or "no clause" for path in found.rows)
    return step.model_copy(update={"table": table, "logic": "", "clauses": cited})


def _row(path: Path, signature: Signature) -> tuple[dict[str, list[str]], dict[str, str]]:
    """The cells of a path by field, and its outputs."""
    if path.raises or not path.exact or not set(path.outputs) >= {field.name for field in signature.outputs}:
        why = "it raises" if path.raises else "; ".join(path.notes) or "its output is not an expression"
        raise _refused(path.line, path.function, why)
    cells: dict[str, list[str]] = {}
    for condition in path.needed:
        for name, text in _tests(condition, path.function):
            cells.setdefault(name, []).append(text)
    try:
        outputs = {name: _expression(ast.parse(text, mode="eval").body) for name, text in path.outputs.items()}
    except _Unfit as unfit:
        raise _refused(path.line, path.function, str(unfit)) from None
    return cells, outputs


class _Unfit(Exception):
    """A piece of Python that the cell language has no words for."""


def _refused(line: int, function: str, why: str) -> SpecError:
    message = f"{function!r} has no place in a DMN table: {why}"
    return SpecError(message, place=f"logic.py:{line}:1", hint="nothing was written")


def _tests(condition: Condition, function: str) -> list[tuple[str, str]]:
    try:
        return _split(ast.parse(condition.source, mode="eval").body, condition.holds)
    except _Unfit as unfit:
        raise _refused(condition.line, function, str(unfit)) from None


def _split(node: ast.expr, holds: bool) -> list[tuple[str, str]]:
    """A condition as tests of fields that must all hold."""
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return _split(inner, not holds)
        case ast.BoolOp(op=op, values=values) if isinstance(op, ast.And) is holds:
            return [one for value in values for one in _split(value, holds)]
        case ast.Name(id=name):
            return [(name, "true" if holds else "false")]
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return [_compared(left, op, right, holds)]
        case ast.Compare(left=low, ops=[ast.Lt() | ast.LtE() as first, ast.Lt() | ast.LtE() as second],
                         comparators=[ast.Name(id=name), high]):  # fmt: skip
            opening, closing = "[" if isinstance(first, ast.LtE) else "(", "]" if isinstance(second, ast.LtE) else ")"
            return [(name, _signed(f"{opening}{_expression(low)}..{_expression(high)}{closing}", holds))]
    raise _Unfit(f"{ast.unparse(node)!r} is no unary test of one field")


def _compared(left: ast.expr, op: ast.cmpop, right: ast.expr, holds: bool) -> tuple[str, str]:
    if not isinstance(left, ast.Name) and isinstance(right, ast.Name):
        left, op, right = right, _TURNED.get(type(op), type(op))(), left
    if not isinstance(left, ast.Name):
        raise _Unfit(f"{ast.unparse(left)!r} is computed, and a column tests a field")
    if isinstance(op, ast.In | ast.NotIn) and isinstance(right, ast.Tuple | ast.List | ast.Set):
        text = ", ".join(_expression(one) for one in right.elts)
        return left.id, _signed(text, holds is isinstance(op, ast.In))
    if type(op) not in _OPERATORS:
        raise _Unfit(f"{ast.unparse(left)!r} is compared in a way that a cell does not know")
    mark, text = _OPERATORS[type(op)], _expression(right)
    return (left.id, _signed(text, not holds)) if mark == "!" else (left.id, _signed(mark + text, holds))


def _signed(text: str, holds: bool) -> str:
    return text if holds else f"not({text})"


def _expression(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=None):
            return "null"
        case ast.Constant(value=bool() as value):
            return "true" if value else "false"
        case ast.Constant(value=int() as value):
            return str(value)
        case ast.Constant(value=str() as value) if '"' not in value and "\\" not in value:
            return f'"{value}"'
        case ast.Call(func=ast.Name(id="Decimal"), args=[ast.Constant(value=str() | int() as value)], keywords=[]):
            return str(value)
        case ast.Call(func=ast.Name(id="Decimal"), args=[inner], keywords=[]):
            return _expression(inner)
        case ast.Call(func=ast.Name(id="date"), args=[ast.Constant(), ast.Constant(), ast.Constant()], keywords=[]):
            year, month, day = (int(one.value) for one in node.args)  # type: ignore[attr-defined]
            return f'date("{year:04d}-{month:02d}-{day:02d}")'
        case ast.Call(func=ast.Name(id="min" | "max" as name), args=[_, _, *_] as some, keywords=[]):
            return f"{name}({', '.join(_expression(one) for one in some)})"
        case ast.Name(id=name):
            return name
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return f"-({_expression(inner)})"
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            return f"({_expression(left)} {_ARITHMETIC[type(op)]} {_expression(right)})"
    raise _Unfit(f"{ast.unparse(node)!r} is no expression of a cell")


# ---- reading back ------------------------------------------------------------------------------------------------


def _read_back(spec: Spec, text: str) -> Spec:
    """The spec with the tables as a reader of the DMN text gets them."""
    model = read(text, "export.dmn")
    made = lower(model, [one.name for one in model.decisions])
    names = {ident: name for name, ident in made.inputs.items()}
    for name, where in made.outputs.items():
        names |= {where: name} if isinstance(where, str) else {ident: key for key, ident in where.items()}
    steps = [
        step if not step.is_function else step.model_copy(update={"table": _table(step, made, names)})
        for step in spec.logic_requirements
    ]
    return spec.model_copy(update={"logic_requirements": tuple(steps)})


def _table(step: Step, made: Lowered, names: Mapping[str, str]) -> Table:
    wanted = {field.name for field in step.outputs}
    read: Mapping[str, Any] = next(
        one["table"] for one in made.steps if {names[field["name"]] for field in one["outputs"]} == wanted
    )
    width = len(read["inputs"])
    scope = Scope(names)
    try:
        rows = tuple(
            tuple(
                show_cell(parse_cell(text, scope)) if n < width else show_expression(parse_expression(text, scope))
                for n, text in enumerate(row)
            )
            for row in read["rows"]
        )
        default = tuple(show_expression(parse_expression(text, scope)) for text in read.get("default", ()))
    except CellError as error:
        raise SpecError(f"what was written for {step.step!r} cannot be read back: {error}") from None
    return Table(
        hit_policy=read["hit_policy"], aggregate=read["aggregate"], inputs=tuple(names[one] for one in read["inputs"]),
        outputs=tuple(names[one] for one in read["outputs"]), rows=rows, default=default,
    )  # fmt: skip

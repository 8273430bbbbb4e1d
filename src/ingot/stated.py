"""What is wrong with a stated invariant on its face: not boolean, a division by zero, a property about the wrong field."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Literal

from ingot.fields import Field, walk

BuiltinName = Literal[
    "totality",
    "determinacy",
    "monotone",
    "reachable",
    "no_automatic_denial",
    "null_never_false",
    "output_range",
    "unit_consistency",
]
ORDERED = ("integer", "decimal", "float", "date")
Problem = tuple[str, str]
"""A message and what to do next."""


def expression_problem(source: str, known: Mapping[str, Field]) -> Problem | None:
    """What keeps a Python expression from being an invariant."""
    tree = ast.parse(source, mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.FloorDiv | ast.Mod) and _zero(node.right):
            return f"{ast.unparse(node)!r} divides by zero", "divide by something else, or multiply"
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            problem = _comparison_problem(node.left, node.ops[0], node.comparators[0], known)
            if problem is not None:
                return problem
    if not _is_boolean(tree.body, known):
        return f"{source!r} is not boolean", "compare it with something, for instance 'fee >= 0'"
    return None


_LITERALS: Mapping[str, tuple[type, ...]] = {
    "text": (str,), "enum": (str,), "integer": (int, float), "decimal": (int, float), "float": (int, float),
    "boolean": (bool,), "date": (str,),
}  # fmt: skip
"""The literals that values of a type are compared with; expressions write dates as text."""


def _comparison_problem(
    left: ast.expr, operator: ast.cmpop, right: ast.expr, known: Mapping[str, Field]
) -> Problem | None:
    """A field compared with a literal that it can never be."""
    match (left, right) if isinstance(left, ast.Name) else (right, left):
        case (ast.Name(id=name), ast.Constant(value=value)) if name in known and value is not None:
            field = known[name]
        case _:
            return None
    ordered = isinstance(operator, ast.Lt | ast.LtE | ast.Gt | ast.GtE)
    if ordered and field.type not in ORDERED:
        return f"{name!r} is of type {field.type}, which has no order", "compare it with = or IN"
    kinds = _LITERALS.get(field.type)
    if kinds is not None and type(value) not in kinds:
        return f"{name!r} is of type {field.type} and is never {value!r}", f"compare it with a {field.type}"
    if field.type == "enum" and isinstance(operator, ast.Eq | ast.NotEq) and value not in field.values:
        return f"{name!r} is never {value!r}", f"one of {', '.join(field.values)}"
    return None


def _zero(node: ast.expr) -> bool:
    """Whether a constant expression is zero."""
    if any(not isinstance(one, _CONSTANT) for one in ast.walk(node)):
        return False
    try:
        return bool(eval(compile(ast.Expression(node), "<constant>", "eval"), {"__builtins__": {}}) == 0)  # noqa: S307
    except (ArithmeticError, TypeError):
        return isinstance(node, ast.BinOp) and (_zero(node.right) or _zero(node.left))


_CONSTANT = (ast.Constant, ast.BinOp, ast.UnaryOp, ast.USub, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod)


def _is_boolean(node: ast.expr, known: Mapping[str, Field]) -> bool:
    match node:
        case ast.Compare() | ast.UnaryOp(op=ast.Not()) | ast.Constant(value=bool()):
            return True
        case ast.BoolOp(values=values):
            return all(_is_boolean(value, known) for value in values)
        case ast.IfExp(body=body, orelse=orelse):
            return _is_boolean(body, known) and _is_boolean(orelse, known)
        case ast.Call(func=ast.Name(id=name)):
            return name in ("all", "any")
        case ast.Name(id=name):
            return name in known and known[name].type == "boolean"
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=key)):
            inner = known[name].fields if name in known else ()
            return any(field.name == key and field.type == "boolean" for field in inner)
        case _:
            return False


def _lacks_unit(field: Field) -> bool:
    return field.type in ("integer", "decimal", "float") and field.unit is None


def builtin_problem(
    builtin: str, of: str | None, by: str | None, direction: str | None,
    inputs: Mapping[str, Field], outputs: Mapping[str, Field],
) -> Problem | None:  # fmt: skip
    """What keeps a property offered by name from being about these fields."""
    wants_by = builtin == "monotone"
    if (by is not None or direction is not None) and not wants_by:
        return f"{builtin!r} has no 'in' and no 'direction'", "leave them out"
    if of is not None and builtin not in ("monotone", "reachable"):
        return f"{builtin!r} has no 'of'", "leave it out"
    if wants_by and (of is None or by is None or direction is None):
        return "'monotone' lacks 'of', 'in' or 'direction'", "write 'of: fee, in: months, direction: up'"
    if of is not None and of not in outputs:
        return f"{of!r} is not an output", f"one of {', '.join(outputs)}"
    if by is not None and by not in inputs:
        return f"{by!r} is not an input", f"one of {', '.join(inputs)}"
    return _types_problem(builtin, of, by, inputs, outputs)


def _types_problem(
    builtin: str, of: str | None, by: str | None, inputs: Mapping[str, Field], outputs: Mapping[str, Field]
) -> Problem | None:
    if builtin == "monotone" and of is not None and by is not None:
        for name, field in ((of, outputs[of]), (by, inputs[by])):
            if field.type not in ORDERED:
                return (
                    f"{name!r} is of type {field.type}, which has no order",
                    f"'monotone' is for {', '.join(ORDERED)}",
                )
    if builtin == "reachable":
        wanted = [outputs[of]] if of is not None else list(outputs.values())
        if not any(field.type in ("enum", "boolean") for field in wanted):
            return "'reachable' finds no enum or boolean output", "name one with 'of'"
    if builtin == "unit_consistency":
        bare = [name for name, field in walk([*inputs.values(), *outputs.values()]) if _lacks_unit(field)]
        if bare:
            return f"'unit_consistency' needs a unit for {bare[0]!r}", "add 'unit: USD', or 'unit: 1' for a pure number"
    if builtin == "no_automatic_denial" and not any(field.adverse for field in outputs.values()):
        return "no output has adverse values", "add 'adverse: [DENY]' to the output"
    return None

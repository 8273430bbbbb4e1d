"""An expression as text, also where values were put in for names: an f-string may then hold what none can be written with."""

from __future__ import annotations

import ast
import copy


def written(node: ast.AST) -> str:
    """`node` as Python. An f-string that holds a backslash or another f-string inside its braces becomes a call of `format`, which
    says the same: Python before 3.12 cannot write it, and a text must not depend on the Python that wrote it."""
    if not any(isinstance(one, ast.JoinedStr) and _is_unwritable(one) for one in ast.walk(node)):
        return ast.unparse(node)
    return ast.unparse(ast.fix_missing_locations(_AsFormat().visit(copy.deepcopy(node))))


def _is_unwritable(node: ast.JoinedStr) -> bool:
    held = [one for part in node.values if isinstance(part, ast.FormattedValue) for one in ast.walk(part.value)]
    return any(
        isinstance(one, ast.JoinedStr) or (isinstance(one, ast.Constant) and "\\" in repr(one.value)) for one in held
    )


class _AsFormat(ast.NodeTransformer):
    """``f"{a:02d} {b!r}"`` as ``'{:02d} {!r}'.format(a, b)``."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        unwritable = _is_unwritable(node)
        self.generic_visit(node)
        if not unwritable:
            return node
        values: list[ast.expr] = []
        text = _template(node, values)
        return ast.Call(ast.Attribute(ast.Constant(text), "format", ast.Load()), values, [])


def _template(node: ast.JoinedStr, values: list[ast.expr]) -> str:
    """The text for `format`; what it is filled with is added to `values` in order."""
    said = []
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            values.append(part.value)
            conversion = f"!{chr(part.conversion)}" if part.conversion >= 0 else ""
            form = f":{_template(part.format_spec, values)}" if isinstance(part.format_spec, ast.JoinedStr) else ""
            said.append(f"{{{conversion}{form}}}")
        elif isinstance(part, ast.Constant):
            said.append(str(part.value).replace("{", "{{").replace("}", "}}"))
    return "".join(said)

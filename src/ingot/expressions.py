"""Boolean expressions in specs, and IF … THEN … ELSE logic.

An expression may be written as policies write it (``bmi > 10 AND bmi < 100``, ``plan IN ('A', 'B')``, ``x IS NULL``,
``age BETWEEN 18 AND 64``) or as Python does. It is turned into Python source once, checked against a short list of
node types, and from there on it is code like any other: nothing parses expressions at run time.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ingot.fields import Field

FUNCTIONS = frozenset({"len", "min", "max", "abs", "sum", "all", "any", "sorted"})
_NODES = (
    ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.BinOp, ast.Add, ast.Sub, ast.Mult,
    ast.Div, ast.FloorDiv, ast.Mod, ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In,
    ast.NotIn, ast.Is, ast.IsNot, ast.Name, ast.Load, ast.Constant, ast.IfExp, ast.Tuple, ast.List, ast.Subscript,
    ast.Call, ast.GeneratorExp, ast.comprehension, ast.Store,
)  # fmt: skip
_WORDS = {"AND": "and", "OR": "or", "NOT": "not", "IN": "in", "IS": "is", "NULL": "None", "TRUE": "True",
          "FALSE": "False", "true": "True", "false": "False", "null": "None"}  # fmt: skip


class ExpressionError(ValueError):
    """The text is not an expression; the message says where and why."""


def to_python(text: str) -> str:
    """Python source of an expression written either way.

    Raises ExpressionError for anything but comparisons, boolean and arithmetic operators, names, literals, lists
    and calls of a few pure functions.
    """
    try:
        source = _between(_implies(_respell(text)))
        tree = ast.parse(source, mode="eval")
    except (SyntaxError, tokenize.TokenError, IndentationError) as error:
        raise ExpressionError(f"{text!r} is not an expression: {error.args[0]}") from error
    for node in ast.walk(tree):
        if not isinstance(node, _NODES):
            raise ExpressionError(f"{text!r}: {type(node).__name__} is not allowed in an expression")
        if isinstance(node, ast.Call) and not (
            isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS and not node.keywords
        ):
            raise ExpressionError(f"{text!r} may call only {', '.join(sorted(FUNCTIONS))}")
    return ast.unparse(tree)


def _respell(text: str) -> str:
    """SQL spellings to Python's, token by token, so that text inside quotes stays as it is."""
    text = text.strip().replace("<>", "!=")
    out: list[str] = []
    previous = ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        word = token.string
        if token.type == tokenize.NAME:
            word = _WORDS.get(word, word)
        elif word == "=":
            word = "=="
        if token.type in (tokenize.NEWLINE, tokenize.NL, tokenize.ENDMARKER, tokenize.INDENT, tokenize.DEDENT):
            continue
        if word == "not" and previous == "is":
            out[-1] = "is not"
        else:
            out.append(word)
        previous = word
    return " ".join(out)


def _between(source: str) -> str:
    """``x BETWEEN a AND b`` to ``a <= x <= b``; both ends count, as in SQL."""
    return re.sub(r"([\w.]+) BETWEEN (-? ?[\w.]+) and (-? ?[\w.]+)", r"(\2 <= \1 <= \3)", source)


def _implies(source: str) -> str:
    """``a IMPLIES b`` to ``not (a) or (b)``, the rightmost first."""
    left, word, right = source.partition(" IMPLIES ")
    return f"not ({left}) or ({_implies(right)})" if word else source


def names(source: str) -> tuple[str, ...]:
    """The free names of a Python expression, in order of appearance, function names left out."""
    tree = ast.parse(source, mode="eval")
    bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    seen = dict.fromkeys(
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id not in bound | FUNCTIONS
    )
    return tuple(seen)


def typed(source: str, fields: Mapping[str, Field]) -> str:
    """The expression with literals of the fields' types.

    A literal compared or computed with a decimal becomes ``Decimal('…')``, with a date ``date.fromisoformat('…')``.
    """
    kinds = {fields[name].type for name in names(source) if name in fields}
    tree = ast.parse(source, mode="eval")

    class Literals(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.expr:
            if isinstance(node.value, float) and "decimal" in kinds:
                return _call("Decimal", repr(node.value))
            if isinstance(node.value, str) and "date" in kinds and re.fullmatch(r"\d{4}-\d{2}-\d{2}", node.value):
                return ast.Call(
                    ast.Attribute(ast.Name("date", ast.Load()), "fromisoformat", ast.Load()),
                    [ast.Constant(node.value)],
                    [],
                )
            return node

    return ast.unparse(ast.fix_missing_locations(Literals().visit(tree)))


def _call(name: str, text: str) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), [ast.Constant(text)], [])


# ---- IF … THEN … ELSE --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Branch:
    """One ``IF condition THEN outcome`` of a piece of logic; the last ELSE has no condition.

    `condition` is Python source, or None. `line` counts from 1 in the logic's text. `text` is the line as written.
    """

    condition: str | None
    outcome: str
    line: int
    text: str


_BRANCH = re.compile(
    r"^\s*(?:(?P<else_if>ELSE\s+IF|ELIF|ELSEIF)|(?P<if>IF))\s+(?P<condition>.+?)\s+THEN\s+(?P<outcome>.+?)\s*$|"
    r"^\s*(?:ELSE|OTHERWISE)\s*:?\s+(?P<otherwise>.+?)\s*$"
)


def branches(logic: str) -> tuple[Branch, ...] | None:
    """The branches of IF … THEN … ELSE logic, or None where the text is not wholly of that form."""
    return tuple(found) if (found := list(_branches(logic))) and None not in found else None  # type: ignore[arg-type]


def _branches(logic: str) -> Iterator[Branch | None]:
    for number, line in enumerate(logic.splitlines(), start=1):
        if not line.strip():
            continue
        match = _BRANCH.match(line)
        if match is None:
            yield None
            return
        condition = match["condition"]
        try:
            source = None if condition is None else to_python(condition)
        except ExpressionError:
            yield None
            return
        yield Branch(source, (match["outcome"] or match["otherwise"]).strip().strip("'\""), number, line.strip())


def outcomes(logic: str) -> tuple[str, ...]:
    """The distinct outcomes of IF … THEN … ELSE logic that are single words, in order; empty where it has none."""
    found = branches(logic) or ()
    values = tuple(dict.fromkeys(branch.outcome for branch in found))
    return values if all(re.fullmatch(r"[A-Za-z][\w-]*", value) for value in values) else ()

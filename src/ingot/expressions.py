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
from decimal import Decimal
from math import isfinite

from ingot.fields import Field

FUNCTIONS = frozenset({"len", "min", "max", "abs", "sum", "all", "any", "sorted"})
_NODES = (
    ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.BinOp, ast.Add, ast.Sub, ast.Mult,
    ast.Div, ast.FloorDiv, ast.Mod, ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In,
    ast.NotIn, ast.Is, ast.IsNot, ast.Name, ast.Load, ast.Constant, ast.IfExp, ast.Tuple, ast.List, ast.Subscript,
    ast.Call, ast.GeneratorExp, ast.comprehension, ast.Store,
)  # fmt: skip
_WORDS = {"AND": "and", "OR": "or", "NOT": "not", "IN": "in", "IS": "is", "NULL": "None", "TRUE": "True",
          "FALSE": "False", "true": "True", "false": "False", "null": "None",
          "between": "BETWEEN", "implies": "IMPLIES"}  # fmt: skip
_CLOSING = {"(": ")", "[": "]"}
_ENDS_OPERAND = frozenset({"and", "or", "not", "if", "else", "for", "in", "is", "is not", "==", "!=", "<", "<=", ">",
                           ">=", "BETWEEN", "IMPLIES"})  # fmt: skip
_LAYOUT = (tokenize.NEWLINE, tokenize.NL, tokenize.ENDMARKER, tokenize.INDENT, tokenize.DEDENT)
LONGEST = 4_000


class ExpressionError(ValueError):
    """The text is not an expression; the message says where and why."""


def to_python(text: str) -> str:
    """Python source of an expression written either way.

    Raises ExpressionError for anything but comparisons, boolean and arithmetic operators, names, literals, lists
    and calls of a few pure functions.
    """
    if len(text) > LONGEST:
        raise ExpressionError(f"an expression of {len(text):,} characters; {LONGEST:,} is the limit")
    try:
        tree = ast.parse(_rewrite(iter(_respell(text)), ""), mode="eval")
        _check(tree, text)
        return ast.unparse(_equality(tree, text))
    except ExpressionError:
        raise
    except (SyntaxError, tokenize.TokenError, ValueError) as error:
        raise ExpressionError(f"{text!r} is not an expression: {error.args[0]}") from error
    except (RecursionError, MemoryError) as error:
        raise ExpressionError(f"{text[:40]!r}… is nested too deeply") from error


def _check(tree: ast.Expression, text: str) -> None:
    """Only the listed nodes, calls and constants; nothing that can grow without end or hide a name."""
    if isinstance(tree.body, ast.Tuple | ast.List):
        raise ExpressionError(f"{text!r} is a list, which always counts as true")
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if not isinstance(node, _NODES):
            raise ExpressionError(f"{text!r}: {type(node).__name__} is not allowed in an expression")
        if isinstance(node, ast.Call) and not (
            isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS and not node.keywords
        ):
            raise ExpressionError(f"{text!r} may call only {', '.join(sorted(FUNCTIONS))}")
        if isinstance(node, ast.Name) and node.id in FUNCTIONS and id(node) not in called:
            raise ExpressionError(f"{text!r} names the function {node.id!r} without calling it")
        if isinstance(node, ast.Name) and (node.id.startswith("__") or node.id in _TAKEN):
            raise ExpressionError(f"{text!r}: {node.id!r} cannot be a name in an expression")
        if isinstance(node, ast.Constant) and not (
            type(node.value) in (str, int, bool, type(None)) or (type(node.value) is float and isfinite(node.value))
        ):
            raise ExpressionError(f"{text!r}: {node.value!r} is not allowed in an expression")
        if isinstance(node, ast.BinOp) and any(_is_sequence(side) for side in (node.left, node.right)):
            raise ExpressionError(f"{text!r} repeats or formats text; only numbers are computed with")
        if isinstance(node, ast.comprehension) and (node.is_async or not isinstance(node.target, ast.Name)):
            raise ExpressionError(f"{text!r}: a generator has one plain variable")


_TAKEN = frozenset({"Decimal", "date", "datetime"})


def _is_sequence(node: ast.expr) -> bool:
    return isinstance(node, ast.List | ast.Tuple) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _equality(tree: ast.Expression, text: str) -> ast.Expression:
    """``plan IS 'GOLD'`` means equality; Python's identity is kept for None, True and False only."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare):
            continue
        for number, (op, right) in enumerate(zip(node.ops, node.comparators, strict=True)):
            if not isinstance(op, ast.Is | ast.IsNot):
                continue
            if not isinstance(right, ast.Constant):
                raise ExpressionError(f"{text!r}: IS is followed by a literal; write = to compare two fields")
            if right.value is not None and not isinstance(right.value, bool):
                node.ops[number] = ast.Eq() if isinstance(op, ast.Is) else ast.NotEq()
    return tree


def _respell(text: str) -> list[str]:
    """Tokens in Python's spelling; text inside quotes stays as it is."""
    text = re.sub(r"'[^']*'|\"[^\"]*\"|<>", lambda match: "!=" if match[0] == "<>" else match[0], text.strip())
    out: list[str] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        word = token.string
        if token.type in _LAYOUT:
            continue
        if token.type == tokenize.COMMENT:  # joined to one line, it would swallow what follows
            raise ExpressionError(f"{text!r}: a comment is not allowed in an expression")
        if (
            token.type == tokenize.NUMBER
            and "." in word
            and Decimal(word.replace("_", "")) != Decimal(repr(float(word)))
        ):
            raise ExpressionError(f"{text!r}: {word} has more digits than can be kept")
        if token.type == tokenize.NAME:
            word = _WORDS.get(word, word)
        word = "==" if word == "=" else word
        if word == "not" and out and out[-1] == "is":
            out[-1] = "is not"
        else:
            out.append(word)
    return out


def _rewrite(words: Iterator[str], closing: str) -> str:
    """The words up to `closing` as Python, brackets first, so that BETWEEN and IMPLIES bind inside their own."""
    parts: list[list[str]] = [[]]
    for word in words:
        if word == closing:
            closing = ""
            break
        if word == ",":
            parts.append([])
        elif word in _CLOSING:
            inner = _rewrite(words, _CLOSING[word])
            if word == "(" and parts[-1][-1:] == ["in"] and re.fullmatch(r"'[^']*'|\"[^\"]*\"|-? ?[\d.]+", inner):
                inner += ","  # IN ('A') is a list of one; Python would look for a part of the text
            parts[-1].append(f"{word}{inner}{_CLOSING[word]}")
        else:
            parts[-1].append(word)
    if closing:
        raise ExpressionError(f"{closing!r} is missing")
    return ", ".join(_implies(part) for part in parts)


def _implies(tokens: list[str]) -> str:
    """``a IMPLIES b`` to ``not (a) or (b)``, the rightmost first; then BETWEEN."""
    if "IMPLIES" not in tokens:
        return " ".join(_between(tokens))
    at = tokens.index("IMPLIES")
    return f"(not ({' '.join(_between(tokens[:at]))}) or ({_implies(tokens[at + 1 :])}))"


def _between(tokens: list[str]) -> list[str]:
    """``x BETWEEN a AND b`` to ``(a <= x <= b)``; both ends count, as in SQL."""
    while "BETWEEN" in tokens:
        at = tokens.index("BETWEEN")
        negated = at > 0 and tokens[at - 1] == "not"
        last = at - 1 if negated else at
        first = last
        while first > 0 and tokens[first - 1] not in _ENDS_OPERAND:
            first -= 1
        if "and" not in tokens[at:]:
            raise ExpressionError("BETWEEN lacks its AND")
        middle = tokens.index("and", at)
        end = middle + 1
        while end < len(tokens) and tokens[end] not in _ENDS_OPERAND:
            end += 1
        low, value, high = (
            " ".join(part) for part in (tokens[at + 1 : middle], tokens[first:last], tokens[middle + 1 : end])
        )
        chain = f"({low} <= {value} <= {high})"
        tokens = [*tokens[:first], f"(not {chain})" if negated else chain, *tokens[end:]]
    return tokens


def names(source: str) -> tuple[str, ...]:
    """The free names of a Python expression, in order of appearance, function names left out."""
    return tuple(dict.fromkeys(_free(ast.parse(source, mode="eval"), frozenset())))


def _free(node: ast.AST, bound: frozenset[str]) -> Iterator[str]:
    """Names that no generator binds; a generator's first source is read outside of it."""
    if isinstance(node, ast.Name):
        if node.id not in bound | FUNCTIONS | _TAKEN:
            yield node.id
    elif isinstance(node, ast.GeneratorExp):
        inside = bound
        for part in node.generators:
            yield from _free(part.iter, inside)
            inside = inside | {part.target.id} if isinstance(part.target, ast.Name) else inside
            for condition in part.ifs:
                yield from _free(condition, inside)
        yield from _free(node.elt, inside)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _free(child, bound)


def typed(source: str, fields: Mapping[str, Field]) -> str:
    """The expression with literals of the fields' types.

    A literal compared or computed with a decimal becomes ``Decimal('…')``, with a date ``date.fromisoformat('…')``.
    """
    tree = ast.parse(source, mode="eval")
    known = dict(fields)
    for node in ast.walk(tree):
        if isinstance(node, ast.comprehension) and isinstance(node.target, ast.Name):
            field = _field_of(node.iter, known)
            if field and field.items:
                known[node.target.id] = field.items
    return ast.unparse(ast.fix_missing_locations(_Literals(known).visit(tree)))


class _Literals(ast.NodeTransformer):
    """Rewrites the literals of each comparison by the types of the fields in that comparison."""

    def __init__(self, known: Mapping[str, Field]) -> None:
        self._known = known
        self._kinds: frozenset[str] = frozenset()

    def visit_Expression(self, node: ast.Expression) -> ast.AST:
        self._kinds = _kinds(node, self._known)
        return self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        node.values = [self._within(value) for value in node.values]
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        outer, self._kinds = self._kinds, _kinds(node, self._known)
        self.generic_visit(node)
        self._kinds = outer
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        return node  # a key is not a value of the field's type

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        value = node.value
        if isinstance(value, float) and "decimal" in self._kinds and "float" not in self._kinds:
            return _call(ast.Name("Decimal", ast.Load()), repr(value))
        if isinstance(value, str) and "date" in self._kinds and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            return _call(ast.Attribute(ast.Name("date", ast.Load()), "fromisoformat", ast.Load()), value)
        if isinstance(value, str) and "datetime" in self._kinds and re.match(r"\d{4}-\d{2}-\d{2}", value):
            return _call(ast.Attribute(ast.Name("datetime", ast.Load()), "fromisoformat", ast.Load()), value)
        return node

    def _within(self, node: ast.expr) -> ast.expr:
        outer, self._kinds = self._kinds, _kinds(node, self._known)
        changed: ast.expr = self.visit(node)
        self._kinds = outer
        return changed


def _kinds(node: ast.AST, known: Mapping[str, Field]) -> frozenset[str]:
    """The types of the fields that an expression reads; a list counts as its items."""
    found = (_field_of(part, known) for part in ast.walk(node) if isinstance(part, ast.Name | ast.Subscript))
    return frozenset(field.items.type if field.items else field.type for field in found if field)


def _field_of(node: ast.AST, known: Mapping[str, Field]) -> Field | None:
    """The field that a name or a subscript of one stands for."""
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if not isinstance(node, ast.Subscript):
        return None
    owner = _field_of(node.value, known)
    if owner is None or owner.items:
        return owner.items if owner else None
    key = node.slice.value if isinstance(node.slice, ast.Constant) else None
    return next((field for field in owner.fields if field.name == key), None)


def _call(function: ast.expr, text: str) -> ast.Call:
    return ast.Call(function, [ast.Constant(text)], [])


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

"""Cell text → `Cell` or `Expression`. One pass over tokens; nothing is guessed from a cell that does not parse."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from ingot.tables.cells import (
    Binary,
    Call,
    Cell,
    Compare,
    Comparison,
    Expression,
    If,
    Interval,
    Literal,
    Logic,
    Negative,
    Not,
    Ref,
    Test,
    expressions_of,
    layers,
)

ANY_CELL = frozenset({"", "-", "*", "any"})
LONGEST = 1_000
DEEPEST = 20
MOST_DIGITS = 60
MOST_LAYERS = 6
FUNCTIONS = ("min", "max")
_WORDS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None}
_TOKEN = re.compile(
    r"\s*(?:(?P<text>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')|(?P<number>\d+(?:\.(?!\.)\d+)?|\.\d+)|"
    r"(?P<mark>\.\.|\*\*|<=|>=|!=|<>|[-+*/<>=()\[\],:])|(?P<word>[^\W\d]\w*(?:\.[^\W\d]\w*)*))"
)


class CellError(ValueError):
    """The text is not a cell; the message says what and at which character."""


Apply = Callable[[Sequence[tuple[str | None, Expression]]], Expression]


@dataclass(frozen=True, slots=True)
class Scope:
    """What a bare word may mean. `names` maps a name as it is written, spaces and dots included, to a field's path;
    `values` are the texts (of an enum) that may stand without quotes. `bound` are names that stand for an expression
    already read, and `functions` what a function of the model makes of its arguments, each with its name or None."""

    names: Mapping[str, str]
    values: frozenset[str] = frozenset()
    bound: Mapping[str, Expression] = field(default_factory=dict)
    functions: Mapping[str, Apply] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def parse_cell(text: str, scope: Scope) -> Cell:
    """The unary tests of an input cell. Raises CellError."""
    if text.strip().lower() in ANY_CELL:
        return Cell()
    reader = _Reader(text, scope)
    negated = reader.peek() == "not"
    if negated:
        reader.take()
        reader.expect("(")
    tests = [reader.test()]
    while reader.peek() == ",":
        reader.take()
        tests.append(reader.test())
    if negated:
        reader.expect(")")
    reader.end()
    cell = Cell(tuple(tests), negated)
    for operand in expressions_of(cell):
        _flat(operand)
    return cell


def parse_expression(text: str, scope: Scope) -> Expression:
    """The expression of an output cell. Raises CellError."""
    reader = _Reader(text, scope)
    found = reader.whole()
    reader.end()
    return _flat(found)


def _flat(expression: Expression) -> Expression:
    """The expression, unless its conditions nest: each level of them doubles what is written for it."""
    if layers(expression) > MOST_LAYERS:
        raise CellError(f"conditions inside conditions, more than {MOST_LAYERS} levels deep")
    return expression


def _tokens(text: str, scope: Scope) -> list[_Token]:
    if len(text) > LONGEST:
        raise CellError(f"a cell of {len(text):,} characters; {LONGEST:,} is the limit")
    known = _longest_first((*scope.names, *scope.values, *scope.bound, *scope.functions))
    found: list[_Token] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        start = at + len(text[at:]) - len(text[at:].lstrip())
        named = known.match(text, start) if known is not None else None
        # the longest wins, so that a name with a space or sign in it is not taken apart
        if named is not None and (match is None or named.end() >= match.end()) and text[start] not in "\"'":
            found.append(_Token("name", named[0], start))
            at = named.end()
        elif match is None:
            raise CellError(f"{text[start]!r} at character {start + 1} has no meaning in a cell")
        else:
            found.append(_Token(str(match.lastgroup), match[0].strip(), start))
            at = match.end()
    return found


def _longest_first(names: Iterable[str]) -> re.Pattern[str] | None:
    ordered = sorted({name for name in names if name.strip()}, key=len, reverse=True)
    if not ordered:
        return None
    return re.compile(rf"(?:{'|'.join(re.escape(name) for name in ordered)})(?!\w)")


class _Reader:
    """A cursor over the tokens of one cell."""

    def __init__(self, text: str, scope: Scope) -> None:
        self._text = text
        self._scope = scope
        self._tokens = _tokens(text, scope)
        self._at = 0
        self._depth = 0

    def peek(self) -> str | None:
        """The next token where it is a mark or a word."""
        token = self._tokens[self._at] if self._at < len(self._tokens) else None
        return None if token is None or token.kind in ("text", "number") else token.text

    def take(self) -> _Token:
        if self._at == len(self._tokens):
            raise CellError(f"{self._text!r} ends where a value is expected")
        self._at += 1
        return self._tokens[self._at - 1]

    def expect(self, *marks: str) -> str:
        token = self.take() if self._at < len(self._tokens) else None
        if token is None or token.kind not in ("mark", "word") or token.text not in marks:
            wanted = " or ".join(repr(mark) for mark in marks)
            raise CellError(f"{self._text!r} lacks {wanted}" + (f" before {token.text!r}" if token else " at its end"))
        return token.text

    def end(self) -> None:
        if self._at < len(self._tokens):
            token = self._tokens[self._at]
            raise CellError(f"{token.text!r} at character {token.at + 1} does not belong there")

    # ---- tests

    def test(self) -> Test:
        mark = self.peek()
        if mark in ("<", "<=", ">", ">=", "=", "!=", "<>"):
            self.take()
            return Comparison("!=" if mark == "<>" else mark, self.sum())
        if mark in ("[", "]") or (mark == "(" and self._is_interval()):
            return self._interval(self.take().text)
        low = self.sum()
        if self.peek() == "..":
            self.take()
            return Interval(low, self.sum(), True, True)
        return Comparison("=", low)

    def _is_interval(self) -> bool:
        """True where the bracket that opens here has ``..`` on its own level."""
        depth = 0
        for token in self._tokens[self._at :]:
            if token.kind != "mark":
                continue
            depth += (token.text in "([") - (token.text in ")]")
            if token.text == ".." and depth == 1:
                return True
            if depth == 0:
                return False
        return False

    def _interval(self, opening: str) -> Interval:
        low = self.sum()
        self.expect("..")
        high = self.sum()
        closing = self.expect("]", ")", "[")
        return Interval(low, high, opening == "[", closing == "]")

    # ---- expressions

    def whole(self) -> Expression:
        """An expression with all its words: ``if``, ``or``, ``and``, comparisons, then what `sum` reads."""
        if self._keyword("if"):
            self._deeper()
            condition = self.whole()
            self.expect("then")
            first = self.whole()
            self.expect("else")
            found = If(condition, first, self.whole())
            self._depth -= 1
            return found
        left = self._all()
        while self._keyword("or"):
            left = Logic("or", left, self._all())
        return left

    def _keyword(self, word: str) -> bool:
        """Take the word where it is next and no field has it as a name."""
        token = self._tokens[self._at] if self._at < len(self._tokens) else None
        found = token is not None and token.kind == "word" and token.text == word
        self._at += found
        return found

    def _all(self) -> Expression:
        left = self._compared()
        while self._keyword("and"):
            left = Logic("and", left, self._compared())
        return left

    def _compared(self) -> Expression:
        left = self.sum()
        mark = self.peek()
        if mark in ("<", "<=", ">", ">=", "=", "!=", "<>"):
            self.take()
            return Compare("!=" if mark == "<>" else mark, left, self.sum())
        return left

    def sum(self) -> Expression:
        self._deeper()
        left = self._product()
        while (mark := self.peek()) in ("+", "-"):
            self.take()
            left = Binary(str(mark), left, self._product())
        self._depth -= 1
        return left

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise CellError(f"nested more than {DEEPEST} levels deep")

    def _product(self) -> Expression:
        left = self._power()
        while (mark := self.peek()) in ("*", "/"):
            self.take()
            left = Binary(str(mark), left, self._power())
        return left

    def _power(self) -> Expression:
        left = self._sign()
        while self.peek() == "**":
            self.take()
            left = Binary("**", left, self._sign())
        return left

    def _sign(self) -> Expression:
        signs = 0
        while self.peek() == "-":
            self.take()
            signs += 1
        inner = self._atom()
        if signs % 2 and isinstance(inner, Literal) and type(inner.value) is Decimal:
            return Literal(-inner.value)
        return Negative(inner) if signs % 2 else inner

    def _atom(self) -> Expression:
        token = self.take()
        if token.kind == "number":
            if len(token.text) > MOST_DIGITS:
                raise CellError(f"a number has at most {MOST_DIGITS} digits")
            return Literal(Decimal(token.text))
        if token.kind == "text":
            return Literal(re.sub(r"\\(.)", r"\1", token.text[1:-1]))
        if token.kind == "name":
            return self._name(token)
        if token.text == "(":
            inner = self.whole()
            self.expect(")")
            return inner
        if token.kind == "word":
            return self._word(token)
        raise CellError(f"{token.text!r} at character {token.at + 1} stands where a value is expected")

    def _name(self, token: _Token) -> Expression:
        if token.text in self._scope.values:
            return Literal(token.text)
        if token.text in self._scope.functions:
            return self._scope.functions[token.text](self._named_arguments())
        bound = self._scope.bound.get(token.text)
        return Ref(self._scope.names[token.text]) if bound is None else bound

    def _named_arguments(self) -> list[tuple[str | None, Expression]]:
        self.expect("(")
        found: list[tuple[str | None, Expression]] = []
        while not found or self.peek() == ",":
            if found:
                self.take()
            label = None
            if self._at + 1 < len(self._tokens) and self._tokens[self._at + 1].text == ":":
                label = self.take().text
                self.take()
            found.append((label, self.whole()))
        self.expect(")")
        return found

    def _word(self, token: _Token) -> Expression:
        if token.text.lower() in _WORDS:
            return Literal(_WORDS[token.text.lower()])
        if self.peek() == "(":
            if token.text == "date":
                return self._date()
            if token.text == "not":
                self.take()
                inner = self.whole()
                self.expect(")")
                return Not(inner)
            if token.text in FUNCTIONS:
                return self._call(token.text)
            raise CellError(f"{token.text!r} is not a function of this cell language ({', '.join(FUNCTIONS)}, date)")
        raise CellError(f"{token.text!r} is neither a field nor a value of the column; a text stands in quotes")

    def _date(self) -> Expression:
        self.expect("(")
        token = self.take()
        self.expect(")")
        try:
            if token.kind != "text" or len(token.text) != 12:
                raise ValueError
            return Literal(date.fromisoformat(token.text[1:-1]))
        except ValueError:
            raise CellError(f'{token.text} is not a date; write date("YYYY-MM-DD")') from None

    def _call(self, name: str) -> Expression:
        self.expect("(")
        arguments = [self.whole()]
        while self.peek() == ",":
            self.take()
            arguments.append(self.whole())
        self.expect(")")
        return Call(name, tuple(arguments))

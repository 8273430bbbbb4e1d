"""A Python expression in words.

What there are no sure words for is shown as its source between CODE marks: never a guess. The marks become quotes of
code where the words are rendered; `quoted` tells how many there are. A constant text is shown in
double quotes, unless it is a single capitalised word, as enum values are.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from ingot.fields import Field
from ingot.readback.nouns import (
    code,
    constant,
    constant_words,
    decimal_words,
    is_code,
    is_fixed,
    is_number,
    is_text,
    listed,
    shown,
    starts_code,
)
from ingot.tables.room import asks_for_room

_LESS: Mapping[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("is under", "is before"), ast.LtE: ("is at most", "is on or before"),
    ast.Gt: ("is over", "is after"), ast.GtE: ("is at least", "is on or after"),
}  # fmt: skip
_OPPOSITE: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_SWAPPED: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE, ast.Eq: ast.Eq, ast.NotEq: ast.NotEq,
}  # fmt: skip
_ARITHMETIC: Mapping[type[ast.operator], str] = {
    ast.Add: "plus", ast.Sub: "minus", ast.Mult: "times", ast.Div: "divided by", ast.Pow: "to the power of",
}  # fmt: skip
_ROUNDINGS = {
    "ROUND_HALF_UP": "half up", "ROUND_HALF_EVEN": "half to even", "ROUND_FLOOR": "down", "ROUND_CEILING": "up",
}  # fmt: skip
_CALLS = {
    "abs": "without its sign", "Decimal": "as a decimal", "int": "as a whole number, without its decimals",
    "str": "as text", "sorted": "from the smallest to the largest",
}  # fmt: skip
_TEXT_CALLS = {
    "strip": "without blanks at its ends", "upper": "in capitals", "lower": "in small letters",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Words:
    """`fields` are the parameters by name; `booleans` further names that surely are true or false, `whole` those that
    surely are whole numbers, `rows` those that surely are lists or texts."""

    fields: Mapping[str, Field]
    booleans: frozenset[str] = field(default_factory=frozenset)
    whole: frozenset[str] = field(default_factory=frozenset)
    rows: frozenset[str] = field(default_factory=frozenset)

    # ---- conditions ----------------------------------------------------------------------------------------------

    def condition(self, test: ast.expr, holds: bool = True) -> str:
        """A test as something that is so; with `holds` False, as its opposite."""
        match test:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self.condition(operand, not holds)
            case ast.BoolOp(op=op, values=values):
                word = " and " if isinstance(op, ast.And) is holds else " or "
                return self.joined([(value, holds) for value in values], word)
            case ast.Compare():
                return self._compare(test, holds)
            case ast.Constant(value=bool() as value):
                return "always" if value is holds else "never"
            case ast.Call():
                return self._asked(test, holds)
        return self._truth(test, holds)

    def part(self, test: ast.expr, holds: bool = True) -> str:
        """A test as one of several: in brackets where it is several itself."""
        said = self.condition(test, holds)
        return f"({said})" if _is_several(test) else said

    def joined(self, tests: Sequence[tuple[ast.expr, bool]], word: str) -> str:
        """Tests with the same word between them; one that has this word itself is in brackets: "one of A or B" or another."""
        parts = [(self.part(test, holds), _is_several(test)) for test, holds in tests]
        alone = len(parts) == 1
        has = [word in re.sub("on or (before|after)", "", said) for said, _ in parts]
        return word.join(
            f"({said})" if within and not (several or alone) else said
            for (said, several), within in zip(parts, has, strict=True)
        )

    def _truth(self, test: ast.expr, holds: bool) -> str:
        known = self.field_of(test)
        if self.is_boolean(test):
            return f"{self.value(test)} is {'true' if holds else 'false'}"
        if known is not None and not known.nullable and known.type in ("text", "list"):
            return f"{self.value(test)} is {'not ' if holds else ''}empty"
        return f"{code(test)} {'holds' if holds else 'does not hold'}"

    def _compare(self, test: ast.Compare, holds: bool) -> str:
        if len(test.ops) > 1:
            return self._chain(test, holds)
        left, op, right = test.left, type(test.ops[0]), test.comparators[0]
        if is_fixed(left) and not is_fixed(right) and op in _SWAPPED:
            left, op, right = right, _SWAPPED[op], left
        op = op if holds else _OPPOSITE[op]
        return f"{self._operand(left)} {self._relation(left, op, right)}"

    def _chain(self, test: ast.Compare, holds: bool) -> str:
        """``low <= x < high`` as two comparisons of what stands in the middle."""
        items = [test.left, *test.comparators]
        pairs = [ast.Compare(a, [op], [b]) for a, op, b in zip(items, test.ops, items[1:], strict=False)]
        if len(pairs) == 2 and type(test.ops[0]) in _SWAPPED:
            pairs[0] = ast.Compare(items[1], [_SWAPPED[type(test.ops[0])]()], [items[0]])
        return (" and " if holds else " or ").join(self._compare(pair, holds) for pair in pairs)

    def _relation(self, left: ast.expr, op: type[ast.cmpop], right: ast.expr) -> str:
        if isinstance(right, ast.Constant) and right.value is None:
            return "is missing" if op in (ast.Is, ast.Eq) else "is known"
        if op in _LESS:
            is_date = self._is_date(left) or self._is_date(right)
            return f"{_LESS[op][is_date]} {self.beside(right, left)}"
        if op in (ast.In, ast.NotIn):
            return self._membership(op is ast.In, right)
        return f"is {'' if op in (ast.Eq, ast.Is) else 'not '}{self.beside(right, left)}"

    def _membership(self, positive: bool, right: ast.expr) -> str:
        if isinstance(right, ast.Tuple | ast.List | ast.Set) and right.elts:
            members = [self._operand(one) for one in right.elts]
            if len(members) == 1:
                return f"is {'' if positive else 'not '}{members[0]}"
            return f"is {'one' if positive else 'none'} of {listed(members, 'or' if positive else 'and')}"
        known = self.field_of(right)
        if is_text(right) or (known is not None and known.type == "text"):
            return f"{'occurs' if positive else 'does not occur'} in {self._operand(right)}"
        return f"is {'' if positive else 'not '}in {self._operand(right)}"

    def _asked(self, call: ast.Call, holds: bool) -> str:
        """A call that answers true or false."""
        match call:
            case ast.Call(
                func=ast.Attribute(value=text, attr="startswith" | "endswith" as name), args=[one], keywords=[]
            ):
                verb = {"startswith": ("begins", "begin"), "endswith": ("ends", "end")}[name]
                ends = [self._operand(part) for part in (one.elts if isinstance(one, ast.Tuple) else [one])]
                return f"{self._operand(text)} {verb[0] if holds else f'does not {verb[1]}'} with {listed(ends, 'or')}"
            case ast.Call(
                func=ast.Name(id="any" | "all" as name),
                args=[
                    ast.GeneratorExp(
                        elt=elt, generators=[ast.comprehension(target=ast.Name(id=each), iter=source, ifs=ifs)]
                    )
                ],
                keywords=[],
            ):
                where = "".join(f" where {self.condition(one)}" for one in ifs)
                every = (name == "all") is holds
                said = self.condition(elt, holds)
                return f"for {'every' if every else 'some'} {each} in {self._operand(source)}{where}, ({said})"
        return f"{code(call)} {'holds' if holds else 'does not hold'}"

    # ---- values --------------------------------------------------------------------------------------------------

    def value(self, expression: ast.expr) -> str:
        """An expression as a noun."""
        known = constant(expression)
        if known is not None:
            return shown(known)
        match expression:
            case ast.Constant(value=value):
                return constant_words(value)
            case ast.Name(id=name):
                return name
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return f"minus {self._term(operand)}"
            case ast.IfExp(test=test, body=body) if asks_for_room(expression) is test:
                return f"{self._operand(body)} (nothing where it is too large for its places)"
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return f"{self._operand(body)} if {self.condition(test)}, otherwise {self._operand(orelse)}"
            case ast.BoolOp() | ast.Compare() | ast.UnaryOp(op=ast.Not()):
                return f"whether {self.condition(expression)}" if self.is_boolean(expression) else code(expression)
            case ast.BinOp():
                return self._arithmetic(expression)
            case ast.Subscript():
                return self._item(expression)
            case ast.Attribute(value=owner, attr=attr):
                return self._attribute(expression, owner, attr)
            case ast.Call():
                return self._call(expression)
        return self._collection(expression)

    def _collection(self, expression: ast.expr) -> str:
        match expression:
            case ast.List(elts=[]) | ast.Tuple(elts=[]):
                return "an empty list"
            case ast.Dict(keys=[]):
                return "an empty table"
            case ast.List(elts=items) | ast.Tuple(elts=items) if not any(isinstance(i, ast.Starred) for i in items):
                return f"the list of {listed([self._member(one) for one in items])}"
            case ast.Dict(keys=keys, values=values) if all(is_text(key) for key in keys):
                names = [str(key.value) for key in keys if isinstance(key, ast.Constant)]
                names = [name if name.isidentifier() else constant_words(name) for name in names]
                pairs = [f"{name} {self._member(one)}" for name, one in zip(names, values, strict=True)]
                return f"an entry with {listed(pairs)}"
            case (ast.ListComp() | ast.GeneratorExp()) as made if len(made.generators) == 1:
                one = made.generators[0]
                if isinstance(one.target, ast.Name):
                    where = "".join(f" where {self.condition(test)}" for test in one.ifs)
                    return f"{self._operand(made.elt)} for each {one.target.id} in {self._operand(one.iter)}{where}"
        return code(expression)

    def apart(self, expression: ast.expr) -> str:
        """As a part of a sentence that goes on: in brackets where its 'otherwise' would seem to take the rest with it."""
        return f"({self.value(expression)})" if isinstance(expression, ast.IfExp) else self.value(expression)

    def beyond(self, outer: Words, hidden: set[str]) -> Words:
        """These words, and those that know of names from outside, but for the hidden ones."""
        known = {name: one for name, one in outer.fields.items() if name not in hidden}
        return Words(
            {**known, **self.fields},
            self.booleans | (outer.booleans - hidden),
            self.whole | (outer.whole - hidden),
            self.rows | (outer.rows - hidden),
        )

    def _operand(self, expression: ast.expr) -> str:
        """As a part of something larger: in brackets where it is made of words itself."""
        said = self.value(expression)
        simple = isinstance(expression, ast.Constant | ast.Name | ast.Attribute | ast.List | ast.Tuple)
        simple = simple or (isinstance(expression, ast.Subscript) and isinstance(expression.slice, ast.Constant))
        return said if simple or constant(expression) is not None or " " not in said or is_code(said) else f"({said})"

    def _member(self, expression: ast.expr) -> str:
        """As one of several: in brackets too where it is several itself."""
        several = isinstance(expression, ast.List | ast.Tuple) and expression.elts
        return f"({self.value(expression)})" if several else self._operand(expression)

    def beside(self, expression: ast.expr, other: ast.expr) -> str:
        """A value said of the field that `other` reads: a number has the field's unit."""
        known = self.field_of(other)
        number = constant(expression)
        counts = isinstance(number, Decimal) or is_number(expression)
        if known is not None and known.unit and counts and known.unit not in known.name:
            return f"{self.value(expression)} {known.unit}"
        return self._operand(expression)

    def _arithmetic(self, expression: ast.BinOp) -> str:
        left, op, right = expression.left, expression.op, expression.right
        if any(isinstance(side, ast.List | ast.ListComp) for side in (left, right)):
            return self._lists(expression)
        if isinstance(op, ast.Mult):
            for share, base in ((left, right), (right, left)):
                number = constant(share)
                if isinstance(number, Decimal) and 0 < number < 1 and constant(base) is None:
                    return f"{decimal_words(number, 2)} % of {self._term(base)}"
        if isinstance(op, ast.FloorDiv):
            if not (self.is_whole(left) and self.is_whole(right)):
                return code(expression)  # of decimals it goes towards zero, of whole numbers down
            return f"{self._term(left)} divided by {self._term(right)}, rounded down"
        if isinstance(op, ast.Mod) and not isinstance(left, ast.Constant):
            if not (self.is_whole(left) and self.is_whole(right)):
                return code(expression)  # of decimals it has the sign of the left, of whole numbers of the right
            return f"what is left of {self._term(left)} divided by {self._term(right)}"
        if type(op) not in _ARITHMETIC:
            return code(expression)
        same = isinstance(left, ast.BinOp) and type(left.op) is type(op) and isinstance(op, ast.Add)
        first = self.value(left) if same else self._term(left)
        return f"{first} {_ARITHMETIC[type(op)]} {self._term(right)}"

    def _term(self, expression: ast.expr) -> str:
        """As a part of a calculation: "the year of d minus 2" would be that of an earlier d."""
        said = self.value(expression)
        return said if " " not in said or is_code(said) else f"({said})"

    def _lists(self, expression: ast.BinOp) -> str:
        if isinstance(expression.op, ast.Add):
            return f"{self._operand(expression.left)} followed by {self._operand(expression.right)}"
        if isinstance(expression.op, ast.Mult) and isinstance(expression.left, ast.List):
            return f"{self._operand(expression.left)} repeated {self._operand(expression.right)} times"
        return code(expression)

    def _item(self, expression: ast.Subscript) -> str:
        owner, at = expression.value, expression.slice
        if isinstance(at, ast.Slice):
            return self._first(owner, at) or code(expression)
        place = at.operand if isinstance(at, ast.UnaryOp) and isinstance(at.op, ast.USub) else at
        if isinstance(place, ast.Constant) and isinstance(place.value, int) and not isinstance(place.value, bool):
            if place is not at:
                is_last = place.value == 1 and self.is_row(owner)
                return f"the last item of {self._operand(owner)}" if is_last else code(expression)
            return f"item {place.value + 1} of {self._operand(owner)}" if self.is_row(owner) else code(expression)
        if isinstance(at, ast.Constant) and isinstance(at.value, str):
            return f"the {at.value} of {self._operand(owner)}" if at.value.isidentifier() else code(expression)
        return f"the entry of {self._operand(owner)} for {self._operand(at)}"

    def _first(self, owner: ast.expr, part: ast.Slice) -> str | None:
        """The beginning of a list or text."""
        match part:
            case ast.Slice(lower=None, step=None, upper=ast.expr() as most) if self.is_whole(most):
                known = self.field_of(most)
                low = None if known is None else known.minimum
                sure = isinstance(most, ast.Constant) or (isinstance(low, Decimal) and low >= 0)
                below = "" if sure else " (below zero: all but so many of the last)"
                negative = isinstance(most, ast.UnaryOp)
                return None if negative else f"the first {self._operand(most)} of {self._operand(owner)}{below}"
        return None

    def _attribute(self, expression: ast.Attribute, owner: ast.expr, attr: str) -> str:
        if attr == "days" and isinstance(owner, ast.BinOp) and isinstance(owner.op, ast.Sub):
            ends = (owner.left, owner.right)
            if all(self._kind(one) == "date" for one in ends):
                return f"the days from {self._operand(owner.right)} to {self._operand(owner.left)}"
        if attr in ("year", "month", "day") and self._is_date(owner):
            return f"the {attr} of {self._operand(owner)}"
        return code(expression)

    # ---- calls ---------------------------------------------------------------------------------------------------

    def _call(self, call: ast.Call) -> str:
        said = None
        if isinstance(call.func, ast.Name):
            said = self._function(call.func.id, call)
        elif isinstance(call.func, ast.Attribute):
            said = self._method(call.func.value, call.func.attr, call)
        return said or code(call)

    def _function(self, name: str, call: ast.Call) -> str | None:
        args = call.args
        if any(isinstance(one, ast.Starred) for one in args):
            return None
        match name, args, call.keywords:
            case (("max" | "min"), [_, _, *_], []):
                which = ("larger", "largest") if name == "max" else ("smaller", "smallest")
                return f"the {which[len(args) > 2]} of {listed([self._operand(one) for one in args])}"
            case (("max" | "min"), [one], []):
                return f"the {'largest' if name == 'max' else 'smallest'} of {self._operand(one)}"
            case "sum" | "len" | "list" | "tuple", [one], []:
                what = {"sum": "sum", "len": "length"}.get(name, "list")
                return f"the {what} of {self._operand(one)}"
            case _, [one], [] if name in _CALLS:
                return f"{self._operand(one)} {_CALLS[name]}"
            case "sorted", [one], [ast.keyword(arg="reverse", value=ast.Constant(value=True))]:
                return f"{self._operand(one)} from the largest to the smallest"
            case "timedelta", [], [ast.keyword(arg=unit, value=one)] if unit in ("days", "weeks", "hours", "minutes"):
                return f"{self._operand(one)} {unit}"
            case "any" | "all", _, _:
                return f"whether {said}" if not starts_code(said := self._asked(call, True)) else None
        return None

    def _method(self, owner: ast.expr, name: str, call: ast.Call) -> str | None:
        match name, call.args, call.keywords:
            case "quantize", [step, *how], []:
                return self._rounded(owner, step, how)
            case "quantize", [step], [ast.keyword(arg="rounding", value=how)]:
                return self._rounded(owner, step, [how])
            case "get", [key], [] if isinstance(owner, ast.Name) and owner.id.isupper():
                return f"the entry of {owner.id} for {self._operand(key)} (nothing where there is none)"
            case "get", [key, other], [] if isinstance(owner, ast.Name) and owner.id.isupper():
                return f"the entry of {owner.id} for {self._operand(key)} ({self.apart(other)} where there is none)"
            case "count", [one], []:
                return f"how many times {self._operand(one)} occurs in {self._operand(owner)}"
            case "startswith" | "endswith", _, _:
                return f"whether {said}" if not starts_code(said := self._asked(call, True)) else None
            case _, [], [] if name in _TEXT_CALLS:
                return f"{self._operand(owner)} {_TEXT_CALLS[name]}"
        return None

    def _rounded(self, owner: ast.expr, step: ast.expr, how: Sequence[ast.expr]) -> str | None:
        number = constant(step)
        if not isinstance(number, Decimal) or len(how) > 1 or not number.is_finite():
            return None
        exponent = number.as_tuple().exponent
        way = "half to even" if not how else _ROUNDINGS.get(how[0].id if isinstance(how[0], ast.Name) else "")
        if way is None or not isinstance(exponent, int) or exponent > 0:
            return None
        places = f"{-exponent} decimal{'s' if exponent < -1 else ''}" if exponent else "a whole number"
        return f"{self._operand(owner)} rounded {way} to {places}"

    # ---- types ---------------------------------------------------------------------------------------------------

    def field_of(self, expression: ast.expr) -> Field | None:
        """The field that an expression reads: a parameter, or a member of one that is an object."""
        if isinstance(expression, ast.Name):
            return self.fields.get(expression.id)
        if isinstance(expression, ast.Subscript) and isinstance(expression.slice, ast.Constant):
            owner = self.field_of(expression.value)
            members = owner.fields if owner is not None and owner.type == "object" else ()
            return next((one for one in members if one.name == expression.slice.value), None)
        return None

    def is_boolean(self, expression: ast.expr) -> bool:
        """True where the expression surely answers true or false."""
        match expression:
            case ast.Compare() | ast.UnaryOp(op=ast.Not()) | ast.Constant(value=bool()):
                return True
            case ast.BoolOp(values=values):
                return all(self.is_boolean(value) for value in values)
            case ast.Name(id=name) if name in self.booleans:
                return True
            case ast.Call(func=ast.Name(id="any" | "all" | "bool")):
                return True
            case ast.Call(func=ast.Attribute(attr="startswith" | "endswith")):
                return True
        known = self.field_of(expression)
        return known is not None and known.type == "boolean" and not known.nullable

    def is_row(self, expression: ast.expr) -> bool:
        """Whether it surely is a list or a text: a number then is a place, and no key of a table."""
        known = self.field_of(expression)
        if known is not None:
            return known.type in ("list", "text", "enum")
        match expression:
            case ast.Name(id=name):
                return name in self.rows
            case ast.Call(func=ast.Name(id="sorted" | "list" | "tuple" | "divmod")):
                return True
            case ast.Call(func=ast.Attribute(attr="split" | "strip" | "upper" | "lower" | "rsplit" | "partition")):
                return True
        return isinstance(expression, ast.List | ast.Tuple | ast.ListComp) or is_text(expression)

    def is_whole(self, expression: ast.expr) -> bool:
        """Whether it surely is a whole number."""
        match expression:
            case ast.Constant(value=int()):
                return True
            case ast.Name(id=name) if name in self.whole:
                return True
            case ast.Call(func=ast.Name(id="int" | "len")):
                return True
            case ast.Attribute(attr="days" | "year" | "month" | "day"):
                return True
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self.is_whole(operand)
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.FloorDiv() | ast.Mod(), right=right):
                return self.is_whole(left) and self.is_whole(right)
        known = self.field_of(expression)
        return known is not None and known.type == "integer"

    def _kind(self, expression: ast.expr) -> str:
        known = self.field_of(expression)
        if known is not None:
            return known.type
        return "date" if isinstance(constant(expression), date) else ""

    def _is_date(self, expression: ast.expr) -> bool:
        return self._kind(expression) in ("date", "datetime")


def _is_several(test: ast.expr) -> bool:
    while isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test = test.operand
    return isinstance(test, ast.BoolOp) or (isinstance(test, ast.Compare) and len(test.ops) > 1)

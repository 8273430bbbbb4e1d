"""What generated code may use: the allow-lists. Everything that is not here is a finding.

The lists are the part of Python that is pure and that both engines of the EXECUTION stage run.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PRELUDE: Mapping[str, str] = {
    "math": "math", "re": "re", "Decimal": "decimal.Decimal",
    "ROUND_HALF_UP": "decimal.ROUND_HALF_UP", "ROUND_HALF_EVEN": "decimal.ROUND_HALF_EVEN",
    "ROUND_FLOOR": "decimal.ROUND_FLOOR", "ROUND_CEILING": "decimal.ROUND_CEILING",
    "date": "datetime.date", "datetime": "datetime.datetime", "timedelta": "datetime.timedelta",
    "Literal": "typing.Literal", "TypedDict": "typing.TypedDict", "Any": "typing.Any",
    "Mapping": "collections.abc.Mapping", "Generator": "collections.abc.Generator",
    "annotations": "__future__.annotations",
}  # fmt: skip
"""Name in scope without an import → where it is from. A test keeps it equal to the assembled program's prelude."""

UNUSABLE_PRELUDE = _words("TypedDict Generator annotations")

RESERVED = _words("transact Inputs Outputs")

MODULES: Mapping[str, frozenset[str]] = {
    "re": _words(
        "compile search match fullmatch sub split findall finditer escape error Pattern Match "
        "IGNORECASE I MULTILINE M DOTALL S ASCII A"
    ),
    "json": _words("loads dumps JSONDecodeError"),
    "math": _words(
        "floor ceil sqrt isqrt isclose isfinite isinf isnan gcd lcm prod trunc fabs inf pi e log log2 log10 exp pow "
        "comb perm factorial hypot fsum copysign fmod"
    ),
    "datetime": _words("date datetime timedelta time timezone"),
    "decimal": _words(
        "Decimal InvalidOperation DivisionByZero ROUND_UP ROUND_DOWN ROUND_CEILING ROUND_FLOOR ROUND_HALF_UP "
        "ROUND_HALF_DOWN ROUND_HALF_EVEN ROUND_05UP"
    ),
    "collections": _words("Counter defaultdict deque"),
    "itertools": _words(
        "chain groupby accumulate product combinations permutations zip_longest pairwise islice takewhile dropwhile "
        "starmap compress filterfalse count cycle repeat"
    ),
    "functools": _words("reduce"),
    "typing": _words("Any Literal Final Optional Union Iterable Sequence Mapping"),
    "bisect": _words("bisect bisect_left bisect_right"),
    "unicodedata": _words("normalize category"),
}

BUILTINS = _words(
    "abs all any bool chr dict divmod enumerate filter float format frozenset int isinstance iter len list map max min "
    "next ord pow range repr reversed set slice sorted str sum tuple zip round "
    "ArithmeticError AssertionError Exception IndexError KeyError LookupError OverflowError RuntimeError TypeError "
    "ValueError ZeroDivisionError"
)
"""`round` is here because a rule of its own says what to write in its place."""

ALL_BUILTINS = frozenset(dir(builtins))

ATTRIBUTES = _words(
    # str
    "capitalize casefold center count endswith expandtabs find format index isalnum isalpha isascii isdecimal isdigit "
    "islower isnumeric isspace istitle isupper join ljust lower lstrip partition removeprefix removesuffix replace "
    "rfind rindex rjust rpartition rsplit rstrip split splitlines startswith strip swapcase title upper zfill "
    # list, deque
    "append appendleft clear copy extend extendleft insert pop popleft remove reverse rotate sort "
    # dict, Counter
    "fromkeys get items keys popitem setdefault update values elements most_common subtract total "
    # set
    "add difference discard intersection isdisjoint issubset issuperset symmetric_difference union "
    # chain
    "from_iterable "
    # Decimal
    "adjusted as_tuple compare copy_abs copy_negate copy_sign exponent is_finite is_infinite is_nan is_signed is_zero "
    "ln log10 max min normalize quantize remainder_near scaleb sqrt to_integral_exact to_integral_value "
    # date, datetime, timedelta
    "combine date day days fromisoformat fromordinal hour isocalendar isoformat isoweekday microsecond minute month "
    "second seconds strftime strptime time total_seconds toordinal tzinfo weekday year resolution "
    # Pattern and Match
    "end findall finditer fullmatch group groupdict groups match search span start sub "
    # exceptions, slices, JSONDecodeError
    "args msg pos step stop"
)

_NODES = """
    Module FunctionDef Return Assign AugAssign AnnAssign For While If Raise Try Assert Import ImportFrom Expr Pass Break
    Continue BoolOp NamedExpr BinOp UnaryOp Lambda IfExp Dict Set ListComp SetComp DictComp GeneratorExp Compare Call
    FormattedValue JoinedStr Constant Attribute Subscript Starred Name List Tuple Slice Load Store And Or Add Sub Mult
    Div Mod Pow LShift RShift BitOr BitXor BitAnd FloorDiv Invert Not UAdd USub Eq NotEq Lt LtE Gt GtE Is IsNot In NotIn
    comprehension ExceptHandler arguments arg keyword alias Match match_case MatchValue MatchSingleton MatchSequence
    MatchMapping MatchStar MatchAs MatchOr
"""
NODES: frozenset[type[ast.AST]] = frozenset(getattr(ast, name) for name in _NODES.split())

MUTATORS = _words(
    "append appendleft extend extendleft insert remove pop popleft popitem clear sort reverse rotate update setdefault "
    "add discard subtract"
)
CONSTANT_CALLS = _words(
    "frozenset set tuple list dict decimal.Decimal datetime.date datetime.datetime datetime.timedelta datetime.time "
    "re.compile range"
)

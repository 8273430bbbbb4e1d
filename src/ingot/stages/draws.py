"""Random values of a field, drawn with hypothesis: the same for the same fields, in every process."""

from __future__ import annotations

import string
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from ingot.fields import Field, validator

INTEGERS = (-1_000, 1_000_000)
NUMBERS = (Decimal(-1_000), Decimal(1_000_000_000))
DATES = (date(1900, 1, 1), date(2100, 12, 31))
ALPHABET = "abcxyzABCXYZ0189 .,:;/-+_'\"()%$€£\n\tÄßéñøЖ中あ🙂\u200b"

_SEED = 20_240_229


def drawn(fields: Mapping[tuple[str, str], Field], count: int) -> list[dict[tuple[str, str], Any]]:
    """`count` random valuations of the fields, the same every time."""
    from hypothesis import strategies

    return _draw(strategies.fixed_dictionaries({axis: strategy(field) for axis, field in fields.items()}), count)


def strategy(field: Field) -> Any:
    """A hypothesis strategy for a field's values."""
    from hypothesis import strategies as st

    low, high = field.minimum, field.maximum
    kind: Any
    match field.type:
        case "integer":
            kind = st.integers(*(int(bound) for bound in _range(field, INTEGERS)))
        case "decimal":
            places = 2 if field.places is None else field.places
            kind = st.decimals(*_range(field, NUMBERS), places=places, allow_nan=False)
        case "float":
            kind = st.floats(*(float(bound) for bound in _range(field, NUMBERS)), allow_nan=False)
        case "boolean":
            kind = st.booleans()
        case "date":
            first, last = (low if isinstance(low, date) else DATES[0]), (high if isinstance(high, date) else DATES[1])
            kind = st.dates(min(first, last), max(first, last))
        case "datetime":
            kind = st.datetimes(datetime(1900, 1, 1), datetime(2100, 12, 31))
        case "enum":
            kind = st.sampled_from(field.values)
        case "list":
            least = field.min_length or 0
            most = max(least, min(5, 5 if field.max_length is None else field.max_length))
            kind = st.lists(strategy(field.items), min_size=least, max_size=most) if field.items else st.just([])
        case "object":
            kind = st.fixed_dictionaries({inner.name: strategy(inner) for inner in field.fields})
        case _:
            kind = _text_strategy(field)
    return st.none() | kind if field.nullable else kind


def _range(field: Field, default: tuple[Any, Any]) -> tuple[Any, Any]:
    """Bounds of a number; a default that the other bound rules out is moved along with it."""
    low, high = field.minimum, field.maximum
    span = Decimal(default[1]) - Decimal(default[0])
    if isinstance(low, Decimal) and isinstance(high, Decimal):
        return low, high
    if isinstance(low, Decimal):
        return low, max(Decimal(default[1]), low + span)
    if isinstance(high, Decimal):
        return min(Decimal(default[0]), high - span), high
    return default


def _text_strategy(field: Field) -> Any:
    from hypothesis import strategies as st

    if field.pattern:
        return st.sampled_from(drawn_texts(field, 30) or [""])
    least = field.min_length or 0
    most = max(least, min(40, 40 if field.max_length is None else field.max_length))
    return st.text(st.sampled_from(ALPHABET), min_size=least, max_size=most)


def drawn_texts(field: Field, count: int) -> list[str]:
    """Texts that fit the field's pattern."""
    from hypothesis import strategies as st

    strategy_of_pattern = st.from_regex(field.pattern or "", alphabet=string.printable + ALPHABET)
    check = validator([field])
    return [text for text in _draw(strategy_of_pattern, 4 * count) if _is_valid(check, field, text)][:count]


def _is_valid(check: Any, field: Field, text: str) -> bool:
    """Whether the field takes the text: the two regular expression engines differ on final line ends and on digits."""
    try:
        check.validate_python({field.name: text})
    except ValidationError:
        return False
    return True


def _draw(source: Any, count: int) -> list[Any]:
    """`count` values of a strategy: a fixed seed, no database, nothing taken from the modules that are loaded."""
    from hypothesis import HealthCheck, Phase, given, seed, settings

    found: list[Any] = []

    @seed(_SEED)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        backend=_backend(),
    )
    @given(source)
    def collect(value: Any) -> None:
        found.append(value)

    collect()
    return found


def _backend() -> str:
    """Hypothesis draws one value in twenty from constants of whatever modules are loaded; this backend does not, so
    that the same spec has the same inputs in every process."""
    from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider

    class Plain(HypothesisProvider):
        def _maybe_draw_constant(self, *_arguments: Any, **_options: Any) -> None:
            return None

    AVAILABLE_PROVIDERS.setdefault("ingot", Plain)
    return "ingot"


def in_utc(value: Any) -> Any:
    """The value with every naive datetime in it in UTC."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value
    if isinstance(value, dict):
        return {key: in_utc(inner) for key, inner in value.items()}
    return [in_utc(inner) for inner in value] if isinstance(value, list) else value

"""Names that a field or a step may not have, because the assembled program needs them itself; and what can be a person's.

Fields become parameters and local variables of the program, steps become its functions; both are read by people, so
they are plain ASCII and never start with an underscore.
"""

from __future__ import annotations

import builtins
import keyword
import re

PRELUDE = frozenset(
    {"annotations", "math", "re", "Generator", "Mapping", "date", "datetime", "timedelta", "Decimal", "Any", "Literal",
     "TypedDict", "ROUND_CEILING", "ROUND_FLOOR", "ROUND_HALF_EVEN", "ROUND_HALF_UP"}
)  # fmt: skip
"""What the head of every program imports."""

PROGRAM = frozenset({"transact", "Inputs", "Outputs"})
"""What every program defines."""

LONGEST_PERSON = 200
"""Characters of a person's name, at most."""

_BUILTINS = frozenset(name for name in dir(builtins) if not name.startswith("_"))
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}")


def broken_spelling(name: str) -> str | None:
    """Why `name` cannot name anything in a program, or None where it can."""
    if not _NAME.fullmatch(name):
        return "a name is 1 to 60 ASCII letters, digits and _, starting with a letter"
    if keyword.iskeyword(name):
        return "it is a Python keyword"
    return "every program defines it" if name in PROGRAM else None


def hidden_by(name: str) -> str | None:
    """What the rules could no longer use if a parameter or function were called `name`, or None."""
    if name in PRELUDE:
        return f"it would hide {name!r}, which the program imports"
    return f"it would hide Python's own {name!r}" if name in _BUILTINS else None


def is_persons_name(name: str) -> bool:
    """Whether a text can be kept and shown as who decided or approved something: on one line, and not of blanks alone."""
    return bool(name.strip()) and len(name) <= LONGEST_PERSON and name.isprintable()

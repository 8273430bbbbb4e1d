"""The table of security rules. Codes are stable; a code that is retired is never used again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from ingot.verdict import Rule

Kind = Literal["policy", "subset", "vulnerability"]
"""Why a rule refuses: `policy`, generated code does no I/O and has a fixed shape; `subset`, it must be deterministic,
exact and bounded; `vulnerability`, it would be a weakness in any program."""

_ROWS: tuple[tuple[str, str, Kind, str, str, str], ...] = (
    (
        "SEC001", "unreadable", "policy",
        "What cannot be parsed cannot be examined, so it is refused before anything else looks at it.",
        "def fee(weight: int) -> int:\n    return weight +\n",
        "def fee(weight: int) -> int:\n    return weight + 1\n",
    ),
    (
        "SEC002", "module-shape", "policy",
        "A candidate is the functions asked for, imports and literal constants; anything else at module level would run at load time.",
        "print_me = sorted([3, 1])\n\n\ndef fee(weight: int) -> int:\n    return weight\n",
        "STEPS = (1, 3)\n\n\ndef fee(weight: int) -> int:\n    return weight\n",
    ),
    (
        "SEC003", "statement-not-allowed", "policy",
        "Classes, decorators, async, yield, with, del, global and calls of computed values hide behaviour from the checks.",
        "def fee(weight: int) -> int:\n    table = [abs]\n    return table[0](weight)\n",
        "def fee(weight: int) -> int:\n    return abs(weight)\n",
    ),
    (
        "SEC004", "import-not-allowed", "policy",
        "Only the pure part of the standard library may be imported; files, sockets and processes belong to module steps.",
        "import os\n\n\ndef fee(weight: int) -> int:\n    return weight\n",
        "import math\n\n\ndef fee(weight: int) -> int:\n    return math.ceil(weight)\n",
    ),
    (
        "SEC005", "builtin-not-allowed", "policy",
        "Builtins that reach files, the interpreter or other objects' insides have no place in a pure function.",
        "def fee(weight: int) -> int:\n    print(weight)\n    return weight\n",
        "def fee(weight: int) -> int:\n    return abs(weight)\n",
    ),
    (
        "SEC006", "attribute-not-allowed", "policy",
        "Attributes are allowed by name; an unknown one may lead anywhere.",
        "def fee(name: str) -> int:\n    return len(name.encode())\n",
        "def fee(name: str) -> int:\n    return len(name.strip())\n",
    ),
    (
        "SEC007", "unknown-name", "policy",
        "A name that is no parameter, local, constant or allowed builtin can only come from somewhere unexamined.",
        "def fee(weight: int) -> int:\n    return weight * rate\n",
        "RATE = 3\n\n\ndef fee(weight: int) -> int:\n    return weight * RATE\n",
    ),
    (
        "SEC008", "shadowed-name", "policy",
        "Rebinding a builtin or a name of the program changes what later code means, also code that Ingot wrote.",
        "def fee(weight: int) -> int:\n    len = weight\n    return len\n",
        "def fee(weight: int) -> int:\n    length = weight\n    return length\n",
    ),
    (
        "SEC010", "introspection", "vulnerability",
        "Dunder names, frames and code objects lead from any value to the whole interpreter.",
        "def fee(weight: int) -> int:\n    return len(weight.__class__.__mro__)\n",
        "def fee(weight: int) -> int:\n    return int(isinstance(weight, int))\n",
    ),
    (
        "SEC011", "format-string", "vulnerability",
        "str.format follows attributes and indexes named in its text, so a text that is not a literal reads any object.",
        'def fee(text: str, weight: int) -> str:\n    return text.format(weight)\n',
        'def fee(text: str, weight: int) -> str:\n    return f"{text}: {weight}"\n',
    ),
    (
        "SEC012", "dynamic-import", "vulnerability",
        "An import that is decided at run time brings in code that nobody examined.",
        'def fee(weight: int) -> int:\n    return __import__("math").floor(weight)\n',
        "import math\n\n\ndef fee(weight: int) -> int:\n    return math.floor(weight)\n",
    ),
    (
        "SEC013", "dynamic-code", "vulnerability",
        "eval, exec and compile run text as code.",
        "def fee(text: str) -> int:\n    return eval(text)\n",
        "def fee(text: str) -> int:\n    return int(text)\n",
    ),
    (
        "SEC014", "dangerous-call", "vulnerability",
        "Commands, files, sockets, unsafe parsers, weak hashes and unverified tokens are the usual ways in.",
        'import os\n\n\ndef fee(text: str) -> int:\n    return os.system(text)\n',
        "def fee(text: str) -> int:\n    return len(text)\n",
    ),
    (
        "SEC015", "secret", "vulnerability",
        "A key in code is in every artifact, log and prompt from then on.",
        'API_KEY = "sk_live_4eC39HqLyjWDarjtT1zdp7dc"\n\n\ndef fee(weight: int) -> int:\n    return weight\n',
        'API_VERSION = "2024-10-01"\n\n\ndef fee(weight: int) -> int:\n    return weight\n',
    ),
    (
        "SEC016", "hidden-text", "vulnerability",
        "Direction marks, invisible characters and look-alike letters make code read differently from what runs.",
        "def fee(weight: int) -> int:\n    r\u0430te = 3\n    return weight * r\u0430te\n",
        "def fee(weight: int) -> int:\n    rate = 3\n    return weight * rate\n",
    ),
    (
        "SEC017", "bandit", "vulnerability",
        "Bandit's checks of known Python weaknesses; the message carries its own code.",
        'def fee(name: str) -> str:\n    return "SELECT fee FROM fees WHERE name = \'" + name + "\'"\n',
        'def fee(name: str) -> str:\n    return "fee of " + name\n',
    ),
    (
        "SEC020", "clock", "subset",
        "An answer that depends on the time of day cannot be repeated or audited; dates come in as inputs.",
        "def fee(day: date) -> int:\n    return (date.today() - day).days\n",
        "def fee(day: date, today: date) -> int:\n    return (today - day).days\n",
    ),
    (
        "SEC021", "randomness", "subset",
        "The same input must give the same bytes.",
        "import random\n\n\ndef fee(weight: int) -> int:\n    return random.randint(0, weight)\n",
        "def fee(weight: int) -> int:\n    return weight // 2\n",
    ),
    (
        "SEC022", "process-state", "subset",
        "id, hash, the environment and the locale differ from process to process.",
        "def fee(name: str) -> int:\n    return hash(name) % 7\n",
        "def fee(name: str) -> int:\n    return sum(ord(letter) for letter in name) % 7\n",
    ),
    (
        "SEC023", "set-order", "subset",
        "The order of a set of texts changes with the hash seed, so it may not reach an output.",
        "def fee(names: list[str]) -> str:\n    return \", \".join(set(names))\n",
        "def fee(names: list[str]) -> str:\n    return \", \".join(sorted(set(names)))\n",
    ),
    (
        "SEC024", "float-round", "subset",
        "round() rounds halves to even on binary values and differs between engines; money needs a stated rounding.",
        "def fee(amount: Decimal) -> Decimal:\n    return round(amount, 2)\n",
        'def fee(amount: Decimal) -> Decimal:\n    return amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)\n',
    ),
    (
        "SEC025", "binary-money", "subset",
        "Binary floats cannot hold a tenth; money in them is off by cents.",
        'def fee(amount: Decimal) -> Decimal:\n    return amount * Decimal(1.1)\n',
        'def fee(amount: Decimal) -> Decimal:\n    return amount * Decimal("1.1")\n',
    ),
    (
        "SEC030", "recursion", "subset",
        "A function that reaches itself may not end, and its depth is an input's to choose.",
        "def fee(weight: int) -> int:\n    return 1 if weight < 1 else weight * fee(weight - 1)\n",
        "import math\n\n\ndef fee(weight: int) -> int:\n    return math.factorial(min(weight, 20))\n",
    ),
    (
        "SEC031", "unbounded-loop", "subset",
        "A loop must make progress towards its end.",
        "def fee(weight: int) -> int:\n    while True:\n        weight += 1\n    return weight\n",
        "def fee(weight: int) -> int:\n    for step in range(10):\n        weight += step\n    return weight\n",
    ),
    (
        "SEC032", "resource-bomb", "subset",
        "A huge power, repetition, range or width uses up memory and time in one expression.",
        "def fee(weight: int) -> int:\n    return weight % 10**100_000_000\n",
        "def fee(weight: int) -> int:\n    return weight % 10**9\n",
    ),
    (
        "SEC033", "exponential-regex", "vulnerability",
        "A pattern that can match the same text in exponentially many ways hangs on a short hostile text.",
        'def fee(text: str) -> int:\n    return 1 if re.match(r"^(\\w+)+$", text) else 0\n',
        'def fee(text: str) -> int:\n    return 1 if re.match(r"^\\w+$", text) else 0\n',
    ),
    (
        "SEC034", "polynomial-regex", "subset",
        "Neighbouring repeats that share characters take cubic time or worse; quadratic ones are warned of.",
        'def fee(text: str) -> int:\n    return 1 if re.search(r"total\\s*\\s*\\s*x", text) else 0\n',
        'def fee(text: str) -> int:\n    return 1 if re.search(r"total\\s*x", text) else 0\n',
    ),
    (
        "SEC035", "dynamic-regex", "subset",
        "Only a pattern whose text is known can be checked; it must be a literal and must compile.",
        "def fee(text: str, pattern: str) -> int:\n    return len(re.findall(pattern, text))\n",
        'def fee(text: str) -> int:\n    return len(re.findall(r"\\d+", text))\n',
    ),
    (
        "SEC040", "catch-all", "subset",
        "A handler for everything turns a defect into a silent wrong answer.",
        "def fee(text: str) -> int:\n    try:\n        return int(text)\n    except Exception:\n        return 0\n",
        "def fee(text: str) -> int:\n    try:\n        return int(text)\n    except ValueError:\n        return 0\n",
    ),
    (
        "SEC041", "mutable-default", "subset",
        "A default list or dict is shared by all calls, so one run changes the next.",
        "def fee(weight: int) -> int:\n    def seen(total: list[int] = []) -> int:\n        return len(total)\n    return seen() + weight\n",
        "def fee(weight: int) -> int:\n    def seen(total: tuple[int, ...] = ()) -> int:\n        return len(total)\n    return seen() + weight\n",
    ),
    (
        "SEC042", "mutated-input", "subset",
        "Changing an input or a constant changes what later steps and later runs see.",
        "def fee(weights: list[int]) -> int:\n    weights.sort()\n    return weights[0]\n",
        "def fee(weights: list[int]) -> int:\n    ordered = sorted(weights)\n    return ordered[0]\n",
    ),
    (
        "SEC043", "assert", "subset",
        "An assert is not executed under optimisation, so it may not carry a rule.",
        "def fee(weight: int) -> int:\n    assert weight > 0\n    return weight\n",
        'def fee(weight: int) -> int:\n    if weight <= 0:\n        raise ValueError("weight must be positive")\n    return weight\n',
    ),
)  # fmt: skip

RULES: tuple[Rule, ...] = tuple(
    Rule(code, name, "security", why, example, fix) for code, name, _, why, example, fix in _ROWS
)
KINDS: Mapping[str, Kind] = {code: kind for code, _, kind, _, _, _ in _ROWS}

"""The second engine: the generated functions on pydantic-monty, over calls that CPython has answered.

Monty is an interpreter of its own with nothing of CPython in it, so a call that both answer alike depends on neither
one's accidents. It knows a part of Python: what it does not know is a reason, never a failure.
"""

from __future__ import annotations

import ast
import re
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from ingot.canonical import canonical_json
from ingot.errors import StageError
from ingot.runtime.branches import parse
from ingot.runtime.sandbox import Call
from ingot.runtime.tagged import decode, encode

UNKNOWN_TO_MONTY: Mapping[str, frozenset[str] | None] = {
    "collections.abc": None,
    "typing": frozenset({"TypedDict", "Generator", "Iterable", "Iterator", "Mapping", "Sequence", "NamedTuple"}),
    "__future__": None,
}
"""Imports that only annotations need, which Monty neither evaluates nor has: all names of a module, or these."""

GAPS = frozenset(
    {
        "AttributeError", "ImportError", "ModuleNotFoundError", "NameError", "NotImplementedError", "PatternError",
        "TypeError",
    }
)  # fmt: skip
"""Errors by which Monty says that it does not know something, where CPython knows it. Its regular expressions have a limit
of steps, and a pattern that passes it is a PatternError there."""
SPENT = frozenset({"MemoryError", "RecursionError", "TimeoutError"})

_DRIVER = """\
_ingot_answers = []
for _ingot_name, _ingot_arguments in _ingot_calls:
    try:
        _ingot_answers.append((True, _ingot_functions[_ingot_name](*_ingot_arguments)))
    except Exception as _ingot_error:
        _ingot_answers.append((False, type(_ingot_error).__name__))
_ingot_answers
"""


@dataclass(frozen=True, slots=True)
class Outside:
    """Why a program is outside Monty's part of Python: the construct, and its line in ``logic.py`` where known."""

    reason: str
    line: int | None

    def __str__(self) -> str:
        return f"{self.reason} (line {self.line})" if self.line else self.reason


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A call that CPython and Monty answered differently, each answer as canonical JSON or ``raises Type``."""

    call: Call
    cpython: str
    monty: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What both engines made of the same calls: how many distinct calls were `compared` and `agreed`."""

    compared: int
    agreed: int
    disagreements: tuple[Disagreement, ...]
    outside: Outside | None


class MontyRunner:
    """A warm pool of Monty workers. Use as a context manager; it starts when it is first used."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._lock = threading.Lock()
        self._pool: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the workers."""
        with self._lock:
            self._pool = None
            self._stack.close()

    def _checkout(self, seconds: float) -> Any:
        pydantic_monty = _engine()
        with self._lock:
            if self._pool is None:
                pool = pydantic_monty.Monty(max_processes=2, request_timeout=seconds + 5)
                self._pool = self._stack.enter_context(pool)
            limits = pydantic_monty.ResourceLimits(max_feed_duration_secs=seconds, max_memory=256 * 1024 * 1024)
            return self._pool.checkout(script_name="logic.py", limits=limits, assert_message_annotations=False)

    def compare(
        self, prelude: str, logic: str, functions: Sequence[str], calls: Sequence[Call], *, seconds: float = 3.0
    ) -> Comparison:
        """Make every distinct one of `calls` on Monty and compare it with CPython's answer.

        `prelude` is source whose imports the `logic` needs. Raises StageError where Monty itself cannot run.
        """
        distinct = list({(call.function, call.arguments): call for call in calls}.values())
        distinct = [call for call in distinct if _comparable(call)]
        pydantic_monty = _engine()
        try:
            with self._checkout(seconds) as session:
                return _compare(session, prelude, logic, functions, distinct)
        except pydantic_monty.MontyCrashedError as error:
            return Comparison(0, 0, (), Outside(f"Monty's worker ended: {str(error)[:120]}", None))
        except pydantic_monty.MontyError as error:
            return Comparison(0, 0, (), _outside(error))


def _engine() -> Any:
    try:
        import pydantic_monty
    except ImportError as error:
        raise StageError("pydantic-monty is not installed", hint="pip install 'ingot[compile]'") from error
    return pydantic_monty


def _compare(session: Any, prelude: str, logic: str, functions: Sequence[str], calls: list[Call]) -> Comparison:
    session.feed_run(_imports(prelude))
    session.feed_run(_without_unknown(logic), print_callback=_silent)
    session.feed_run("_ingot_functions = {" + ", ".join(f"{name!r}: {name}" for name in functions) + "}")
    wanted = [(call.function, decode(call.arguments)) for call in calls]
    answers = session.feed_run(_DRIVER, inputs={"_ingot_calls": wanted}, print_callback=_silent)
    disagreements: list[Disagreement] = []
    for call, (ended, value) in zip(calls, answers, strict=True):
        if ended and encode(value) == call.output:
            continue
        if not ended and value == call.error:
            continue
        if not ended and (value in SPENT or (value in GAPS and call.error is None)):
            return Comparison(0, 0, (), _gap(session, call, value, logic))
        cpython, monty = _shown(call), _canonical(value) if ended else f"raises {value}"
        if cpython != monty:
            disagreements.append(Disagreement(call, cpython, monty))
    return Comparison(len(calls), len(calls) - len(disagreements), tuple(disagreements), None)


def _silent(_stream: str, _text: str) -> None:
    """Nothing that a program prints is of interest."""


def _comparable(call: Call) -> bool:
    """Whether everything in a call has a canonical form: what has none is reported by other rules."""
    return (
        call.error != "Refused"
        and '"~!"' not in call.arguments
        and (call.output is None or '"~!"' not in call.output)
        and _ended(call)
    )


def _ended(call: Call) -> bool:
    return call.output is not None or call.error is not None


def _shown(call: Call) -> str:
    return f"raises {call.error}" if call.output is None else _canonical(decode(call.output))


def _canonical(value: Any) -> str:
    try:
        return canonical_json(value).decode()
    except (TypeError, ValueError):
        return encode(value)


def _imports(prelude: str) -> str:
    """The imports of a piece of source, without those that Monty lacks and only annotations need."""
    kept = [node for node in parse(prelude).body if isinstance(node, ast.Import | ast.ImportFrom)]
    return "\n".join(ast.unparse(node) for node in map(_known_part, kept) if node is not None) + "\n"


def _known_part(node: ast.Import | ast.ImportFrom) -> ast.stmt | None:
    if not isinstance(node, ast.ImportFrom) or node.module is None or node.module not in UNKNOWN_TO_MONTY:
        return node
    unknown = UNKNOWN_TO_MONTY[node.module]
    names = [] if unknown is None else [alias for alias in node.names if alias.name not in unknown]
    return ast.ImportFrom(node.module, names, 0) if names else None


def _without_unknown(logic: str) -> str:
    """The logic with such imports cut to what Monty has, every line where it was."""
    lines = logic.splitlines()
    for node in parse(logic).body:
        if isinstance(node, ast.ImportFrom) and node.module in UNKNOWN_TO_MONTY:
            part = _known_part(node)
            last = node.end_lineno or node.lineno
            lines[node.lineno - 1 : last] = [ast.unparse(part) if part else "", *[""] * (last - node.lineno)]
    return "\n".join(_with_spelled_groups(lines, logic)) + "\n"


_GROUP_BEFORE_NAME = re.compile(r"(?<!\\)((?:\\\\)*)\\([1-9][0-9]?)(?=[A-Za-z_])")
"""A group by its number right before a letter: Monty 1.4 takes both for a name, and finds no such group."""


def _with_spelled_groups(lines: list[str], logic: str) -> list[str]:
    """The lines, with such groups in the replacements of ``sub`` and ``subn`` written as ``\\g<1>``, which means the same."""
    found = [node for call in ast.walk(parse(logic)) if isinstance(call, ast.Call) for node in _replacements(call)]
    lines = list(lines)
    for node in sorted(found, key=lambda one: (one.lineno, one.col_offset), reverse=True):
        spelled = _GROUP_BEFORE_NAME.sub(r"\1\\g<\2>", str(node.value))
        if spelled != node.value and node.lineno == node.end_lineno:
            line = lines[node.lineno - 1].encode()
            lines[node.lineno - 1] = (
                line[: node.col_offset] + repr(spelled).encode() + line[node.end_col_offset :]
            ).decode()
    return lines


def _replacements(call: ast.Call) -> list[ast.Constant]:
    """The literal replacement of ``re.sub(pattern, replacement, …)`` or ``pattern.sub(replacement, …)``."""
    if not (isinstance(call.func, ast.Attribute) and call.func.attr in ("sub", "subn")):
        return []
    place = 1 if isinstance(call.func.value, ast.Name) and call.func.value.id == "re" else 0
    named = [one.value for one in call.keywords if one.arg == "repl"]
    return [
        one
        for one in (*call.args[place : place + 1], *named)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    ]


def _outside(error: Any) -> Outside:
    """Monty's refusal of a program as a reason with a line."""
    lines = str(error).strip().splitlines() or ["Monty refused it"]
    reason = re.sub(
        r"^(NotImplementedError|SyntaxError): (The monty syntax parser does not yet support )?", "", lines[-1]
    )
    frames = error.traceback() if hasattr(error, "traceback") else []
    return Outside(reason[:160], frames[-1].line if frames else None)


def _gap(session: Any, call: Call, kind: str, logic: str) -> Outside:
    """What Monty lacked in a call: the call is made once more, uncaught, for its line.

    The line of source stands in the reason, not Monty's message, which may quote a value of a held-out case.
    """
    line = None
    again = f"_ingot_functions[{call.function!r}](*_ingot_calls[0])"
    try:
        session.feed_run(again, inputs={"_ingot_calls": [decode(call.arguments)]}, print_callback=_silent)
    except _engine().MontyRuntimeError as error:
        inner = [frame.line for frame in error.traceback() if frame.function_name not in (None, "<module>")]
        line = inner[-1] if inner else None
    lines = logic.splitlines()
    source = lines[line - 1].strip() if line and line <= len(lines) else call.function
    return Outside(f"Monty raises {kind} at {source!r}", line)

"""The second engine: the generated functions on pydantic-monty, over calls that CPython has answered.

Monty is an interpreter of its own with nothing of CPython in it, so a call that both answer alike depends on neither
one's accidents. It knows a part of Python: what it does not know is a reason, never a failure.

Its worker's time is CPU time, kept by the kernel. Monty's own limit goes by the clock, by which the same program would be
compared on a quiet machine and not on a busy one.
"""

from __future__ import annotations

import ast
import math
import os
import re
import resource
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
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


CPU_SECONDS = 10.0
"""CPU for all calls of one program. The bundled examples need a tenth of a second at most: few programs come so near the
limit that the few per cent by which CPU time varies decide."""
PATIENCE_SECONDS = 300.0
"""By the clock, for one answer of a worker: it has its CPU by then on any machine that is of use."""


class MontyRunner:
    """A warm pool of Monty workers. Use as a context manager; it starts when it is first used.

    `patience` is seconds by the clock after which a worker that did not get its CPU is given up.
    """

    def __init__(self, patience: float = PATIENCE_SECONDS) -> None:
        self._patience = patience
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

    def _checkout(self) -> Any:
        pydantic_monty = _engine()
        with self._lock:
            if self._pool is None:
                pool = pydantic_monty.Monty(max_processes=2, request_timeout=self._patience)
                self._pool = self._stack.enter_context(pool)
            limits = pydantic_monty.ResourceLimits(max_total_sleep_secs=0.0, max_memory=256 * 1024 * 1024)
            return self._pool.checkout(script_name="logic.py", limits=limits, assert_message_annotations=False)

    def compare(
        self, prelude: str, logic: str, functions: Sequence[str], calls: Sequence[Call], *, seconds: float = CPU_SECONDS
    ) -> Comparison:
        """Make every distinct one of `calls` on Monty and compare it with CPython's answer.

        `prelude` is source whose imports the `logic` needs; `seconds` is CPU for all of it. Raises StageError where
        Monty itself cannot run, or is not let run by the machine.
        """
        distinct = list({(call.function, call.arguments): call for call in calls}.values())
        distinct = [call for call in distinct if _comparable(call)]
        pydantic_monty = _engine()
        try:
            with self._checkout() as session, _allowed(session.worker_pid, seconds) as used:
                found = _compare(session, prelude, logic, functions, distinct)
                # The kernel counts whole seconds: what took more than these is outside, stopped or not.
                return found if used() <= seconds else Comparison(0, 0, (), _slow(seconds))
        except pydantic_monty.MontyCrashedError as error:
            return Comparison(0, 0, (), _ended_by(error, seconds))
        except pydantic_monty.MontyError as error:
            return Comparison(0, 0, (), _outside(error))


def _engine() -> Any:
    try:
        import pydantic_monty
    except ImportError as error:
        raise StageError("pydantic-monty is not installed", hint="pip install 'ingot[compile]'") from error
    return pydantic_monty


@contextmanager
def _allowed(worker: int, seconds: float) -> Iterator[Callable[[], float]]:
    """Let the kernel end a worker that uses more CPU than these seconds; what is given says how much it has used.

    Only the soft limit is set, and lifted again for the worker's next program. Raises StageError.
    """
    started = _cpu_seconds(worker)
    try:
        hard = resource.prlimit(worker, resource.RLIMIT_CPU)[1]
        soft = math.ceil(started + seconds)
        resource.prlimit(
            worker, resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard)
        )
    except (OSError, ValueError) as error:
        raise StageError(f"Monty's CPU time could not be limited: {error}", hint="run it again") from error
    try:
        yield lambda: _cpu_seconds(worker) - started
    finally:
        with suppress(OSError):  # a worker that ended is replaced
            resource.prlimit(worker, resource.RLIMIT_CPU, (hard, hard))


def _cpu_seconds(worker: int) -> float:
    try:
        fields = Path(f"/proc/{worker}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError as error:
        raise StageError(f"Monty's CPU time could not be read: {error}", hint="run it again") from error
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _slow(seconds: float) -> Outside:
    return Outside(f"Monty needs more than {seconds:g} seconds of CPU for its calls", None)


def _ended_by(error: Any, seconds: float) -> Outside:
    """Why a worker ended, in words that are the same every time. Raises StageError where it was the machine."""
    if error.timed_out:
        raise StageError("the machine is too busy: Monty did not get its time of CPU", hint="run it again") from error
    signal = re.search(r"\((SIG[A-Z]+)\)", str(error))
    name = signal[1] if signal else f"exit status {error.exit_status}"
    if name == "SIGXCPU":
        return _slow(seconds)
    if name == "SIGKILL":
        raise StageError(
            "Monty's worker was killed from outside, for want of memory perhaps", hint="run it again"
        ) from error
    return Outside(f"Monty's worker ended: {name}", None)


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

"""The sandbox's own process: the nursery that forks, and the child that runs one program in the cage.

The nursery is started once per hash seed, imports what programs may import, and then forks one child per request,
so that a program starts in a warm interpreter within a millisecond or two. It never runs a line of a program itself.

From the host over the control socket: a byte with one descriptor to answer on, three limits in seconds, length, a pickled
request. Back over it: the child's end as ``(kind, number)``, which the child cannot forge because it holds no descriptor
but the answer pipe. Over the answer pipe: a 4-byte length and JSON per trial, in order. Standard library only.

A program is ended for the CPU that it used, or for the time that it slept; the clock alone says nothing of it, because a
busy machine lets everything wait.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pickle
import select
import signal
import socket
import struct
import sys
import time
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ingot.runtime import cage, tagged

PROGRAM = "program.py"
PRELOADED = (
    "abc", "array", "ast", "base64", "binascii", "bisect", "calendar", "cmath", "collections", "collections.abc", "contextlib",
    "copy", "copyreg", "csv", "dataclasses", "datetime", "decimal", "difflib", "enum", "fractions", "functools", "hashlib",
    "heapq", "html", "itertools", "json", "locale", "math", "numbers", "operator", "pprint", "re", "statistics", "string",
    "struct", "textwrap", "time", "types", "typing", "unicodedata", "urllib.parse", "_strptime", "traceback", "random",
    "encodings.ascii", "encodings.latin_1", "encodings.cp1252", "encodings.utf_16", "encodings.utf_32", "encodings.idna",
    "ingot.runtime.variants",
)  # fmt: skip
LARGEST_ANSWER = 1024 * 1024
TIMEOUT, STOPPED, SIGNAL, EXIT = "timeout", "stopped", "signal", "exit"
BUSY, KILLED = "busy", "killed"
RUN, STOP = b"r", b"s"
OUT_OF_MEMORY, GAVE_UP = 71, 72
FILLED_OFTEN = 2
LOOK = 0.05
"""Seconds between two looks at a running child."""
HEADER = ">dddQ"


@dataclass(frozen=True, slots=True)
class Time:
    """Seconds that one child may `sleep` in all, run by the `clock`, and have of the `cpu` before the kernel kills it."""

    sleep: float
    clock: float
    cpu: float


# ---- the nursery -------------------------------------------------------------------------------------------------


def serve(descriptor: int) -> None:
    """Answer requests on the control socket until the host closes it."""
    control = socket.socket(fileno=descriptor)
    for name in PRELOADED:
        importlib.import_module(name)
    bpf = receive(control)
    native = _probe(bpf)
    if native:
        importlib.import_module("ctypes")
    gc.collect()
    gc.freeze()
    send(control, json.dumps(native).encode())
    while True:
        kind, pipes, _, _ = socket.recv_fds(control, 1, 1)
        if kind == STOP:  # came too late for the run it was meant for
            continue
        if kind != RUN or not pipes:
            return
        *seconds, size = struct.unpack(HEADER, receive_exactly(control, struct.calcsize(HEADER)))
        request = receive_exactly(control, size)
        child = _fork(request, pipes[0], bpf, native)
        end = _watch(control, child, pipes[0], Time(*seconds))
        os.close(pipes[0])
        if end is None:
            return
        send(control, json.dumps(end).encode())


def receive(connection: socket.socket) -> bytes:
    """One length-prefixed message. Raises ConnectionError when the other side is gone."""
    return receive_exactly(connection, struct.unpack(">Q", receive_exactly(connection, 8))[0])


def receive_exactly(connection: socket.socket, size: int) -> bytes:
    """`size` bytes. Raises ConnectionError when the other side is gone before."""
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(min(size - len(parts), 1 << 20))
        if not part:
            raise ConnectionError("the other side closed the connection")
        parts += part
    return bytes(parts)


def send(connection: socket.socket, message: bytes) -> None:
    """One length-prefixed message."""
    connection.sendall(struct.pack(">Q", len(message)) + message)


def _probe(bpf: bytes) -> bool:
    """Whether a child can put itself under seccomp here; tried in a child, because it cannot be undone."""
    if not bpf:
        return False
    child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(BaseException):
            importlib.import_module("ctypes")  # while the user may still read it
            cage.measure()
            _, active, _ = cage.lock(cage.Bounds(256 * 1024 * 1024, 5), os.open(os.devnull, os.O_RDWR), bpf, True)
            code = 0 if active["seccomp"] else 1
        os._exit(code)
    return os.waitpid(child, 0)[1] == 0


def _fork(request: bytes, pipe: int, bpf: bytes, native: bool) -> int:
    """The process number of a new child that runs the request and answers on `pipe`."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            code = 0 if _child(request, pipe, bpf, native) else GAVE_UP
        except MemoryError:
            code = OUT_OF_MEMORY
        finally:
            os._exit(code)
    return child


def _watch(control: socket.socket, child: int, pipe: int, time_: Time) -> tuple[str, int] | None:
    """Wait for the child's end, for the time allowed, or for a word of the host, and leave no process behind."""
    watched = os.pidfd_open(child)
    ready, why = _waited(control, child, watched, pipe, time_)
    os.close(watched)
    told = control.fileno() in ready
    # Not reaped yet, so the number is still the child's: its whole session goes.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        if watched not in ready:
            os.kill(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    if told and not control.recv(1):
        return None
    if watched not in ready:
        return (STOPPED if told else why, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        # The kernel kills what used up its CPU time; what was killed before that was killed by somebody else.
        early = number == signal.SIGKILL and usage.ru_utime + usage.ru_stime < time_.cpu - 1
        return (KILLED if early else SIGNAL, number)
    return (EXIT, os.waitstatus_to_exitcode(status))


def _waited(control: socket.socket, child: int, watched: int, pipe: int, time_: Time) -> tuple[set[int], str]:
    """The descriptors on which something happened; where nothing did, why no more time is given: TIMEOUT or BUSY.

    Sleep is counted look by look, and a look late for want of a processor counts as one in time: on a busy machine a
    sleeping program is told later, and one that waits for a processor is never taken for one that sleeps.
    """
    poll = select.poll()
    poll.register(watched, select.POLLIN)
    poll.register(control, select.POLLIN)
    deadline = time.monotonic() + time_.clock
    slept, before = 0.0, -1
    while True:
        ready = {descriptor for descriptor, _ in poll.poll(int(LOOK * 1000))}
        if ready:
            return ready, ""
        sleeps, used = _asleep(child)
        if sleeps and used == before and not _waits_for_host(pipe):
            slept += LOOK
        before = used
        if slept >= time_.sleep:
            return ready, TIMEOUT
        if time.monotonic() > deadline:
            return ready, BUSY


def _asleep(child: int) -> tuple[bool, int]:
    """Whether the kernel says that a process sleeps, and its CPU time in ticks; it does not where nothing is said."""
    try:
        with open(f"/proc/{child}/stat", "rb", buffering=0) as file:
            state, *numbers = file.read().rpartition(b")")[2].split()
    except OSError:
        return False, -1
    return state == b"S", int(numbers[10]) + int(numbers[11])


def _waits_for_host(pipe: int) -> bool:
    """Whether answers lie in the pipe that the host has not read yet: then a child sleeps because of the host."""
    poll = select.poll()
    poll.register(pipe, select.POLLOUT)
    return not poll.poll(0)


# ---- the child ---------------------------------------------------------------------------------------------------


class _Answers:
    """The child's end of the answer pipe."""

    def __init__(self, pipe: int) -> None:
        self.pipe = pipe

    def write(self, frame: Mapping[str, Any]) -> None:
        body = json.dumps(frame, separators=(",", ":")).encode()
        body = struct.pack(">I", len(body)) + body
        while body:
            body = body[os.write(self.pipe, body) :]


def _child(raw: bytes, pipe: int, bpf: bytes, native: bool) -> bool:
    """Run every trial; False where the program filled the memory or the pipe so often that the rest is not worth the time."""
    request = pickle.loads(raw)  # noqa: S301  (made by the trusted host; nothing is ever unpickled the other way)
    # One pickle each: trials share no value, so that one which changes its input cannot reach another.
    trials = [pickle.loads(blob) for blob in request["trials"]]  # noqa: S301
    first, last = request["first_line"], request["last_line"]
    taken: set[int] = set()
    lines: set[int] = set()
    if request["cover"]:
        sys.settrace(_tracer(lines, first, last))
    cage.measure()
    pipe, active, refused = cage.lock(cage.Bounds(request["memory"], request["cpu_seconds"]), pipe, bpf, native)
    answers = _Answers(pipe)
    start = _timer(request["trial_seconds"])
    # Types and dataclasses look their module up by name.
    module = sys.modules["program"] = types.ModuleType("program")
    space = module.__dict__
    space["_ingot_taken"] = _taken(taken)
    source = request["text"] if request["tree"] is None else request["tree"]
    answers.write({"confinement": active})
    start()
    failed = _guarded(lambda: exec(compile(source, PROGRAM, "exec", dont_inherit=True), space), first, last)  # noqa: S102
    answers.write({"failed": failed, "refused": list(refused), "taken": sorted(taken)})
    calls: list[list[Any]] = []
    filled = 0
    for name in request["functions"]:
        if isinstance(space.get(name), types.FunctionType):
            space[name] = _recorded(name, space[name], calls)
    for values, steps in trials if failed is None else ():
        for log in (refused, calls, taken, lines):
            log.clear()
        start()
        frame = _trial(space, values, steps, first, last)
        frame |= {"refused": list(refused), "calls": list(calls), "taken": sorted(taken), "lines": sorted(lines)}
        answers.write(_cut(frame))
        filled += frame["failed"] is not None and frame["failed"][0] in ("MemoryError", "AnswerTooLarge")
        if filled == FILLED_OFTEN:
            return False
    return True


def _cut(frame: dict[str, Any]) -> dict[str, Any]:
    """The frame without what is too large to be an answer."""
    if len(frame.get("answer") or "") > LARGEST_ANSWER:
        frame["answer"] = None
        frame["failed"] = ["AnswerTooLarge", f"more than {LARGEST_ANSWER} characters of output", None, None]
    if sum(len(call[1]) + len(call[2] or "") for call in frame["calls"]) > LARGEST_ANSWER:
        frame["calls"] = []
    return frame


def _timer(seconds: float) -> Callable[[], None]:
    """Give the running trial its time: the kernel ends the process when it is used up, whatever the program does.

    CPU time counts; a program that sleeps is ended by the nursery.
    """
    setitimer, cpu = signal.setitimer, signal.ITIMER_PROF

    def start() -> None:
        setitimer(cpu, seconds)

    return start


def _trial(space: dict[str, Any], values: Any, steps: Any, first: int, last: int) -> dict[str, Any]:
    answer: list[Any] = []
    failed = _guarded(lambda: answer.append(transacted(space["transact"], values, steps)), first, last)
    if failed is not None:
        return {"failed": failed}
    text: list[str] = []
    failed = _guarded(lambda: text.append(tagged.encode(answer[0])), first, last)
    return {"failed": failed, "answer": text[0] if text else None}


class StepNotGiven(Exception):
    """The program asked for the outputs of a step that the trial does not give."""


def transacted(transact: Callable[[Any], Any], values: Any, steps: Any) -> Any:
    """The program's answer, its flow being sent the outputs of the steps that it asks for."""
    flow = transact(values)
    if not isinstance(flow, types.GeneratorType):
        return flow
    reply = None
    while True:
        try:
            step, _arguments = flow.send(reply)
        except StopIteration as stop:
            return stop.value
        if step not in steps:
            raise StepNotGiven(f"the trial gives no outputs for step {step!r}")
        reply = steps[step]


def _recorded(name: str, function: Callable[..., Any], calls: list[list[Any]]) -> Callable[..., Any]:
    """`function`, noting for each call: name, arguments, output or None, error's type or None, whether an argument
    was changed."""
    encode = tagged.encode

    def call(*arguments: Any) -> Any:
        before = encode(list(arguments))
        entry: list[Any] = [name, before, None, None, False]
        calls.append(entry)
        try:
            output = function(*arguments)
        except BaseException as error:
            entry[3] = type(error).__name__
            raise
        finally:
            entry[4] = encode(list(arguments)) != before
        entry[2] = encode(output)
        return output

    return call


def _guarded(action: Callable[[], object], first: int, last: int) -> list[Any] | None:
    """None, or ``[type, message, line, function]`` of what it raised, the place being the innermost in the logic."""
    try:
        action()
    except BaseException as error:  # noqa: BLE001  (whatever a program raises is an observation)
        line = function = None
        trace = error.__traceback__
        while trace is not None:
            frame = trace.tb_frame
            if frame.f_code.co_filename == PROGRAM and first <= trace.tb_lineno <= last:
                line, function = trace.tb_lineno, frame.f_code.co_name
            trace = trace.tb_next
        return [type(error).__name__[:80], _message(error), line, function]
    return None


def _message(error: BaseException) -> str:
    try:
        return str(error)[:300].encode("utf-8", "replace").decode()
    except BaseException:  # noqa: BLE001  (an exception of the program may raise while it is printed)
        return "(its message cannot be printed)"


# ---- what is covered ---------------------------------------------------------------------------------------------


def _taken(covered: set[int]) -> Callable[[int, Any], Any]:
    """The function that an instrumented program calls at its branches: notes ``number`` and passes the value on."""

    def note(number: int, value: Any = None, kind: str = "test") -> Any:
        if kind == "loop":
            return _looped(number, value, covered)
        covered.add(number if kind == "mark" or value else number + 1)
        return value

    return note


def _looped(number: int, values: Any, covered: set[int]) -> Any:
    entered = False
    for value in values:
        entered = True
        covered.add(number)
        yield value
    if not entered:
        covered.add(number + 1)


def _tracer(lines: set[int], first: int, last: int) -> Callable[..., Any]:
    def local(frame: types.FrameType, event: str, _argument: object) -> Any:
        if event == "line":
            lines.add(frame.f_lineno)
        return local

    def trace(frame: types.FrameType, _event: str, _argument: object) -> Any:
        inside = frame.f_code.co_filename == PROGRAM and first <= frame.f_code.co_firstlineno <= last
        return local if inside else None

    return trace

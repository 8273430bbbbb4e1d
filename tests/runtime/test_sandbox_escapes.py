"""Hostile programs, run directly in the sandbox with no SECURITY stage before it: none gets out.

Each runs twice: in the full cage, and with seccomp, landlock and ctypes taken away, so that rlimits and the audit hook
are all there is. A program has won when it returns a secret file's text, leaves a file or a process behind, reaches a
listening socket, or hurts a process outside.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingot.runtime import sandbox as module
from ingot.runtime.sandbox import Limits, Run, Sandbox, Trial

SEED = 918_000_000 + os.getpid() % 1_000_000  # tells this run's processes from those of one beside it
FILTER = module.seccomp_filter()
SECRET = "the-secret-of-the-house"
LIMITS = Limits(trial_seconds=0.5, run_seconds=2.5, memory=128 * 1024 * 1024, deaths=1)

ESCAPES = {
    "open": "return open(path).read()",
    "codecs": """
        import codecs
        return codecs.open(path).read()
    """,
    "subclasses walk": """
        for kind in object.__subclasses__():
            space = getattr(getattr(kind, "__init__", None), "__globals__", {})
            if "sys" in space:
                os = space["sys"].modules["os"]
                return os.read(os.open(path, os.O_RDONLY), 100).decode()
    """,
    "traceback frame walk": """
        try:
            1 / 0
        except ZeroDivisionError as error:
            frame = error.__traceback__.tb_frame
        while frame is not None:
            os = frame.f_globals.get("os")
            if os is not None:
                return os.read(os.open(path, os.O_RDONLY), 100).decode()
            frame = frame.f_back
    """,
    "generator frame walk": """
        walk = (walk.gi_frame.f_back for _ in [0])
        frame = [one for one in walk][0]
        while frame is not None:
            os = frame.f_globals.get("os")
            if os is not None:
                return os.read(os.open(path, os.O_RDONLY), 100).decode()
            frame = frame.f_back
    """,
    "class building": """
        def leave(self):
            import os
            os.system("cp " + path + " " + folder + "/left")
        kind = type("Kind", (), {"__del__": leave, "__init__": leave})
        kind()
    """,
    "format attribute walk": """
        import string
        where = "0.get_field.__globals__[_re].enum.sys.modules[os]"
        os, _ = string.Formatter().get_field(where, [string.Formatter()], {})
        return os.read(os.open(path, os.O_RDONLY), 100).decode()
    """,
    "builtin loader": """
        importer = [kind for kind in object.__subclasses__() if kind.__name__ == "BuiltinImporter"][0]
        posix = importer.load_module("posix")
        return posix.read(posix.open(path, posix.O_RDONLY), 100).decode()
    """,
    "importlib file loader": """
        import importlib.machinery
        return importlib.machinery.SourceFileLoader("x", path).get_data(path).decode()
    """,
    "ctypes": """
        import ctypes
        libc = ctypes.CDLL(None)
        buffer = ctypes.create_string_buffer(100)
        libc.read(libc.open(path.encode(), 0), buffer, 100)
        return buffer.value.decode()
    """,
    "ptrace of the parent": """
        import ctypes, os
        if ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) == 0:
            return "the-secret-of-the-house"
    """,
    "crafted bytecode": """
        code = (lambda: None).__code__
        broken = code.replace(co_code=bytes([100, 255]) * 8, co_stacksize=0)
        return eval(broken)
    """,
    "code swap": """
        import json
        json.dumps.__code__ = (lambda *a, **k: "forged").__code__
    """,
    "garbage collector walk": """
        import gc
        for one in gc.get_objects():
            if type(one).__name__ == "socket":
                return "the-secret-of-the-house"
    """,
    "write a file": 'open(folder + "/left", "w").write("x")',
    "socket": """
        import socket
        socket.create_connection(("127.0.0.1", port), 1).sendall(b"x")
    """,
    "raw socket module": """
        import _socket
        _socket.socket(2, 1, 0).connect(("127.0.0.1", port))
    """,
    "subprocess": """
        import subprocess
        return subprocess.run(["cat", path], capture_output=True, text=True).stdout
    """,
    "exec in place": """
        import os
        os.execv("/bin/sh", ["sh", "-c", "cp " + path + " " + folder + "/left"])
    """,
    "kill the parent": """
        import os
        os.kill(os.getppid(), 9)
    """,
    "kill everything": """
        import os
        os.kill(-1, 9)
    """,
    "limits lifted": """
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
        return open(path).read()
    """,
    "unpickle a call": """
        import pickle
        return pickle.loads(b"cbuiltins\\nopen\\n(V" + path.encode() + b"\\ntR.").read()
    """,
}

BOMBS = {
    "fork bomb": """
        import os
        while True:
            os.fork()
    """,
    "thread bomb": """
        import _thread
        while True:
            _thread.start_new_thread(lambda: [0 for _ in iter(int, 1)], ())
    """,
    "memory bomb": """
        rows = ["x"]
        while True:
            rows = rows + rows
    """,
    "memory at once": "return len(bytearray(10 ** 12))",
    "processor loop": """
        while True:
            pass
    """,
    "loop that catches all": """
        while True:
            try:
                while True:
                    pass
            except BaseException:
                pass
    """,
    "loop behind ignored signals": """
        import signal
        for number in (14, 24, 27):
            signal.signal(number, signal.SIG_IGN)
        while True:
            pass
    """,
    "sleep": """
        import _thread
        lock = _thread.allocate_lock()
        lock.acquire()
        lock.acquire()
    """,
    "huge number": "return str(10 ** 10 ** 8)",
    "recursion": """
        def down():
            return down()
        return down()
    """,
    "deep recursion": """
        import sys
        sys.setrecursionlimit(10 ** 9)
        value = []
        for _ in range(10 ** 6):
            value = [value]
        return repr(value)
    """,
    "huge output": 'return "x" * 50_000_000',
    "printing without end": """
        while True:
            print("x" * 100_000)
    """,
    "leaves early": """
        import os
        os._exit(0)
    """,
    "aborts": """
        import os
        os.abort()
    """,
}


def program(body: str) -> str:
    inside = textwrap.indent(textwrap.dedent(body).strip(), "    ")
    return (
        f"def attack(path, folder, port):\n{inside}\n\n\n"
        'def transact(case):\n    return {"got": attack(**case)}, None\n'
    )


@pytest.fixture(scope="module", params=["full cage", "least cage"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "least cage":
            patch.setattr(module, "seccomp_filter", lambda: b"")
        elif not FILTER:
            pytest.skip("libseccomp is not installed here: only the least cage can be tried")
        with Sandbox(seeds=(SEED,)) as sandbox:
            yield sandbox


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that every user may read and write, so that permissions are not what keeps a program out."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    (folder / "secret.txt").write_text(SECRET)
    (folder / "secret.txt").chmod(0o666)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield server


def attack(sandbox: Sandbox, body: str, folder: Path, listener: socket.socket) -> Run:
    port = listener.getsockname()[1]
    trial = Trial("attack", {"path": str(folder / "secret.txt"), "folder": str(folder), "port": port})
    return sandbox.run(program(body), [trial], offset=0, seed=SEED, limits=LIMITS)


def processes() -> set[int]:
    """The processes of these tests' sandbox, known by their hash seed."""
    mark = f"PYTHONHASHSEED={SEED}".encode()
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.add(int(entry.name))
            except OSError:
                continue
    return found


def unharmed(sandbox: Sandbox, folder: Path, listener: socket.socket, before: set[int]) -> None:
    assert [path.name for path in folder.iterdir()] == ["secret.txt"]
    assert (folder / "secret.txt").read_text() == SECRET
    with pytest.raises(BlockingIOError):
        listener.accept()
    assert processes() == before, "a process was left behind, or the nursery is gone"
    run = sandbox.run("def transact(case):\n    return case, None\n", [Trial("next", {"a": 1})], offset=0, seed=SEED)
    assert run.observations["next"].output == {"a": 1}
    assert os.getppid() > 0


@pytest.mark.parametrize("name", ESCAPES)
def test_no_escape(name: str, sandbox: Sandbox, folder: Path, listener: socket.socket) -> None:
    before = processes()
    run = attack(sandbox, ESCAPES[name], folder, listener)
    observation = run.observations["attack"]
    assert SECRET not in repr(observation)
    assert observation.error is not None or observation.output == {"got": None}
    unharmed(sandbox, folder, listener, before)


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_contained(name: str, sandbox: Sandbox, folder: Path, listener: socket.socket) -> None:
    before = processes()
    started = time.monotonic()
    run = attack(sandbox, BOMBS[name], folder, listener)
    assert time.monotonic() - started < 30
    assert run.observations["attack"].error is not None
    unharmed(sandbox, folder, listener, before)


def test_what_is_active_is_said(sandbox: Sandbox) -> None:
    run = sandbox.run("def transact(case):\n    return case, None\n", [Trial("a", {})], offset=0, seed=SEED)
    assert run.confinement["rlimits"]
    assert run.confinement["audit_hook"]
    assert run.confinement["seccomp"] == bool(module.seccomp_filter())
    assert not run.confinement["landlock"] or run.confinement["seccomp"]


def test_refused_events_are_named(sandbox: Sandbox, folder: Path, listener: socket.socket) -> None:
    assert attack(sandbox, ESCAPES["open"], folder, listener).refused["attack"] == ("open",)


READERS = [name for name, body in ESCAPES.items() if "return" in body and "ctypes" not in body and "gc" not in body]
READERS = [name for name in READERS if name != "crafted bytecode"]


@pytest.mark.parametrize("name", READERS)
def test_the_attacks_are_real(name: str, folder: Path) -> None:
    """Outside the cage the same programs do read the secret; otherwise the tests above would show nothing."""
    case = {"path": str(folder / "secret.txt"), "folder": str(folder), "port": 0}
    code = f"import os, socket\n{program(ESCAPES[name])}\nprint(transact({case!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert SECRET in done.stdout, done.stderr


def test_native_code_meets_seccomp(folder: Path, listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system call made past the audit hook, through a function pointer that nothing audits, is still refused."""
    if not FILTER:
        pytest.skip("libseccomp is not installed here")
    monkeypatch.setattr(module, "seccomp_filter", lambda: FILTER)
    opening = ctypes.cast(ctypes.CDLL(None).open, ctypes.c_void_p).value or 0
    offset = opening - ctypes._memmove_addr  # type: ignore[attr-defined]
    body = f"""
        import ctypes
        make = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.c_int)
        return make(ctypes._memmove_addr + {offset})(path.encode(), 0)
    """
    with Sandbox(seeds=(SEED,)) as sandbox:
        run = attack(sandbox, body, folder, listener)
        assert run.confinement == {"seccomp": True, "landlock": run.confinement["landlock"], "rlimits": True,
                                   "audit_hook": True}  # fmt: skip
        assert "attack" not in run.refused
        assert run.observations["attack"].output == {"got": -1}

"""The cage: what a process does to itself before it runs a candidate. Nothing here can be undone from inside.

In this order, each layer covering for the ones that a kernel lacks:

1. own session, no descriptors but the answer pipe, an unprivileged user where it starts as root
2. no_new_privs, and death with its parent
3. landlock: no path may be read, written or executed, no TCP, no signals to outside
4. rlimits: CPU, address space, processes, file size, open files, core
5. seccomp: a short list of system calls; every other one fails with EPERM
6. an audit hook: a short list of events; every other one raises and is noted

Seccomp and landlock need ctypes. Where the kernel has no seccomp, ctypes is not loaded at all and landlock is given
up with it: a program that reaches ctypes in its own process can undo the audit hook, which then is the boundary.
Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import resource
import struct
import sys
from dataclasses import dataclass
from typing import Any

NOBODY = 65534

SYSCALLS = (
    "read", "write", "brk", "mmap", "munmap", "mremap", "madvise", "mprotect", "futex", "rt_sigreturn",
    "restart_syscall", "exit", "exit_group", "clock_gettime", "clock_getres", "gettimeofday", "time", "getpid", "gettid",
    "getrandom", "sched_yield", "setitimer", "rseq", "set_robust_list",
)  # fmt: skip
"""What a running interpreter needs once everything is imported; `mmap` and `mprotect` without PROT_EXEC."""

AUDIT_ALLOWED = frozenset({
    "exec", "compile", "sys._getframe", "sys._getframemodulename", "object.__getattr__", "builtins.id",
    "array.__new__", "sys.unraisablehook",
})  # fmt: skip
"""Events that pure code raises: dataclasses and named tuples compile, tracebacks read frames."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a cage may use: `memory` in bytes beyond what the interpreter has, CPU in whole seconds; a process that does
    not heed that signal has one second more."""

    memory: int
    cpu_seconds: int


class Refused(PermissionError):
    """The cage refuses what the program tried."""


def lock(bounds: Bounds, pipe: int, bpf: bytes, native: bool) -> tuple[int, dict[str, bool], list[str]]:
    """Lock this process for good.

    `pipe` is the one descriptor that stays open, `bpf` the seccomp filter as bytes, `native` whether ctypes may be
    used. Returns the pipe's new number, which layers are active, and a list that from now on names every event that
    the audit hook refuses. Raises OSError where a limit cannot be set: then nothing may be run.
    """
    pipe = _detach(pipe)
    libc = _libc() if native else None
    landlocked = libc is not None and _landlock(libc)
    _limit(bounds)
    filtered = libc is not None and _seccomp(libc, bpf)
    refused = _listen()
    return pipe, {"seccomp": filtered, "landlock": landlocked, "rlimits": True, "audit_hook": True}, refused


def _detach(pipe: int) -> int:
    os.setsid()
    sys.stdin = sys.stdout = sys.stderr = None
    os.dup2(pipe, 0)
    os.closerange(1, _last_fd() + 1)
    if os.geteuid() == 0:
        # A container may keep root from changing user. It then has little power, and the other layers hold.
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
    return 0


def _last_fd() -> int:
    """The highest descriptor that can be open."""
    try:
        return max(int(name) for name in os.listdir("/proc/self/fd"))
    except OSError:
        return min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 1 << 16)


def _limit(bounds: Bounds) -> None:
    limits = {
        resource.RLIMIT_AS: _address_space() + bounds.memory,
        resource.RLIMIT_CPU: bounds.cpu_seconds,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 0,
    }
    for which, most in limits.items():
        hard = resource.getrlimit(which)[1]
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        last = bound + 1 if which == resource.RLIMIT_CPU and bound != hard else bound
        resource.setrlimit(which, (bound, last))


_STARTED_WITH: list[int] = []


def measure() -> None:
    """Remember, before landlock, how much address space the interpreter occupies by itself."""
    try:
        with open("/proc/self/statm", "rb", buffering=0) as file:
            _STARTED_WITH[:] = [int(file.read().split()[0]) * resource.getpagesize()]
    except OSError:
        _STARTED_WITH[:] = [256 * 1024 * 1024]


def _address_space() -> int:
    return _STARTED_WITH[0]


# ---- layers that need system calls Python has no names for -------------------------------------------------------

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
LANDLOCK_CREATE_RULESET, LANDLOCK_RESTRICT_SELF = 444, 446
_LANDLOCK_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
"""Landlock ABI to the number of file rights it knows; from 5 on there are 16."""


def _libc() -> Any:
    """The C library, in a process that can gain no privilege and dies with its parent; None where it refuses."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0)
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    return libc if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 else None


def _landlock(libc: Any) -> bool:
    import ctypes

    abi = libc.syscall(LANDLOCK_CREATE_RULESET, None, 0, 1)
    if abi < 1:
        return False
    rights = (1 << _LANDLOCK_RIGHTS.get(abi, 16)) - 1
    attributes = (ctypes.c_uint64 * 3)(rights, 3 if abi >= 4 else 0, 3 if abi >= 6 else 0)
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    ruleset = libc.syscall(LANDLOCK_CREATE_RULESET, attributes, size, 0)
    if ruleset < 0:
        return False
    restricted = libc.syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0
    os.close(ruleset)
    return bool(restricted)


def _seccomp(libc: Any, bpf: bytes) -> bool:
    import ctypes

    if not bpf:
        return False
    code = ctypes.create_string_buffer(bpf, len(bpf))
    # struct sock_fprog: the number of instructions, padding, their address
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(bpf) // 8, ctypes.addressof(code)), 16)
    return bool(libc.prctl(PR_SET_SECCOMP, 2, program, 0, 0) == 0)


# ---- the audit hook ----------------------------------------------------------------------------------------------


def _listen() -> list[str]:
    refused: list[str] = []
    allowed = AUDIT_ALLOWED

    def hook(event: str, _arguments: tuple[object, ...]) -> None:
        if event not in allowed:
            if len(refused) < 20:
                refused.append(event)
            raise Refused(f"the cage refuses {event}")

    sys.addaudithook(hook)
    return refused

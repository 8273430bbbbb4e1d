"""The system's lock on an open file or folder. It ends with its descriptor, and so with the process, however that ends.

A lock keeps out only those who ask for it, threads with a descriptor of their own among them. What to say where another has it is
each caller's.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def take(descriptor: int) -> bool:
    """Lock what is open under this descriptor; False, at once, where another has it. Raises OSError where it cannot be locked."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_for(descriptor: int) -> None:
    """Lock what is open under this descriptor as soon as nobody else has it. Raises OSError."""
    fcntl.flock(descriptor, fcntl.LOCK_EX)


def still_names(path: str | Path, descriptor: int) -> bool:
    """Whether a path names what is open under the descriptor: whoever had it may have taken it away before it was locked."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


@contextmanager
def lock_file(path: str | Path, mode: int = 0o600) -> Iterator[int]:
    """The descriptor of a file to lock, made where it is missing, its user's alone unless `mode` says more; no link that somebody laid
    is followed. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def lock_folder(path: str | Path, *, follow: bool = False) -> Iterator[int]:
    """The descriptor of a folder to lock; with `follow` the path may be a link to it. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW))
    try:
        yield descriptor
    finally:
        os.close(descriptor)

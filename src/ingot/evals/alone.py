"""A folder that one run at a time writes to. The lock is the system's and ends with the process, however that ends."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ingot.errors import InputError

LOCK = ".lock"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder, which is made where it is missing, and taken away where nothing came into it. Raises InputError where
    another run holds it, or it cannot be written."""
    import fcntl

    path = folder / LOCK
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644), "r+b", buffering=0)  # noqa: SIM115
    except OSError as error:
        raise InputError(
            f"the folder cannot be written: {error.strerror or error}", place=str(folder), hint="give another --out"
        ) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.fstat(file.fileno()).st_nlink:  # taken away by the one that held it, just now
                raise BlockingIOError
        except BlockingIOError:
            raise InputError(
                f"another run is writing here{_whose(file.read(20))}",
                place=str(folder),
                hint="wait until it ends, or give another --out",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        try:
            yield
        finally:
            if missing and os.listdir(folder) == [LOCK]:
                path.unlink()
                _remove_empty(missing)


def _remove_empty(folders: Sequence[Path]) -> None:
    """Innermost first, up to one that holds something."""
    for one in folders:
        try:
            one.rmdir()
        except OSError:
            return


def _whose(told: bytes) -> str:
    return f" (process {int(told)})" if told.strip().isdigit() else ""

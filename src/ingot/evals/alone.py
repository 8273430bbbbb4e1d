"""A folder that one run at a time writes to. The lock is the system's and ends with the process, however that ends."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ingot.errors import InputError
from ingot.hold import lock_file, still_names, take

LOCK = ".lock"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder, which is made where it is missing, and taken away where nothing came into it. Raises InputError where
    another run holds it, or it cannot be written."""
    path = folder / LOCK
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context(lock_file(path, 0o644))
        except OSError as error:
            raise InputError(
                f"the folder cannot be written: {error.strerror or error}", place=str(folder), hint="give another --out"
            ) from None
        if not take(lock) or not still_names(path, lock):  # the last: taken away by the one that held it, just now
            raise InputError(
                f"another run is writing here{_whose(os.read(lock, 20))}",
                place=str(folder),
                hint="wait until it ends, or give another --out",
            )
        os.ftruncate(lock, 0)
        os.write(lock, str(os.getpid()).encode())
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

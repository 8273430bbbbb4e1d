"""Files that are whole or absent, whatever stops the process in between."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingot.hold import lock_folder, wait_for


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes that ask for the same folder waiting. The lock ends with the process. Raises OSError."""
    with lock_folder(folder, follow=True) as descriptor:
        wait_for(descriptor)
        yield


def write_new(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Create a file that must not exist yet, and wait until it is on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until a folder's entries are on the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def refuse_special(path: Path) -> None:
    """Raise OSError where a device, a pipe or a socket stands at `path`, or at the end of a link there. Renaming over it would
    take it away from everybody: root may do that to /dev/null."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(errno.EINVAL, "it is no regular file, and is left as it is", str(path))


def replace_file(path: Path, content: bytes, *, mode: int = 0o666, beside: Path | None = None) -> None:
    """Put `content` at `path` in one step: readers see the old file or the new one, never a part.

    The temporary file stands in `beside` (by default the file's own folder), on the same file system. Raises OSError, also
    where what stands there is no file (see `refuse_special`).
    """
    refuse_special(path)
    folder = beside or path.parent
    temporary = folder / f".{path.name}.{secrets.token_hex(8)}.tmp"
    try:
        write_new(temporary, content, mode)
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        error.filename, error.filename2 = str(path), None  # nobody asked for the temporary one
        raise
    finally:
        temporary.unlink(missing_ok=True)

"""A directory's bytes, read once, without following a link anywhere.

What is read here is what is verified and what is later used; nothing is opened a second time. Reading does not judge:
what is not a plain file or folder is noted, and step 1 of verification refuses it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

LARGEST_FILE = 16 * 1024 * 1024
LARGEST_TREE = 64 * 1024 * 1024
MOST_ENTRIES = 1_000
DEEPEST = 6


@dataclass(frozen=True, slots=True)
class Tree:
    """`files` maps POSIX paths to bytes; `folders` are the paths of all folders below the root; `irregular` holds
    ``(path, what is wrong)`` in the order found, ``""`` being the root itself."""

    files: Mapping[str, bytes]
    folders: frozenset[str]
    irregular: tuple[tuple[str, str], ...]


Entry = tuple[str, bytes | str | None]
"""A path with its bytes, with what is wrong with it, or with None for a folder."""


def read_tree(root: Path) -> Tree:
    """Everything in the directory `root`, at most LARGEST_TREE bytes. Raises nothing that a file can cause."""
    files: dict[str, bytes] = {}
    folders: set[str] = set()
    irregular: list[tuple[str, str]] = []
    size = 0
    for path, found in _open_root(root):
        if isinstance(found, bytes):
            files[path] = found
            size += len(found)
        elif found is None:
            folders.add(path)
        else:
            irregular.append((path, found))
        if size > LARGEST_TREE or len(files) + len(folders) > MOST_ENTRIES:
            irregular.append(("", f"holds more than {LARGEST_TREE:,} bytes or {MOST_ENTRIES:,} entries"))
            break
    return Tree(files, frozenset(folders), tuple(irregular))


def _open_root(root: Path) -> Iterator[Entry]:
    try:
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        yield "", _why(root, error)
        return
    try:
        yield from _walk(descriptor, "", 1)
    finally:
        os.close(descriptor)


def _why(root: Path, error: Exception) -> str:
    if root.is_symlink():
        return "is a symbolic link"
    if root.exists() and not root.is_dir():
        return "is not a directory"
    return f"cannot be opened: {getattr(error, 'strerror', None) or error}"


def _walk(folder: int, prefix: str, depth: int) -> Iterator[Entry]:
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: os.fsencode(entry.name))
    for entry in found:
        path = prefix + entry.name
        try:
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                yield path, None
                yield from _folder(folder, entry.name, path, depth)
            elif stat.S_ISREG(mode):
                yield path, _content(folder, entry.name)
            else:
                yield path, "is a symbolic link" if stat.S_ISLNK(mode) else "is not a plain file"
        except OSError as error:
            yield path, f"cannot be read: {error.strerror}"


def _folder(parent: int, name: str, path: str, depth: int) -> Iterator[Entry]:
    if depth >= DEEPEST:
        yield path, f"lies more than {DEEPEST} folders deep"
        return
    descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        yield from _walk(descriptor, f"{path}/", depth + 1)
    finally:
        os.close(descriptor)


def _content(folder: int, name: str) -> bytes | str:
    """A plain file's bytes. O_NONBLOCK: were it swapped for a pipe since it was listed, opening would not hang."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, dir_fd=folder), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return "is not a plain file"
        content = file.read(LARGEST_FILE + 1)
    return content if len(content) <= LARGEST_FILE else f"has more than {LARGEST_FILE:,} bytes"

"""files.read and files.write: one text or JSON file at a time, inside a declared folder and nowhere else.

    - step: store_letter
      type: module
      module: files.write
      with:
        root_env: LETTERS_FOLDER       # or root: /srv/letters
        path: "{claim_id}/letter.txt"  # below the root; every value fills one name and no more
        content: "Claim {claim_id}: {decision}."

`files.read` gives the text as the output that `output` names (``text``), or with ``as: json`` the members of the JSON
object, or those that `outputs` points to by dotted paths. `files.write` writes `content` (text) or `json`, and gives
``{"bytes": n}``. It never leaves half a file: the content goes to a temporary file, to the disk, then to its name. A
file of that name with other content is refused unless ``overwrite: true``; with the same content it counts as done.

Every folder on the way is opened from the one above it and may not be a symbolic link, nor may the file, which must
be a regular file of at most `max_bytes` (1 MiB).

Each operation takes ``(settings, environment)``, raises ValueError for settings that are wrong, and returns
``perform(arguments) -> outputs``. `perform` raises ValueError for a value that is no file name, PermissionError for
a link, FileNotFoundError, FileExistsError, and RuntimeError for content that is refused. No message holds content.
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ingot.library.modules.shared import (
    Perform,
    filled,
    filled_part,
    json_outputs,
    masked,
    placeholders,
    refuse,
    shape_problems,
    unknown_names,
    variable_value,
)

_SETTINGS: Mapping[str, Mapping[str, str]] = {
    "files.read": {"root": "text", "root_env": "env", "path": "text", "as": "text", "output": "text", "outputs": "pairs",
             "max_bytes": "count", "mask": "mask"},
    "files.write": {"root": "text", "root_env": "env", "path": "text", "content": "text", "json": "json",
              "overwrite": "flag", "max_bytes": "count", "mask": "mask"},
}  # fmt: skip


def check(operation: str, settings: Mapping[str, Any], inputs: Sequence[str]) -> list[str]:
    """What is wrong with a step's settings, without any I/O; `inputs` are the fields that the step reads."""
    return _problems(operation, settings) or unknown_names(settings, ("path", "content", "json"), inputs)


def _problems(operation: str, settings: Mapping[str, Any]) -> list[str]:
    if operation not in OPERATIONS:
        return [f"there is no operation {operation!r}; there are {', '.join(sorted(OPERATIONS))}"]
    problems = shape_problems(settings, _SETTINGS[operation], ("path",))
    if problems:
        return problems
    if ("root" in settings) == ("root_env" in settings):
        problems.append("name the folder in either 'root' or 'root_env'")
    problems += _root_problems(settings["root"], "'root'") if "root" in settings else []
    path = settings["path"]
    if path.startswith("/") or any(part in ("", ".", "..") for part in path.split("/")) or re.search(r"[\\\0]", path):
        problems.append("'path' must lead down from the root: no leading or double slash, no '.' or '..', no backslash")
    if settings.get("as", "text") not in ("json", "text"):
        problems.append("'as' must be json or text")
    if operation == "files.write" and ("content" in settings) == ("json" in settings):
        problems.append("say what to write in either 'content' or 'json'")
    return problems


def _root_problems(root: str, what: str) -> list[str]:
    if not root.startswith("/") or ".." in root.split("/") or not root.strip("/") or "{" in root:
        return [f"{what} must be the literal, absolute path of a folder other than /"]
    return []


# ---- folders and files -------------------------------------------------------------------------------------------


def _parts(settings: Mapping[str, Any], arguments: Mapping[str, Any]) -> list[str]:
    """The names from the root down. A value fills a name, and can neither add one nor climb."""
    names: list[str] = []
    for part in settings["path"].split("/"):
        name = filled(part, arguments)
        if placeholders(part) and (re.search(r"[/\\\x00-\x1f]", name) or name.startswith(".") or not name.strip()):
            raise ValueError(f"the part {part!r} of the path would not be a plain file name")
        if len(name.encode()) > 255:
            raise ValueError(f"the part {part!r} of the path would be longer than 255 bytes")
        names.append(name)
    return names


@contextmanager
def _folder(root: str, names: Sequence[str]) -> Iterator[int]:
    """A descriptor of the folder that the names lead to, each opened from the one above it, no link followed."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in names:
            below = _opened(name, os.O_RDONLY | os.O_DIRECTORY, descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def _opened(name: str, flags: int, folder: int) -> int:
    """A descriptor of an entry of a folder; a link is a PermissionError, whatever it leads to."""
    try:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise PermissionError(f"{name!r} is a link or not a folder; links are not followed") from None
        if error.errno == errno.ENOENT:
            raise FileNotFoundError(f"there is no {name!r} below the root") from None
        raise


def _content(name: str, folder: int, limit: int) -> bytes:
    """What a regular file of at most `limit` bytes holds."""
    with open(_opened(name, os.O_RDONLY, folder), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise PermissionError(f"{name!r} is not a regular file")
        content = file.read(limit + 1)
    if len(content) > limit:
        raise RuntimeError(f"{name!r} has more than {limit:,} bytes")
    return content


def _write(name: str, folder: int, content: bytes, overwrite: bool) -> None:
    """The whole file or none of it, even if the machine stops in between."""
    temporary = f".{secrets.token_hex(8)}.part"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with open(os.open(temporary, flags, 0o600, dir_fd=folder), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        else:
            os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        os.fsync(folder)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)


# ---- operations --------------------------------------------------------------------------------------------------


def _root(operation: str, settings: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """The folder, after everything about the settings has been checked."""
    refuse(operation, _problems(operation, settings))
    if "root" in settings:
        root, what = str(settings["root"]), "'root'"
    else:
        root, what = (
            variable_value(environment, settings["root_env"]),
            f"the environment variable {settings['root_env']!r}",
        )
    problems = _root_problems(root, what)
    if problems or not Path(root).is_dir():
        raise ValueError(f"{operation}: {'; '.join(problems) or f'{what} names a folder that does not exist'}")
    return root


def _picked(content: bytes, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs in a file: its text, the members of its JSON object, or those that 'outputs' points to."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise RuntimeError("the file is not UTF-8 text") from None
    if settings.get("as", "text") == "text":
        return {settings.get("output", "text"): text}
    return json_outputs(text, settings, "file")


def read(settings: Mapping[str, Any], environment: Mapping[str, str]) -> Perform:
    """Read one file; see the top of this file."""
    root, limit = _root("files.read", settings, environment), settings.get("max_bytes", 1 << 20)

    def perform(arguments: Mapping[str, Any]) -> dict[str, Any]:
        *folders, name = _parts(settings, masked(arguments, settings.get("mask", ())))
        with _folder(root, folders) as folder:
            return _picked(_content(name, folder, limit), settings)

    return perform


def write(settings: Mapping[str, Any], environment: Mapping[str, str]) -> Perform:
    """Write one file; see the top of this file."""
    root, limit = _root("files.write", settings, environment), settings.get("max_bytes", 1 << 20)
    overwrite = settings.get("overwrite", False)

    def perform(arguments: Mapping[str, Any]) -> dict[str, Any]:
        values = masked(arguments, settings.get("mask", ()))
        *folders, name = _parts(settings, values)
        if "json" in settings:
            tree = filled_part(settings["json"], values)
            content = (json.dumps(tree, ensure_ascii=False, allow_nan=False, sort_keys=True, indent=2) + "\n").encode()
        else:
            content = filled(settings["content"], values).encode()
        if len(content) > limit:
            raise RuntimeError(f"the content has more than {limit:,} bytes")
        with _folder(root, folders) as folder:
            try:
                _write(name, folder, content, overwrite)
            except FileExistsError:
                if _content(name, folder, max(limit, len(content))) != content:
                    raise FileExistsError(
                        f"{name!r} exists with other content; set 'overwrite: true' to replace it"
                    ) from None
        return {"bytes": len(content)}

    return perform


OPERATIONS: dict[str, Callable[[Mapping[str, Any], Mapping[str, str]], Perform]] = {
    "files.read": read,
    "files.write": write,
}

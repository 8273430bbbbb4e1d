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
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

_SETTINGS: Mapping[str, Mapping[str, str]] = {
    "files.read": {"root": "text", "root_env": "env", "path": "text", "as": "text", "output": "text", "outputs": "pairs",
             "max_bytes": "count", "mask": "mask"},
    "files.write": {"root": "text", "root_env": "env", "path": "text", "content": "text", "json": "json",
              "overwrite": "flag", "max_bytes": "count", "mask": "mask"},
}  # fmt: skip


# ---- the same lines stand in every module: each file is alone once it has been copied into an artifact -----------

Perform = Callable[[Mapping[str, Any]], dict[str, Any]]
_PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")
_ENV_NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,99}")
_KINDS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "text": ("a text", lambda value: isinstance(value, str) and bool(value.strip())),
    "texts": ("a list of texts", lambda value: isinstance(value, list | tuple) and all(map(_is_text, value))),
    "flag": ("true or false", lambda value: isinstance(value, bool)),
    "count": ("a whole number from 0 to 100,000,000", lambda value: type(value) is int and 0 <= value <= 100_000_000),
    "seconds": ("a number of seconds above 0, 600 at most", lambda value: _is_number(value) and 0 < value <= 600),
    "env": ("the NAME of an environment variable", lambda value: _is_text(value) and bool(_ENV_NAME.fullmatch(value))),
    "envs": ("a mapping of names to NAMES of environment variables", lambda value: _is_pairs(value, _ENV_NAME)),
    "pairs": ("a mapping of names to texts", lambda value: _is_pairs(value, None)),
    "json": ("texts, numbers, lists and mappings", lambda value: isinstance(value, Mapping | list | tuple | str)),
    "mask": (
        "a list of inputs, or a mapping of inputs to 'all' or 'last_four'",
        lambda value: (
            _KINDS["texts"][1](value)
            or (isinstance(value, Mapping) and all(how in ("all", "last_four") for how in value.values()))
        ),
    ),
}


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _is_pairs(value: Any, pattern: re.Pattern[str] | None) -> bool:
    return isinstance(value, Mapping) and all(
        _is_text(key) and _is_text(text) and (pattern is None or pattern.fullmatch(text)) for key, text in value.items()
    )


def _shape(settings: Mapping[str, Any], kinds: Mapping[str, str], required: Sequence[str]) -> list[str]:
    """What is wrong with the keys and types of the settings. Values are not quoted: one may be a misplaced secret."""
    problems = [
        f"{key!r} is not a setting here; there are {', '.join(sorted(kinds))}" for key in settings if key not in kinds
    ]
    problems += [f"the setting {key!r} is missing" for key in required if key not in settings]
    for key, kind in kinds.items():
        wanted, fits = _KINDS[kind]
        if key in settings and not fits(settings[key]):
            problems.append(f"{key!r} must be {wanted}")
    return problems


def _names(value: Any) -> set[str]:
    """The names in ``{name}`` placeholders anywhere in a value."""
    if isinstance(value, Mapping):
        return set().union(*(_names(inner) for inner in value.values()))
    if isinstance(value, list | tuple):
        return set().union(*(_names(inner) for inner in value))
    return set(_PLACEHOLDER.findall(value)) if isinstance(value, str) else set()


def _unknown(settings: Mapping[str, Any], keys: Sequence[str], inputs: Sequence[str]) -> list[str]:
    """Placeholders and masks that name something which the step does not read."""
    problems = [
        f"{key!r} holds the placeholder {{{name}}}, which is not among the step's inputs"
        for key in keys
        for name in sorted(_names(settings.get(key)) - set(inputs))
    ]
    strange = [name for name in settings.get("mask", ()) if name not in inputs]
    return problems + [f"'mask' names {name!r}, which is not among the step's inputs" for name in strange]


def _masked(arguments: Mapping[str, Any], mask: Mapping[str, str] | Sequence[str]) -> dict[str, Any]:
    """The arguments with masked values: ``***``, or the last four digits of a card number of 12 digits and more."""
    ways = dict(mask) if isinstance(mask, Mapping) else dict.fromkeys(mask, "all")
    return {name: _mask(value, ways[name]) if name in ways else value for name, value in arguments.items()}


def _mask(value: Any, way: str) -> Any:
    if value is None:
        return None
    digits = re.sub(r"[ -]", "", str(value))
    keeps = way == "last_four" and re.fullmatch(r"[0-9]{12,19}", digits) is not None
    return f"***{digits[-4:]}" if keeps else "***"


def _variable(environment: Mapping[str, str], name: str) -> str:
    """The value of an environment variable; ValueError names the variable where it is not set."""
    value = environment.get(name, "")
    if not value:
        raise ValueError(f"the environment variable {name!r} is not set")
    return value


def _plain(value: Any) -> Any:
    """A value as JSON: decimals and dates become text."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def _filled(template: Any, arguments: Mapping[str, Any], encode: Callable[[str], str] = str) -> Any:
    """The template with values in its placeholders; a text that is one placeholder in a list or mapping keeps
    the value's JSON type. A null inside a longer text is a ValueError: it has no spelling there."""
    if isinstance(template, Mapping):
        return {key: _filled_part(inner, arguments) for key, inner in template.items()}
    if isinstance(template, list | tuple):
        return [_filled_part(inner, arguments) for inner in template]
    if not isinstance(template, str):
        return template
    return _PLACEHOLDER.sub(lambda match: encode(_spelled(match[1], arguments)), template)


def _filled_part(template: Any, arguments: Mapping[str, Any]) -> Any:
    whole = _PLACEHOLDER.fullmatch(template) if isinstance(template, str) else None
    if whole is None:
        return _filled(template, arguments)
    if whole[1] not in arguments:
        raise ValueError(f"there is no argument for the placeholder {{{whole[1]}}}")
    return _plain(arguments[whole[1]])


def _spelled(name: str, arguments: Mapping[str, Any]) -> str:
    """The argument as text; ValueError where it is null, absent or not a single value."""
    value = _plain(arguments.get(name))
    if value is None or isinstance(value, dict | list):
        raise ValueError(f"the placeholder {{{name}}} needs one value, and it has {type(value).__name__}")
    return str(value).lower() if isinstance(value, bool) else str(value)


# ---- end of the shared lines --------------------------------------------------------------------------------------


def check(operation: str, settings: Mapping[str, Any], inputs: Sequence[str]) -> list[str]:
    """What is wrong with a step's settings, without any I/O; `inputs` are the fields that the step reads."""
    return _problems(operation, settings) or _unknown(settings, ("path", "content", "json"), inputs)


def _problems(operation: str, settings: Mapping[str, Any]) -> list[str]:
    if operation not in OPERATIONS:
        return [f"there is no operation {operation!r}; there are {', '.join(sorted(OPERATIONS))}"]
    problems = _shape(settings, _SETTINGS[operation], ("path",))
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
        name = _filled(part, arguments)
        if _names(part) and (re.search(r"[/\\\x00-\x1f]", name) or name.startswith(".") or not name.strip()):
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
    problems = _problems(operation, settings)
    if problems:
        raise ValueError(f"{operation}: {'; '.join(problems)}")
    if "root" in settings:
        root, what = str(settings["root"]), "'root'"
    else:
        root, what = _variable(environment, settings["root_env"]), f"the environment variable {settings['root_env']!r}"
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
    try:
        tree = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise RuntimeError("the file is not JSON") from None
    if "outputs" in settings:
        return {name: _at(tree, path) for name, path in settings["outputs"].items()}
    if not isinstance(tree, dict):
        raise RuntimeError("the file is not a JSON object; name its parts in 'outputs'")
    return tree


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _at(tree: Any, path: str) -> Any:
    """The value at a dotted path such as ``items.0.price``; None where it leads nowhere."""
    for part in path.split("."):
        if isinstance(tree, dict):
            tree = tree.get(part)
        elif isinstance(tree, list) and part.isdecimal() and int(part) < len(tree):
            tree = tree[int(part)]
        else:
            return None
    return tree


def read(settings: Mapping[str, Any], environment: Mapping[str, str]) -> Perform:
    """Read one file; see the top of this file."""
    root, limit = _root("files.read", settings, environment), settings.get("max_bytes", 1 << 20)

    def perform(arguments: Mapping[str, Any]) -> dict[str, Any]:
        *folders, name = _parts(settings, _masked(arguments, settings.get("mask", ())))
        with _folder(root, folders) as folder:
            return _picked(_content(name, folder, limit), settings)

    return perform


def write(settings: Mapping[str, Any], environment: Mapping[str, str]) -> Perform:
    """Write one file; see the top of this file."""
    root, limit = _root("files.write", settings, environment), settings.get("max_bytes", 1 << 20)
    overwrite = settings.get("overwrite", False)

    def perform(arguments: Mapping[str, Any]) -> dict[str, Any]:
        values = _masked(arguments, settings.get("mask", ()))
        *folders, name = _parts(settings, values)
        if "json" in settings:
            tree = _filled_part(settings["json"], values)
            content = (json.dumps(tree, ensure_ascii=False, allow_nan=False, sort_keys=True, indent=2) + "\n").encode()
        else:
            content = _filled(settings["content"], values).encode()
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

"""A model behind a directory: whoever watches it (a person, a coding agent, an air-gapped machine) writes the replies.

DIR/<digest16>.request.md     written here, whole, at once
DIR/<digest16>.reply.md       awaited; may start with a front matter that says who wrote it:

    ---
    model: anthropic:claude-opus-4-5
    ---
"""

from __future__ import annotations

import json
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from ingot.errors import ModelError, ModelTimeout
from ingot.models.atomic import write_atomically
from ingot.models.model import Completion, Request
from ingot.models.reply import REPLY_LIMIT, estimated_usage, too_large, without_known_keys
from ingot.usage import Usage

POLL = 0.1
SETTLED = 0.3  # seconds without a change after which a reply counts as whole
SETTLED_EMPTY = 2.0  # an empty file is mostly one that is about to be written
SETTLED_OPEN = 5.0  # so is one whose front matter, block of code or object is not closed; its writer may also be gone
UNSTATED = "files:unstated"
_FRONT_MATTER_LINES = 10


class Files:
    """Writes each request into `directory` and waits up to `timeout` seconds for its reply.

    A reply that is there already is used at once, so a run that timed out or was interrupted goes on where it stood.
    Nobody counts tokens here: `Completion.usage` is an estimate (a quarter of the characters) unless the reply's
    front matter gives `input_tokens` and `output_tokens`. `Completion.model` is the front matter's `model`, or
    ``files:unstated``.
    """

    def __init__(self, directory: str | Path, *, timeout: float = 3_600) -> None:
        self.directory = Path(directory)
        self.timeout = timeout
        self.name = f"files:{self.directory}"

    def __repr__(self) -> str:
        return f"Files({str(self.directory)!r}, timeout={self.timeout:g})"

    def complete(self, request: Request) -> Completion:
        """The reply to `request`. Raises ModelTimeout where none comes, ModelError where it cannot be read."""
        began = time.monotonic()
        stem = request.digest[:16]
        asked, expected = self.directory / f"{stem}.request.md", self.directory / f"{stem}.reply.md"
        text = request_text(request)
        if not _holds(asked, text):
            write_atomically(asked, text.encode())
        reply = without_known_keys(self._wait(expected, began, request.schema is not None))
        front, body = _front_matter(reply, expected)
        usage = front.usage or estimated_usage(request, body)
        return Completion(body, front.model or UNSTATED, usage, time.monotonic() - began)

    def _wait(self, expected: Path, began: float, json_wanted: bool) -> str:
        seen: tuple[int, ...] | None = None
        since = began
        while True:
            now = time.monotonic()
            mark = _mark(expected)
            if mark != seen:
                seen, since = mark, now
            if mark is not None:
                still = max(now - since, time.time() - mark[1] / 1e9)
                if still >= (SETTLED if mark[0] else SETTLED_EMPTY):
                    reply = _read(expected)
                    if still >= SETTLED_OPEN or now - began >= self.timeout or not _is_open(reply, json_wanted):
                        return reply
            if now - began >= self.timeout:
                raise ModelTimeout(
                    f"no reply within {self.timeout:g} s; it is expected at {str(expected)!r}",
                    place=str(expected.with_name(expected.name.replace(".reply.", ".request."))),
                    hint="write the reply there and run the same command again: it is then used at once",
                )
            time.sleep(POLL)


def _is_open(reply: str, json_wanted: bool) -> bool:
    """Whether a front matter, a fenced block or a wanted object begins and does not end: more may be on its way."""
    lines = reply.removeprefix("\ufeff").splitlines()
    if lines and lines[0].rstrip() == "---":
        end = next((at for at, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), None)
        if end is None:
            return len(lines) < _FRONT_MATTER_LINES and all(":" in line for line in lines[1:-1])
        lines = lines[end + 1 :]
        if not any(line.strip() for line in lines):
            return True
    if json_wanted:
        return _is_begun_object("\n".join(lines))
    return sum(line.startswith("```") for line in lines) % 2 == 1


def _is_begun_object(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text.lstrip().startswith("{")
    return False


def request_text(request: Request) -> str:
    """The request as Markdown: a front matter, the system text, the prompt and the schema where there is one."""
    stem = request.digest[:16]
    wanted = "a JSON object that fits the schema" if request.schema is not None else "one fenced ```python block"
    lines = [
        "---",
        f"digest: {request.digest}",
        f"functions: {', '.join(request.functions)}",
        f"max_tokens: {request.max_tokens}",
        f"temperature: {request.temperature}",
        f"seed: {request.seed}",
        f"reply_to: {stem}.reply.md",
        f"reply_with: {wanted}",
        "---",
        "",
        "# System",
        "",
        request.system,
        "",
        "# Prompt",
        "",
        request.prompt,
    ]
    if request.schema is not None:
        schema = json.dumps(dict(request.schema), indent=2, ensure_ascii=False)
        lines += ["", "# Schema", "", "```json", schema, "```"]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class _Front:
    model: str | None = None
    usage: Usage | None = None


def _front_matter(text: str, path: Path) -> tuple[_Front, str]:
    """The front matter and the text after it. A reply that does not start with a block of ``key: value`` has none."""
    lines = text.removeprefix("\ufeff").splitlines(keepends=True)
    if not lines or lines[0].rstrip() != "---":
        return _Front(), text
    end = next((at for at, line in enumerate(lines[1:_FRONT_MATTER_LINES], 1) if line.rstrip() == "---"), None)
    if end is None or any(":" not in line for line in lines[1:end]):
        return _Front(), text
    pairs = [(key.strip(), value.strip()) for key, _, value in (line.partition(":") for line in lines[1:end])]
    keys = [key for key, _ in pairs]
    known = {"model", "input_tokens", "output_tokens"}
    if wrong := [key for key in keys if key not in known or keys.count(key) > 1]:
        raise ModelError(
            f"the reply's front matter has {wrong[0]!r}, unknown or twice",
            place=str(path),
            hint="it may have 'model', 'input_tokens' and 'output_tokens', each once",
        )
    found = dict(pairs)
    return _Front(found.get("model") or None, _counted(found, path)), "".join(lines[end + 1 :]).lstrip("\r\n")


def _counted(found: dict[str, str], path: Path) -> Usage | None:
    counts = [found[key] for key in ("input_tokens", "output_tokens") if key in found]
    if not counts:
        return None
    if len(counts) != 2 or not all(count.isascii() and count.isdigit() for count in counts):
        raise ModelError(
            f"the reply's front matter counts tokens as {counts!r}",
            place=str(path),
            hint="give both 'input_tokens' and 'output_tokens' as whole numbers, or neither",
        )
    return Usage(int(counts[0]), int(counts[1]), 1)


def _mark(path: Path) -> tuple[int, ...] | None:
    """Size, time and identity of a reply, or None where there is none yet."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelError(f"the reply cannot be read: {error.strerror}", place=str(path)) from None
    if not stat.S_ISREG(found.st_mode):
        raise ModelError("the reply is not a regular file", place=str(path), hint="write it as a file")
    if found.st_size > REPLY_LIMIT:
        raise too_large(str(path), found.st_size)
    return found.st_size, found.st_mtime_ns, found.st_ino


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(REPLY_LIMIT + 1)
    except OSError as error:
        raise ModelError(f"the reply cannot be read: {error.strerror}", place=str(path)) from None
    if len(content) > REPLY_LIMIT:
        raise too_large(str(path), len(content))
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ModelError(
            f"the reply is not UTF-8 at byte {error.start}", place=str(path), hint="save it as UTF-8 text"
        ) from None


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode()
    except OSError:
        return False

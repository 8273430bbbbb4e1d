"""Model → Candidate: the functions out of a reply, and a repaired function back into its place."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from ingot.verdict import Finding, Rule

LARGEST_REPLY = 200_000

RULES = (
    Rule("GEN001", "no-code-block", "reply",
         "A reply without one fenced block is prose or instructions; neither is code and nothing is guessed from it.",
         "Sure! The function should first check the age.", "reply with one ```python block and nothing else"),
    Rule("GEN002", "several-code-blocks", "reply",
         "With two blocks it is not stated which of them is the answer.",
         "```python\\n…\\n```\\nor\\n```python\\n…\\n```", "put all functions into one block"),
    Rule("GEN003", "empty-reply", "reply", "Nothing was written.", "(no text)", "reply with the functions asked for"),
    Rule("GEN004", "reply-too-large", "reply",
         "No set of 50-line functions is that long; reading on would only cost time.",
         "a reply of 10 MB", "reply with the functions asked for only"),
    Rule("GEN005", "text-outside-block", "reply",
         "Text around the block is ignored; it cost tokens and nobody reviews it.",
         "Here is the code: ```python … ```", "reply with the block alone", "warning"),
)  # fmt: skip

_FENCE = re.compile(r"^[ \t]*```[ \t]*([A-Za-z0-9_+-]*)[ \t]*\r?\n(.*?)^[ \t]*```[ \t]*\r?$", re.MULTILINE | re.DOTALL)


def read_reply(text: str) -> tuple[str | None, tuple[Finding, ...]]:
    """The code in a reply, or None, and what is wrong with the reply.

    Exactly one fenced block is code; anything else is a finding and never looked into.
    """
    if not text.strip():
        return None, (_finding("GEN003", "the reply is empty"),)
    if len(text) > LARGEST_REPLY:
        return None, (_finding("GEN004", f"the reply has {len(text):,} characters; {LARGEST_REPLY:,} is the limit"),)
    blocks = list(_FENCE.finditer(text))
    if not blocks:
        return None, (_finding("GEN001", "the reply has no fenced code block"),)
    if len(blocks) > 1:
        return None, (_finding("GEN002", f"the reply has {len(blocks)} fenced code blocks"),)
    block = blocks[0]
    code = block[2].replace("\r\n", "\n")
    outside = (text[: block.start()] + text[block.end() :]).strip()
    if not code.strip():
        return None, (_finding("GEN003", "the code block is empty"),)
    if outside:
        return code, (_finding("GEN005", f"{len(outside)} characters outside the code block were ignored"),)
    return code, ()


def _finding(code: str, message: str) -> Finding:
    rule = next(rule for rule in RULES if rule.code == code)
    return Finding(code, message, hint=rule.fix, severity=rule.severity)


def split(logic: str) -> dict[str, str]:
    """The functions of a candidate by name, as written, and everything else under the empty name.

    A candidate that does not parse is returned whole under the empty name.
    """
    try:
        tree = ast.parse(logic)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {"": logic}
    lines = logic.splitlines(keepends=True)
    parts: dict[str, str] = {}
    rest: list[str] = []
    at = 0
    for node in tree.body:
        start, end = _start(node, at, lines), node.end_lineno or node.lineno
        piece = "".join(lines[start:end])
        at = end
        if isinstance(node, ast.FunctionDef) and node.name not in parts:
            parts[node.name] = piece
        else:
            rest.append(piece)
    return {"": "".join(rest), **parts} if rest else parts


def _start(node: ast.stmt, at: int, lines: Sequence[str]) -> int:
    """Where a statement's text starts: its decorators and the comment lines straight above belong to it."""
    first: int = min([node.lineno, *(deco.lineno for deco in getattr(node, "decorator_list", ()))]) - 1
    while first > at and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    return max(first, at)


def splice(logic: str, repaired: str, names: Sequence[str]) -> str:
    """`logic` with the functions of a repair in place of those of the same name.

    Constants of the repair replace those of the same name or are added before the functions; a function that the old
    candidate lacked is added. Where either text cannot be parsed, the repair stands for the whole.
    """
    old, new = split(logic), split(repaired)
    old_functions = [name for name in old if name]
    if not old_functions or not all(name in new for name in names):
        return repaired
    head = _merge_constants(old.get("", ""), new.get("", ""))
    functions = {name: old[name] for name in old_functions} | {name: text for name, text in new.items() if name}
    pieces = [head.strip("\n")] if head.strip() else []
    return "\n\n\n".join([*pieces, *(text.strip("\n") for text in functions.values())]) + "\n"


def _merge_constants(old: str, new: str) -> str:
    """Top-level statements of both; an assignment in `new` replaces that of the same name in `old`."""
    replaced = {name for _, name in _statements(new) if name}
    kept = [text for text, name in _statements(old) if name not in replaced or name is None]
    added = [text for text, _ in _statements(new)]
    return "".join(text if text.endswith("\n") else text + "\n" for text in dict.fromkeys([*kept, *added]))


def _statements(source: str) -> list[tuple[str, str | None]]:
    lines = source.splitlines(keepends=True)
    found: list[tuple[str, str | None]] = []
    at = 0
    for node in ast.parse(source).body:
        start = _start(node, at, lines)
        at = node.end_lineno or node.lineno
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        found.append(("".join(lines[start:at]), target.id if isinstance(target, ast.Name) else None))
    return found

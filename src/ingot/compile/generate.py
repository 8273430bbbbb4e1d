"""Model → Candidate: the functions out of a reply, and a repaired function back into its place."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Collection, Sequence

from ingot.compile.tidy import tidy
from ingot.models.model import Request
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
    Rule("GEN006", "repeats-what-exists", "reply",
         "The program has these imports, types and lines of the rule already. Small models write them all the same; they are "
         "left out, not refused.",
         "import re", "leave it out", "warning"),
    Rule("GEN007", "type-called", "reply",
         "A type stands for a plain dict, and generated code calls functions only. What is called with named values is "
         "written as the dict that it is.",
         "return Fee(base=10, total=12)", 'write the dict: {"base": 10, "total": 12}', "warning"),
    Rule("GEN008", "nothing-for-nulls", "reply",
         "Where a dict is declared whose values may all be None, a function that returns None has found none of them. It is "
         "written as that dict.",
         "return None", 'write the dict: {"name": None, "city": None}', "warning"),
)  # fmt: skip

_FENCE = re.compile(r"^[ \t]*```[ \t]*([A-Za-z0-9_+-]*)[ \t]*\r?\n(.*?)^[ \t]*```[ \t]*\r?$", re.MULTILINE | re.DOTALL)


def read_reply(text: str, request: Request | None = None) -> tuple[str | None, tuple[Finding, ...]]:
    """The code in a reply, or None, and what is wrong with the reply.

    Exactly one fenced block is code; anything else is a finding and never looked into. What the code repeats of the
    request is left out of it, and said.
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
    said = [_finding("GEN005", f"{len(outside)} characters outside the code block were ignored")] if outside else []
    shown = request.prompt if request else ""
    lines = {f"# {line}" for line in shown.splitlines()}
    tidied = tidy(code, _types_shown(shown), lines)
    said += [_finding("GEN006", f"{one!r} was left out: the program has it already") for one in tidied.left_out]
    if tidied.comments:
        said.append(
            _finding("GEN006", f"{tidied.comments} lines of the rule were left out: the program has them already")
        )
    said += [
        _finding("GEN007", f"{name!r} is called; it was written as the dict it stands for") for name in tidied.called
    ]
    said += [_finding("GEN008", f"{name!r} returns None; it was written as a dict of None") for name in tidied.nothing]
    return tidied.code, tuple(said)


def _types_shown(prompt: str) -> dict[str, list[str] | None]:
    """The types of a request by name: their keys where every value may be None, else None."""
    found: dict[str, list[str] | None] = {}
    for name, body in re.findall(r"^class (\w+)\(TypedDict\):\n((?:    .*\n)+)", prompt, re.MULTILINE):
        keys = [line.strip().partition(": ") for line in body.splitlines()]
        found[name] = [key for key, _, _ in keys] if all(kind.endswith("| None") for _, _, kind in keys) else None
    return found


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


def splice(
    logic: str, repaired: str, names: Sequence[str], blamed: Collection[int] = (), asked: Collection[str] | None = None
) -> str:
    """`logic` with the functions of a repair in place of those of the same name.

    Of the old statements outside functions, constants stay that some function still uses and the repair does not
    define; a constant that the repair defines otherwise than the functions it leaves alone know it gets a name of its
    own; imports stay while other functions of the old candidate do; what stands on a `blamed` line of `logic`, functions that
    nobody `asked` for, and anything else, goes. Where either text cannot be parsed, the repair stands for the whole.
    """
    repaired = _with_own_constants(logic, repaired, names)
    old, new = split(logic), split(repaired)
    before = [name for name in old if name and (asked is None or name in asked)]
    if not before or not all(name in new for name in names):
        return repaired
    functions = {name: old[name] for name in before} | {name: text for name, text in new.items() if name}
    fresh = new.get("", "")
    used = _names("\n".join([*functions.values(), fresh]))
    defined = {name for _, name, _ in _statements(fresh)}
    replaced = set(names) >= set(before)
    kept = [
        text
        for text, name, lines in _statements(logic)
        if not set(lines) & set(blamed)
        and (name in used - defined if name else not replaced and text.lstrip().startswith(("import ", "from ")))
    ]
    head = "".join(dict.fromkeys([*kept, *(text for text, _, _ in _statements(fresh))]))
    pieces = [head.strip("\n")] if head.strip() else []
    return "\n\n\n".join([*pieces, *(text.strip("\n") for text in functions.values())]) + "\n"


def _with_own_constants(logic: str, repaired: str, names: Sequence[str]) -> str:
    """The repair, its constants renamed where functions outside the repair use another value of that name."""
    try:
        others = "\n".join(text for name, text in split(logic).items() if name and name not in names)
        before = {name: text for text, name, _ in _statements(logic) if name}
        changed = {name for text, name, _ in _statements(repaired) if name and before.get(name, text) != text}
        renamed = changed & _names(others)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return repaired
    for name in sorted(renamed):
        repaired = _renamed(repaired, name, f"{name}_{names[0].upper()}")
    return repaired


def _renamed(source: str, old: str, new: str) -> str:
    """`source` with every name `old` spelt `new`; texts and comments stay."""
    lines = source.splitlines(keepends=True)
    found = [token for token in tokenize.generate_tokens(io.StringIO(source).readline) if token.type == tokenize.NAME]
    for token in reversed([token for token in found if token.string == old]):
        row, at = token.start
        lines[row - 1] = f"{lines[row - 1][:at]}{new}{lines[row - 1][at + len(old) :]}"
    return "".join(lines)


def excerpt(logic: str, names: Collection[str], blamed: Collection[int] = ()) -> str:
    """The functions called `names` with the constants they use, and what stands on a `blamed` line outside functions.

    The whole text where it cannot be parsed, or defines none of them.
    """
    parts = split(logic)
    wanted = [parts[name] for name in parts if name in names]
    if not wanted:
        return logic
    statements = _statements(logic)
    used = _names("\n".join(wanted))
    while more := {n for text, name, _ in statements if name in used for n in _names(text)} - used:
        used |= more
    head = "".join(text for text, name, lines in statements if name in used or set(lines) & set(blamed))
    return "\n\n".join(text.strip("\n") for text in (head, *wanted) if text.strip())


def _names(source: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}


def _statements(source: str) -> list[tuple[str, str | None, range]]:
    """The top-level statements that are no functions: text, the name that it assigns, its lines."""
    lines = source.splitlines(keepends=True)
    found: list[tuple[str, str | None, range]] = []
    at = 0
    for node in ast.parse(source).body:
        start = _start(node, at, lines)
        at = node.end_lineno or node.lineno
        if isinstance(node, ast.FunctionDef):
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        text = "".join(lines[start:at])
        name = target.id if isinstance(target, ast.Name) else None
        found.append((text if text.endswith("\n") else text + "\n", name, range(start + 1, at + 1)))
    return found

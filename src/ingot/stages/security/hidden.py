"""What a reader does not see or should never see: secrets, invisible characters, look-alikes (SEC015 and SEC016)."""

from __future__ import annotations

import ast
import io
import itertools
import math
import re
import tokenize
import unicodedata
from collections import Counter
from collections.abc import Iterator

from ingot.stages.security.scan import Scan, Unreadable
from ingot.verdict import Finding

_KNOWN: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("an AWS access key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a GitHub token", re.compile(r"\bgh[pousr]_[A-Za-z0-9]{30,}\b|\bgithub_pat_\w{30,}")),
    ("a GitLab token", re.compile(r"\bglpat-[\w-]{20,}")),
    ("an Anthropic or OpenAI key", re.compile(r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,}")),
    ("a Stripe key", re.compile(r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{10,}")),
    ("a Slack token", re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}")),
    ("a Google API key", re.compile(r"\bAIza[0-9A-Za-z_-]{35}")),
    ("a JSON web token", re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")),
    ("a password in an address", re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@{}]+:[^\s/:@{}]+@")),
)
_NAMED = re.compile(
    r"(?:^|_)(?:password|passwd|pwd|passphrase|secret|secret_key|api_key|apikey|access_key|private_key|auth_token|"
    r"access_token|secret_token|api_token|client_secret)$"
)
_DENSE = re.compile(r"[A-Za-z0-9+/_=-]{24,}")
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e007f\U000e0100-\U000e01ef\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]|\r(?!\n)"
)


_HALF = re.compile("[\ud800-\udfff]")


def secrets(scan: Scan) -> Iterator[Finding]:
    """SEC015: known key formats, names that say secret, and dense random text; in code and in comments. A value of an enum
    and a field's name are no random text: the spec says them, and a function that answers with them has to."""
    stated = frozenset(text for one in scan.asked.values() for text in (*one.values, *one.fields))
    for node in scan.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if kind := _known_in(node.value) if node.value in stated else _secret_in(node.value):
                yield scan.finding("SEC015", node, f"this text looks like {kind}", "take it out; nothing here needs it")
            elif (name := _name_of(scan, node)) and _is_secret_value(node.value):
                yield scan.finding("SEC015", node, f"{name!r} holds a literal secret", "take it out")
    for line, column, text in _comments(scan.source):
        if kind := _secret_in(text):
            hint = "take it out"
            yield Finding("SEC015", f"this comment holds what looks like {kind}", line, column, None, hint)


def _known_in(text: str) -> str | None:
    return next((kind for kind, pattern in _KNOWN if pattern.search(text)), None)


def _secret_in(text: str) -> str | None:
    if kind := _known_in(text):
        return kind
    return "a random key" if any(_is_random(match) for match in _DENSE.findall(text)) else None


def _is_random(text: str) -> bool:
    """Upper, lower and digits mixed at more than four bits a character; alphabets in order are not random."""
    classes = (any(map(str.isupper, text)), any(map(str.islower, text)), any(map(str.isdigit, text)))
    in_order = sum(ord(after) - ord(before) == 1 for before, after in itertools.pairwise(text))
    if not all(classes) or in_order * 3 > len(text):
        return False
    shares = [count / len(text) for count in Counter(text).values()]
    return -sum(share * math.log2(share) for share in shares) > 4.0


def _name_of(scan: Scan, node: ast.Constant) -> str | None:
    """The secret-sounding name that a literal is bound to: a variable, a keyword, a dict key or a comparison."""
    parent = scan.parents.get(node)
    names: list[str] = []
    if isinstance(parent, ast.Assign):
        names = [target.id for target in parent.targets if isinstance(target, ast.Name)]
    elif isinstance(parent, ast.AnnAssign) and isinstance(parent.target, ast.Name):
        names = [parent.target.id]
    elif isinstance(parent, ast.keyword) and parent.arg:
        names = [parent.arg]
    elif isinstance(parent, ast.Compare) and isinstance(parent.left, ast.Name):
        names = [parent.left.id]
    elif isinstance(parent, ast.Dict):
        pairs = zip(parent.keys, parent.values, strict=True)
        names = [str(key.value) for key, value in pairs if value is node and isinstance(key, ast.Constant)]
    return next((name for name in names if _NAMED.search(name.lower())), None)


def _is_secret_value(text: str) -> bool:
    return len(text) >= 5 and not re.search(r"[\s<>{}()\[\]\\]", text) and len(set(text)) > 2


def _comments(source: str) -> Iterator[tuple[int, int, str]]:
    """Every comment with its line and column."""
    if "#" in source:
        for token in _tokens(source):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.start[1] + 1, token.string


def _tokens(source: str) -> tuple[tokenize.TokenInfo, ...]:
    try:
        return tuple(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError) as error:
        raise Unreadable(f"the candidate cannot be split into tokens: {error.args[0]}") from error


def hidden_text(scan: Scan) -> Iterator[Finding]:
    """SEC016: characters that show nothing or turn text around, and identifiers outside ASCII."""
    for node in scan.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _HALF.search(node.value):
            yield scan.finding(
                "SEC016", node, "this text holds half a character, which nothing can write", "leave it out"
            )
    for match in _INVISIBLE.finditer(scan.source):
        yield _at(scan.source, match.start(), f"an invisible character {_named(match.group())}")
    if scan.source.isascii():
        return
    # Tokens and not the tree: the parser normalises names, so that a full-width `eval` reads as `eval` there.
    for token in _tokens(scan.source):
        if token.type == tokenize.NAME and not token.string.isascii():
            odd = next(letter for letter in token.string if not letter.isascii())
            message = f"identifier {token.string!r} holds {_named(odd)}"
            yield Finding("SEC016", message, token.start[0], token.start[1] + 1, None, "use ASCII letters")


def _named(character: str) -> str:
    return f"U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip()


def _at(source: str, index: int, message: str) -> Finding:
    before = source[:index]
    line, column = before.count("\n") + 1, index - (before.rfind("\n") + 1) + 1
    return Finding("SEC016", message, line, column, None, "write it as an escape, or leave it out")

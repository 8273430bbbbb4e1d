"""Which clauses a line of the logic cites.

A comment cites the clauses it names: for the statement on its line, or, on a line of its own, for the next statement.
Comments that repeat the texts of two clauses or more are the rule as it was asked for, not a citation of it.

The one reader of citations: receipts, traces, the report, mutants and suggestions all say what it says.
"""

from __future__ import annotations

import ast
import functools
import io
import re
import tokenize
from collections.abc import Iterable, Mapping

from ingot.spec import Spec

_BLANK = (tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)


def cited_lines(logic: str, clauses: Mapping[str, str]) -> dict[int, tuple[str, ...]]:
    """Line of code → the clauses cited for it. `clauses` maps the known ids to their texts.

    Raises SyntaxError (or tokenize.TokenError) where `logic` is not Python.
    """
    found: dict[int, tuple[str, ...]] = {}
    waiting: list[str] = []
    code = False
    for token in tokenize.generate_tokens(io.StringIO(logic).readline):
        line = token.start[0]
        if token.type == tokenize.COMMENT and code:
            found[line] = _joined(found.get(line, ()), _named(token.string, clauses))
        elif token.type == tokenize.COMMENT:
            waiting.append(token.string)
        elif token.type in (tokenize.NEWLINE, tokenize.NL):
            code = False
        elif token.type not in _BLANK:
            if not code and waiting:
                found[line] = _joined(found.get(line, ()), _above(waiting, clauses))
                waiting = []
            code = True
    return {line: cited for line, cited in found.items() if cited}


def citations(logic: str, spec: Spec) -> dict[int, tuple[str, ...]]:
    """Line where a statement begins → the clauses cited on any of its own lines, and every further line that cites →
    its clauses. A block's own lines are those before its body. Raises SyntaxError (or tokenize.TokenError)."""
    found = cited_lines(logic, {clause.id: clause.text for clause in spec.clauses})
    if not found:
        return found
    own = {node.lineno: _last_own_line(node) for node in ast.walk(ast.parse(logic)) if isinstance(node, ast.stmt)}
    whole = {line: within(line, last, found) for line, last in own.items() if last > line}
    return {line: cited for line, cited in sorted({**found, **whole}.items()) if cited}


def _last_own_line(node: ast.stmt) -> int:
    body = getattr(node, "body", None)
    first = body[0].lineno if body else node.cases[0].pattern.lineno if isinstance(node, ast.Match) else None
    return node.end_lineno or node.lineno if first is None else max(first - 1, node.lineno)


def within(first: int, last: int, cited: Mapping[int, tuple[str, ...]]) -> tuple[str, ...]:
    """The clauses cited on the lines `first` to `last`, each once."""
    return _joined(*(cited.get(line, ()) for line in range(first, last + 1)))


def _named(comment: str, clauses: Mapping[str, str]) -> tuple[str, ...]:
    """The clauses that a comment names, in its order; ``C2 to C5`` names those between as well."""
    if not clauses:
        return ()
    known = tuple(clauses)
    found: list[str] = []
    for match in _pattern(known).finditer(comment):
        first, last = match[1], match[2] or match[1]
        found += known[known.index(first) : known.index(last) + 1] or [first, last]
    return tuple(dict.fromkeys(found))


@functools.lru_cache(maxsize=8)
def _pattern(known: tuple[str, ...]) -> re.Pattern[str]:
    """What names a clause or a range of them; kept, because a table of hundreds of rows cites hundreds."""
    one = "|".join(re.escape(name) for name in sorted(known, key=len, reverse=True))
    return re.compile(rf"(?<![\w.-])({one})(?:\s+to\s+({one}))?(?![\w-])(?!\.\w)")


def _above(comments: Iterable[str], clauses: Mapping[str, str]) -> tuple[str, ...]:
    said = [" ".join(comment.lstrip("#").split()) for comment in comments]
    texts = {f"{name}: {' '.join(text.split())}" for name, text in clauses.items()}
    if sum(one in texts for one in said) > 1:
        said = [one for one in said if one not in texts]
    return _joined(*(_named(one, clauses) for one in said))


def _joined(*parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(clause for part in parts for clause in part))

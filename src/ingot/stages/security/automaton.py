"""How a regular expression backtracks: its automaton, and in how many ways that can read one text.

The automaton has one state per character position of the pattern (Glushkov's construction), its moves counted as
often as the pattern offers them, since a backtracking matcher tries each. A text is read in exponentially many ways
exactly where two different paths lead from a state back to itself over the same characters; in polynomially many
where loops that share characters stand in a row. Sets of characters are compared on an alphabet of the pattern's own
characters and samples of every class.

Zero-width assertions count as nothing here; what stands inside a lookaround is examined by itself. Counted repeats of
more than 16 (8 of what varies in length) count as unbounded. Back-references count as any character.
"""

from __future__ import annotations

import re
import re._constants as op  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

MAX_STATES = 3_000
MAX_STEPS = 1_000_000
"""Moves of pairs of states that are looked at in the loops of one pattern: about a second. Words beside each other, outside
loops, take none."""
UNBOUNDED_FROM = 17
MAX_UNROLLED = 64
_SAMPLES = "".join(map(chr, range(128))) + "éß²Ωя漢٣\u00a0\u2028€"


class TooLarge(Exception):
    """The pattern has more positions, or its loops more moves, than are examined."""


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """How a pattern can go wrong: `exponential`, or polynomial of `degree` (1 is linear)."""

    exponential: bool
    degree: int


@dataclass(slots=True)
class _Automaton:
    """Positions with their characters, counted moves between them, and what lookarounds hold."""

    flags: int
    alphabet: str
    letters: list[frozenset[str]] = field(default_factory=list)
    moves: dict[int, dict[int, int]] = field(default_factory=dict)
    inner: list[Any] = field(default_factory=list)
    doubled: bool = False

    def add(self, letters: frozenset[str]) -> int:
        if len(self.letters) >= MAX_STATES:
            raise TooLarge
        self.letters.append(letters)
        self.moves[len(self.letters) - 1] = {}
        return len(self.letters) - 1

    def link(self, sources: Iterable[int], targets: Iterable[int]) -> None:
        targets = tuple(targets)
        for source in sources:
            row = self.moves[source]
            for target in targets:
                row[target] = row.get(target, 0) + 1


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of the pattern: its first and last positions, whether it may be empty, and whether it ends in a test."""

    first: tuple[int, ...] = ()
    last: tuple[int, ...] = ()
    empty: bool = True
    tested: bool = False


def examine(pattern: str, flags: int = 0, *, whole: bool = False, anchored: bool = False) -> Ambiguity:
    """The ambiguity of a pattern. `whole` is True where the match must reach the text's end, `anchored` where it starts
    at the text's start. Raises re.error where the pattern does not compile, TooLarge where it is too big."""
    tree = parser.parse(pattern, flags)
    return _examine(tree, tree.state.flags, pattern, whole, anchored)


def _examine(tree: Any, flags: int, pattern: str, whole: bool, anchored: bool) -> Ambiguity:
    alphabet = "".join(dict.fromkeys(_SAMPLES + pattern))
    automaton = _Automaton(flags, alphabet)
    part = _sequence(automaton, tree)
    starts_anchored = anchored or _starts_anchored(tree)
    exponential = automaton.doubled or _is_exponential(automaton)
    degree = _degree(automaton, part, whole or part.tested, starts_anchored)
    for inner in automaton.inner:
        below = _examine(inner, flags, pattern, True, True)
        exponential, degree = exponential or below.exponential, max(degree, below.degree)
    return Ambiguity(exponential, degree)


def _starts_anchored(tree: Any) -> bool:
    return bool(len(tree)) and tree[0][0] is op.AT and tree[0][1] in (op.AT_BEGINNING, op.AT_BEGINNING_STRING)


# ---- pattern to automaton ----------------------------------------------------------------------------------------


def _sequence(automaton: _Automaton, tree: Any) -> _Part:
    whole = _Part()
    for operation, argument in tree:
        part = _item(automaton, operation, argument)
        automaton.link(whole.last, part.first)
        whole = _Part(
            whole.first + part.first if whole.empty else whole.first,
            part.last + whole.last if part.empty else part.last,
            whole.empty and part.empty,
            part.tested or (whole.tested and not part.first),
        )
    return whole


def _item(automaton: _Automaton, operation: Any, argument: Any) -> _Part:
    if operation in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
        return _repeat(automaton, *argument)
    if operation is op.SUBPATTERN:
        return _sequence(automaton, argument[3])
    if operation is op.ATOMIC_GROUP:
        return _sequence(automaton, argument)
    if operation is op.BRANCH:
        # the parser takes out what alternatives begin with: of two equal ones, nothing is left
        automaton.doubled |= sum(not len(branch) for branch in argument[1]) > 1
        return _either([_sequence(automaton, branch) for branch in argument[1]])
    if operation is op.GROUPREF_EXISTS:
        branches = [_sequence(automaton, branch) for branch in argument[1:] if branch is not None]
        return _either([*branches, *([_Part()] if argument[2] is None else [])])
    if operation in (op.ASSERT, op.ASSERT_NOT):
        automaton.inner.append(argument[1])
        return _Part(tested=True)
    if operation is op.AT:
        return _Part(tested=argument not in (op.AT_BEGINNING, op.AT_BEGINNING_STRING))
    if operation is op.GROUPREF:
        return _repeat_one(automaton, frozenset(automaton.alphabet))
    position = automaton.add(_letters(automaton, operation, argument))
    return _Part((position,), (position,), empty=False)


def _repeat_one(automaton: _Automaton, letters: frozenset[str]) -> _Part:
    position = automaton.add(letters)
    automaton.link((position,), (position,))
    return _Part((position,), (position,), empty=True)


def _either(parts: list[_Part]) -> _Part:
    return _Part(
        tuple(state for part in parts for state in part.first),
        tuple(state for part in parts for state in part.last),
        any(part.empty for part in parts),
        all(part.tested for part in parts),
    )


def _repeat(automaton: _Automaton, least: int, most: Any, body: Any) -> _Part:
    """A repeat: a loop where it may go on for long, else that many copies (two of a large one)."""
    before = len(automaton.letters)
    part = _sequence(automaton, body)
    shortest, longest = body.getwidth()
    limit = UNBOUNDED_FROM if shortest == longest else UNBOUNDED_FROM // 2
    if most is op.MAXREPEAT or int(most) >= limit:
        automaton.link(part.last, part.first)
        if part.empty and least > 1:  # a forced repeat of what may be empty is tried with and without each time
            automaton.link(part.last, part.first)
        return _Part(part.first, part.last, part.empty or least == 0)
    size = len(automaton.letters) - before
    whole = _Part(part.first, part.last, part.empty or least == 0, part.tested and least > 0)
    copies = int(most) if size * int(most) <= MAX_UNROLLED else min(int(most), max(least, 2), 2)
    for index in range(1, copies):
        following = _sequence(automaton, body)
        automaton.link(whole.last, following.first)
        optional = following.empty or index >= least
        first = whole.first + following.first if whole.empty else whole.first
        last = following.last + whole.last if optional else following.last
        whole = _Part(first, last, whole.empty and optional, whole.tested)
    return whole


def _letters(automaton: _Automaton, operation: Any, argument: Any) -> frozenset[str]:
    """The letters of the alphabet that one position matches."""
    if operation is op.LITERAL:
        found = frozenset(chr(argument))
    elif operation is op.NOT_LITERAL:
        return frozenset(automaton.alphabet) - _cases(automaton, frozenset(chr(argument)))
    elif operation is op.ANY:
        dotall = automaton.flags & re.DOTALL
        return frozenset(automaton.alphabet) if dotall else frozenset(automaton.alphabet) - {"\n"}
    elif operation is op.IN:
        negated = bool(argument) and argument[0][0] is op.NEGATE
        found = frozenset[str]().union(*(_member(automaton, *member) for member in argument[negated:]))
        if negated:
            return frozenset(automaton.alphabet) - _cases(automaton, found)
    else:
        return frozenset(automaton.alphabet)
    return _cases(automaton, found)


def _cases(automaton: _Automaton, letters: frozenset[str]) -> frozenset[str]:
    if not automaton.flags & re.IGNORECASE:
        return letters
    folded = {letter.casefold() for letter in letters}
    return letters | {letter for letter in automaton.alphabet if letter.casefold() in folded}


_CATEGORIES = {
    op.CATEGORY_DIGIT: r"\d", op.CATEGORY_NOT_DIGIT: r"\D", op.CATEGORY_SPACE: r"\s", op.CATEGORY_NOT_SPACE: r"\S",
    op.CATEGORY_WORD: r"\w", op.CATEGORY_NOT_WORD: r"\W",
}  # fmt: skip


def _member(automaton: _Automaton, operation: Any, argument: Any) -> frozenset[str]:
    if operation is op.LITERAL:
        return frozenset(chr(argument))
    if operation is op.RANGE:
        low, high = argument
        return frozenset(letter for letter in automaton.alphabet if low <= ord(letter) <= high) | {chr(low), chr(high)}
    category = re.compile(_CATEGORIES[argument], automaton.flags & re.ASCII)
    return frozenset(letter for letter in automaton.alphabet if category.match(letter))


# ---- ambiguity ---------------------------------------------------------------------------------------------------


def _is_exponential(automaton: _Automaton) -> bool:
    """Two different paths from a state back to itself over one text."""
    for component in _loops(automaton.moves, range(len(automaton.letters))):
        inside = frozenset(component)
        rows = {state: {t: n for t, n in automaton.moves[state].items() if t in inside} for state in component}
        if any(count > 1 and automaton.letters[target] for row in rows.values() for target, count in row.items()):
            return True
        if len(component) > 1 and _has_twin_paths(automaton.letters, rows):
            return True
    return False


def _has_twin_paths(letters: list[frozenset[str]], rows: dict[int, dict[int, int]]) -> bool:
    """In pairs of states that read the same text: is a pair of two different states on a way from (q, q) to (q, q)?"""
    pairs: dict[int, dict[int, int]] = {}
    numbers: dict[tuple[int, int], int] = {}

    def number(pair: tuple[int, int]) -> int:
        return numbers.setdefault(pair, len(numbers))

    todo = [(state, state) for state in rows]
    seen = set(todo)
    steps = 0
    while todo:
        left, right = pair = todo.pop()
        row = pairs.setdefault(number(pair), {})
        steps += len(rows[left]) * len(rows[right])
        if steps > MAX_STEPS:
            raise TooLarge
        for one in rows[left]:
            for other in rows[right]:
                if letters[one] & letters[other]:
                    row[number((one, other))] = 1
                    if (one, other) not in seen:
                        seen.add((one, other))
                        todo.append((one, other))
    names = {index: pair for pair, index in numbers.items()}
    for component in _loops(pairs, range(len(numbers))):
        kinds = {names[index][0] == names[index][1] for index in component}
        if kinds == {True, False}:
            return True
    return False


def _degree(automaton: _Automaton, part: _Part, whole: bool, anchored: bool) -> int:
    """The power of the text's length that a failing match can take, 1 where it is linear.

    For each letter, the longest row of loops that all read it. Where the match may end at once there is nothing to
    come back from, so accepting positions are left out unless the match must reach a test or the end.
    """
    states = [state for state in range(len(automaton.letters)) if whole or state not in part.last]
    worst = 1
    for group in {frozenset(s for s in states if letter in automaton.letters[s]) for letter in automaton.alphabet}:
        if group:
            longest = _longest(automaton.moves, group, () if anchored else part.first)
            worst = max(worst, longest)
    return worst


def _longest(moves: dict[int, dict[int, int]], group: frozenset[int], first: tuple[int, ...]) -> int:
    """The most loops on one way through a group; one more where a search may start the way at every letter."""
    rows = {state: {target: 1 for target in moves[state] if target in group} for state in group}
    components = list(_components(rows, sorted(group)))
    home = {state: index for index, component in enumerate(components) for state in component}
    best: dict[int, int] = {}
    for index, component in enumerate(components):  # Tarjan gives components after all that they lead to
        onward = {home[t] for state in component for t in rows[state]} - {index}
        loop = len(component) > 1 or component[0] in rows[component[0]]
        best[index] = int(loop) + max((best[after] for after in onward), default=0)
    restart = max((best[home[state]] for state in first if state in home), default=0)
    return max(*best.values(), restart + 1 if restart else 0)


def _loops(moves: dict[int, dict[int, int]], states: Iterable[int]) -> Iterator[list[int]]:
    """The strongly connected components that hold a cycle."""
    for component in _components(moves, states):
        if len(component) > 1 or component[0] in moves.get(component[0], {}):
            yield component


def _components(moves: dict[int, dict[int, int]], states: Iterable[int]) -> Iterator[list[int]]:
    """Tarjan's strongly connected components, without recursion, those that are led to first."""
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    for start in states:
        if start in order:
            continue
        work: list[tuple[int, Iterator[int]]] = [(start, iter(moves.get(start, {})))]
        order[start] = low[start] = len(order)
        stack.append(start)
        on_stack.add(start)
        while work:
            state, targets = work[-1]
            for target in targets:
                if target not in order:
                    order[target] = low[target] = len(order)
                    stack.append(target)
                    on_stack.add(target)
                    work.append((target, iter(moves.get(target, {}))))
                    break
                if target in on_stack:
                    low[state] = min(low[state], order[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[state])
                if low[state] == order[state]:
                    cut = stack.index(state)
                    component = stack[cut:]
                    del stack[cut:]
                    on_stack.difference_update(component)
                    yield component

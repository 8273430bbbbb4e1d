"""What is evaluated: items in tasks, tasks in a suite.

    Suite ─▶ Task: a spec with the cases that may be learnt from, and how its items are scored
              └─ Item: one transaction, and what is right for it, which only the scorer sees

A task's spec never holds an item: what a program is made from and what it is scored on are apart. The one exception is
stated by the suite's protocol: ``per-instance`` compiles on the very question that is scored, as the paper does.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Literal

from ingot.canonical import canonical_json, digest
from ingot.errors import InputError, SpecError
from ingot.evals.scorer_text import scorer_text
from ingot.fields import to_plain
from ingot.runtime.inputs import input_reader
from ingot.spec import Spec, parse_spec

Protocol = Literal["unseen", "per-instance"]
Scores = Mapping[str, float | None]
"""Field to score: 1 right, 0 wrong, between for partial credit, None where it cannot be scored."""


@dataclass(frozen=True, slots=True)
class Item:
    """One transaction. `input` is plain JSON, `expected` what is right; `kind` tells groups of items apart in the figures,
    for instance ``original`` and ``perturbed``. `answerable` is False where the only right answer is none. Items of one `group`, of
    whatever task, are right or wrong together (fields of one paper, papers of one template): intervals are over groups then."""

    id: str
    input: Mapping[str, Any]
    expected: Mapping[str, Any] = field(default_factory=dict)
    kind: str = "unseen"
    answerable: bool = True
    group: str = ""

    def to_json(self) -> dict[str, Any]:
        """Everything that the digest of a suite covers."""
        return {
            "id": self.id, "input": dict(self.input), "expected": dict(self.expected), "kind": self.kind,
            "answerable": self.answerable, **({"group": self.group} if self.group else {}),
        }  # fmt: skip


Score = Callable[[Item, Mapping[str, Any]], Scores]
"""Scores an output's fields against an item's. Deterministic; never a model. A field that the output lacks is not asked of it."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a solver is prepared for once, and the items that it then answers.

    `spec_text` is a whole spec (YAML or JSON) with given and held-out cases of its own. `fields` are the names that
    `score` gives scores for: one that an answer lacks was withheld. `program` is a ``logic.py`` that a person wrote, for
    the solver ``human``; "" where there is none. `others` are further measures by name: they decide nothing, and count
    what was withheld by the solver's guess at it. `files` are the case files that the spec names, by name. `plain_text` is the
    same rule for whoever asks a model at every transaction, where `spec_text` has words for whoever writes a program, or
    outputs that only a program has a use for; its outputs are among those of `spec_text`. `once_text` is the rule for whoever asks
    once for functions without gates, where `spec_text` has steps that are none; it has the same given cases. `gaps` names the outputs that an
    answer lacks, where a null may be an answer: a hybrid asks for these alone. Without it every null is a gap.
    """

    id: str
    spec_text: str
    items: tuple[Item, ...]
    score: Score
    fields: tuple[str, ...]
    program: str = ""
    others: Mapping[str, Score] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    plain_text: str = ""
    once_text: str = ""
    gaps: Callable[[Mapping[str, Any]], Sequence[str]] | None = None

    def spec(self) -> Spec:
        """The spec, read. Raises SpecError."""
        return parse_spec(self.spec_text, f"{self.id}.yaml", read=self._file)

    def plain(self) -> Spec:
        """The rule as one asks a model of it at every transaction. Raises SpecError."""
        return parse_spec(self.plain_text or self.spec_text, f"{self.id}.yaml", read=self._file)

    def once(self) -> Spec:
        """The rule as one asks a model once for its functions. Raises SpecError."""
        return parse_spec(self.once_text or self.spec_text, f"{self.id}.yaml", read=self._file)

    def _file(self, name: str) -> str:
        if name not in self.files:
            raise SpecError(f"the spec names {name!r}, which the task does not have", hint="give it with the task")
        return self.files[name]


@dataclass(frozen=True, slots=True)
class Reference:
    """A figure that somebody published, to stand beside ours: `value` of `measure` in `unit`, and where it is from."""

    system: str
    measure: str
    value: float
    unit: str
    source: str


@dataclass(frozen=True, slots=True)
class Suite:
    """Tasks under one name. `scorer` says in a sentence how items are scored, `origin` where they come from."""

    name: str
    title: str
    protocol: Protocol
    tasks: tuple[Task, ...]
    scorer: str
    origin: str = ""
    references: tuple[Reference, ...] = ()

    @property
    def items(self) -> int:
        """How many items there are in all."""
        return sum(len(task.items) for task in self.tasks)

    @property
    def digest(self) -> str:
        """SHA-256 over specs, items and what of the scorers can be told (`ingot.evals.scorer_text`): two logs compare only where
        it is the same. Programs by people are answers to it, as those of models are, and no part of it."""
        return digest(
            canonical_json(
                {
                    "name": self.name,
                    "protocol": self.protocol,
                    "tasks": [
                        [task.id, task.spec_text, [_as_text(item.to_json()) for item in task.items], *_more(task)]
                        for task in self.tasks
                    ],
                }
            )
        )


def _more(task: Task) -> list[Any]:
    """What else a task is: which fields are scored and how, and where there are any the case files and the rule in other words."""
    others = {name: scorer_text(one) for name, one in task.others.items()}
    scored = {"fields": list(task.fields), "score": scorer_text(task.score), **({"others": others} if others else {})}
    told = {"files": dict(task.files), "plain": task.plain_text, "once": task.once_text}
    return [scored, {name: one for name, one in told.items() if one}]


def limited(suite: Suite, limit: int | None, names: Sequence[str] = (), items: int | None = None) -> Suite:
    """The first `limit` tasks, or those of `names`, each with its first `items` items. Raises InputError for a name that there
    is not."""
    known = {task.id for task in suite.tasks}
    if missing := [name for name in names if name not in known]:
        raise InputError(
            f"the suite {suite.name!r} has no task {missing[0]!r}", hint=f"it has {', '.join(sorted(known)[:8])} …"
        )
    chosen = [task for task in suite.tasks if not names or task.id in names]
    return replace(suite, tasks=tuple(replace(task, items=task.items[:items]) for task in chosen[:limit]))


def check_apart(suite: Suite) -> Suite:
    """The suite itself, where its ids are unique and no item is among the cases that a program is made from.

    Raises SpecError naming the item. Under ``per-instance`` an item may be a case, but then without what is expected.
    """
    _unique((task.id for task in suite.tasks), f"suite {suite.name!r}", "task")
    for task in suite.tasks:
        _unique((item.id for item in task.items), f"task {task.id!r}", "item")
        spec = task.spec()
        read = _reader(spec)
        # the rule in other words has cases of its own, which whoever asks at every transaction, or once, shows to the model
        others = [told() for text, told in ((task.plain_text, task.plain), (task.once_text, task.once)) if text]
        shown = [case for one in (spec, *others) for case in one.cases]
        cases = {read(case.input): case for case in sorted(shown, key=lambda one: bool(one.expected))}
        for item in task.items:
            case = cases.get(read(item.input))
            if case is not None and (suite.protocol != "per-instance" or case.expected):
                raise SpecError(
                    f"item {item.id!r} is also the case {case.id!r} that a program is made from",
                    place=f"{suite.name}/{task.id}",
                    hint="score on inputs that no case has",
                )
    return suite


def split(rows: Sequence[Any], given: int, held_out: int, *, seed: int = 0) -> tuple[list[Any], list[Any], list[Any]]:
    """Rows to show, rows to hold out for the gates, and the rest to score, drawn with `seed`.

    Raises InputError where nothing would be left to score.
    """
    if given + held_out >= len(rows):
        raise InputError(
            f"{given} given and {held_out} held-out cases of {len(rows)} rows leave none to score",
            hint="make fewer of them cases",
        )
    drawn = list(rows)
    random.Random(seed).shuffle(drawn)  # noqa: S311 - a split, no secret
    return drawn[:given], drawn[given : given + held_out], drawn[given + held_out :]


def _reader(spec: Spec) -> Callable[[Mapping[str, Any]], str]:
    """What a program is given of an input, as one text: 5, 5.0 and "5.00" are one amount, a null and nothing one null."""
    typed = input_reader(spec.inputs)

    def read(given: Mapping[str, Any]) -> str:
        try:
            return _as_text(typed(to_plain(given)))
        except InputError:  # such an input is an error of its transaction, and no case
            return _as_text(dict(given))

    return read


def _as_text(value: Any) -> str:
    """A JSON value as one text, numbers and their texts alike, since a spec reads both."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key!r}:{_as_text(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_as_text, value)) + "]"
    if isinstance(value, Decimal):
        return repr(format(value.normalize() + 0, "f"))
    return repr(value) if isinstance(value, bool) or value is None else repr(str(value))


def _unique(names: Iterable[str], place: str, kind: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise SpecError(f"two {kind}s are called {name!r}", place=place, hint="give each an id of its own")
        seen.add(name)

"""The log of an evaluation: one JSON file with a version, and the journal that it grows from.

    OUT/journal.jsonl   a line a finished task, written as it is finished; the header first
    OUT/log.json        the whole, written at the end under a temporary name and renamed

Scores are kept beside answers, expected outputs are not: they stay with the suite.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ingot.errors import InputError
from ingot.evals.kept_lines import ESCAPED, KeptLines
from ingot.evals.solvers.solver import Answer, Generation
from ingot.models.atomic import write_atomically

FORMAT = "ingot-eval/1"
JOURNAL, LOG = "journal.jsonl", "log.json"
UNWITHHELD = "score"
"""The measure that is the suite's own score, of answers and guesses alike."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One item answered and scored. `scores` has every field that is asked of the item: None where it was withheld or cannot be scored.
    `full` scores what would have been answered were nothing withheld, by the suite's score and its further measures:
    measure, field, score; where the solver has no guess a field is 0. `group` is the item's, `task` that of the `TaskLog` it is in."""

    item: str
    kind: str
    answerable: bool
    answer: Answer
    scores: Mapping[str, float | None]
    full: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    group: str = ""
    task: str = field(default="", compare=False)

    @property
    def cluster(self) -> str:
        """What it is right or wrong together with: its group where it has one, else its task, which one program answers."""
        return self.group or self.task

    @property
    def answered(self) -> bool:
        """True where an output was given with at least one field."""
        return bool(self.answer.output)

    def unwithheld(self, field: str) -> float | None:
        """The score of a field, of the guess where it was withheld."""
        score = self.scores.get(field)
        return self.full.get(UNWITHHELD, {}).get(field) if score is None else score

    def were_nothing_withheld(self, measure: str) -> Mapping[str, float | None]:
        """What a measure gives were nothing withheld, by field. The suite's own score is kept only where there are guesses or further
        measures: else it is that of the answer, and what was withheld has none."""
        return self.full.get(measure, self.scores if measure == UNWITHHELD else {})

    @property
    def declined(self) -> bool:
        """True where something ran and gave no answer: it withheld, or refused the input; a failure says nothing."""
        return self.answer.ran and not self.answered and (self.answer.refused or not self.answer.error)

    @property
    def whole(self) -> bool:
        """True where every field that can be scored was answered."""
        return self.answered and bool(self.scores) and all(one is not None for one in self.scores.values())

    @property
    def right(self) -> bool | None:
        """True where all scores are 1, and where nothing was answered to what has no answer; None where withheld.

        An error is False where there is a right answer: nothing useful came of the transaction, and nobody was asked. Where there
        is none, it is None, as where nothing was run: no answer was given, but that none is right was not said either.
        """
        if not self.answerable:
            return False if self.answered else True if self.declined else None
        if self.answer.error:
            return False
        if not self.whole:
            return False if any(one is not None and one < 1 for one in self.scores.values()) else None
        return all(one == 1 for one in self.scores.values())

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "item": self.item, "kind": self.kind, "answerable": self.answerable, "answer": self.answer.to_json(),
            "scores": dict(self.scores), **({"full": {name: dict(one) for name, one in self.full.items()}} if self.full else {}),
            **({"group": self.group} if self.group else {}),
        }  # fmt: skip

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Scored:
        """What `to_json` told."""
        return cls(**{**told, "answer": Answer.of(told["answer"])})


@dataclass(frozen=True, slots=True)
class TaskLog:
    """A task: what preparing took, and every item."""

    task: str
    generation: Generation
    items: tuple[Scored, ...]

    def __post_init__(self) -> None:
        own = tuple(one if one.task == self.task else replace(one, task=self.task) for one in self.items)
        object.__setattr__(self, "items", own)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "task": self.task,
            "generation": self.generation.to_json(),
            "items": [one.to_json() for one in self.items],
        }

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> TaskLog:
        """What `to_json` told."""
        items = tuple(Scored.of(one) for one in told["items"])
        return cls(told["task"], Generation.of(told["generation"]), items)


@dataclass(frozen=True, slots=True)
class Header:
    """What was run on what. `suite_digest` covers specs, items and scorers; `settings` are the solver's, as they were given."""

    suite: str
    title: str
    protocol: str
    suite_digest: str
    scorer: str
    origin: str
    solver: str
    model: str
    settings: Mapping[str, Any]
    ingot: str
    python: str = field(default_factory=platform.python_version)
    machine: str = field(default_factory=lambda: f"{platform.machine()}, {os.cpu_count()} CPUs")
    started: str = ""
    references: tuple[Mapping[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, the format's version first."""
        names = [name for name in self.__slots__ if name not in ("settings", "references")]
        told = {name: getattr(self, name) for name in names}
        return {
            "format": FORMAT,
            **told,
            "settings": dict(self.settings),
            "references": [dict(one) for one in self.references],
        }

    def apart(self, other: Header) -> tuple[str, ...]:
        """What the other one, which is to go on with what this one began, has otherwise; when and where do not count."""
        found, own = [], self.to_json()
        for name, here in other.to_json().items():
            there = own[name]
            if there == here or name in ("started", "machine", "python", "references"):
                continue
            if name == "settings":
                keys = dict.fromkeys((*there, *here))
                found += [_apart(key, there.get(key), here.get(key)) for key in keys if there.get(key) != here.get(key)]
            else:
                found.append(_apart(name, there, here))
        return tuple(found)


def _apart(name: str, there: Any, here: Any) -> str:
    if name in ("suite_digest", "programs"):  # digests tell a reader nothing
        return "other specs, items or scorers" if name == "suite_digest" else "other programs"
    return f"{'Ingot' if name == 'ingot' else name} {there!r} there and {here!r} here"


@dataclass(frozen=True, slots=True)
class Log:
    """An evaluation. `whole` is False where it was cut short. `left_out` counts tasks that are not shown, since a log beside it
    has not got so far, and `label` tells it from a log of the same solver beside it; neither is written."""

    header: Header
    tasks: tuple[TaskLog, ...]
    whole: bool = True
    left_out: int = 0
    label: str = ""

    @property
    def name(self) -> str:
        """What it is called in a report: its solver, and what tells it from others of that."""
        return self.label or self.header.solver

    @property
    def items(self) -> tuple[Scored, ...]:
        """Every item of every task."""
        return tuple(item for task in self.tasks for item in task.items)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {**self.header.to_json(), "whole": self.whole, "tasks": [one.to_json() for one in self.tasks]}


class Journal:
    """The journal of one evaluation in a folder: what is finished, and a place to write the next."""

    def __init__(self, folder: Path, header: Header) -> None:
        """Opens or begins it. Raises InputError where the folder holds another evaluation."""
        self.path = folder / JOURNAL
        self.done: dict[str, TaskLog] = {}
        self.header = header
        self._lines = KeptLines(self.path, header.to_json(), self._refuse)
        for told, place in self._lines.found:
            self._take(told, place)

    def add(self, task: TaskLog) -> None:
        """Write a finished task down."""
        self._lines.add(task.to_json())
        self.done[task.task] = task

    def _refuse(self, told: Mapping[str, Any]) -> None:
        found = _header(told, str(self.path))
        if apart := found.apart(self.header):
            raise InputError(
                f"the folder holds another evaluation: {'; '.join(apart)}",
                place=str(self.path),
                hint="give another --out, or remove it; kept completions are beside it, and cost nothing again",
            )
        self.header = found

    def _take(self, told: Any, place: str) -> None:
        try:
            task = TaskLog.of(told)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f"not a finished task: {type(error).__name__} {error}", place=place,
                hint="remove the line: the task is then run again",
            ) from None  # fmt: skip
        self.done[task.task] = task


def write_log(folder: Path, log: Log) -> Path:
    """Write ``log.json`` and return its path."""
    path = folder / LOG
    write_atomically(path, (json.dumps(log.to_json(), ensure_ascii=False, indent=1) + "\n").encode(errors=ESCAPED))
    return path


def read_log(path: Path) -> Log:
    """A log, from its file or folder. Raises InputError naming what is wrong."""
    path = path / LOG if path.is_dir() else path
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        found = sorted(str(one.parent) for one in path.parent.glob(f"*/{LOG}"))
        hint = f"give one of {', '.join(found[:8])}" if found else "give a folder that a bench wrote"
        raise InputError(f"cannot read the log: {error}", place=str(path), hint=hint) from None
    told = _parsed(text, str(path))
    header = _header(told, str(path))
    try:
        return Log(header, tuple(TaskLog.of(one) for one in told["tasks"]), bool(told["whole"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"not a log: {type(error).__name__} {error}", place=str(path), hint="run the bench again"
        ) from None


_LATER = ("python", "machine", "started", "references")
"""What a header may lack."""


def _header(told: Mapping[str, Any], place: str) -> Header:
    if told.get("format") != FORMAT:
        raise InputError(
            f"the log's format is {told.get('format')!r}, not {FORMAT!r}",
            place=place,
            hint="run it again with this version, or read it with the one that wrote it",
        )
    names: Sequence[str] = Header.__slots__
    kinds = {"settings": dict, "references": list}
    known = {name: told[name] for name in names if isinstance(told.get(name), kinds.get(name, str))}
    if missing := [name for name in names if name not in known and (name in told or name not in _LATER)]:
        raise InputError(f"not a log: {missing[0]!r} is missing or wrong", place=place, hint="run the bench again")
    return Header(**known)


def _parsed(text: str | bytes, place: str) -> Any:
    try:
        found = json.loads(text)
        if not isinstance(found, dict):
            raise ValueError(f"a {type(found).__name__}, not an object")
        return found
    except ValueError as error:
        raise InputError(f"not JSON: {error}", place=place, hint="remove the file and run the bench again") from None

"""The one list of finders, and the answers that close what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from ingot.errors import SpecError
from ingot.questions.cases import case_questions
from ingot.questions.fields import field_questions
from ingot.questions.question import Question
from ingot.questions.rules import rule_questions
from ingot.questions.words import word_questions
from ingot.spec import Spec
from ingot.yaml_text import closest

FINDERS: tuple[Callable[[Spec], Iterator[Question]], ...] = (
    field_questions,
    rule_questions,
    word_questions,
    case_questions,
)


def find_questions(spec: Spec) -> tuple[Question, ...]:
    """Every question about a spec, in the order of the finders and of the spec; answered ones carry their answer."""
    found: dict[str, Question] = {}
    for finder in FINDERS:
        for question in finder(spec):
            found.setdefault(question.id, replace(question, answer=spec.answers.get(question.id)))
    return tuple(found.values())


def _named(path: tuple[Any, ...]) -> str:
    return ".".join(path)


def check_answers(spec: Spec, locate: Callable[[tuple[Any, ...]], str] = _named) -> None:
    """Raise SpecError where ``answers:`` names a question that this spec does not raise. `locate` says where a path of the spec stands."""
    if not spec.answers:
        return
    known = [question.id for question in find_questions(spec)]
    for name in spec.answers:
        if name not in known:
            raise SpecError(
                f"'answers' names {name!r}, a question that this spec does not raise",
                place=locate(("answers", name)),
                hint=closest(name, known) or "the spec raises no question; delete the answer",
            )

"""Steps that no function computes: a model's answer is checked, shown its mistake, and a person decides in the end."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ingot.errors import ModelError, StepError
from ingot.runtime.bounded import Question, Reply
from ingot.runtime.steps import AskModel, AskPerson, NeedsReview, make_perform
from ingot.spec import parse_spec

SPEC = """
metadata: {name: triage}
inputs: {note: text}
outputs: {category: {type: enum, values: [urgent, other]}, decision: text}
logic_requirements:
  - step: read_note
    type: bounded_invocation
    intent: Read the category and the amount.
    inputs: [note]
    schema: {category: {type: enum, values: [urgent, other]}, amount: {type: decimal, places: 2}}
    validation: ["amount >= 0"]
    retries: 1
  - {step: look, type: human_review, intent: Look at it., outputs: {decision: text}}
"""
GOOD = '{"category": "urgent", "amount": 12.50}'


def broken(amount: Any) -> list[str]:
    """What the assembled program has for the step's validation."""
    return [] if amount >= 0 else ["amount >= 0"]


def performed(name: str, *, model: AskModel | None = None, person: AskPerson | None = None) -> Mapping[str, Any]:
    perform = make_perform(
        parse_spec(SPEC), {"broken_read_note": broken}, {}, ask_model=model, ask_person=person, environment={}
    )
    return perform(name, {"note": "pay 12.50 now"})


def scripted(*answers: str) -> tuple[AskModel, list[str]]:
    """A model that gives these answers in turn, and the instructions that it was given."""
    seen: list[str] = []

    def ask(question: Question) -> Reply:
        seen.append(question.instructions)
        return Reply(answers[len(seen) - 1])

    return ask, seen


@pytest.mark.parametrize(
    ("first", "told"),
    [
        ('{"category": "none", "amount": 1}', "category"),
        ('{"category": "urgent", "amount": -1}', "does not hold: amount >= 0"),
        ('{"category": "urgent", "amount": NaN}', "not JSON"),
        ("I would say urgent.", "not JSON"),
        ("[" * 100_000, "too long"),
        ("[" * 11_000, "not JSON"),
        ("", "not JSON"),
    ],
)
def test_a_refused_answer_is_asked_again_with_its_mistake(first: str, told: str) -> None:
    ask, seen = scripted(first, GOOD)
    assert performed("read_note", model=ask)["category"] == "urgent"
    assert "refused" not in seen[0]
    assert told in seen[1]
    ask, seen = scripted(first, first)
    with pytest.raises(NeedsReview, match="no valid answer in 2 calls"):
        performed("read_note", model=ask)


def test_without_a_model_or_when_it_breaks_a_person_decides() -> None:
    def breaks(*_: Any) -> str:
        raise ModelError("it is away, and said: pay 12.50 now")

    with pytest.raises(NeedsReview, match="none was given"):
        performed("read_note")
    with pytest.raises(NeedsReview, match="could not answer") as told:
        performed("read_note", model=breaks)
    assert "pay" not in told.value.reason  # what a provider says may repeat what it was sent


def test_a_persons_answer_is_checked_too() -> None:
    def says(answer: Any) -> Callable[..., Any]:
        return lambda step, arguments: answer

    with pytest.raises(NeedsReview, match="Look at it"):
        performed("look")
    assert performed("look", person=says({"decision": "fine"})) == {"decision": "fine"}
    for wrong in ({"decision": 5}, {"decisoin": "fine"}, None):
        with pytest.raises(StepError) as refused:
            performed("look", person=says(wrong))
        assert refused.value.place == "look"

"""The specs that programs are compiled from: one for a prompt of its own, one for a set of functions.

Every parameter is a nullable output, and null is the right answer where the text does not give it: the call is then not
made. A case without any value in it says so, which a program that answers with constants cannot pass.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ingot.evals.suites.bfcl_functions import Function, Parameter, read_functions
from ingot.evals.suites.bfcl_package import Prompt

LONGEST_QUERY = 2_000
NOTHING = ("Hello, can you help me?", "Thank you, goodbye.")
"""Texts that ask for nothing; the second is held out."""

_READING = (
    "Texts of this kind differ in every number, name, place and date, and in their wording. Find a value by the words "
    "around it or by a table of words of its kind, never by testing for one particular value."
)
_VALUES = (
    "A value is what the text says, in the type, unit and form of its description: copied as written, number words as "
    "numbers, no thousands separators, a date in the form asked for; a percentage as a fraction (5% is 0.05) unless the "
    "description asks for a percentage. What the words imply counts as said (from rest: a speed of 0). What a form adds "
    "to the text (the state of a city) comes from a table of the best known; without an entry the value is null."
)
_PLAIN_VALUES = (
    "A value is what the text says, in the type, unit and form of its description: copied as written, number words as "
    "numbers, no thousands separators, a date in the form asked for; a percentage as a fraction (5% is 0.05) unless the "
    "description asks for a percentage. What the words imply counts as said (from rest: a speed of 0). What a form adds "
    "to the text (the state of a city) is filled in."
)
_NULLS = (
    "What the text does not give is null: the default of an optional one is filled in later, and for a required one a person "
    "is asked. Never guess and never fall back on a value that is not in the text."
)
_CHOICE = (
    "function: the one function that does what the text asks for, by its purpose and the words people use for it, not "
    "only its name. null where none of them does it, where the text asks for something else, or where two fit alike."
)


def instance_spec(prompt: Prompt, *, plain: bool = False) -> tuple[str, Function]:
    """The spec of one prompt with one function, and that function. The prompt is a case without what is expected of it:
    only that the required parameters are not null, which the function's document says.

    `plain` leaves out what is said to whoever writes a program."""
    (function,) = read_functions(prompt.functions)
    clauses = {
        "C1": f"The text asks for one call of {function.name}: {function.description}{'' if plain else f' {_READING}'}",
        "C2": _PLAIN_VALUES if plain else _VALUES,
        "C3": _NULLS,
    }
    nothing = {one.field: None for one in function.parameters}
    needed = [one.field for one in function.parameters if one.required]
    cases = [
        {**_case(prompt.id, prompt.text, {}), **({"answered": needed} if needed else {"escalates": False})},
        _case("nothing", NOTHING[0], nothing),
        _case("nothing-more", NOTHING[1], nothing, held_out=True),
    ]
    steps = [_reading(function, clauses)]
    return _text(
        prompt.id, f"Read the call of {function.name} out of a text", clauses, steps, cases, 1.0, 1.0
    ), function


def set_spec(
    name: str,
    functions: Sequence[Function],
    given: Sequence[Prompt],
    held_out: Sequence[Prompt],
    *,
    plain: bool = False,
) -> str:
    """The spec of a set of functions: which of them a text asks for, and, a step each, its parameters.

    `plain` leaves out what is said to whoever writes a program."""
    reading = {} if plain else {"C2": _READING}
    clauses = {"C1": _CHOICE, **reading, "C3": _PLAIN_VALUES if plain else _VALUES, "C4": _NULLS}
    purposes = [f"{one.name}: {one.description}" for one in functions]
    choose = {
        "step": "choose_function",
        "type": "function",
        "intent": "\n".join(purposes),
        "inputs": ["query"],
        "clauses": ["C1"],
        "outputs": [{"name": "function", "type": "enum", "nullable": True, "values": [one.name for one in functions]}],
    }
    steps = [_reading(one, [key for key in clauses if key != "C1"]) for one in functions if one.parameters]
    cases = [_labelled(one, functions) for one in given]
    cases += [_labelled(one, functions, held_out=True) for one in held_out]
    cases += [
        _case("nothing", NOTHING[0], {"function": None}),
        _case("nothing-more", NOTHING[1], {"function": None}, held_out=True),
    ]
    return _text(name, "Which function a text asks for, and with what", clauses, [choose, *steps], cases, 0.7, 0.5)


def _reading(function: Function, clauses: Sequence[str] | Mapping[str, str]) -> dict[str, Any]:
    return {
        "step": function.step,
        "type": "function",
        "intent": f"Read the parameters of {function.name} from the text.",
        "inputs": ["query"],
        "clauses": list(clauses),
        "outputs": [{"name": one.field, **one.form} for one in function.parameters],
    }


def _labelled(prompt: Prompt, functions: Sequence[Function], *, held_out: bool = False) -> dict[str, Any]:
    """A prompt as a case. A parameter that may be left out is stated where its value stands in the text, else not."""
    ((name, accepted),) = prompt.answers[0].items()
    function = next(one for one in functions if one.name == name)
    expected: dict[str, Any] = {"function": name}
    for one in function.parameters:
        value = _first(one, accepted.get(one.name, ()), prompt.text)
        if value is not None:
            expected[one.field] = value
    return _case(prompt.id, prompt.text, expected, held_out=held_out)


def _first(parameter: Parameter, accepted: Sequence[Any], text: str) -> Any:
    """The first accepted value; None where it may be left out and is not in the text, or is not of the declared type."""
    value = next((one for one in accepted if one not in ("", None)), None)
    if isinstance(value, Mapping):
        value = {key: inner[0] for key, inner in value.items() if inner and inner[0] != ""}
    plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    if "" in accepted and not (plain and re.search(rf"(?<!\w){re.escape(str(value))}(?!\w)", text, re.IGNORECASE)):
        return None
    return value if parameter.fits(value) else None


def _case(name: str, query: str, expected: Mapping[str, Any], *, held_out: bool = False) -> dict[str, Any]:
    return {"id": name, "input": {"query": query}, "expected": dict(expected), "held_out": held_out}


def _text(
    name: str, title: str, clauses: Mapping[str, str], steps: Sequence[Mapping[str, Any]],
    cases: Sequence[Mapping[str, Any]], accuracy: float, held_out: float,
) -> str:  # fmt: skip
    """The spec as JSON, which is YAML too. A prompt says too little of a text's branches to ask for their coverage."""
    outputs = [field for step in steps for field in step["outputs"]]
    spec = {
        "metadata": {"name": name, "title": title},
        "inputs": {"query": {"type": "text", "max_length": LONGEST_QUERY}},
        "clauses": [{"id": key, "text": text} for key, text in clauses.items()],
        "logic_requirements": steps,
        "outputs": outputs,
        "scorers": {one["name"]: "text" for one in outputs if one["type"] in ("text", "enum")},
        "thresholds": {
            "accuracy": accuracy, "held_out_accuracy": held_out, "branch_coverage": 0.0, "function_lines": 80,
            "complexity": 25,
        },
        "cases": cases,
    }  # fmt: skip
    return json.dumps(spec, ensure_ascii=False, indent=1)

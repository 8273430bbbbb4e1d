"""The Berkeley Function-Calling Leaderboard: which call does a text ask for? Scored by its official AST checker.

Two protocols, never mixed:

* ``per-instance``: a task a prompt of ``simple_python``, compiled on the very text that is scored, without its answer; and
  its *perturbed* twin with other numbers, names and places, answered by the same program, so that hard-coding shows.
* ``reuse``: a task a set of functions of the live categories, compiled on some prompts with their answers and scored on
  others; and prompts of ``live_irrelevance`` for which no call to these functions is right.

The data and the checker come with the package ``bfcl-eval``, which the user installs.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ingot.errors import InputError
from ingot.evals.suite import Item, Reference, Scores, Suite, Task
from ingot.evals.suites.bfcl_functions import Function, read_functions
from ingot.evals.suites.bfcl_package import VERSION, Prompt, is_accepted, load_prompts
from ingot.evals.suites.bfcl_perturb import perturbed
from ingot.evals.suites.bfcl_specs import instance_spec, set_spec

FIELDS = ("call",)
IRRELEVANT = 3
FEWEST = 5
"""Prompts that a set of functions has at least, where the sets are drawn here."""
_PAPER = "arXiv 2604.05150 and its published outputs, rescored with the official checker"
REFERENCES = (
    Reference("published system, per instance", "accuracy (334 of 400)", 0.835, "share", _PAPER),
    Reference("direct", "accuracy", 0.985, "share", _PAPER),
    Reference("LangChain", "accuracy", 0.935, "share", _PAPER),
    Reference("AutoGen", "accuracy", 0.978, "share", _PAPER),
    Reference("published system, per instance", "tokens a compile", 10_629, "tokens", _PAPER),
    Reference("published system, per instance", "seconds a compile", 29, "s", _PAPER),
)
_SCORER = (
    "the official AST checker of bfcl-eval on the whole call; a call whose required parameters are not all there is not "
    "made, which is no answer"
)


def per_instance_suite(*, accepts: Any = is_accepted, prompts: Sequence[Prompt] | None = None) -> Suite:
    """A task a prompt of ``simple_python``, with its perturbed twin where it has one.

    `prompts` and `accepts` stand in place of the package's. Raises InputError where the package is missing.
    """
    found = list(load_prompts("simple_python").values()) if prompts is None else list(prompts)
    tasks = tuple(_instance(prompt, accepts) for prompt in found)
    twins = sum(len(task.items) - 1 for task in tasks)
    origin = (
        f"bfcl-eval {VERSION}, simple_python: {len(tasks)} prompts; {twins} of them have a perturbed twin, in the others "
        "nothing stands alike in the text and in its answers that could be replaced"
    )
    title = "BFCL simple_python, compiled per instance"
    return Suite("bfcl-per-instance", title, "per-instance", tasks, _SCORER, origin, REFERENCES)


def _instance(prompt: Prompt, accepts: Any) -> Task:
    text, function = instance_spec(prompt)
    known = {prompt.id: prompt}
    items = [_item(prompt, "original")]
    if twin := perturbed(prompt):
        known[twin.id] = twin
        items.append(_item(twin, "perturbed"))
    plain, _ = instance_spec(prompt, plain=True)
    score, gaps = partial(_score, known, (function,), accepts), partial(_gaps, (function,))
    return Task(prompt.id, text, tuple(items), score, FIELDS, plain_text=plain, gaps=gaps)


def reuse_suite(
    sets: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
    *,
    irrelevant: int = IRRELEVANT,
    accepts: Any = is_accepted,
    prompts: Mapping[str, Prompt] | None = None,
    without_call: Sequence[Prompt] | None = None,
) -> Suite:
    """A task a set of functions: ids to compile on, ids to score on, and up to `irrelevant` prompts without a right call.

    Without `sets` every set of functions with at least `FEWEST` prompts is taken, two fifths of them to compile on.
    `prompts` and `without_call` stand in place of the package's. Raises InputError for an id that there is not.
    """
    known = {**load_prompts("live_simple"), **load_prompts("live_multiple")} if prompts is None else dict(prompts)
    apart = _irrelevant_prompts() if without_call is None else list(without_call)
    chosen = drawn_sets(known) if sets is None else sets
    tasks = tuple(_set_task(name, ids, known, apart, irrelevant, accepts) for name, ids in chosen.items())
    scored = sum(len(task.items) for task in tasks)
    none = sum(not item.answerable for task in tasks for item in task.items)
    origin = (
        f"bfcl-eval {VERSION}, live_simple and live_multiple: {len(tasks)} sets of functions, {scored - none} prompts "
        f"that no program was compiled on; {none} of live_irrelevance (of those that offer all functions of a set, the "
        f"first {irrelevant}), for which no call is right"
    )
    return Suite("bfcl-reuse", "BFCL live, compiled once a set of functions", "unseen", tasks, _SCORER, origin)


def _irrelevant_prompts() -> list[Prompt]:
    return list(load_prompts("live_irrelevance", answered=False).values())


def _set_task(
    name: str, ids: Mapping[str, Sequence[str]], known: Mapping[str, Prompt], apart: Sequence[Prompt], irrelevant: int,
    accepts: Any,
) -> Task:  # fmt: skip
    compile_on = [_known(one, known, name) for one in ids["compile"]]
    run_on = [_known(one, known, name) for one in ids["run"]]
    documents = {one["name"]: one for prompt in reversed(compile_on) for one in prompt.functions}
    documents |= {one["name"]: one for one in compile_on[0].functions}
    functions = read_functions(list(documents.values()))
    given, held_out = split_compile(compile_on)
    texts = {one.text for one in compile_on}
    none = [one for one in apart if set(documents) <= {each["name"] for each in one.functions}][:irrelevant]
    items = [_item(one, "unseen") for one in run_on if one.text not in texts]
    items += [replace(_item(one, "irrelevant"), answerable=False) for one in none]
    by_id = {one.id: one for one in (*run_on, *none)}
    spec, plain = (set_spec(name, functions, given, held_out, plain=one) for one in (False, True))
    score, gaps = partial(_score, by_id, functions, accepts), partial(_gaps, functions)
    return Task(name, spec, tuple(items), score, FIELDS, plain_text=plain, gaps=gaps)


def split_compile(prompts: Sequence[Prompt]) -> tuple[list[Prompt], list[Prompt]]:
    """Every third prompt is held out for the gates, the others are shown: of two, both are shown."""
    return (
        [one for number, one in enumerate(prompts, start=1) if number % 3],
        [one for number, one in enumerate(prompts, start=1) if number % 3 == 0],
    )


def drawn_sets(known: Mapping[str, Prompt], seed: int = 0) -> dict[str, dict[str, list[str]]]:
    """Prompts with the same functions in groups of at least `FEWEST`; of each, two fifths to compile on, drawn with `seed`."""
    groups: dict[str, list[str]] = {}
    for prompt in known.values():
        key = json.dumps(sorted(json.dumps(one, sort_keys=True) for one in prompt.functions))
        groups.setdefault(key, []).append(prompt.id)
    drawn = random.Random(seed)  # noqa: S311 - a split, no secret
    sets = {}
    for ids in groups.values():
        if len(ids) >= FEWEST:
            some = set(drawn.sample(ids, len(ids) * 2 // 5))
            sets[ids[0]] = {
                "compile": [one for one in ids if one in some],
                "run": [one for one in ids if one not in some],
            }
    return sets


def read_sets(path: Path) -> dict[str, dict[str, list[str]]]:
    """Sets from a JSON file ``{set: {compile: [id], run: [id]}}``. Raises InputError naming what is wrong."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the sets: {error}", place=str(path)) from None
    hint = "write {set: {compile: [id], run: [id]}}"
    if not isinstance(told, dict) or not told:
        raise InputError("no sets in the file", place=str(path), hint=hint)
    for name, ids in told.items():
        for key in ("compile", "run"):
            rows = ids.get(key) if isinstance(ids, dict) else None
            if not rows or not isinstance(rows, list) or not all(isinstance(one, str) for one in rows):
                raise InputError(f"set {name!r} has no list of ids {key!r}", place=str(path), hint=hint)
    return told


def _known(name: str, known: Mapping[str, Prompt], where: str) -> Prompt:
    if name not in known:
        raise InputError(f"set {where!r} names the prompt {name!r}, which live_simple and live_multiple do not have")
    return known[name]


def _item(prompt: Prompt, kind: str) -> Item:
    return Item(prompt.id, {"query": prompt.text}, {"call": [dict(one) for one in prompt.answers]}, kind)


def _score(
    prompts: Mapping[str, Prompt], functions: Sequence[Function], accepts: Any, item: Item, output: Mapping[str, Any]
) -> Scores:
    """1 where the checker accepts the call, 0 where not, None where no call is made."""
    called = next(_called(functions, output), None)
    if called is None or (arguments := called.call(output)) is None:
        return {"call": None}
    if not item.answerable:
        return {"call": 0.0}
    return {"call": float(accepts(prompts[item.id], called.name, arguments))}


def _gaps(functions: Sequence[Function], output: Mapping[str, Any]) -> list[str]:
    """What keeps an output from being a call: everything where no function is chosen, else required parameters that are null.
    A null of any other parameter says that the text does not give it."""
    called = next(_called(functions, output), None)
    if called is None:
        return list(output)
    return [one.field for one in called.parameters if one.required and output.get(one.field) is None]


def _called(functions: Sequence[Function], output: Mapping[str, Any]) -> Iterator[Function]:
    """The function that an output names; the only one where there is no choice to make."""
    if "function" not in output and len(functions) == 1:
        yield functions[0]
    yield from (one for one in functions if one.name == output.get("function"))

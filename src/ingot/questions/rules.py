"""Questions about branches and decision tables: gaps, overlaps, dead rows, outcomes that nothing leads to."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ingot import expressions
from ingot.fields import Field
from ingot.questions.decisions import Decisions, Row, decisions_of
from ingot.questions.evaluate import Undecided
from ingot.questions.question import Question, ask
from ingot.questions.trials import Trials, shown, trials
from ingot.spec import Spec, Step
from ingot.tables.coverage import Coverage, cover
from ingot.tables.table import TableError, read_table
from ingot.yaml_text import closest

_LISTS = ("collect", "rule order", "output order")
LONG_TABLE = 60
"""Rows beyond which a table's inputs are not tried one by one."""
_ESCALATED = "a person decides: the run stops with the table's step"
_REFUSED = "no outcome is guessed: the run ends in an error for such an input"


def rule_questions(spec: Spec) -> Iterator[Question]:
    """Questions about every step that spells out its decisions, then about conditions that disagree on a boundary."""
    known = spec.known_fields()
    for step in spec.functions:
        decisions = decisions_of(step, spec)
        if decisions is None:
            continue
        if unknown := _unknown_names(decisions, known):
            yield from unknown
            continue
        yield from _outcomes(decisions, known)
        if decisions.unread:
            yield ask(
                f"cell:{step.step}",
                f"a cell of {step.step!r} cannot be read as a condition, {decisions.unread}",
                "it is not checked here; where the compiler cannot read it either, the spec is refused",
                step=step.step,
            )
            continue
        yield from _coverage(decisions, known, spec)
    yield from _boundaries(spec, known)


def _unknown_names(decisions: Decisions, known: Mapping[str, Field]) -> list[Question]:
    step = decisions.step
    found: list[Question] = []
    for row in decisions.rows:
        for name in expressions.names(row.condition) if row.condition else ():
            if name not in known:
                hint = closest(name, list(known)) or ""
                text = f"{row.label!r} names {name!r}, which is not a field of this workflow"
                reading = f"the model must tell from the text what {name!r} is; {hint}".rstrip("; ")
                found.append(ask(f"name:{step.step}:{name}", text, reading, clause=row.clause, step=step.step))
    return found


# ---- which inputs reach which row ---------------------------------------------------------------------------------


def _coverage(decisions: Decisions, known: Mapping[str, Field], spec: Spec) -> Iterator[Question]:
    exact = _exact(decisions, known) if decisions.step.is_table and len(decisions.rows) > LONG_TABLE else None
    if exact is not None:  # rows that overlap wrongly or are never reached are errors of the table
        if exact.gap_count and not _collects(decisions) and not _says_otherwise(decisions.step, spec):
            yield _gap(decisions, exact.gaps[0], known)
        return
    conditions = [row.condition for row in decisions.rows if row.condition]
    tried = trials(conditions, known)
    if tried is None:
        if not any(row.condition is None for row in decisions.rows) and not _says_otherwise(decisions.step, spec):
            yield _gap(decisions, None, known)
        return
    held = [(values, rows) for values in tried.inputs if (rows := _held(decisions, values)) is not None]
    if not _collects(decisions):
        yield from _gaps(decisions, held, tried, known, spec)
        yield from _overlaps(decisions, held)
        yield from _dead(decisions, held, tried)


def _exact(decisions: Decisions, known: Mapping[str, Field]) -> Coverage | None:
    """The coverage of a table as it is compiled, which does not try rows one by one; None where it proves nothing."""
    try:
        found = cover(read_table(decisions.step, known))
    except TableError:
        return None
    return found if found.exact else None


def _held(decisions: Decisions, values: Mapping[str, Any]) -> tuple[Row, ...] | None:
    try:
        return decisions.holding(values)
    except Undecided:
        return None


def _collects(decisions: Decisions) -> bool:
    return decisions.step.table is not None and decisions.step.table.hit_policy in _LISTS


def _says_otherwise(step: Step, spec: Spec) -> bool:
    """True where a default or prose beside the logic says what holds in all other cases."""
    if step.table is not None and step.table.default:
        return True
    cited = [clause.text for clause in spec.clauses if clause.id in step.clauses]
    return (
        re.search(r"\b(otherwise|in all other cases|by default|default)\b", "\n".join([step.text, *cited]), re.I)
        is not None
    )


Held = list[tuple[Mapping[str, Any], tuple[Row, ...]]]


def _gaps(
    decisions: Decisions, held: Held, tried: Trials, known: Mapping[str, Field], spec: Spec
) -> Iterator[Question]:
    if _says_otherwise(decisions.step, spec):
        return
    witness = next((values for values, rows in held if not rows), None)
    complete = any(row.condition is None for row in decisions.rows)
    if witness is not None or (not tried.exact and not complete):
        yield _gap(decisions, witness, known)


def _gap(decisions: Decisions, witness: Mapping[str, Any] | None, known: Mapping[str, Field]) -> Question:
    step = decisions.step.step
    what = "row" if decisions.is_table else "branch"
    example = f", for instance {shown(witness)}" if witness else "; there is no ELSE"
    nullable = all(known[name].nullable for name in decisions.outputs)
    otherwise = _ESCALATED if decisions.step.is_table else _REFUSED
    reading = f"{', '.join(decisions.outputs)} is null" if nullable else otherwise
    return ask(f"gap:{step}", f"no {what} of {step!r} says what holds in every other case{example}", reading, step=step)


def _overlaps(decisions: Decisions, held: Held) -> Iterator[Question]:
    """Pairs of rows that hold at once and say different things, where the order was not said to decide."""
    if decisions.is_table and decisions.first:
        return
    seen: set[tuple[int, int]] = set()
    for values, rows in held:
        chosen = [row for row in rows if row.condition is not None or decisions.is_table]
        for second in chosen[1:]:
            first = chosen[0]
            pair = (first.number, second.number)
            if first.outcomes == second.outcomes or pair in seen:
                continue
            seen.add(pair)
            yield ask(
                f"overlap:{decisions.step.step}:{pair[0]}-{pair[1]}",
                f"{first.label!r} and {second.label!r} both hold for {shown(values)} and lead to "
                f"{', '.join(first.outcomes)} and {', '.join(second.outcomes)}",
                f"the first that holds decides: {', '.join(first.outcomes)}",
                clause=second.clause,
                step=decisions.step.step,
            )


def _dead(decisions: Decisions, held: Held, tried: Trials) -> Iterator[Question]:
    if not tried.exact:
        return
    ordered = decisions.first or not decisions.is_table
    alive = {row.number for _, rows in held for row in (rows[:1] if ordered else rows)}
    for row in decisions.rows:
        if row.condition is not None and row.number not in alive:
            yield ask(
                f"unreachable:{decisions.step.step}:{row.number}",
                f"no input reaches {row.label!r}: what stands before it, or the range of a field, leaves none over",
                "it never applies",
                clause=row.clause,
                step=decisions.step.step,
            )


# ---- what rows lead to --------------------------------------------------------------------------------------------


def _outcomes(decisions: Decisions, known: Mapping[str, Field]) -> Iterator[Question]:
    step = decisions.step.step
    for number, name in enumerate(decisions.outputs):
        field = known[name]
        if field.type != "enum":
            continue
        reached = dict.fromkeys(row.outcomes[number] for row in decisions.rows)
        for outcome in reached:
            if outcome not in field.values:
                near = closest(outcome, field.values) or ""
                text = f"{step!r} leads to {outcome!r}, which is not a value of {name!r} ({', '.join(field.values)})"
                yield ask(f"outcome:{step}:{outcome}", text, f"the model picks a declared value; {near}", step=step)
        for value in field.values:
            if value not in reached and not decisions.unread:
                text = f"{name!r} may be {value!r}, but nothing in {step!r} leads to it"
                yield ask(f"value:{name}:{value}", text, "it is never set", step=step)


# ---- one number, two boundaries -----------------------------------------------------------------------------------

_SIDES = {ast.GtE: "at least", ast.Gt: "more than", ast.LtE: "at most", ast.Lt: "less than"}
_MIRRORED = {ast.GtE: ast.LtE, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.Lt: ast.Gt}
_CLASHING = (("at least", "more than"), ("at most", "less than"))


def _boundaries(spec: Spec, known: Mapping[str, Field]) -> Iterator[Question]:
    """A field compared with one number as ``>=`` in one place and as ``>`` in another."""
    seen: dict[tuple[str, str], dict[str, str]] = {}
    for place, text, source in _conditions(spec):
        for node in ast.walk(ast.parse(source, mode="eval")):
            if isinstance(node, ast.Compare):
                for name, number, side in _sides(node):
                    if name in known:
                        seen.setdefault((name, number), {}).setdefault(side, f"{text!r} ({place})")
    for (name, number), sides in seen.items():
        for strong, weak in _CLASHING:
            if strong in sides and weak in sides:
                text = f"{name} is compared with {number} in two ways: {sides[strong]} and {sides[weak]}; which side has {number} itself?"
                yield ask(f"boundary:{name}:{number}", text, "each place holds as it is written")


def _conditions(spec: Spec) -> Iterator[tuple[str, str, str]]:
    """Every readable condition of the spec: where it stands, its text, its Python source."""
    for step in spec.logic_requirements:
        for branch in expressions.branches(step.logic) or ():
            if branch.condition:
                yield step.step, branch.text, branch.condition
        for text in (*step.validation, *([step.when] if step.when else [])):
            yield step.step, text, expressions.to_python(text)
    for invariant in spec.invariants:
        if invariant.holds:
            yield invariant.name, invariant.holds, expressions.to_python(invariant.holds)


def _sides(node: ast.Compare) -> Iterator[tuple[str, str, str]]:
    left: ast.expr = node.left
    for op, right in zip(node.ops, node.comparators, strict=True):
        if type(op) in _SIDES:
            if isinstance(left, ast.Name) and isinstance(right, ast.Constant):
                yield left.id, str(right.value), _SIDES[type(op)]
            elif isinstance(left, ast.Constant) and isinstance(right, ast.Name):
                yield right.id, str(left.value), _SIDES[_MIRRORED[type(op)]]
        left = right

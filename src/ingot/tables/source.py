"""`DecisionTable` → Python: one function in the generated subset, each row a branch that cites its clause.

Numbers are compared as Decimals where the field is one. A comparison with null does not hold: what may be null is
compared with None first. Where no row holds and the table does not say what then, the function answers None, and
`Written.may_miss` is True: the flow sends the run to a person where the output may not be null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ingot.fields import Field, annotation, class_name
from ingot.program import Signature
from ingot.spec import Step
from ingot.tables.cells import Binary, Cell, Comparison, Expression, If, Literal, Ref, Test
from ingot.tables.coverage import Coverage, cover, in_order
from ingot.tables.expression_source import fits, holds, is_truth, written
from ingot.tables.table import DecisionTable, Row, kind_of, read_table

MOST_TESTS_ON_A_LINE = 100


@dataclass(frozen=True, slots=True)
class Written:
    """A table's function: its source with a line break at its end, and whether it may answer None."""

    source: str
    may_miss: bool


def may_miss(step: Step, known: Mapping[str, Field]) -> bool:
    """Whether a table step's function may answer None for want of a row. Raises TableError."""
    table = read_table(step, known)
    return _may_miss(table, cover(table))


def _may_miss(table: DecisionTable, coverage: Coverage) -> bool:
    if table.table.aggregate == "count" or table.makes_list:
        return False
    if _must_count(table, coverage):
        return True  # several rows may hold, and then nobody has said which
    sure = coverage.exact and not coverage.gap_count
    return (not sure and table.default is None) or _null_outputs(table)


def _null_outputs(table: DecisionTable) -> bool:
    """True where an output is computed from what may be null or by a division, so that the answer may be null."""
    every = [*(row.outputs for row in table.rows), *([table.default] if table.default else [])]
    return any(
        _may_be_null(one, field, table) for some in every for one, field in zip(some, table.outputs, strict=True)
    )


def _may_be_null(expression: Expression, field: Field, table: DecisionTable) -> bool:
    if isinstance(expression, If) and not written(expression, table.scope)[1]:
        return any(_may_be_null(one, field, table) for one in (expression.first, expression.second))
    return bool(_guarded(expression, field, table)[1])


def _must_count(table: DecisionTable, coverage: Coverage) -> bool:
    """True where it is not proved that one row, or rows that agree, hold for any input."""
    if table.table.hit_policy == "any":
        return not coverage.exact or any(a.outputs != b.outputs for a, b, _ in coverage.overlaps)
    return table.table.hit_policy == "unique" and (not coverage.exact or bool(coverage.overlaps))


def write_function(table: DecisionTable, signature: Signature) -> Written:
    """The function of a table, with the signature that the program asks for."""
    coverage = cover(table)
    policy, aggregate = table.table.hit_policy, table.table.aggregate
    lines = [signature.header()]
    if policy in ("collect", "rule order", "output order") or _must_count(table, coverage):
        lines += _collected(table, signature, coverage)
    else:
        lines += _chosen(table, coverage)
    assert aggregate in ("list", "sum", "min", "max", "count")
    return Written("\n".join(lines) + "\n", _may_miss(table, coverage))


def _chosen(table: DecisionTable, coverage: Coverage) -> list[str]:
    """The first row that holds answers."""
    rows = in_order(table)
    sure = coverage.exact and not coverage.gap_count
    lines: list[str] = []
    for n, row in enumerate(rows):
        conjuncts = _row(row, table)
        answer = f"return {_answer(row.outputs, table)}  # {row.clause}"
        if not conjuncts or (sure and n == len(rows) - 1):
            # what is left over is this row's: proved by going through all regions
            return [*lines, f"    {answer}" + (": all that is left" if conjuncts else "")]
        lines += [*_if(conjuncts), f"        {answer}"]
    return [*lines, _otherwise(table)]


def _otherwise(table: DecisionTable) -> str:
    if table.default is not None:
        return f"    return {_answer(table.default, table)}  # default of {_cited(table)}"
    answer = "None" if len(table.step.outputs) == 1 else _nulls(table)
    return f"    return {answer}  # no row of {_cited(table)} holds"


def _nulls(table: DecisionTable) -> str:
    return "{" + ", ".join(f'"{field.name}": None' for field in table.step.outputs) + "}"


def _cited(table: DecisionTable) -> str:
    first, last = table.rows[0].clause, table.rows[-1].clause
    return first if first == last else f"{first} to {last}"


def _collected(table: DecisionTable, signature: Signature, coverage: Coverage) -> list[str]:
    """All rows that hold are gathered first."""
    name = _free("found", table)
    gaps = table.table.aggregate in ("sum", "min", "max") and not table.makes_list and _null_outputs(table)
    lines = [f"    {name}: list[{_item_type(table, signature)}{' | None' if gaps else ''}] = []"]
    for row in in_order(table):
        conjuncts = _row(row, table)
        add = f"{name}.append({_item(row, table)})  # {row.clause}"
        lines += [*_if(conjuncts), f"        {add}"] if conjuncts else [f"    {add}"]
    cited = _cited(table)
    aggregate = table.table.aggregate
    if aggregate == "count":
        count = {"decimal": f"Decimal(len({name}))", "float": f"float(len({name}))"}
        return [*lines, f"    return {count.get(table.step.outputs[0].type, f'len({name})')}  # {cited}"]
    if table.makes_list and table.default is None:
        return [*lines, f"    return {name}  # {cited}"]
    if table.makes_list:
        last = f"    return [{_answer(table.default or (), table)}]  # default of {cited}"
        return [*lines, f"    if {name}:", f"        return {name}  # {cited}", last]
    if gaps:  # of what has no value there is no sum and no least
        known = _free("values", table)
        missing = ["        return None  # a row of " + f"{cited} has no value"]
        lines += [f"    {known} = [one for one in {name} if one is not None]"]
        lines += [f"    if len({known}) < len({name}):", *missing]
        name = known
    condition, answer = {
        "sum": (name, f"sum({name}[1:], {name}[0])"),
        "min": (name, f"min({name})"),
        "max": (name, f"max({name})"),
        "list": (
            (f"{name} and all(one == {name}[0] for one in {name})", f"{name}[0]")
            if table.table.hit_policy == "any"
            else (f"len({name}) == 1", f"{name}[0]")
        ),
    }[aggregate]
    if aggregate != "list" and coverage.exact and not coverage.gap_count:
        return [*lines, f"    return {answer}  # {cited}"]
    if aggregate == "list" and table.default is not None:
        lines += [f"    if not {name}:", f"        return {_answer(table.default, table)}  # default of {cited}"]
        return [*lines, f"    if {condition}:", f"        return {answer}  # {cited}", _several(table)]
    last = _otherwise(table) if aggregate != "list" else _several(table)
    return [*lines, f"    if {condition}:", f"        return {answer}  # {cited}", last]


def _several(table: DecisionTable) -> str:
    answer = "None" if len(table.step.outputs) == 1 else _nulls(table)
    return f"    return {answer}  # no row of {_cited(table)} holds, or rows that disagree"


def _free(name: str, table: DecisionTable) -> str:
    while name in table.step.inputs or name == table.step.step:
        name += "_rows"
    return name


def _item_type(table: DecisionTable, signature: Signature) -> str:
    if table.makes_list:
        field = table.step.outputs[0]
        assert field.items is not None
        return annotation(field.items, class_name(field.name))
    if table.table.aggregate == "count":
        return "int"
    text = signature.returns
    return text.removesuffix(" | None") if table.table.aggregate != "list" else text


def _item(row: Row, table: DecisionTable) -> str:
    if table.table.aggregate == "count":
        return str(row.number + 1)
    return _answer(row.outputs, table)


def _answer(outputs: Sequence[Expression], table: DecisionTable) -> str:
    """The value of a row: bare for one output, an object for several; an output without a column is null."""
    values = [_value(one, field, table) for one, field in zip(outputs, table.outputs, strict=True)]
    if not _is_object(table):
        return values[0]
    pairs = dict(zip((field.name for field in table.outputs), values, strict=True))
    return "{" + ", ".join(f'"{name}": {pairs.get(name, "None")}' for name in _object_keys(table)) + "}"


def _is_object(table: DecisionTable) -> bool:
    if table.makes_list:
        items = table.step.outputs[0].items
        return items is not None and items.type == "object"
    return len(table.step.outputs) > 1


def _object_keys(table: DecisionTable) -> list[str]:
    if table.makes_list:
        items = table.step.outputs[0].items
        return [field.name for field in items.fields] if items is not None else []
    return [field.name for field in table.step.outputs]


def _value(expression: Expression, field: Field, table: DecisionTable) -> str:
    if isinstance(expression, If):
        first, second = (_value(one, field, table) for one in (expression.first, expression.second))
        first, second = (f"({one})" if " if " in one else one for one in (first, second))
        return f"{first} if {holds(expression.condition, table.scope)} else {second}"
    source, guards = _guarded(expression, field, table)
    if is_truth(expression) and guards:
        false = holds(expression, table.scope, truth=False)
        return f"True if {source} else False if {false} else None"
    return f"{source} if {' and '.join(guards)} else None" if guards else source


def _guarded(expression: Expression, field: Field, table: DecisionTable) -> tuple[str, list[str]]:
    """A value as the field has it, and the conditions under which there is one."""
    source, guards = written(expression, table.scope, field)
    if field.type != "decimal":
        return source, guards
    if kind_of(expression, table.scope) == "integer" and not isinstance(expression, Literal):
        source = f"Decimal({source})"
    guards = [*guards, *fits(expression, source, field.places, table.scope, _spare(table))]
    if field.places is not None and not isinstance(expression, Literal):
        source = source if isinstance(expression, Binary) else f"({source})"
        source = f'{source}.quantize(Decimal("{Decimal(1).scaleb(-field.places)}"), ROUND_HALF_UP)'
    return source, guards


def _spare(table: DecisionTable) -> int:
    """Digits that a sum of all rows may have before those of one."""
    return len(str(len(table.rows))) if table.table.aggregate == "sum" else 0


# ---- conditions --------------------------------------------------------------------------------------------------


def _if(conjuncts: Sequence[str]) -> list[str]:
    line = f"    if {' and '.join(conjuncts)}:"
    if len(line) <= MOST_TESTS_ON_A_LINE:
        return [line]
    inner = [f"        {'and ' if n else ''}{one}" for n, one in enumerate(conjuncts)]
    return ["    if (", *inner, "    ):"]


def _row(row: Row, table: DecisionTable) -> list[str]:
    """The conditions that all must hold for a row, null checks before what they guard."""
    found: list[str] = []
    for column, cell in zip(table.columns, row.cells, strict=True):
        found += [one for one in _cell(cell, column.path, column.field, table.scope) if one not in found]
    return found


def _cell(cell: Cell, path: str, field: Field, scope: Mapping[str, Field]) -> list[str]:
    if not cell.tests:
        return []
    own, own_guards = written(Ref(path), scope)
    nulls = [test for test in cell.tests if _is_null(test)]
    if nulls:
        return _with_nulls(cell, nulls, path, field, scope)
    joined, guards = _tests(cell.tests, own, field, scope, hoist=cell.negated)
    if cell.negated:
        return [*own_guards, *guards, f"not ({joined})"]
    return [*own_guards, joined]


def _with_nulls(cell: Cell, nulls: Sequence[Test], path: str, field: Field, scope: Mapping[str, Field]) -> list[str]:
    """A cell that names null. A negated cell never holds for null; no other test but ``null`` itself does."""
    guards = written(Ref(path), scope)[1]
    others = tuple(test for test in cell.tests if test not in nulls)
    operators = {test.op for test in nulls if isinstance(test, Comparison)}
    if cell.negated and "!=" in operators:
        return ["False"]
    if cell.negated:
        return _cell(Cell(others, True), path, field, scope) if others else guards
    if "!=" in operators:
        return [] if "=" in operators else guards
    rest = " and ".join(_cell(Cell(others), path, field, scope)) if others else ""
    if not guards:
        return [rest or "False"]
    is_null = " or ".join([_absent(guard) for guard in guards] + ([f"({rest})"] if rest else []))
    return [f"({is_null})" if " or " in is_null else is_null]


def _absent(guard: str) -> str:
    return guard.removesuffix("is not None") + "is None"


def _is_null(test: Test) -> bool:
    return isinstance(test, Comparison) and test.right == Literal(None)


def _tests(
    tests: Sequence[Test], own: str, field: Field, scope: Mapping[str, Field], *, hoist: bool
) -> tuple[str, list[str]]:
    """The tests joined with or; guards of what they compare with stay inside each test, or are hoisted before all."""
    texts = [test.right for test in tests if isinstance(test, Comparison) and test.op == "="]
    if len(texts) == len(tests) > 1 and all(isinstance(one, Literal) for one in texts):
        values = ", ".join(written(one, scope, field)[0] for one in texts)
        return f"{own} in ({values})", []
    hoisted: list[str] = []
    parts: list[str] = []
    for test in tests:
        source, guards = _test(test, own, field, scope)
        if hoist:
            hoisted += [guard for guard in guards if guard not in hoisted]
            parts.append(source)
        else:
            whole = " and ".join([*guards, source])
            parts.append(f"({whole})" if guards and len(tests) > 1 else whole)
    if len(parts) == 1:
        return parts[0], hoisted
    joined = " or ".join(parts)
    return (joined if hoist else f"({joined})"), hoisted


def _test(test: Test, own: str, field: Field, scope: Mapping[str, Field]) -> tuple[str, list[str]]:
    if isinstance(test, Comparison):
        right, guards = written(test.right, scope, field)
        if isinstance(test.right, Ref) and scope[test.right.path].type == "list":
            return f"{own} {'not in' if test.op == '!=' else 'in'} {right}", guards
        if field.type == "boolean" and isinstance(test.right, Literal) and test.op in ("=", "!="):
            return (own if test.right.value is (test.op == "=") else f"not {own}"), guards
        return f"{own} {'==' if test.op == '=' else test.op} {right}", guards
    low, low_guards = written(test.low, scope, field)
    high, high_guards = written(test.high, scope, field)
    left, right = "<=" if test.low_counts else "<", "<=" if test.high_counts else "<"
    return f"{low} {left} {own} {right} {high}", [*low_guards, *(g for g in high_guards if g not in low_guards)]

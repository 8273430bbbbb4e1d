"""Artifacts written as DMN: what is written reads back as the same tables; what has no place there is refused."""

from pathlib import Path

import pytest

from ingot.compile.driver import check, compile_spec
from ingot.errors import SpecError
from ingot.spec import load_spec
from tests.compile.test_mixed import RIGHT, SPEC
from tests.tables.test_dmn_file import ingot

TABLES = """\
metadata: {name: levels}
inputs:
  age: {type: integer, range: [0, 120]}
  plan: {type: enum, values: [gold, tin]}
logic_requirements:
  - step: judge
    type: deterministic_rule
    outputs: {level: {type: enum, values: [A, B]}, fee: integer}
    table:
      hit_policy: first
      inputs: [age, plan]
      outputs: [level, fee]
      rows:
        - ["< 18", "-", A, 0]
        - ["[18..64]", "!= gold", B, age * 2 + 1]
        - ["-", "-", B, 5]
cases:
  - {input: {age: 17, plan: tin}, expected: {level: A, fee: 0}}
  - {input: {age: 20, plan: tin}, expected: {level: B, fee: 41}}
"""


def artifact(folder: Path, text: str, code: str | None = None) -> Path:
    path = folder / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    out = folder / "artifacts"
    done = compile_spec(path, out=out) if code is None else check(path, code, out=out)
    assert done.path is not None, done.verdicts
    return done.path


def test_tables_come_back_as_they_were(tmp_path: Path) -> None:
    target = tmp_path / "levels.dmn"
    code, said = ingot("export", artifact(tmp_path, TABLES), "--dmn", "--out", target)
    assert code == 0, said
    read = load_spec(target).logic_requirements[0].table
    assert read is not None
    assert read.rows == (
        ("< 18", "-", '"A"', "0"), ("[18..64]", 'not("gold")', '"B"', "(age * 2) + 1"), ("-", "-", '"B"', "5"),
    )  # fmt: skip
    assert "R2: [18..64] | != gold | B | age * 2 + 1" in target.read_text(encoding="utf-8")
    assert ingot("compile", target, "--out", tmp_path / "again")[0] == 0


def test_prose_is_written_from_its_paths_beside_tables(tmp_path: Path) -> None:
    code = RIGHT.replace('    price = 4 if size == "small" else 9\n    return price + 6 if express else price  # C1, C2\n',
        '    if size == "small" and express:\n        return 10  # C1, C2\n    if size == "small":\n'
        '        return 4  # C1\n    if not express:\n        return 9  # C1\n    return 15  # C2\n')  # fmt: skip
    made, said = ingot("export", artifact(tmp_path, SPEC, code), "--dmn")
    assert made == 0, said
    assert "C1: A small parcel costs 4 EUR" in said
    assert 'requiredDecision href="#d_size"' in said


def test_what_has_no_place_is_refused_with_its_line(tmp_path: Path) -> None:
    more = "    for extra in (1, 2, 3):\n        price = price + extra - extra\n    return price"
    loop = RIGHT.replace("    return price", more)
    target = tmp_path / "no.dmn"
    with pytest.raises(SpecError, match="has no place in a DMN table") as refused:
        ingot("export", artifact(tmp_path, SPEC, loop), "--dmn", "--out", target)
    assert str(refused.value.place).startswith("logic.py:")
    assert not target.exists()


MORE = """\
metadata: {name: more}
inputs:
  age: {type: integer, range: [0, 120]}
  plan: {type: enum, values: [gold, tin]}
logic_requirements:
  - step: judge
    type: deterministic_rule
    outputs: {level: {type: enum, values: [A, B], nullable: true}, fee: integer?}
    table:
      inputs: [age, plan]
      outputs: [level, fee]
      rows: [["< 18", "!= gold", A, 1], ["> 64", "!= tin", B, 2]]
  - step: add_up
    type: deterministic_rule
    outputs: {points: integer?}
    table:
      hit_policy: collect
      aggregate: sum
      inputs: [age, plan]
      outputs: [points]
      rows: [["> 10", "-", 3], ["-", gold, 4]]
  - step: rank_it
    type: deterministic_rule
    on_null: handle
    outputs: {rank: integer?}
    table:
      hit_policy: first
      inputs: [fee, level]
      outputs: [rank]
      rows: [["> 1", B, fee + 10], ["-", "not(null)", 1]]
outputs: {level: {type: enum, values: [A, B], nullable: true}, points: integer?, rank: integer?}
cases:
  - {input: {age: 17, plan: tin}, expected: {level: A, points: 3, rank: 1}}
  - {input: {age: 70, plan: gold}, expected: {level: B, points: 7, rank: 12}}
  - {input: {age: 5, plan: gold}, expected: {level: null, points: 4, rank: null}}
"""


def test_gaps_aggregates_and_chained_outputs_come_back(tmp_path: Path) -> None:
    target = tmp_path / "more.dmn"
    code, said = ingot("export", artifact(tmp_path, MORE), "--dmn", "--out", target)
    assert code == 0, said
    text = target.read_text(encoding="utf-8")
    assert '<decisionTable hitPolicy="COLLECT" aggregation="SUM">' in text
    assert "<text>not(&quot;gold&quot;)</text>" in text or '<text>not("gold")</text>' in text
    assert "!=" not in "".join(line for line in text.splitlines() if "inputEntry" in line)
    assert "<text>judge.fee</text>" in text
    tables = [step.table for step in load_spec(target).logic_requirements]
    assert [table.aggregate for table in tables if table] == ["list", "sum", "list"]


def test_a_difference_found_on_reading_back_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ingot.compile import export_dmn

    honest = export_dmn.write
    monkeypatch.setattr(export_dmn, "write", lambda spec: honest(spec).replace("&lt; 18", "&lt; 19"))
    target = tmp_path / "wrong.dmn"
    with pytest.raises(SpecError, match=r"would not answer as the program does, for instance for .*'age': 18"):
        ingot("export", artifact(tmp_path, TABLES), "--dmn", "--out", target)
    assert not target.exists()

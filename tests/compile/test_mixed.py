"""Specs with tables and rules in prose: each function comes from where it belongs, and only prose is asked of a model."""

from pathlib import Path

import pytest

from ingot.compile.driver import check, compile_spec, provenance
from ingot.compile.plan import make_plan
from ingot.compile.prompt import first_request
from ingot.errors import CompileFailed
from ingot.models.scripted import Scripted
from ingot.runtime.run import load
from ingot.spec import load_spec

SPEC = """\
metadata: {name: parcels}
inputs:
  weight: {type: integer, unit: kg, range: [0, 30]}
  express: boolean
logic_requirements:
  - step: choose_class
    type: deterministic_rule
    outputs: {size: {type: enum, values: [small, large]}}
    table:
      inputs: [weight]
      outputs: [size]
      rows:
        - ["< 5", small]
        - [">= 5", large]
  - step: price_parcel
    type: deterministic_rule
    inputs: [size, express]
    clauses: [C1, C2]
    outputs: {price: {type: integer, unit: EUR}}
clauses:
  C1: A small parcel costs 4 EUR, a large one 9 EUR.
  C2: Express costs 6 EUR more.
outputs: {size: {type: enum, values: [small, large]}, price: {type: integer, unit: EUR}}
cases:
  - {input: {weight: 4, express: false}, expected: {size: small, price: 4}}
  - {input: {weight: 5, express: false}, expected: {size: large, price: 9}}
  - {input: {weight: 9, express: true}, expected: {price: 15}}
  - {input: {weight: 0, express: true}, expected: {price: 10}, held_out: true}
"""
RIGHT = """\
def price_parcel(size: Literal['small', 'large'], express: bool) -> int:
    price = 4 if size == "small" else 9
    return price + 6 if express else price  # C1, C2
"""
WRONG = RIGHT.replace("else 9", "else 8")


def fenced(code: str) -> str:
    return f"```python\n{code}```"


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return path


def test_only_prose_is_asked_for(spec: Path) -> None:
    loaded = load_spec(spec)
    request = first_request(loaded, make_plan(loaded))
    assert request.functions == ("price_parcel",)
    assert "R1" not in request.prompt
    assert "Written already, do not write or call them:\ndef choose_class(weight: int)" in request.prompt
    assert request.start.startswith("def price_parcel(")


def test_each_function_comes_from_where_it_belongs(spec: Path, tmp_path: Path) -> None:
    done = compile_spec(spec, Scripted([fenced(RIGHT)]), out=tmp_path / "out")
    assert done.path is not None
    assert done.program is not None
    assert "def price_parcel" in done.program.logic
    assert "# R1" in done.program.logic
    assert load(done.path).run({"weight": 20, "express": True}).output == {"size": "large", "price": 15}
    assert provenance(done)["functions"] == {"choose_class": "table", "price_parcel": "candidate"}


def test_a_repair_is_asked_for_the_prose_and_keeps_the_table(spec: Path) -> None:
    model = Scripted([fenced("def price_parcel("), fenced(WRONG), fenced(RIGHT)])
    done = compile_spec(spec, model)
    assert done.passed
    assert [one.functions for one in model.requests] == [("price_parcel",)] * 3
    for request in model.requests[1:]:
        assert "# R1" not in request.prompt
        assert "if weight" not in request.prompt


def test_a_reply_that_writes_the_table_too_is_refused(spec: Path) -> None:
    own = RIGHT + "\n\ndef choose_class(weight: int) -> Literal['small', 'large']:\n    return 'small'  # R1\n"
    model = Scripted([fenced(own), fenced(RIGHT)])
    done = compile_spec(spec, model)
    assert not done.attempts[0].passed
    assert done.passed


def test_cases_against_the_table_end_the_compile(spec: Path) -> None:
    spec.write_text(SPEC.replace("expected: {size: small, price: 4}", "expected: {size: large}"), encoding="utf-8")
    model = Scripted([fenced(RIGHT)] * 3)
    with pytest.raises(CompileFailed) as failed:
        compile_spec(spec, model, attempts=3)
    assert len(failed.value.attempts) == 1


def test_code_from_anywhere_need_not_repeat_the_table(spec: Path) -> None:
    assert check(spec, RIGHT).passed
    assert not check(spec, WRONG).passed

"""Objects without fields hold what JSON gives back as it was, and nothing else: one rule at every edge."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from mcp.client.client import Client
from pydantic import ValidationError

from ingot.artifact.sign import trusted_keys
from ingot.artifact.verify import verify
from ingot.compile.driver import check
from ingot.compile.rerun import rerun_stages
from ingot.errors import InputError, SpecError
from ingot.fields import DEEPEST, Field, free_form, validator
from ingot.labels import labelled_cases, read_labels
from ingot.runtime.bounded.reading import Unfit, checked, read_reply
from ingot.runtime.run import load
from ingot.spec import Spec, load_spec, parse_spec
from ingot.stages.fit import misfits
from tests.cli.conftest import Run
from tests.cli.conftest import ingot as ingot  # noqa: PLC0414 - a fixture
from tests.edges.http.conftest import app_of, running
from tests.edges.test_mcp import by_pipes

SPEC = """
metadata: {name: parcels, version: 1.0.0}
inputs: {payload: object, rows: {type: list, items: object, max_length: 3}}
outputs: {count: integer, seen: object}
clauses: {C1: The parts are counted.}
logic_requirements: [{step: take, type: function, intent: C1., clauses: [C1]}]
cases:
  - {id: a, input: {payload: {}, rows: []}, expected: {count: 0, seen: {}}}
  - {id: b, input: {payload: {a: {b: [1, x, null, true, {}]}}, rows: [{c: 2024-01-01}]}, expected: {count: 2, seen: {a: {b: [1, x, null, true, {}]}}}}
  - {id: c, input: {payload: {big: 123456789012345678901, text: "1.50"}, rows: []}, expected: {count: 2}}
"""
LOGIC = """def take(payload: dict[str, object], rows: list[dict[str, object]]) -> TakeOutput:
    return {"count": len(payload) + len(rows), "seen": payload}  # C1
"""
POINT = "an object without fields holds a number with a point; declare its 'fields', or write that as text"
BAD = {"payload": {"deep": [{"rate": 1.5}]}, "rows": []}
GOOD = {"payload": {"deep": [{"rate": "1.5", "n": 3, "on": True, "none": None}]}, "rows": [{}]}


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("free-form")
    (folder / "spec.yaml").write_text(SPEC)
    compiled = check(folder / "spec.yaml", LOGIC, author="Ada", out=folder / "artifacts")
    assert compiled.path, [str(one) for one in compiled.attempts[-1].findings]
    return compiled.path


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1.5, "a number with a point"), (2.0, "a number with a point"), (Decimal("1.50"), "a number with a point"),
        (float("nan"), "a number with a point"), (date(2024, 1, 1), "a date"), ({1}, "a set"), ((1,), "a tuple"),
        ({1: 2}, "a key that is no text"), ("\ud800", "half of a surrogate pair"),
        ({"\ud800": 1}, "half of a surrogate pair"),
    ],
)  # fmt: skip
def test_what_has_no_place_is_named_by_its_kind_and_not_by_its_value(value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        free_form({"outer": [value]})


def test_what_is_nested_without_end_is_refused_and_what_stays_is_a_copy() -> None:
    deep: Any = []
    for _ in range(DEEPEST + 1):
        deep = [deep]
    with pytest.raises(ValueError, match="nested too deeply"):
        free_form(deep)
    given = {"a": [{"b": 1}]}
    kept = free_form(given)
    assert kept == given
    assert kept["a"][0] is not given["a"][0]


def test_what_is_kept_comes_back_as_it_was(artifact: Path) -> None:
    check_input = validator(parse_spec(SPEC, "spec.yaml").inputs).validate_python
    assert check_input(json.loads(json.dumps(check_input(GOOD)))) == GOOD
    assert all(one.passed for one in rerun_stages(verify(artifact, trusted_keys())))


# ---- edges -------------------------------------------------------------------------------------------------------


def test_cases_in_a_spec_and_beside_it(tmp_path: Path) -> None:
    case = "  - {id: d, input: {payload: {rate: 1.5}, rows: []}, expected: {count: 1}}\n"
    with pytest.raises(SpecError, match="a number with a point") as raised:
        parse_spec(SPEC + case, "spec.yaml")
    assert raised.value.place.startswith("spec.yaml:11:")
    expected = "  - {id: d, input: {payload: {}, rows: []}, expected: {seen: {rate: 1.5}}}\n"
    with pytest.raises(SpecError, match="a number with a point"):
        parse_spec(SPEC + expected, "spec.yaml")
    (tmp_path / "given.jsonl").write_text('{"input": {"payload": {"rate": 1.5}, "rows": []}, "expected": {"count": 1}}')
    (tmp_path / "spec.yaml").write_text(SPEC.split("cases:", maxsplit=1)[0] + "cases: {given: given.jsonl}\n")
    with pytest.raises(SpecError, match="a number with a point") as raised:
        load_spec(tmp_path / "spec.yaml")
    assert raised.value.place == "given.jsonl:1:1"


def test_a_decimal_in_a_file_of_cases_or_labels_keeps_all_its_digits(tmp_path: Path) -> None:
    text = (
        "metadata: {name: f}\ninputs: {n: decimal}\noutputs: {m: decimal}\n"
        "logic_requirements: [{step: s, type: function, intent: Same.}]\ncases: {given: given.jsonl}\n"
    )
    (tmp_path / "spec.yaml").write_text(text)
    (tmp_path / "given.jsonl").write_text('{"input": {"n": 12345678901234567.25}, "expected": {"m": 0.1}}')
    spec = load_spec(tmp_path / "spec.yaml")
    assert spec.cases[0].input == {"n": Decimal("12345678901234567.25")}
    line = '{"input": {"n": 12345678901234567.75}, "expected": {"m": 1}, "by": "Ada", "at": "2026-01-01"}'
    assert labelled_cases(spec, read_labels(line, "l"))[0].input == {"n": Decimal("12345678901234567.75")}


def test_a_run_from_python(artifact: Path) -> None:
    workflow = load(artifact)
    for rate in (1.5, Decimal("1.5")):
        with pytest.raises(InputError, match="a number with a point") as raised:
            workflow.run({"payload": {"deep": [{"rate": rate}]}, "rows": []})
        assert raised.value.place == "payload"
    with pytest.raises(InputError, match="a number with a point") as raised:
        workflow.run({"payload": {}, "rows": [{}, {"rate": 0.5}]})
    assert raised.value.place == "rows.1"
    outcome = workflow.run(GOOD)
    assert outcome.output == {"count": 2, "seen": GOOD["payload"]}
    assert outcome.to_json()["output"] == outcome.output


def test_the_commands(ingot: Run, artifact: Path, tmp_path: Path) -> None:
    one = ingot("run", artifact, "--input", json.dumps(BAD))
    assert one.code == 2
    assert POINT in one.err
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps(BAD) + "\n" + json.dumps(GOOD) + "\n")
    sheet = tmp_path / "rows.csv"
    sheet.write_text('payload,rows\n"{""rate"": 1.5}",[]\n"{""rate"": 15}",[]\n')
    for source in (rows, sheet):
        out = tmp_path / f"{source.name}.jsonl"
        assert ingot("batch", artifact, source, "--out", out, "--workers", "1").code == 1
        (failed,) = (tmp_path / f"{source.name}.failed.jsonl").read_text().splitlines()
        assert POINT in json.loads(failed)["error"]
        assert json.loads(failed)["row"] == 0
        assert [json.loads(line)["row"] for line in out.read_text().splitlines()] == [1]


def test_http(artifact: Path) -> None:
    with running(app_of(artifact)) as client:
        bad, good = client.post("/run", json=BAD), client.post("/run", json=GOOD)
    assert bad.status_code == 422
    assert POINT in bad.text
    assert good.json()["output"] == {"count": 2, "seen": GOOD["payload"]}


def test_mcp(artifact: Path) -> None:
    said = []

    async def talk(client: Client) -> None:
        (tool, *_) = [one.name for one in (await client.list_tools()).tools if "parcels" in one.name]
        said.extend([await client.call_tool(tool, case) for case in (BAD, GOOD)])

    by_pipes(artifact.parent, talk)
    assert "a number with a point" in str(said[0])
    assert "a number with a point" not in str(said[1])
    assert '"rate": "1.5"' in str(said[1]) or "'rate': '1.5'" in str(said[1])


@pytest.fixture
def free() -> Callable[[], tuple[Field, ...]]:
    return lambda: (Field(name="seen", type="object"),)


def test_a_models_answer_and_a_functions(free: Callable[[], tuple[Field, ...]]) -> None:
    fields = free()
    with pytest.raises(Unfit, match="a number with a point"):
        checked(validator(fields), fields, read_reply('{"seen": {"rate": 1.5}}'))
    (found,) = misfits(fields, {"seen": {"rate": Decimal("1.5")}})
    assert (found.path, found.found) == ("seen", "no plain object")
    assert "a number with a point" in found.wanted
    assert misfits(fields, {"seen": {"rate": "1.5"}}) == ()
    with pytest.raises(ValidationError):
        validator(fields).validate_python({"seen": {"rate": 1.5}})


def test_a_label(tmp_path: Path) -> None:
    spec: Spec = parse_spec(SPEC, "spec.yaml")
    line = json.dumps({"input": BAD, "expected": {"count": 1}, "by": "Ada", "at": "2026-01-01"})
    with pytest.raises(InputError, match="a number with a point"):
        labelled_cases(spec, read_labels(line, "labels"))

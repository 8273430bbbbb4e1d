"""SECURITY: every rule by its fixtures, its table, the shapes of real candidates, and what makes it fail closed."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from stage_fixtures import HERE, expected, fixtures, name, places, read

from ingot.compile.assemble import PRELUDE as PROGRAM_PRELUDE
from ingot.compile.assemble import RESERVED as PROGRAM_RESERVED
from ingot.compile.assemble import assemble
from ingot.errors import StageError
from ingot.evals.security_cases import codes_of, labelled_code, score
from ingot.spec import parse_spec
from ingot.stages.security import KINDS, RULES, STAGE, Asked, allowed, bandit_scan, examine
from ingot.stages.security.automaton import examine as examine_pattern

SPEC = parse_spec("""
metadata: {name: fees}
inputs:
  text: text
  name: text
  weight: integer
  names: list of text
  weights: list of integer
  amount: decimal
  day: date
logic_requirements:
  - step: fee
    type: function
    intent: The fee.
    inputs: [text, name, weight, names, weights, amount, day]
    outputs: {total: decimal}
cases:
  - id: one
    input: {text: a, name: b, weight: 1, names: [a], weights: [1], amount: "1", day: "2024-01-01"}
    expected: {total: "1"}
""")


def refused(source: str) -> list[str]:
    verdict, _ = STAGE.check(assemble(SPEC, source), {})
    return places([finding for finding in verdict.findings if finding.severity == "error"])


def codes(source: str) -> set[str]:
    return {place.split(":")[0] for place in refused(source)}


@pytest.mark.parametrize(("code", "path"), fixtures(RULES, "bad"), ids=name)
def test_bad_fixtures_are_refused_where_expected(code: str, path: Path) -> None:
    found = refused(read(path))
    assert code in {place.split(":")[0] for place in found}
    assert found == expected(code)[path.name]


@pytest.mark.parametrize(("code", "path"), fixtures(RULES, "good"), ids=name)
def test_good_fixtures_pass_the_whole_stage(code: str, path: Path) -> None:
    assert refused(read(path)) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_has_fixtures_and_a_snapshot_of_all_bad_ones(rule: object) -> None:
    code = rule.code  # type: ignore[attr-defined]
    assert list((HERE / code).glob("good_*.py"))
    assert set(expected(code)) == {path.name for path in (HERE / code).glob("bad_*.py")} != set()


def test_codes_are_unique_and_every_rule_has_a_kind() -> None:
    found = [rule.code for rule in RULES]
    assert len(set(found)) == len(found)
    assert set(KINDS) == set(found)
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rules_example_is_refused_and_its_fix_is_not(rule: object) -> None:
    assert rule.code in codes(rule.example)  # type: ignore[attr-defined]
    assert codes(rule.fix) == set()  # type: ignore[attr-defined]


def test_the_names_in_scope_are_those_of_the_assembled_program() -> None:
    scope: dict[str, object] = {}
    exec(PROGRAM_PRELUDE, scope)
    assert allowed.PRELUDE.keys() == scope.keys() - {"__builtins__"}
    public = {one for one in PROGRAM_RESERVED if not one.startswith("_")}
    assert public == allowed.RESERVED


def test_every_allowed_name_exists_in_its_module() -> None:
    for module, names in allowed.MODULES.items():
        found = __import__(module, fromlist=["x"])
        assert [one for one in names if not hasattr(found, one)] == []


def test_typed_dict_classes_of_the_program_are_in_scope_and_may_not_be_rebound() -> None:
    spec = parse_spec("""
metadata: {name: fees}
inputs: {bags: {type: list, items: {type: object, fields: {weight: integer}}}}
logic_requirements:
  - step: fee
    type: function
    intent: The fee.
    outputs: {total: integer, count: integer}
cases: [{id: a, input: {bags: []}, expected: {total: 0, count: 0}}]
""")
    header = assemble(spec, "").signatures[0].header()
    good = (
        f'{header}\n    total = sum(bag["weight"] for bag in bags)\n    return {{"total": total, "count": len(bags)}}\n'
    )
    verdict, _ = STAGE.check(assemble(spec, good), {})
    assert verdict.findings == ()
    verdict, _ = STAGE.check(assemble(spec, good.replace("total = ", "FeeOutput = total = ")), {})
    assert [finding.code for finding in verdict.findings] == ["SEC008"]


def test_a_field_of_the_spec_may_have_the_name_of_a_builtin_and_nothing_else_may() -> None:
    source = "def fee(id: str, sum: int) -> int:\n    round = sum + len(id)\n    return round\n"
    named = Asked("fee", frozenset({"id", "sum", "round"}))
    assert examine(source, asked=[named]) == []
    assert {finding.code for finding in examine(source, asked=["fee"])} == {"SEC008"}


def test_a_quadratic_pattern_is_a_warning_and_passes() -> None:
    source = 'def fee(text: str) -> int:\n    return 1 if re.search(r"(\\d+)\\s*kg", text) else 0\n'
    verdict, _ = STAGE.check(assemble(SPEC, source), {})
    assert verdict.passed
    assert [(finding.code, finding.severity) for finding in verdict.findings] == [("SEC034", "warning")]


@pytest.mark.parametrize("text", ["a" * 24 + "!", "ab" * 12 + "!", "1" * 24 + "!"])
@pytest.mark.parametrize("pattern", [r"^(a+)+$", r"^(a|ab|b)*$", r"^(\w+\s?)*$", r"^(\d+)*$", r"^(?:\w+\.)*\w+$"])
def test_patterns_that_are_let_pass_are_fast_on_hostile_texts(pattern: str, text: str) -> None:
    if examine_pattern(pattern).exponential:
        return
    began = time.perf_counter()
    re.search(pattern, text * 4)
    assert time.perf_counter() - began < 5  # an exponential one would take years


@pytest.mark.parametrize(
    ("pattern", "exponential", "degree"),
    [
        (r"^(a+)+$", True, 1),
        (r"(aa|aaa)*b", True, 2),
        (r"(a{2})*b", False, 2),
        (r"\d{4}-\d{2}-\d{2}", False, 1),
        (r"^\s*(.*?)\s*$", False, 3),
        (r"total\s*:?\s*(\d+)", False, 2),
        (r"^[a-z]+[0-9]+$", False, 1),
        (r"(?i)^(?:ab|Ab|b)+$", True, 1),
        (r"(?:a|a)*b", True, 1),
        (r"(?:ab|ac|)d", False, 1),
    ],
)
def test_how_patterns_backtrack(pattern: str, exponential: bool, degree: int) -> None:
    found = examine_pattern(pattern)
    assert found.exponential is exponential
    if not exponential:
        assert found.degree == degree


def test_a_broken_bandit_is_a_stage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(source: bytes) -> list[object]:
        raise RuntimeError("no")

    monkeypatch.setattr(bandit_scan, "_visitor", lambda: broken)
    with pytest.raises(StageError, match="Bandit broke"):
        examine("X = 1\n", asked=["fee"])


def test_a_single_broken_bandit_check_is_a_stage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(context: object) -> None:
        raise KeyError("no")

    broken._test_id = "B999"  # type: ignore[attr-defined]
    monkeypatch.setattr("bandit.core.test_set.BanditTestSet.get_tests", lambda self, kind: [broken])
    with pytest.raises(StageError, match="Bandit broke"):
        examine("X = abs(1)\n", asked=["fee"])


def test_a_missing_bandit_is_a_stage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    bandit_scan._visitor.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "bandit.core.config", None)
    with pytest.raises(StageError, match="cannot be imported"):
        examine("X = 1\n", asked=["fee"])
    bandit_scan._visitor.cache_clear()


def test_a_comment_does_not_switch_bandit_off() -> None:
    source = 'def fee(name: str) -> str:\n    return "SELECT a FROM b WHERE c = " + name  # nosec\n'
    assert "SEC017" in codes(source)


def test_labelled_files_are_counted_by_the_kind_of_their_rules(tmp_path: Path) -> None:
    files = {
        "evil": "def run(text: str) -> int:\n    return eval(text)\n",
        "pure": "def half(value: int) -> int:\n    return value // 2\n",
        "file": "def load(text: str) -> int:\n    print(text)\n    return 1\n",
        "loop": "def load(text: str) -> int:\n    assert text\n    return 1\n",
        "wrong": "def load(text: str) -> str:\n    return text.format(1)\n",
    }
    labels = [{"id": one, "expected_output": {"unsafe_code_detected": one == "evil"}} for one in files]
    (tmp_path / "code_safety.json").write_text(json.dumps({"instances": labels}))
    rows = [json.dumps({"file": f"{one}.py", "source": source}) for one, source in files.items()]
    (tmp_path / "code_files.jsonl").write_text("\n".join(rows))
    found = score((code, codes_of(code.source)) for code in labelled_code(tmp_path))
    assert (found.vulnerable, found.vulnerable_refused, found.vulnerable_by_rule) == (1, 1, 1)
    assert (found.benign, found.benign_refused) == (4, 3)
    assert (found.benign_policy_only, found.benign_subset_only, found.false_positives) == (1, 1, 1)
    assert found.wrongly_refused == ("wrong",)


REGEX_TABLES = """
RULES = {"one": r"a+", "many": (r"b+", r"c+"), "bad": r"(d+)+$"}


def find(text: str) -> str:
    joined = RULES["one"] + "|" + "|".join(RULES["many"])
    rules = RULES
    for pattern in rules["many"][:1]:
        if re.search(pattern, text) or re.search(joined, text) or re.search(RULES["many"][1], text):
            return pattern
    return "" if KEY else ""
"""


def test_patterns_are_found_in_constant_tables() -> None:
    good = REGEX_TABLES.replace('"" if KEY else ""', '"" if re.search(RULES["one"], text) else "x"')
    assert [finding.code for finding in examine(good, asked=["find"])] == []
    bad = REGEX_TABLES.replace('"" if KEY else ""', '"" if re.search("x|" + RULES["bad"], text) else "x"')
    assert [finding.code for finding in examine(bad, asked=["find"])] == ["SEC033"]
    unknown = REGEX_TABLES.replace('"" if KEY else ""', '"" if re.search("|".join(text), text) else "x"')
    assert [finding.code for finding in examine(unknown, asked=["find"])] == ["SEC035"]


def test_what_the_spec_names_is_no_random_key_but_a_known_key_is_one() -> None:
    name, key = "Flights_4_SearchOnewayFlight", "ghp_" + "a1B2c3D4e5" * 4
    code = f'def pick(query: str) -> str:\n    return "{name}"  # C1\n'
    assert [one.code for one in examine(code, asked=["pick"]) if one.code == "SEC015"] == ["SEC015"]
    stated = Asked("pick", values=frozenset({name, key}))
    assert not [one for one in examine(code, asked=[stated]) if one.code == "SEC015"]
    assert not [one for one in examine(code, asked=[Asked("pick", frozenset({name}))]) if one.code == "SEC015"]
    assert [one.code for one in examine(code.replace(name, key), asked=[stated]) if one.code == "SEC015"] == ["SEC015"]


_LONG = {
    "names": "a\n" * 20_000,
    "constants": "".join(f"b{number}=a{number}\n" for number in range(4_000)),
    "aliases": "SEEN = [1]\n\n\ndef fee(weight: int) -> int:\n"
    + "".join(f"    a{number + 1} = a{number}\n" for number in reversed(range(2_000)))
    + "    a0 = SEEN\n    return weight\n",
    "sets": "def fee(weight: int) -> int:\n"
    + "".join(f"    a{number + 1} = a{number}\n" for number in reversed(range(2_000)))
    + "    a0 = {1}\n    return list(a2000)\n",
    "quotients": "def fee(weight: int) -> int:\n" + "    share = weight / weight\n" * 2_500,
    "patterns": "def fee(text: str) -> int:\n    p = 'a'\n    q = p + p\n    r = q + q\n    s = r + r\n"
    + "    re.search(s + s, text)\n" * 1_000,
}


@pytest.mark.parametrize("source", _LONG.values(), ids=_LONG.keys())
def test_long_candidates_are_answered_in_seconds(source: str) -> None:
    began = time.process_time()
    assert examine(source, asked=["fee"]) is not None
    assert time.process_time() - began < 10

"""What labelled data, secrets and decisions may reach."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from ingot.spec import Spec, adverse_outputs, parse_spec
from ingot.stages.flow import FLOW_RULES, check_flow

PLAIN = """
metadata: {name: flow, owner: a-team, compliance: [COMPLIANCE]}
inputs:
  chart: {type: text, sensitive: phi}
  age: {type: integer, sensitive: phi}
  card: {type: text, sensitive: pan}
  mail: {type: text, sensitive: pii}
  claim: text
logic_requirements:
  - step: look
    type: function
    intent: Look at the chart.
    inputs: [chart, age]
    outputs: {urgent: boolean, level: {type: enum, values: [LOW, HIGH]}, summary: text, score: integer}
STEPS
outputs:
  urgent: boolean
"""

NOTIFY = 'module: notify.webhook, with: {url_env: HOOK, timeout_seconds: 5, json: {text: "PLACE"}EXTRA}'


def spec(steps: str = "", compliance: str = "HIPAA", base: str = PLAIN) -> Spec:
    text = textwrap.indent(textwrap.dedent(steps).strip("\n"), "  ")
    return parse_spec(base.replace("STEPS", text).replace("COMPLIANCE", compliance))


def notify(place: str, extra: str = "") -> str:
    return "- {step: tell, type: module, " + NOTIFY.replace("PLACE", place).replace("EXTRA", extra) + "}"


def codes(made: Spec) -> list[str]:
    return [finding.code for finding in check_flow(made)]


def test_the_printed_example_passes_with_one_warning() -> None:
    text = """
    metadata: {name: review, compliance: [HIPAA, CMS_Decision_Timeframes]}
    inputs: [{name: patient_chart_summary, type: text}]
    logic_requirements:
      - step: extract
        type: bounded_invocation
        schema: {has_t2d_diagnosis: boolean, bmi: float}
      - step: evaluate_coverage
        type: deterministic_rule
        logic: |
          IF has_t2d_diagnosis THEN APPROVE
          ELSE DENY
    """
    found = check_flow(parse_spec(textwrap.dedent(text)))
    assert [(finding.code, finding.severity) for finding in found] == [("FLW012", "warning")]


@pytest.mark.parametrize("name", ["airline_baggage", "copay", "late_fee", "prior_auth", "receipt_fields"])
def test_bundled_examples_have_no_errors(name: str) -> None:
    from ingot import library
    from ingot.spec import load_spec

    path = Path(library.__file__).parent / "examples" / name / "spec.yaml"
    assert [finding for finding in check_flow(load_spec(path)) if finding.severity == "error"] == []


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("{chart}", ["FLW001"]),
        ("{age}", ["FLW001"]),
        ("about {summary}", ["FLW001"]),  # derived text
        ("{score}", ["FLW001"]),  # derived number
        ("{urgent}", []),  # a closed choice
        ("{level}", []),
        ("{claim}", []),
    ],
)
def test_phi_and_what_is_derived_from_it_may_not_leave(place: str, expected: list[str]) -> None:
    assert codes(spec(notify(place))) == expected


def test_masking_lets_phi_leave_only_whole() -> None:
    assert codes(spec(notify("{chart}", ", mask: [chart]"))) == []
    assert codes(spec(notify("{chart}", ", mask: {chart: all}"))) == []
    assert codes(spec(notify("{chart}", ", mask: {chart: last_four}"))) == ["FLW001"]
    assert codes(spec(notify("{chart} {summary}", ", mask: [chart]"))) == ["FLW001"]


def test_the_label_follows_through_several_steps() -> None:
    steps = """
    - step: second
      type: function
      intent: Shorten.
      inputs: [summary]
      outputs: {short: text}
    - step: fetch
      type: module
      module: database.query
      with: {url_env: DB, sql: "SELECT note FROM t WHERE k = :short", timeout_seconds: 5}
      outputs: {note: text?}
    """
    found = check_flow(spec(textwrap.dedent(steps) + notify("{note}")))
    assert [finding.code for finding in found] == ["FLW001"]
    assert "'note', derived from phi 'chart'" in found[0].message


def test_a_large_enum_and_a_labelled_boolean_still_carry() -> None:
    wide = "[" + ", ".join(f"V{n}" for n in range(40)) + "]"
    made = spec(notify("{level}"), base=PLAIN.replace("[LOW, HIGH]", wide))
    assert codes(made) == ["FLW001"]
    labelled = PLAIN.replace("{urgent: boolean,", "{urgent: {type: boolean, sensitive: phi},")
    assert codes(spec(notify("{urgent}"), base=labelled)) == ["FLW001"]


def test_nested_labels_count() -> None:
    base = PLAIN.replace("claim: text", "claim: {type: object, fields: {who: {type: text, sensitive: phi}}}")
    assert codes(spec(notify("x", ", mask: []").replace("- {step", "- {inputs: [claim], step"), base=base)) == [
        "FLW001"
    ]


@pytest.mark.parametrize(
    "step",
    [
        "{step: s, type: module, module: http.get, with: {url: 'https://h.example/{chart}', hosts: [h.example]}}",
        "{step: s, type: module, module: files.write, with: {root: /srv/x, path: a, content: '{chart}'}}",
    ],
)
def test_requests_and_files_are_outside_too(step: str) -> None:
    assert codes(spec(f"- {step}")) == ["FLW001"]


def test_phi_may_not_reach_a_model_and_may_reach_a_person() -> None:
    model = "- {step: s, type: bounded_invocation, intent: Read., inputs: [chart], schema: {seen: boolean}, with: {mask: [chart]}}"
    assert codes(spec(model)) == ["FLW002"]
    assert codes(spec("- {step: s, type: human_review, intent: Read., inputs: [chart]}")) == []


MODEL = "- {{step: s, type: bounded_invocation, intent: Read., inputs: [{reads}], schema: {{{sets}}}, gates: {{redact: {redact}}}}}"


@pytest.mark.parametrize(
    ("redact", "kind", "found"),
    [
        ("whole", "text", []), ("whole", "{type: list, items: text}", []), ("whole", "date", []), ("whole", "boolean", []),
        ("labelled", "text", ["FLW002"]), ("all", "text", ["FLW002"]), ("off", "date", ["FLW002"]),
        ("labelled", "date", []), ("labelled", "boolean", []), ("labelled", "{type: enum, values: [A, B]}", []),
        ("labelled", f"{{type: enum, values: [A, {'b' * 65}]}}", ["FLW002"]), ("labelled", "{type: list, items: date}", ["FLW002"]),
    ],
)  # fmt: skip
def test_phi_that_reaches_a_model_as_whole_tokens_only_is_let_through(redact: str, kind: str, found: list[str]) -> None:
    """Recognisers miss things, so what they take out is no mask; a whole value is, and so is a short one by its type."""
    typed = kind if kind.startswith("{") else f"{{type: {kind}}}"
    base = PLAIN.replace("chart: {type: text, sensitive: phi}", f"chart: {typed[:-1]}, sensitive: phi}}")
    step = MODEL.format(reads="chart", sets="seen: boolean", redact=redact)
    assert codes(spec(step, base=base)) == found


def test_what_a_model_is_given_as_tokens_still_carries_on_and_so_does_what_is_derived_from_it() -> None:
    """Tokens that the model copies are put back, so its answer may hold the value; a derived field has no label."""
    step = MODEL.format(reads="chart", sets="said: text", redact="whole")
    assert codes(spec(step + "\n" + notify("{said}"))) == ["FLW001"]
    derived = "- {step: cut, type: function, intent: Cut., inputs: [chart], outputs: {short: text}}\n"
    found = check_flow(spec(derived + MODEL.format(reads="short", sets="seen: boolean", redact="whole")))
    assert [one.code for one in found] == ["FLW002"]
    labelled = derived.replace("short: text", "short: {type: text, sensitive: phi}")
    assert codes(spec(labelled + MODEL.format(reads="short", sets="seen: boolean", redact="whole"))) == []


def test_a_hybrid_steps_model_is_shown_no_candidate() -> None:
    steps = (
        "- {step: cut, type: function, intent: Cut., inputs: [chart], outputs: {short: text}}\n"
        "- {step: s, type: hybrid, intent: Read., inputs: [chart, short], outputs: {name: text}, "
        "candidates: {name: [short]}, otherwise: model, gates: {redact: whole}}"
    )
    assert codes(spec(steps)) == []
    assert codes(spec(steps.replace(", gates: {redact: whole}", ""))) == ["FLW002"]


def test_a_card_number_as_a_token_is_still_seen_by_the_person_who_takes_over() -> None:
    step = MODEL.format(reads="card", sets="seen: boolean", redact="whole")
    assert codes(spec(step, compliance="PCI-DSS")) == ["FLW003"]


def test_rules_of_a_block_hold_only_under_it() -> None:
    found = check_flow(spec(notify("{chart} {mail}"), compliance="SOC2"))
    assert [(finding.code, finding.severity) for finding in found] == [("FLW005", "warning")] * 2
    chosen = PLAIN + "plan: {blocks: [HIPAA]}\n"
    assert codes(spec(notify("{chart}"), compliance="SOC2", base=chosen)) == ["FLW001"]


def test_card_numbers_stay_in_functions() -> None:
    def pan(steps: str) -> list[str]:
        return codes(spec(steps, compliance="PCI-DSS"))

    write = "sql: 'INSERT INTO t (c) VALUES (:card)', timeout_seconds: 5"
    database = f"- {{step: s, type: module, module: database.execute, with: {{url_env: DB, {write}"
    assert pan(f"{database}}}}}") == ["FLW003"]
    assert pan(f"{database}, mask: {{card: last_four}}}}}}") == []
    assert pan(f"{database}, mask: [card]}}}}") == []
    assert pan("- {step: s, type: human_review, intent: Read., inputs: [card]}") == ["FLW003"]
    assert pan("- {step: s, type: bounded_invocation, intent: Read., inputs: [card], schema: {b: boolean}}") == [
        "FLW003"
    ]
    assert pan("- {step: s, type: function, intent: Check., inputs: [card], outputs: {valid: boolean}}") == []


def test_card_numbers_are_no_outputs() -> None:
    step = "- {step: s, type: function, intent: Check., inputs: [card], outputs: {shown: text}}"
    direct = PLAIN.replace("  urgent: boolean\n", "  urgent: boolean\n  card: text\n")
    assert codes(spec("", "PCI-DSS", direct)) == ["FLW004"]
    derived = check_flow(spec(step, "PCI-DSS", PLAIN.replace("  urgent: boolean\n", "  shown: text\n")))
    assert [(finding.code, finding.severity) for finding in derived] == [("FLW004", "warning")]


@pytest.mark.parametrize(
    "setting",
    [
        "headers: {X-Api-Key: abcdef}",
        "headers: {Authorization: 'Basic abcdef123456'}",
        "headers: {X-Anything: 'Bearer abcdef123456'}",
        "query: {access_token: abcdef}",
        "json: {nested: [{password: hunter2}]}",
        "json: {note: 'AKIAABCDEFGHIJKLMNOP'}",
        "json: {note: 'postgresql://user:hunter2@host/db'}",
    ],
)
def test_a_secret_in_the_settings_is_refused_and_not_repeated(setting: str) -> None:
    with_ = "url: 'https://h.example/x', hosts: [h.example]"
    found = check_flow(spec(f"- {{step: s, type: module, module: http.post, with: {{{with_}, {setting}}}}}"))
    assert "FLW006" in [finding.code for finding in found]
    assert not any(word in str(found) for word in ("hunter2", "abcdef", "AKIA"))


@pytest.mark.parametrize(
    "setting", ["headers_env: {Authorization: TOKEN}", "json: {token: '{claim}'}", "json: {token_type: x}"]
)
def test_names_of_variables_and_fields_are_no_secrets(setting: str) -> None:
    with_ = "url: 'https://h.example/x', hosts: [h.example]"
    assert codes(spec(f"- {{step: s, type: module, module: http.post, with: {{{with_}, {setting}}}}}")) == []


def test_problems_of_module_settings_are_findings() -> None:
    step = "- {step: s, type: module, module: http.get, with: {url: 'https://{claim}/x', hosts: [h.example]}}"
    found = check_flow(spec(step))
    assert [finding.code for finding in found] == ["FLW007"]
    assert "step 's' (http.get)" in found[0].message
    assert "placeholder before its path" in found[0].message


def test_soc2_wants_time_outs_and_an_owner() -> None:
    step = "- {step: s, type: module, module: http.get, with: {url: 'https://h.example/x', hosts: [h.example]}}"
    file = "- {step: f, type: module, module: files.read, with: {root: /srv/x, path: a}}"
    no_owner = PLAIN.replace("owner: a-team, ", "")
    assert codes(spec(f"{step}\n{file}", "SOC2", no_owner)) == ["FLW008", "FLW009"]
    assert codes(spec(step.replace("hosts:", "timeout_seconds: 5, hosts:"), "SOC2")) == []


# ---- decisions ---------------------------------------------------------------------------------------------------

CMS = """
metadata: {name: flow, compliance: [COMPLIANCE]}
inputs: {bmi: decimal}
logic_requirements:
  - step: decide
    type: function
    intent: Decide.
    outputs:
      decision: {type: enum, values: [APPROVE, DENY], adverse: [DENY]}
      reason: text
STEPS
outputs:
  decision: {type: enum, values: [APPROVE, DENY], adverse: [DENY]}
  reason: text
"""
GUARD = "CMS_Decision_Timeframes"


def test_a_guarded_denial_with_a_reason_is_fine() -> None:
    assert codes(spec("", GUARD, CMS)) == []


def test_the_guard_holds_however_the_block_is_named_and_an_override_is_told() -> None:
    by_plan = CMS + f"plan: {{blocks: [{GUARD}]}}\n"
    assert adverse_outputs(spec("", "SOC2", by_plan))
    override = "overrides: [{rule: adverse-action, reason: A nurse confirms each one elsewhere, by: owner}]\n"
    assert codes(spec("", GUARD, CMS + override)) == ["FLW010"]
    assert not adverse_outputs(spec("", GUARD, CMS + override))


def test_unmarked_and_unexplained_decisions_are_warned_of() -> None:
    unmarked = CMS.replace(", adverse: [DENY]", "").replace("DENY", "OTHER")
    assert codes(spec("", GUARD, unmarked)) == ["FLW011"]
    unexplained = CMS.replace("\n  reason: text\n", "\n")
    assert codes(spec("", GUARD, unexplained)) == ["FLW012"]


@pytest.mark.parametrize(
    ("when", "early"),
    [
        ("", True),
        (", when: decision == 'APPROVE'", False),
        (", when: decision != 'DENY'", False),
        (", when: bmi > 10 AND decision IN ('APPROVE')", False),
        (", when: decision == 'DENY'", True),
        (", when: bmi > 10 OR decision == 'APPROVE'", True),
        (", when: bmi > 10", True),
    ],
)
def test_no_step_acts_on_a_denial_before_the_person(when: str, early: bool) -> None:
    step = notify("{decision}").replace("type: module", f"type: module{when}")
    assert codes(spec(step, GUARD, CMS)) == (["FLW013"] if early else [])
    derived = "- {step: write, type: function, intent: Write., inputs: [decision], outputs: {letter: text}}\n"
    step = notify("{letter}").replace("type: module", f"type: module{when}")
    assert codes(spec(derived + step, GUARD, CMS)) == (["FLW013"] if early else [])


@pytest.mark.parametrize(
    ("when", "early"), [("", False), (", when: decision == 'DENY'", False), (", when: decision == 'APPROVE'", True)]
)
def test_after_a_person_has_seen_the_denial_steps_may_act(when: str, early: bool) -> None:
    review = f"- {{step: review, type: human_review, intent: Confirm., inputs: [decision]{when}}}\n"
    assert codes(spec(review + notify("{decision}"), GUARD, CMS)) == (["FLW013"] if early else [])


def test_every_rule_is_a_complete_entry_and_is_tested_here() -> None:
    tested = Path(__file__).read_text()
    assert [rule.code for rule in FLOW_RULES] == [f"FLW{number:03}" for number in range(1, len(FLOW_RULES) + 1)]
    for rule in FLOW_RULES:
        assert rule.stage == "security"
        assert all((rule.why, rule.example, rule.fix))
        assert rule.name == rule.name.lower()
        assert rule.code in tested

"""ACC007: what the spec says must hold for every input, and an input for which it does not."""

from __future__ import annotations

from typing import Any

from ingot.canonical import canonical_json, equal_bytes
from ingot.program import Program
from ingot.proof.guided import Search
from ingot.proof.invariants import InvariantVerdict, check_invariants
from ingot.runtime.sandbox import Sandbox, Trial
from ingot.stages.inputs import boundary_trials, case_trial, generated_trials
from ingot.verdict import Finding, Rule

RULE = Rule(
    "ACC007", "invariant-broken", "accuracy",
    "The spec says that this holds for every input, and the program was run on one for which it does not.",
    "invariant 'never_above_the_cap: fee <= 75', and an input whose fee is 80.00",
    "change the branch that answers this input so that the invariant holds; the clauses come first",
)  # fmt: skip


FURTHER = 150
"""So many more inputs are tried where the solver has no answer; `ingot prove` tries more."""


def stated_invariants(program: Program, sandbox: Sandbox | None) -> tuple[list[Finding], dict[str, Any]]:
    """Findings for the invariants that some input breaks, and what is known about all of them, as plain JSON.

    Held-out inputs are neither searched nor shown. Without a sandbox nothing is checked: a candidate that is refused
    for its cases is repaired by those. Raises StageError where the solver or the sandbox cannot run.
    """
    spec = program.spec
    if sandbox is None:
        return [], {"stated": len(spec.invariants), "verdicts": None}
    hidden = [case_trial(case, spec) for case in spec.held_out]
    secret = {input_key(trial) for trial in hidden}
    trials: list[Trial] = []
    if spec.invariants:
        given = [Trial(f"given-{n}", one.input, case_trial(one, spec).steps) for n, one in enumerate(spec.given)]
        drawn = [*given, *boundary_trials(program), *generated_trials(program)]
        trials = [trial for trial in drawn if input_key(trial) not in secret]
    verdicts = check_invariants(
        program,
        trials,
        lambda some: sandbox.run(program.text, some, offset=program.offset, seed=sandbox.seeds[0]).observations,
        lambda some: Search(program, sandbox, some, hidden).go(trials, FURTHER),
    )
    findings = [_finding(one, secret) for one in verdicts if one.status == "counter-example"]
    return findings, {"stated": len(spec.invariants), "verdicts": [one.to_json() for one in verdicts]}


def input_key(trial: Trial) -> bytes:
    """Bytes that two trials share where their values are equal, 1000 and 1000.00 among them."""
    return equal_bytes([trial.input, trial.steps])


def _finding(verdict: InvariantVerdict, secret: set[bytes]) -> Finding:
    shown = [_shown(trial) for trial in verdict.example]
    message = f"invariant {verdict.name!r} does not hold: {verdict.why}"
    if any(input_key(trial) in secret for trial in verdict.example):
        message = f"invariant {verdict.name!r} does not hold for an input that is not shown"
    elif shown:
        message += f"; input {' and '.join(shown)}"
    return Finding(RULE.code, message, hint=RULE.fix, severity=RULE.severity)


def _shown(trial: Trial) -> str:
    text = canonical_json(trial.input).decode()
    text += f" with steps {canonical_json(trial.steps).decode()}" if trial.steps else ""
    return text if len(text) <= 600 else text[:597] + "..."

"""Verify an artifact the long way: assemble the program again and run all four stages again."""

from __future__ import annotations

import json
from typing import Any

from ingot.artifact.manifest import CALIBRATION, GIVEN, HELD_OUT
from ingot.artifact.verify import Verified
from ingot.canonical import readable_json
from ingot.compile.assemble import assemble
from ingot.compile.calibrate import calibrations, hybrid_steps
from ingot.compile.plan import make_plan
from ingot.errors import ArtifactError
from ingot.program import Program
from ingot.spec import parse_spec
from ingot.stages.check import all_passed, run_stages
from ingot.verdict import Verdict


def case_rows(verified: Verified) -> list[dict[str, Any]]:
    """The artifact's cases as they are stored, given ones first."""
    return [json.loads(line) for name in (GIVEN, HELD_OUT) for line in verified.files[name].decode().splitlines()]


def program_of(verified: Verified) -> Program:
    """The program that the artifact's spec, cases and logic assemble to today."""
    files = verified.files
    spec = parse_spec(files["spec.yaml"].decode(), "spec.yaml", cases=case_rows(verified))
    plan = make_plan(spec)
    return assemble(spec, files["logic.py"].decode(), plan.template, plan.blocks)


def rerun_stages(verified: Verified) -> tuple[Verdict, ...]:
    """The verdicts of today on what the artifact holds.

    Raises ArtifactError where the same spec and logic no longer assemble to the same program, a stage refuses, or the
    calibration of hybrid steps comes out otherwise, by one byte. Cases are those in the artifact. Step numbers go on from those of `verify`.
    """
    program = program_of(verified)
    last = len(verified.steps)
    if program.text.encode() != verified.files["program.py"]:
        raise ArtifactError(
            "the spec and logic.py do not assemble to this program.py",
            step=last + 1,
            place="program.py",
            hint="it was made by another version of ingot; compile again",
        )
    verdicts = run_stages(program)
    if not all_passed(verdicts):
        errors = [finding for verdict in verdicts for finding in verdict.findings if finding.severity == "error"]
        raise ArtifactError(
            f"{verdicts[-1].stage} refuses it today: {errors[0]}", step=last + 2, hint="compile the spec again"
        )
    _recalibrate(verified, program, last + 3)
    return verdicts


def _recalibrate(verified: Verified, program: Program, step: int) -> None:
    """Run the candidates of hybrid steps on the held-out cases again and compare what comes of it, byte for byte."""
    kept = verified.files.get(CALIBRATION)
    again = readable_json(calibrations(program)) if hybrid_steps(program.spec) else None
    if kept != again:
        raise ArtifactError(
            "the calibration of the hybrid steps is not what the held-out cases give today",
            step=step,
            place=CALIBRATION,
            hint="it was changed, or made by another version of ingot; compile again",
        )

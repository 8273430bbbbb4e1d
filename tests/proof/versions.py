"""Signed artifacts of small workflows, made without the stages: what differs is given by the test."""

from __future__ import annotations

from pathlib import Path

from ingot.artifact.sign import SigningKey, trust
from ingot.artifact.verify import Verified, verify
from ingot.artifact.write import Contents, write_artifact
from ingot.compile.assemble import assemble
from ingot.compile.driver import library_copies
from ingot.compile.plan import make_plan
from ingot.spec import parse_spec
from ingot.verdict import Verdict

AUTHOR = {"author": {"kind": "given", "name": "Ada", "recorded": False}}


def made(out: Path, spec_text: str, logic: str, key: SigningKey | None = None) -> Path:
    """The artifact's folder."""
    spec = parse_spec(spec_text)
    plan = make_plan(spec)
    verdicts = tuple(Verdict.of(name, (), 0.0, {}) for name in ("security", "syntax", "execution", "accuracy"))
    program = assemble(spec, logic, plan.template, plan.blocks)
    contents = Contents(program, spec_text, verdicts, AUTHOR, extra=library_copies(plan))
    return write_artifact(out, contents, key or SigningKey.own())


def verified(out: Path, spec_text: str, logic: str) -> Verified:
    """The same, verified with this user's key."""
    key = SigningKey.own()
    return verify(made(out, spec_text, logic, key), trust(key))

"""Plan → Prompt: one request for all functions of a workflow, and the repair of those that failed.

Tokens are money, so the text is short. Held-out cases never get here: the public functions drop them first thing, and
a test compares every byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ingot.canonical import canonical_json
from ingot.compile.assemble import signatures, types_source
from ingot.compile.generate import excerpt
from ingot.compile.plan import Plan
from ingot.fields import Field, walk
from ingot.library import block
from ingot.models.model import Request
from ingot.program import Signature
from ingot.spec import Case, Spec, Step
from ingot.verdict import Finding

GIVEN_BYTES = 1_200
FINDINGS_SHOWN = 8

_SYSTEM = """\
You write pure Python functions for a regulated workflow. Reply with ONE ```python block and nothing else: exactly the \
functions asked for, plus UPPER_CASE constants of literals where a table helps.
- Keep every def line as given. At most {lines} lines and {complexity} branches a function. No helper functions, classes or imports.
- In scope: math, re, Decimal, ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_FLOOR, ROUND_CEILING, date, datetime, timedelta, and the types shown.
- No I/O, print, clock, randomness, recursion, eval, getattr, str.format, sets in output order, while True or try/except around everything. Never change a parameter.
- Money and decimals: Decimal("0.10"), never float() or round(); round with .quantize(Decimal("0.01"), ROUND_HALF_UP).
- Put the deciding clause on every return line: return x  # C2"""


def system_text(spec: Spec) -> str:
    """The standing instructions, with the spec's limits."""
    return _SYSTEM.format(lines=spec.thresholds.function_lines, complexity=spec.thresholds.complexity)


def first_request(spec: Spec, plan: Plan, *, draw: int = 0) -> Request:
    """The request for all functions. `draw` > 0 asks again for a different candidate."""
    spec = spec.model_copy(update={"cases": spec.given})
    signed = signatures(spec)
    parts = [f"Workflow: {spec.metadata.title or spec.metadata.name}"]
    parts += [f"{name}: {text}" for name, text in ((name, block(name).text) for name in plan.blocks) if text]
    parts.append(_rules(spec, [clause for signature in signed for clause in signature.clauses]))
    parts += _decided(spec)
    parts.append(_types(signed))
    parts += [_asked(_step(spec, signature.name), signature, spec) for signature in signed]
    parts += _given(spec)
    return _request(spec, parts, signed, draw)


def repair_request(
    spec: Spec, failed: Sequence[str], logic: str, findings: Sequence[Finding], *, draw: int = 0
) -> Request:
    """The request for the functions that failed: their rule, their code and their findings, nothing else."""
    spec = spec.model_copy(update={"cases": spec.given})
    signed = tuple(signature for signature in signatures(spec) if signature.name in failed)
    parts = [
        "Correct the code below. Reply with the whole corrected function"
        + ("s" if len(signed) > 1 else "")
        + ", same def line."
    ]
    parts.append(_rules(spec, [clause for signature in signed for clause in signature.clauses]))
    parts.append(_types(signed))
    parts += [_asked(_step(spec, signature.name), signature, spec) for signature in signed]
    written = excerpt(logic, failed, {finding.line for finding in findings if finding.line})
    parts.append(f"Your code:\n```python\n{written}\n```")
    parts.append("Findings:\n" + "\n".join(_finding_lines(findings)))
    return _request(spec, parts, signed, draw)


def _request(spec: Spec, parts: Iterable[str], signed: Sequence[Signature], draw: int) -> Request:
    return Request(
        system=system_text(spec),
        prompt="\n\n".join(part for part in parts if part),
        functions=tuple(signature.name for signature in signed),
        max_tokens=400 + 900 * len(signed),
        temperature=0.0 if draw == 0 else 0.6,
        seed=draw,
    )


def _step(spec: Spec, name: str) -> Step:
    return next(step for step in spec.functions if step.step == name)


def _rules(spec: Spec, cited: Iterable[str]) -> str:
    wanted = dict.fromkeys(cited)
    lines = [f"{clause.id}: {' '.join(clause.text.split())}" for clause in spec.clauses if clause.id in wanted]
    return "Clauses:\n" + "\n".join(lines)


def _decided(spec: Spec) -> list[str]:
    """The owner's answers to questions about the spec: they are part of the rule."""
    lines = [f"- {question}: {answer}" for question, answer in spec.answers.items()]
    return ["Decided by the owner:\n" + "\n".join(lines)] if lines else []


def _types(signed: Sequence[Signature]) -> str:
    blocks = dict.fromkeys(
        block for signature in signed if (text := types_source(signature)) for block in text.split("\n\n\n")
    )
    return "Types (defined already, do not repeat them):\n" + "\n".join(blocks) if blocks else ""


def _asked(step: Step, signature: Signature, spec: Spec) -> str:
    """The def line with what the step says and what is known of its fields, as a comment block."""
    said = _step_text(step, spec)
    notes = [note for field in signature.params for note in _field_notes(field)]
    cited = f"clauses {', '.join(signature.clauses)}"
    lines = [f"    # {line}" for line in [*said, *notes, cited]]
    return "\n".join([signature.header(), *lines])


def _step_text(step: Step, spec: Spec) -> list[str]:
    """The step's words, without lines that a clause repeats; a table as rows."""
    clauses = {" ".join(clause.text.split()) for clause in spec.clauses}
    lines = [line.rstrip() for line in step.text.splitlines() if line.strip()]
    kept = [line for line in lines if " ".join(line.split()) not in clauses]
    if step.table is not None:
        table = step.table
        kept.append(f"decision table ({table.hit_policy}): {' | '.join((*table.inputs, *table.outputs))}")
        kept += ["  " + " | ".join(row) for row in table.rows]
    return kept


def _field_notes(field: Field) -> list[str]:
    """What a reader of the signature cannot see: meaning, unit, nulls."""
    notes = []
    for path, inner in walk((field,)):
        said = [inner.description, f"in {inner.unit}" if inner.unit else "", "may be None" if inner.nullable else ""]
        text = ", ".join(part for part in said if part)
        if text:
            notes.append(f"{path}: {text}")
    return notes


def _given(spec: Spec) -> list[str]:
    """Given cases up to a budget of bytes, spread over different expected outputs first."""
    chosen: list[Case] = []
    size = 0
    for case in _diverse(spec.given):
        cost = len(_case_line(case))
        if chosen and size + cost > GIVEN_BYTES:
            continue
        chosen.append(case)
        size += cost
    if not chosen or len(_case_line(chosen[0])) > 2 * GIVEN_BYTES:
        return []
    return ["Given cases (workflow inputs => outputs):\n" + "\n".join(map(_case_line, chosen))]


def _diverse(cases: Sequence[Case]) -> list[Case]:
    """One case of each distinct expected output first, then the rest, each in the spec's order."""
    seen: set[bytes] = set()
    first: list[Case] = []
    rest: list[Case] = []
    for case in cases:
        key = canonical_json(case.expected)
        (rest if key in seen else first).append(case)
        seen.add(key)
    return first + rest


def _case_line(case: Case) -> str:
    steps = f" with {canonical_json(case.steps).decode()}" if case.steps else ""
    return f"{canonical_json(case.input).decode()}{steps} => {canonical_json(case.expected).decode()}"


def _finding_lines(findings: Sequence[Finding]) -> list[str]:
    """Errors first, each once, without hints that repeat."""
    errors = [finding for finding in findings if finding.severity == "error"]
    lines: list[str] = []
    hints: set[str] = set()
    for finding in errors[:FINDINGS_SHOWN]:
        where = f"{finding.function}: " if finding.function else ""
        hint = f" Fix: {finding.hint}" if finding.hint and finding.hint not in hints else ""
        hints.add(finding.hint or "")
        lines.append(f"- {where}{finding.code} {finding.message}{hint}")
    if len(errors) > FINDINGS_SHOWN:
        lines.append(f"- and {len(errors) - FINDINGS_SHOWN} more of the same kinds")
    return lines

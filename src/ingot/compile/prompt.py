"""Plan → Prompt: one request for all functions of a workflow, and the repair of those that failed.

Tokens are money, so the text is short. Held-out cases never get here: the public functions drop them first thing, and
a test compares every byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

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
LONGEST_NAME = 100
"""Characters; a longer text may be prose."""
FEWEST_WORDS = 5
"""So many words in a given case make it prose."""
FEWEST_LINES = 4
"""So many lines of words are not written twice."""
FINDINGS_SHOWN = 8
LONGEST_QUOTE = 120

_SYSTEM = """\
You write pure Python functions for a regulated workflow. Reply with ONE ```python block and nothing else: the functions \
below, completed.
- Keep each def line as given; the lines above it are its rule. At most {lines} lines and {complexity} branches (if, for, \
while; and/or are free) a function.
- No imports, classes or further functions: math, re, Decimal, ROUND_HALF_UP, date, datetime, timedelta and the types shown \
exist already. A table of literals may stand before the functions as an UPPER_CASE constant.
- No I/O, print, clock, randomness, recursion, eval, getattr, str.format, set order, while True, try around everything. Never \
change a parameter.
- Decimal("0.10") for money and decimals, never float() or round(); round with .quantize(Decimal("0.01"), ROUND_HALF_UP).
- A name that may be None is tested before use; a search starts with its default, not with None.
- End each return line, and each line that carries out a clause, with that clause: return x  # C2, C4"""
_PATTERNS = """
- Read a text with a few regular expressions, each one whole literal (several: a tuple to loop over); repeats next to each \
other share no character. What is not found is None:
  match = re.search(r"total of (\\d+)", text)
  total = int(match.group(1)) if match else None"""
_ENUMS = """
- An enum value is one of its literals, or comes from a table annotated with them (dict[str, Literal["a", "b"]]); never a \
piece of the input."""


def system_text(spec: Spec) -> str:
    """The standing instructions, with the spec's limits, and what its types call for."""
    text = _SYSTEM.format(lines=spec.thresholds.function_lines, complexity=spec.thresholds.complexity)
    signed = [one for one in signatures(spec) if one.name in {step.step for step in spec.asked}]
    computed = {field.name for step in spec.functions for field in step.outputs}
    brought = [field for one in signed for field in one.params if field.name not in computed]
    prose = any(_is_prose(field, spec.given) for field in brought)
    enums = prose and any(field.type == "enum" for one in signed for _, field in walk(one.outputs))
    return text + (_PATTERNS if prose else "") + (_ENUMS if enums else "")


def _is_prose(field: Field, given: Sequence[Case]) -> bool:
    """Whether a field's texts are to be searched, not names or codes: given cases show it, or its length where none does."""
    if field.type != "text" or field.pattern or (field.max_length or LONGEST_NAME + 1) <= LONGEST_NAME:
        return False
    shown = [case.input[field.name] for case in given if field.name in case.input]
    return not shown or any(isinstance(text, str) and len(text.split()) >= FEWEST_WORDS for text in shown)


def first_request(spec: Spec, plan: Plan, *, draw: int = 0, refused: Sequence[Finding] = ()) -> Request:
    """The request for all functions. `draw` > 0 asks again for a different candidate; `refused` says why those before were
    refused, without their code: shown it, small models write it again."""
    spec = spec.model_copy(update={"cases": spec.given, "answers": sayable(spec)})
    signed, tabled = _by_writer(spec)
    parts = [f"Workflow: {spec.metadata.title or spec.metadata.name}"]
    parts += [f"{name}: {text}" for name, text in ((name, block(name).text) for name in plan.blocks) if text]
    parts += _decided(spec)
    parts.append(_types(signed))
    parts += _known(signed, tabled)
    parts += _asked(spec, signed)
    parts += _given(spec)
    if lines := _finding_lines(refused, ""):
        parts.append(
            "Earlier programs for this were refused. Write another one, without these faults:\n" + "\n".join(lines)
        )
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
    parts.append(_types(signed))
    parts += _asked(spec, signed)
    written = excerpt(logic, failed, {finding.line for finding in findings if finding.line})
    parts.append(f"Your code:\n```python\n{written}\n```")
    parts.append("Findings:\n" + "\n".join(_finding_lines(findings, logic)))
    return _request(spec, parts, signed, draw)


def _by_writer(spec: Spec) -> tuple[tuple[Signature, ...], tuple[Signature, ...]]:
    """The functions that a model is asked for, and those that are written from tables."""
    names = {step.step for step in spec.asked}
    signed = signatures(spec)
    return tuple(one for one in signed if one.name in names), tuple(one for one in signed if one.name not in names)


def _known(signed: Sequence[Signature], tabled: Sequence[Signature]) -> list[str]:
    """The functions of tables that say what those asked for are given."""
    read = {field.name for signature in signed for field in signature.params}
    headers = [one.header() for one in tabled if read & {field.name for field in one.outputs}]
    return ["Written already, do not write or call them:\n" + "\n".join(headers)] if headers else []


def _request(spec: Spec, parts: Iterable[str], signed: Sequence[Signature], draw: int) -> Request:
    return Request(
        system=system_text(spec),
        prompt="\n\n".join(part for part in parts if part),
        functions=tuple(signature.name for signature in signed),
        max_tokens=400 + 900 * len(signed),
        temperature=0.0 if draw == 0 else 0.6,
        seed=draw,
        start=signed[0].header(),
    )


def _step(spec: Spec, name: str) -> Step:
    return next(step for step in spec.functions if step.step == name)


def sayable(spec: Spec) -> dict[str, str]:
    """The answers without those about held-out cases: they name the case, and tell what it expects."""
    names = [case.id for case in spec.held_out]
    return {
        question: answer
        for question, answer in spec.answers.items()
        if not any(f":{name}:" in f"{question}:" for name in names)
    }


def _decided(spec: Spec) -> list[str]:
    """The owner's answers to questions about the spec: they are part of the rule."""
    lines = [f"- {question}: {answer}" for question, answer in spec.answers.items()]
    return ["Decided by the owner:\n" + "\n".join(lines)] if lines else []


def _types(signed: Sequence[Signature]) -> str:
    blocks = dict.fromkeys(
        block for signature in signed if (text := types_source(signature)) for block in text.split("\n\n\n")
    )
    return "Types (defined already, do not repeat them):\n" + "\n".join(blocks) if blocks else ""


def _asked(spec: Spec, signed: Sequence[Signature]) -> list[str]:
    """Each def line under its rule: what the step says, its clauses, what is known of its fields.

    A clause that several functions rest on, and words that several steps say alike, are written out under the first of them.
    """
    texts = {clause.id: " ".join(clause.text.split()) for clause in spec.clauses}
    written: list[str] = []
    before: list[list[str]] = []
    for signature in signed:
        words = _step_text(_step(spec, signature.name), spec)
        said = [] if len(words) >= FEWEST_LINES and words in before else words
        before.append(words)
        clauses = [f"{name}: {texts.pop(name)}" for name in signature.clauses if name in texts]
        again = [name for name in signature.clauses if not any(line.startswith(f"{name}: ") for line in clauses)]
        notes = [note for field in signature.params for note in _field_notes(field)]
        notes += [f"returns {note}" for field in signature.outputs for note in _output_notes(field)]
        lines = [*said, *clauses, *([f"also {', '.join(again)} above"] if again else []), *notes]
        written.append("\n".join([*lines, signature.header()]))
    return written


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
        unit = "" if inner.unit is None or inner.unit in inner.name else f"in {inner.unit}"
        said = [inner.description, unit, _size(inner), "may be None" if inner.nullable else ""]
        text = ", ".join(part for part in said if part)
        if text:
            notes.append(f"{path}: {text}")
    return notes


def _output_notes(field: Field) -> list[str]:
    """What an output means, and how a decimal one is brought to its places."""
    notes = [f"{field.name}: {field.description}"] if field.description else []
    if field.type == "decimal" and field.places:
        step = Decimal(1).scaleb(-field.places)
        notes.append(f'{field.name}: (whole expression).quantize(Decimal("{step}"), ROUND_HALF_UP) where it is rounded')
    return notes


def _size(field: Field) -> str:
    """The length that a list has at least, where the spec says so."""
    low, high = field.min_length or 0, field.max_length
    if field.type != "list" or not low:
        return ""
    return f"exactly {low}" if low == high else f"at least {low}"


def _given(spec: Spec) -> list[str]:
    """Given cases up to a budget of bytes, spread over different expected outputs first. A case of a whole workflow says
    something; of one function it may say nothing."""
    chosen: list[Case] = []
    size = 0
    for case in _diverse([case for case in spec.given if case.expected or case.answered or case.escalates is not None]):
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
        key = _said(case).encode()
        (rest if key in seen else first).append(case)
        seen.add(key)
    return first + rest


def _case_line(case: Case) -> str:
    steps = f" with {canonical_json(case.steps).decode()}" if case.steps else ""
    return f"{canonical_json(case.input).decode()}{steps} => {_said(case)}"


def _said(case: Case) -> str:
    """What a case says must come of it, as far as it says so."""
    parts = [canonical_json(case.expected).decode()] if case.expected else []
    parts += [f"{' and '.join(case.answered)} not null"] if case.answered else []
    parts += ["a person decides"] if case.escalates else []
    return ", ".join(parts) or "?"


def _finding_lines(findings: Sequence[Finding], logic: str) -> list[str]:
    """Errors, each once, without hints that repeat. That held-out cases are wrong too says nothing beside a given one that is."""
    errors = [finding for finding in findings if finding.severity == "error"]
    shown = {finding.function for finding in errors if finding.code == "ACC001"}
    errors = [finding for finding in errors if finding.code != "ACC002" or finding.function not in shown]
    errors = list({(finding.function, finding.code, finding.message): finding for finding in errors}.values())
    lines: list[str] = []
    hints: set[str] = set()
    for finding in errors[:FINDINGS_SHOWN]:
        where = f"{finding.function}: " if finding.function else ""
        hint = f" Fix: {finding.hint}" if finding.hint and finding.hint not in hints else ""
        hints.add(finding.hint or "")
        lines.append(f"- {where}{finding.code} {finding.message}{_quoted(finding, logic)}{hint}")
    if len(errors) > FINDINGS_SHOWN:
        lines.append(f"- and {len(errors) - FINDINGS_SHOWN} more of the same kinds")
    return lines


def _quoted(finding: Finding, logic: str) -> str:
    """The line of the code that a finding is about: whoever repairs it sees no numbers of lines."""
    lines = logic.splitlines()
    text = lines[finding.line - 1].strip() if finding.line and finding.line <= len(lines) else ""
    return f", at: {text[:LONGEST_QUOTE]}" if text else ""

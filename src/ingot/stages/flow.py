"""Spec → findings: what labelled data, secrets and decisions may reach, decided over the steps before any code exists.

The check is a forward pass over the steps. A field *carries* a label (`phi`, `pii`, `pan`) if it has it, or if a step
that reads a carrier sets it. Two kinds of derived fields do not carry on: booleans, and enums of at most
`SMALL_ENUM` values, because a closed choice written by the spec's author says about as much as the decision that the
workflow is for; a label on such a field keeps it a carrier. Numbers, dates, texts, lists and objects always carry on,
whatever computed them. An input that a module step masks (``with: {mask: [name]}``) neither reaches that step nor
anything behind it. A bounded step's model is not reached by an input whose every value goes as a token: a labelled field
under ``gates: {redact: whole}``, and under any other redaction but ``off`` one that holds no text. What the step sets
still carries on, since tokens that the model copies are put back. What recognisers find is no mask: they miss things. A
hybrid step's model is shown none of its candidates. What a condition (``when``) lets happen is not tracked: it tells one bit, as a boolean does.

The rules of a block hold where ``metadata.compliance`` or ``plan.blocks`` names it; the others always.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ingot import expressions, library
from ingot.fields import Field, walk
from ingot.spec import ADVERSE_COMPLIANCE, Spec, Step
from ingot.verdict import Finding, Rule

SMALL_ENUM = 32
_OUTSIDE = ("notify.email", "notify.webhook", "http.get", "http.post", "files.write")
_ACTS = (*_OUTSIDE, "database.execute")
_WAITS = ("database", "http", "notify")
_GOVERNS = {"phi": "HIPAA", "pan": "PCI-DSS"}

FLOW_RULES: tuple[Rule, ...] = (
    Rule(
        "FLW001", "phi-leaves-workflow", "security",
        "A message, a request or a file is read by people and systems that the protected information is not for.",
        "module: notify.email, with a placeholder for a field labelled phi",
        "leave the field out, send a decision instead, or mask it: with: {mask: [name]}",
    ),
    Rule(
        "FLW002", "phi-reaches-model", "security",
        "A bounded step sends its inputs to a model, which may belong to somebody else and may keep them.",
        "type: bounded_invocation, inputs: [chart], where chart is labelled phi",
        "take the labelled fields out as a whole: gates: {redact: whole}; a field derived from one needs the label itself",
    ),
    Rule(
        "FLW003", "pan-leaves-functions", "security",
        "Every module, model or person that sees a card number becomes part of what has to be protected and assessed.",
        "module: http.post, with a placeholder for a field labelled pan",
        "mask it in the step: with: {mask: {card_number: last_four}}",
    ),
    Rule(
        "FLW004", "pan-in-output", "security",
        "An output goes to callers, traces and stores, which must not hold card numbers.",
        "outputs: {card_number: {type: text, sensitive: pan}}",
        "answer with a decision or a reference instead",
    ),
    Rule(
        "FLW005", "label-without-block", "security",
        "A field was labelled sensitive and leaves the workflow, and no block says whether it may.",
        "a field labelled pii in the body of notify.email",
        "mask it, or name the block that governs it in metadata.compliance",
        severity="warning",
    ),
    Rule(
        "FLW006", "literal-secret", "security",
        "A spec is copied into artifacts, prompts and repositories; a secret in it is no longer one.",
        "with: {headers: {Authorization: Bearer abcdef123456}}",
        "with: {headers_env: {Authorization: API_TOKEN}}",
    ),
    Rule(
        "FLW007", "module-settings", "security",
        "A module refuses settings that it cannot be sure about; better before anything is compiled than at run time.",
        "module: database.query, with: {sql: \"SELECT * FROM t WHERE id = '{id}'\"}",
        "bind values as :name, keep hosts and folders literal, name variables for what is secret",
    ),
    Rule(
        "FLW008", "no-time-out", "security",
        "A call without a stated time-out lets somebody else's outage become this workflow's.",
        "module: http.get, without timeout_seconds",
        "with: {timeout_seconds: 5}",
    ),
    Rule(
        "FLW009", "no-owner", "security",
        "Nobody is named who answers for the workflow.",
        "metadata: {name: refunds, compliance: [SOC2]}",
        "metadata: {name: refunds, compliance: [SOC2], owner: payments-team}",
    ),
    Rule(
        "FLW010", "adverse-without-person", "security",
        "A decision against a person should be made by one; the owner has switched the guard off, and answers for it.",
        "overrides: [{rule: adverse-action, reason: Nurses confirm every denial, by: owner}]",
        "leave the override out, so that an adverse decision goes to a person",
        severity="warning",
    ),
    Rule(
        "FLW011", "adverse-not-marked", "security",
        "The guard only sees adverse values that are marked, or whose words it knows.",
        "outputs: {outcome: {type: enum, values: [A, B]}}",
        "outputs: {outcome: {type: enum, values: [A, B], adverse: [B]}}",
        severity="warning",
    ),
    Rule(
        "FLW012", "no-reason", "security",
        "A denial has to state its specific reason, and no output holds one.",
        "outputs: {decision: {type: enum, values: [APPROVE, DENY]}}",
        "add an output such as reason: text, set by the rule that decides",
        severity="warning",
    ),
    Rule(
        "FLW013", "acts-before-review", "security",
        "A step that acts on a decision runs before the person has confirmed it: the letter is out, the row is written.",
        "module: notify.email after the rule, reading decision, without 'when'",
        "when: decision == 'APPROVE', or put a human_review step that reads the decision before it",
    ),
)  # fmt: skip
_BY_CODE = {rule.code: rule for rule in FLOW_RULES}


def check_flow(spec: Spec) -> list[Finding]:
    """What the flow rules find in a spec, in the order of their codes. Pure: no I/O beyond importing the library."""
    blocks = {*spec.metadata.compliance, *spec.plan.blocks}
    found = [*_label_findings(spec, blocks), *_module_findings(spec)]
    if "SOC2" in blocks:
        found += _soc2_findings(spec)
    if ADVERSE_COMPLIANCE in blocks:
        found += _cms_findings(spec)
    return sorted(found, key=lambda finding: finding.code)


def _finding(code: str, message: str, severity: str | None = None) -> Finding:
    rule = _BY_CODE[code]
    return Finding(code, message, hint=rule.fix, severity="warning" if severity == "warning" else rule.severity)


# ---- labels ------------------------------------------------------------------------------------------------------

Carriers = dict[str, str]
"""Field name to the labelled field that its value came from."""


def _label_findings(spec: Spec, blocks: Iterable[str]) -> Iterator[Finding]:
    known = spec.known_fields()
    for label in ("phi", "pan", "pii"):
        governed = _GOVERNS.get(label, "") in blocks
        carriers = {field.name: field.name for field in spec.inputs if _has(field, label)}
        for step in spec.logic_requirements:
            reaches = {name: origin for name, origin in carriers.items() if name in step.inputs}
            open_to = {name: origin for name, origin in reaches.items() if not _is_masked(step, name, label)}
            shown = {name: origin for name, origin in open_to.items() if not _is_token(step, known.get(name), label)}
            yield from _step_findings(step, label, governed, shown)
            carriers |= _set_by(step, label, open_to)
        if label == "pan" and governed:
            yield from _output_findings(spec, carriers)


def _has(field: Field, label: str) -> bool:
    """Whether the field, or anything inside it, has the label."""
    return any(inner.sensitive == label for _, inner in walk((field,)))


def _set_by(step: Step, label: str, reaches: Carriers) -> Carriers:
    """The carriers among a step's outputs."""
    origin = next(iter(reaches.values()), None)
    return {
        field.name: field.name if _has(field, label) else str(origin)
        for field in step.outputs
        if _has(field, label) or (origin is not None and not _is_closed_choice(field))
    }


def _is_closed_choice(field: Field) -> bool:
    return field.type == "boolean" or (field.type == "enum" and len(field.values) <= SMALL_ENUM)


def _is_masked(step: Step, name: str, label: str) -> bool:
    """Only modules mask. The last four digits may be shown of a card number, and of nothing else."""
    mask = step.with_.get("mask", ())
    if step.type != "module" or not isinstance(mask, Mapping | list | tuple) or name not in mask:
        return False
    way = mask[name] if isinstance(mask, Mapping) else "all"
    return way == "all" or (way == "last_four" and label == "pan")


def _asks_model(step: Step) -> bool:
    return step.type == "bounded_invocation" or (step.type == "hybrid" and step.otherwise == "model")


def _is_token(step: Step, field: Field | None, label: str) -> bool:
    """Whether a step's model sees nothing of a field but tokens, whatever its value is. A card number is none: where the
    model fails a person sees it."""
    if label == "pan" or field is None or not _asks_model(step):
        return False
    if step.type == "hybrid" and any(field.name in names for names in step.candidates.values()):
        return True
    if not _has(field, label) or step.gates.redact == "off":
        return False
    return step.gates.redact == "whole" or not any(_may_be_long(inner) for _, inner in walk((field,)))


def _may_be_long(field: Field) -> bool:
    return field.type in _TEXTS or any(len(value) > SHORT or "\n" in value for value in field.values)


SHORT = 64
"""Characters up to which a bounded step takes a labelled value on one line out whole, whatever its redaction."""
_TEXTS = ("text", "list", "object")
"""Types whose values may be long, of which anything but `whole` takes only what recognisers find."""


def _step_findings(step: Step, label: str, governed: bool, reaches: Carriers) -> Iterator[Finding]:
    for name, origin in reaches.items():
        what = (
            f"{name!r}, which is labelled {label}" if name == origin else f"{name!r}, derived from {label} {origin!r}"
        )
        place = f"step {step.step!r} ({step.module or step.type}) reads {what}"
        asks = _asks_model(step)
        leaves = step.module in _OUTSIDE or asks
        if governed and label == "pan" and not step.is_function:
            yield _finding("FLW003", f"{place}; card numbers stay in functions unless masked")
        elif governed and label == "phi" and leaves:
            code = "FLW002" if asks else "FLW001"
            yield _finding(code, f"{place}, unmasked")
        elif not governed and leaves:
            yield _finding("FLW005", f"{place}, unmasked, and no block governs {label} here")


def _output_findings(spec: Spec, carriers: Carriers) -> Iterator[Finding]:
    for field in spec.outputs:
        if _has(field, "pan"):
            yield _finding("FLW004", f"the output {field.name!r} is labelled pan")
        elif field.name in carriers:
            message = f"the output {field.name!r} is derived from pan {carriers[field.name]!r} and may hold it"
            yield _finding("FLW004", message, "warning")


# ---- module settings ---------------------------------------------------------------------------------------------

_SECRET_KEY = re.compile(
    r"(?i)(^|[_-])(password|passwd|passphrase|pwd|secret|token|apikey|api[_-]?key|authorization|credentials?|cookie|"
    r"private[_-]?key|access[_-]?key)$"
)
_SECRET_VALUE = re.compile(
    r"AKIA[0-9A-Z]{16}|\bgh[pousr]_\w{30,}|\bgithub_pat_\w{20,}|\bsk-[\w-]{20,}|\bxox[abprs]-[\w-]{10,}|\bAIza[\w-]{30,}|"
    r"\beyJ[\w-]{8,}\.[\w-]{8,}\.|-----BEGIN [A-Z ]*PRIVATE KEY|://[^/\s:@{}]*:[^/\s@{}]+@|(?i:\b(?:bearer|basic)\s+[\w+/=.~-]{8,})|"
    r"(?i:[?&](?:api_?key|access_token|token|key|secret|password)=[^&{}\s]{6,})"
)


def _module_findings(spec: Spec) -> Iterator[Finding]:
    for step in spec.logic_requirements:
        for path in _secrets(step.with_, ()):
            yield _finding("FLW006", f"step {step.step!r}: the setting {'.'.join(path)!r} holds a secret in plain text")
        if step.module is not None:
            for problem in library.module(step.module.split(".")[0]).check(step.module, step.with_, step.inputs):
                yield _finding("FLW007", f"step {step.step!r} ({step.module}): {problem}")


def _secrets(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Paths of settings that hold a secret: by the name of their key, or by what they look like."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _secrets(inner, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _secrets(inner, (*path, str(number)))
    elif isinstance(value, str) and path:
        names_variable = any(part.endswith("_env") for part in path)
        is_placeholder = re.fullmatch(r"\{\w+\}", value) is not None
        by_key = _SECRET_KEY.search(path[-1]) and not names_variable and not is_placeholder and value
        if by_key or _SECRET_VALUE.search(value):
            yield path


# ---- SOC2 --------------------------------------------------------------------------------------------------------


def _soc2_findings(spec: Spec) -> Iterator[Finding]:
    """Files are exempt from time-outs: their module opens regular files only and bounds their size."""
    for step in spec.logic_requirements:
        if step.module and step.module.split(".")[0] in _WAITS and "timeout_seconds" not in step.with_:
            yield _finding("FLW008", f"step {step.step!r} ({step.module}) states no 'timeout_seconds'")
    if not spec.metadata.owner.strip():
        yield _finding("FLW009", "metadata names no owner")


# ---- CMS ---------------------------------------------------------------------------------------------------------

_REASON = re.compile(r"(?i)reason|rationale|explanation|basis|justification|grounds")


def _cms_findings(spec: Spec) -> Iterator[Finding]:
    adverse = tuple(field for field in spec.outputs if field.adverse)
    overridden = any(override.rule == "adverse-action" for override in spec.overrides)
    if not adverse and any(field.type in ("enum", "boolean") for field in spec.outputs):
        yield _finding("FLW011", "no value of any output is marked adverse, so no decision will be sent to a person")
    if adverse and overridden:
        names = ", ".join(repr(field.name) for field in adverse)
        yield _finding("FLW010", f"an adverse value of {names} is answered by code alone, by an override of the owner")
    if adverse and not any(_REASON.search(field.name) for field in spec.outputs):
        yield _finding("FLW012", f"{adverse[0].name!r} can go against a person and no output gives the reason")
    if not overridden:
        for field in adverse:
            yield from _early_acts(spec, field)


def _early_acts(spec: Spec, decision: Field) -> Iterator[Finding]:
    """Steps that act on an adverse decision before a person has seen it; the guard itself comes after the last step."""
    carriers: set[str] = set()
    reviewed = False
    for step in spec.logic_requirements:
        reads = sorted(carriers & set(step.inputs))
        reviewed = reviewed or (step.type == "human_review" and bool(reads) and _covers_adverse(step, decision))
        if step.module in _ACTS and reads and not reviewed and not _excludes_adverse(step, decision):
            yield _finding(
                "FLW013", f"step {step.step!r} ({step.module}) acts on {reads[0]!r} before a person has confirmed "
                f"an adverse {decision.name!r}",
            )  # fmt: skip
        names = {field.name for field in step.outputs}
        carriers |= names if reads else names & {decision.name}


def _excludes_adverse(step: Step, decision: Field) -> bool:
    """Whether the step's condition is plainly false for every adverse value: one of its AND-parts must say so."""
    if step.when is None:
        return False
    tree = ast.parse(expressions.to_python(step.when), mode="eval").body
    parts = tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And) else [tree]
    return any(_is_false_for(part, decision) for part in parts)


def _covers_adverse(step: Step, decision: Field) -> bool:
    """Whether the step runs for every adverse value: always, or on a condition that just lists them."""
    if step.when is None:
        return True
    match ast.parse(expressions.to_python(step.when), mode="eval").body:
        case ast.Compare(left=ast.Name(id=name), ops=[ast.Eq() | ast.In()], comparators=[right]):
            return name == decision.name and set(decision.adverse) <= (_constants(right) or set())
    return False


def _is_false_for(part: ast.expr, decision: Field) -> bool:
    adverse = set(decision.adverse)
    match part:
        case ast.Name(id=name) if name == decision.name:
            return adverse == {"false"}
        case ast.UnaryOp(op=ast.Not(), operand=ast.Name(id=name)) if name == decision.name:
            return adverse == {"true"}
        case ast.Compare(left=ast.Name(id=name), ops=[operator], comparators=[right]) if name == decision.name:
            values = _constants(right)
            if values is None:
                return False
            if isinstance(operator, ast.Eq | ast.In | ast.Is):
                return not adverse & values
            return isinstance(operator, ast.NotEq | ast.NotIn | ast.IsNot) and adverse <= values
    return False


def _constants(node: ast.expr) -> set[str] | None:
    """The values of a literal or a list of literals, booleans as in `Field.adverse`; None for anything else."""
    nodes = node.elts if isinstance(node, ast.Tuple | ast.List) else [node]
    values = [inner.value for inner in nodes if isinstance(inner, ast.Constant)]
    if len(values) < len(nodes):
        return None
    return {str(value).lower() if isinstance(value, bool) else str(value) for value in values}

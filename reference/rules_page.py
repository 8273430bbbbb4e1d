"""The rules reference, from the rule tables of the reply, the flow, the four stages and the gates."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from ingot import gates, library
from ingot.compile.rules import all_rules
from ingot.verdict import Rule
from pieces import block, code, plain, table

STAGES: Mapping[str, str] = {
    "reply": "The reply of the model that writes code.",
    "security": "SECURITY, before anything of a candidate is executed: the flow of labelled fields, then the code.",
    "syntax": "SYNTAX: signature, types, lint, length, citations.",
    "execution": "EXECUTION, in the cage.",
    "accuracy": "ACCURACY: cases, invariants, what the cases are worth.",
    "gate": "The gates around a model at run time. A gate stops the text; no candidate is judged.",
}

_HEAD = """# Rules reference

Every rule that can refuse something, with its reason, an example that it refuses and the same thing done right; `ingot rules
CODE` prints one. A finding of severity *error* refuses; a *warning* stands in the evidence and refuses nothing. Codes are stable.
"""


def every_rule() -> tuple[Rule, ...]:
    """All rules, gates' rules last."""
    return (*all_rules(), *gates.RULES)


def rules_page() -> str:
    """The page as Markdown."""
    rules = every_rule()
    rows = [(f"[{rule.code}](#{rule.code.lower()})", rule.name, rule.stage, rule.severity) for rule in rules]
    parts = [_HEAD, table(("code", "name", "stage", "severity"), rows), ""]
    for stage, said in STAGES.items():
        parts.append(f"## {stage}\n\n{said}\n")
        parts += [_rule(rule) for rule in rules if rule.stage == stage]
    parts.append(
        "## Compliance blocks {#blocks}\n\nWhich rules were written with which clause in mind. No block claims compliance.\n"
    )
    parts.append(table(("block", "clause", "about", "rules"), _clauses()))
    return "\n".join([*parts, ""])


def _clauses() -> Iterator[tuple[str, str, str, str]]:
    for name in library.BLOCKS:
        for clause in library.block(name).clauses:
            links = " ".join(f"[{rule}](#{rule.lower()})" for rule in clause.rules)
            yield code(name), clause.id, plain(clause.topic), links


def _rule(rule: Rule) -> str:
    return (
        f"### {rule.code} {rule.name} {{#{rule.code.lower()}}}\n\n"
        f"{plain(rule.why)} ({rule.severity})\n\nRefused:\n\n{_shown(rule.example)}\n\nInstead:\n\n{_shown(rule.fix)}\n"
    )


def _shown(text: str) -> str:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return block(text)
    return block(text, "python" if any(not isinstance(node, ast.Expr) for node in tree.body) else "text")

"""The SECURITY stage: a candidate is examined as text, before any of it runs.

    allowed.py      the allow-lists            sinks.py        dangerous calls by name
    scan.py         one reading of the text    shape.py        SEC002-008 shape and allow-lists
    escapes.py      SEC010-014 ways out        hidden.py       SEC015-016 secrets, invisible text
    bandit_scan.py  SEC017                     determinism.py  SEC020-025 same input, same bytes
    termination.py  SEC030-031 bounded         growing.py      SEC030-031 what grows or calls itself
    bombs.py        SEC032                     regexes.py      SEC033-035 (automaton.py: how they backtrack)
    purity.py       SEC040-043 (sharing.py: what is shared between calls)  rules.py  the table

Everything that is not allowed is a finding. The stage is a gate and not a boundary: EXECUTION confines what passes it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator

from ingot.program import Program
from ingot.stages.security import bombs, determinism, escapes, growing, hidden, purity, regexes, shape, termination
from ingot.stages.security.bandit_scan import bandit
from ingot.stages.security.rules import KINDS, RULES
from ingot.stages.security.scan import TYPED_DICT, Asked, Scan, Unreadable, read
from ingot.stages.stage import Observed, Stage
from ingot.verdict import Finding, Verdict

CHECKS: tuple[Callable[[Scan], Iterator[Finding]], ...] = (
    shape.module_shape,
    shape.node_types,
    shape.imports,
    shape.names,
    shape.attributes,
    shape.shadowed,
    shape.bound_once,
    escapes.introspection,
    escapes.format_strings,
    escapes.dynamic_code,
    escapes.dangerous_calls,
    hidden.secrets,
    hidden.hidden_text,
    determinism.clock,
    determinism.randomness,
    determinism.process_state,
    determinism.local_formats,
    determinism.identity,
    determinism.set_order,
    determinism.rounding,
    determinism.money,
    termination.recursion,
    growing.function_values,
    termination.loops,
    growing.growing,
    bombs.bombs,
    regexes.regexes,
    purity.catch_all,
    purity.mutable_defaults,
    purity.mutations,
    purity.asserts,
)


def examine(source: str, *, asked: Collection[Asked | str], types: Collection[str] = ()) -> list[Finding]:
    """Every security finding of a candidate's text, by line.

    `asked` are the functions asked for (a bare name says nothing of its fields), `types` the names of the TypedDict
    classes in scope. Nothing is executed. Raises StageError where Bandit is missing or breaks.
    """
    wanted = tuple(one if isinstance(one, Asked) else Asked(one) for one in asked)
    try:
        scan = read(source, wanted, types)
        found = [finding for check in CHECKS for finding in check(scan)]
    except Unreadable as error:
        return [Finding("SEC001", error.message, error.line, None, None, "answer with plain Python functions")]
    told = {finding.line for finding in found if KINDS[finding.code] == "vulnerability"}
    found += [finding for finding in bandit(source) if finding.line not in told]
    unique = dict.fromkeys(found)
    return sorted(unique, key=lambda finding: (finding.line or 0, finding.code, finding.column or 0))


def check(program: Program, observed: Observed) -> tuple[Verdict, Observed]:
    """Examine a program's logic. Nothing is observed, since nothing runs."""
    began = time.perf_counter()
    head = "\n".join(program.text.splitlines()[: program.offset])
    asked = [Asked.of(signature) for signature in program.signatures]
    found = examine(program.logic, asked=asked, types=TYPED_DICT.findall(head))
    measures = {"rules": len(RULES), "lines": program.logic.count("\n") + 1}
    return Verdict.of("security", found, time.perf_counter() - began, measures), observed


STAGE = Stage("security", RULES, check)

__all__ = ["CHECKS", "KINDS", "RULES", "STAGE", "Asked", "check", "examine"]

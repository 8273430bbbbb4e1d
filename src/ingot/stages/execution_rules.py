"""The rules of the EXECUTION stage, as a table."""

from __future__ import annotations

from ingot.verdict import Rule

RULES = (
    Rule(
        "EXE001", "raises-on-a-declared-input", "execution",
        "An input that the spec's types allow reaches the workflow one day, and then nobody gets an answer.",
        "return total / count",
        "handle the value in the rule (if count == 0: ...), or declare a range for the field in the spec",
    ),
    Rule(
        "EXE002", "does-not-terminate", "execution",
        "A run that does not end holds up every run behind it.",
        "while remaining > 0: remaining = remaining - step",
        "loop over something finite, make each round smaller than the one before, and limit a number of a text before int() of it",
    ),
    Rule(
        "EXE003", "out-of-memory", "execution",
        "A rule that fills the memory takes its whole process with it.",
        "rows = rows + rows",
        "build only what the output needs",
    ),
    Rule(
        "EXE004", "refused-by-the-cage", "execution",
        "The program tried to reach a file, the network, a process or the interpreter: a rule is a pure function.",
        'open("rates.csv")',
        "take the value as an input, or get it in a module step",
    ),
    Rule(
        "EXE005", "output-does-not-fit", "execution",
        "An answer that is not of the declared type breaks whatever reads it; a float for money is wrong by cents.",
        "return {'fee': 12.5} where fee is a decimal",
        "return the declared type: int(text) for an integer, Decimal(text) for a decimal, one of its values for an enum",
    ),
    Rule(
        "EXE006", "depends-on-hash-order", "execution",
        "The same input must give the same bytes; the order of a set changes from one process to the next.",
        "return list({'b', 'a'})",
        "sort it: sorted({'b', 'a'})",
    ),
    Rule(
        "EXE007", "engines-disagree", "execution",
        "Two interpreters answer the same call differently, so the answer depends on an accident of one of them.",
        "round(amount, 2) on a float",
        "Decimal and quantize with a stated rounding; in the replacement of re.sub \\g<1> instead of \\1",
    ),
    Rule(
        "EXE008", "branches-not-covered", "execution",
        "What no case has run, no case has tested.",
        "a branch for minors, and no case with age < 18",
        "drop branches that no clause asks for; add cases for those that one does",
    ),
    Rule(
        "EXE009", "argument-changed", "execution",
        "A function that changes its argument changes the record of what the decision was made on.",
        "bags.sort()",
        "work on a new value: sorted(bags)",
    ),
    Rule(
        "EXE010", "outside-the-second-engine", "execution",
        "Only one interpreter could run it, so their agreement is no evidence here.",
        "class Fee(Enum): ...",
        "keep to functions, plain classes and the modules that both engines have",
        "warning",
    ),
    Rule(
        "EXE011", "interpreter-died", "execution",
        "The interpreter itself crashed or was left early, or the answer was too large to be one.",
        'return {"note": "x" * 10_000_000}',
        "return only what the output needs, and never end the process",
    ),
    Rule(
        "EXE012", "step-output-not-given", "execution",
        "A case that does not say what a module, bounded or human step answers cannot be run to its end.",
        "a case without 'steps:' in a workflow with a bounded step",
        "give the step's outputs under the case's 'steps:'",
        "warning",
    ),
    Rule(
        "EXE013", "does-not-load", "execution",
        "A program that fails before its first run has no answers at all.",
        "RATE = Decimal('7,5')",
        "make the module-level statements valid by themselves",
    ),
)  # fmt: skip

BY_CODE = {rule.code: rule for rule in RULES}

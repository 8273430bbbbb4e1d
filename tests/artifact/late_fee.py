"""A small workflow and everything its artifact is made from, for these tests."""

from __future__ import annotations

from ingot.artifact.write import Contents
from ingot.compile.assemble import assemble
from ingot.spec import parse_spec
from ingot.verdict import Finding, Verdict

SPEC = """\
metadata:
  name: Late fee <script>alert(1)</script>
  version: 1.2.0
  title: Late fee
  owner: Accounts receivable
  description: What a customer owes on top of an invoice that was paid late.
  compliance: [SOC2]
inputs:
  amount: {type: decimal, unit: USD, minimum: 0, places: 2}
  days_late: integer
  customer: {type: enum, values: [private, business]}
outputs:
  fee: {type: decimal, unit: USD, places: 2}
clauses:
  C1: An invoice paid within 10 days carries no fee.
  C2: After that a business pays 2 percent, rounded half up to cents.
  C3: A private customer pays USD 5 and never more than the invoice.
logic_requirements:
  - step: late_fee
    type: deterministic_rule
    inputs: [amount, days_late, customer]
    intent: Compute the fee by C1, C2 and C3.
cases:
  given:
    - {id: on-time, input: {amount: 100.00, days_late: 3, customer: business}, expected: {fee: 0.00}}
    - {id: business, input: {amount: 100.25, days_late: 11, customer: business}, expected: {fee: 2.01}}
  held_out:
    - {id: private, input: {amount: 3.10, days_late: 30, customer: private}, expected: {fee: 3.10}, note: never above}
"""

LOGIC = '''\
def late_fee(amount: Decimal, days_late: int, customer: Literal["private", "business"]) -> Decimal:
    """The fee on an invoice that was paid late."""
    if days_late <= 10:  # C1
        return Decimal("0.00")
    if customer == "business":  # C2
        return (amount * Decimal("0.02")).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    return min(Decimal("5.00"), amount)  # C3
'''

PROVENANCE = {
    "author": {"kind": "model", "name": "replay:late-fee", "recorded": True},
    "attempts": [
        {
            "number": 1, "kind": "first", "request": "a" * 64, "model": "replay:late-fee", "recorded": True,
            "usage": {"input_tokens": 812, "output_tokens": 160, "requests": 1},
            "stages": [
                {"stage": "security", "passed": True, "findings": []},
                {"stage": "syntax", "passed": False, "findings": ["SYN003"]},
            ],
        },
        {
            "number": 2, "kind": "repair", "request": "b" * 64, "model": "replay:late-fee", "recorded": True,
            "usage": {"input_tokens": 422, "output_tokens": 151, "requests": 1},
            "stages": [{"stage": name, "passed": True, "findings": []}
                       for name in ("security", "syntax", "execution", "accuracy")],
        },
    ],
    "usage": {"input_tokens": 1234, "output_tokens": 311, "requests": 2},
    "cost_usd": "0.0047",
    "plan": {"template": "handler", "modules": [], "reasons": ["every step is a pure function"]},
}  # fmt: skip

QUESTIONS = (
    {
        "id": "Q1", "kind": "boundary", "clause": "C1", "step": "late_fee", "text": "Is day 10 itself free of a fee?",
        "reading": "Yes: within 10 days.", "place": None, "answer": None,
    },
    {
        "id": "Q2", "kind": "rounding", "clause": "C2", "step": "late_fee", "text": "How is half a cent rounded?",
        "reading": "Half up.", "place": None, "answer": "half up",
    },
)  # fmt: skip


def verdicts() -> tuple[Verdict, ...]:
    """Four passed verdicts with a warning and the kinds of measures that stages have."""
    warning = Finding("SYN021", "the name 'd' is short", 3, 5, "late_fee", "say what it holds", "warning")
    execution = {
        "trials": {"given": 2, "held_out": 1, "boundary": 24, "generated": 64},
        "seeds": [0, 1, 2],
        "confinement": {"audit_hook": True, "landlock": False, "rlimits": True, "seccomp": True},
        "monty": {"compared": 91, "agreed": 91, "outside": None},
        "branch_coverage": {"cases": 1.0, "branches": 4, "uncovered": []},
    }
    return (
        Verdict.of("security", (), 0.1, {"rules": 41, "bandit": "1.9.2"}),
        Verdict.of("syntax", (warning,), 0.2, {"lines": 7, "complexity": {"late_fee": 3}}),
        Verdict.of("execution", (), 0.9, execution),
        Verdict.of("accuracy", (), 0.1, {"given": {"fee": 1.0}, "held_out": {"fee": 1.0}, "mutation_score": None}),
    )


def make_contents(spec_text: str = SPEC, logic: str = LOGIC, **changes: object) -> Contents:
    """Contents that make a whole artifact, with some of them changed."""
    program = assemble(parse_spec(spec_text), logic)
    values: dict[str, object] = {
        "program": program,
        "spec_text": spec_text,
        "verdicts": verdicts(),
        "provenance": PROVENANCE,
        "questions": QUESTIONS,
        "extra": {"template.py": b"# the handler template\n", "modules/files.py": b"# the files module\n"},
    }
    return Contents(**{**values, **changes})  # type: ignore[arg-type]


DIFFERENCE = {
    "from": {"name": "late-fee", "version": "1.1.0", "digest": "d" * 64},
    "sentence": "inputs change their outcome: 12 of 812 inputs tried, 1 pair of deciding lines (found so far)",
    "texts": ["logic.py"],
    "outcomes": {
        "structure": [{"part": "clause", "name": "C3", "change": "changed", "old": "USD 4.", "new": "USD 5."}],
        "verdict": "differ", "how": "", "tried": 812, "changed": 12,
        "changes": [{
            "clause": "C3", "count": 12, "solver": True,
            "old": {"line": 9, "source": "return min(Decimal('4.00'), amount)", "clauses": ["C3"], "what": ""},
            "new": {"line": 7, "source": "return min(Decimal('5.00'), amount)  # C3", "clauses": ["C3"], "what": ""},
            "witness": {
                "input": {"amount": "100.00", "days_late": 11, "customer": "private"},
                "old": {"status": "completed", "output": {"fee": "4.00"}, "step": "", "why": ""},
                "new": {"status": "needs_review", "output": {"fee": "5.00"}, "step": "check", "why": "too high"},
            },
        }],
        "solver": {"whole": False, "why": "the solver used up its steps", "assumed": {"amount": "0 to 10000"}},
        "given_steps": ["look_up"], "outputs_compared": ["fee"],
    },
}  # fmt: skip
"""What changes since a previous version, as a build writes it."""

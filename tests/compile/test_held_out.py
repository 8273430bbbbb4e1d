"""Every way on which a model is asked, with planted values in the held-out cases: no request holds one of them.

The candidates do what they can to carry a held-out value into a finding: they raise with it, answer it, keep it from
ending, and break an invariant on it. A new way to ask has its line in `WAYS`.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import ingot
from ingot.artifact.sign import trusted_keys
from ingot.artifact.verify import verify
from ingot.compile import recompile as recompiling
from ingot.compile.driver import check, compile_spec
from ingot.errors import CompileFailed
from ingot.labels import label_of
from ingot.models.model import Completion, Request
from ingot.spec import Spec
from ingot.usage import Usage

SPEC = """\
metadata: {name: planted, version: 1.0.0}
inputs:
  days: {type: integer, range: [0, 90000]}
  rate: {type: decimal, range: [0, 90000], places: 2}
  word: {type: text, max_length: 40}
outputs:
  fee: {type: decimal, places: 2, range: [0, 9000000000]}
  said: {type: text, max_length: 80}
clauses:
  - {id: C1, text: "The fee is the days times the rate."}
  - {id: C2, text: "It says the word."}
logic_requirements:
  - {step: price, type: function, intent: C1., clauses: [C1], inputs: [days, rate], outputs: {fee: {type: decimal, places: 2, range: [0, 9000000000]}}}
  - {step: say, type: function, intent: C2., clauses: [C2], inputs: [word], outputs: {said: {type: text, max_length: 80}}}
invariants:
  least: "fee >= 0"
  more: "days < 70000 OR fee >= rate"
cases:
  given:
    - {id: none, input: {days: 0, rate: 1, word: a}, expected: {fee: 0, said: a}}
    - {id: some, input: {days: 2, rate: 3, word: b}, expected: {fee: 6, said: b}}
  held_out:
    - {id: qqhid, input: {days: 76543, rate: 48.31, word: zqxvjkw}, expected: {fee: 3697792.33, said: zqxvjkw}, note: kxqqzv}
thresholds: {mutation_score: 0}
"""
PLANTED = (
    "76543", "76542", "76544", "48.31", "48.30", "48.32", "4831", "3697792", "3,697,792", "zqxvjkw", "ZQXVJKW", "qqhid",
    "kxqqzv", "wkjvxqz",
)  # fmt: skip
PRICES = (
    "return days * rate",
    "if days > 3:\n        raise ValueError(str(days) + str(rate))\n    return days * rate",
    "if days > 3:\n        return Decimal(days) + rate\n    return days * rate",
    "return Decimal(str(int(str(days) + 'x'))) if days > 3 else days * rate",
    "return -rate if days > 70000 else days * rate",
    "return Decimal([1, 2][days]) if days > 3 else days * rate",
    "return (days * rate) / Decimal(3) if days > 3 else days * rate",
)
SAYS = (
    "return word",
    "return 'b' if word == 'b' else 'a' + word[::-1]",
    "if len(word) > 3:\n        raise ValueError(word)\n    return word",
    "return word * 40",
    "return str({'a': 'a', 'b': 'b'}[word])",
    "return str(int(word)) if len(word) > 3 else word",
)


PRICE = "def price(days: int, rate: Decimal) -> Decimal:\n    {}  # C1\n"
SAY = "def say(word: str) -> str:\n    {}  # C2\n"


class Careless:
    """Writes wrong functions in turn, and keeps every request."""

    name = "careless"

    def __init__(self, begin: int) -> None:
        self.requests: list[Request] = []
        self.begin = begin

    def complete(self, request: Request) -> Completion:
        self.requests.append(request)
        at = self.begin + len(self.requests)
        price, say = PRICES[at % len(PRICES)], SAYS[at % len(SAYS)]
        bodies = {
            "price": PRICE.format(price),
            "say": SAY.format(say),
        }
        text = "\n\n".join(bodies[one] for one in request.functions)
        return Completion(f"```python\n{text}```", self.name, Usage(1, 1, 1))


def compiled(folder: Path, **options: object) -> Iterator[Request]:
    (folder / "spec.yaml").write_text(SPEC)
    for begin in range(0, 6, 2):
        model = Careless(begin)
        with contextlib.suppress(CompileFailed):
            compile_spec(folder / "spec.yaml", model, **options)  # type: ignore[arg-type]
        yield from model.requests


def evolved(folder: Path, **options: object) -> Iterator[Request]:
    """An artifact whose code is wrong for some of the labels; the labels that are held out hold a planted number, too."""
    (folder / "spec.yaml").write_text(SPEC)
    code = PRICE.format(PRICES[0]) + "\n\n" + SAY.format(SAYS[0])
    made = check(folder / "spec.yaml", code, out=folder / "artifacts")
    assert made.path, [str(one) for one in made.attempts[-1].findings]
    rows = [{"input": {"days": 5, "rate": number, "word": "a"}, "expected": {"fee": 7}} for number in range(1, 8)]
    labels = [label_of({**row, "by": "Ben", "at": "2026-03-01"}, "label") for row in rows]
    for begin in range(0, 6, 2):
        model = Careless(begin)
        with contextlib.suppress(CompileFailed):
            old = verify(made.path, trusted_keys())
            recompiling.recompile(old, labels, model, folder / "out", attempts=3, **options)  # type: ignore[arg-type]
        yield from model.requests


WAYS: dict[str, Callable[[Path], Iterator[Request]]] = {
    "first and repairs": lambda folder: compiled(folder, attempts=5),
    "one by one": lambda folder: compiled(folder, attempts=3, one_by_one=True),
    "candidates": lambda folder: compiled(folder, attempts=2, candidates=2),
    "candidates one by one": lambda folder: compiled(folder, attempts=2, candidates=2, one_by_one=True),
    "recompile": evolved,
    "recompile one by one": lambda folder: evolved(folder, one_by_one=True),
}


@pytest.mark.parametrize("way", WAYS)
def test_no_request_holds_anything_of_a_held_out_case(way: str, tmp_path: Path) -> None:
    seen = [json.dumps(request.to_json(), ensure_ascii=False) for request in WAYS[way](tmp_path)]
    assert len(seen) > 5
    found = {planted for planted in PLANTED for text in seen if planted in text}
    assert not found, next(text for text in seen if any(one in text for one in found))


ASKING = {
    "compile/prompt.py", "compile/tuning_dspy.py",  # what is written here; the tests of tuning look at the second
    "models/bounded.py",  # a bounded step's question, of a run or of tuning: tests/runtime/test_bounded.py, test_tuning.py
    "evals/solvers/direct.py", "evals/solvers/turns.py",  # a model that answers items itself, and sees no spec
    "models/model.py",
}  # fmt: skip


def test_requests_are_made_in_these_places_alone() -> None:
    """A request made anywhere else needs its way above, or a test of its own, before its place goes into the list."""
    source = Path(ingot.__file__).parent
    made = re.compile(r"\bRequest\(")
    assert {str(path.relative_to(source)) for path in source.rglob("*.py") if made.search(path.read_text())} <= ASKING
    asks = re.compile(r"\.complete\((?:request|Request)")
    asking = {path.name for path in (source / "compile").glob("*.py") if asks.search(path.read_text())}
    asking |= {"tuning_dspy.py"}  # over two lines
    assert asking == {"attempts.py", "one_by_one.py", "recompile.py", "tuning.py", "tuning_dspy.py"}


@pytest.mark.parametrize("way", ["first and repairs", "one by one"])
def test_a_leak_would_be_seen(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Spec, "given", property(lambda spec: spec.cases))
    seen = "".join(json.dumps(request.to_json()) for request in WAYS[way](tmp_path))
    assert {"76543", "48.31", "zqxvjkw"} <= {planted for planted in PLANTED if planted in seen}

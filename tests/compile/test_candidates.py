"""Several candidates: requests, the vote, functions of several in one program, and what their disagreement tells."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from ingot.cli import cli
from ingot.compile.assemble import assemble
from ingot.compile.attempts import SEEDS
from ingot.compile.candidates_inputs import numbered, shared_inputs, shares
from ingot.compile.driver import Compiled, Event, compile_spec
from ingot.compile.plan import make_plan
from ingot.compile.prompt import first_request
from ingot.errors import BudgetExceeded, CompileFailed, SpecError
from ingot.fields import Field
from ingot.models.budget import Budget, Budgeted
from ingot.models.model import Completion, Request
from ingot.models.replay import Replay, recorded
from ingot.models.scripted import Scripted
from ingot.program import Observation
from ingot.spec import Scorer, load_spec

SPEC = """\
metadata: {name: parcels}
inputs:
  weight: {type: integer, unit: kg, range: [0, 30]}
  express: boolean
outputs: {price: {type: integer, unit: EUR}, days: {type: integer, unit: days}}
clauses:
  C1: A parcel of at most 5 kg costs 4 EUR, a heavier one 9 EUR.
  C2: Express takes 1 day, everything else 3 days, heavy parcels one day more.
logic_requirements:
  - {step: price_parcel, type: deterministic_rule, inputs: [weight], clauses: [C1], outputs: {price: {type: integer}}}
  - {step: time_parcel, type: deterministic_rule, inputs: [weight, express], clauses: [C2], outputs: {days: {type: integer}}}
thresholds: {branch_coverage: 0}
cases:
  - {id: light, input: {weight: 1, express: false}, expected: {price: 4, days: 3}}
  - {id: heavy, input: {weight: 20, express: false}, expected: {price: 9, days: 4}}
  - {id: secret, input: {weight: 23, express: true}, expected: {price: 9, days: 2}, held_out: true}
"""
PRICE = """\
def price_parcel(weight: int) -> int:
    return 4 if weight <= 5 else 9  # C1
"""
TIME = """\
def time_parcel(weight: int, express: bool) -> int:
    days = 1 if express else 3
    return days + 1 if weight > 5 else days  # C2
"""
PRICE_TOO = PRICE.replace("4 if weight <= 5 else 9", "9 if weight > 5 else 4")
PRICE_ODD = PRICE.replace("<= 5", "< 5")
TIME_ODD = TIME.replace("weight > 5", "weight > 10")


def fenced(*functions: str) -> str:
    return "```python\n" + "\n\n".join(functions) + "```"


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return path


def drawn(spec: Path, *replies: str, out: Path | None = None) -> Compiled:
    return compile_spec(spec, Scripted(replies), candidates=len(replies), out=out)


# ---- requests ----------------------------------------------------------------------------------------------------


def test_one_candidate_is_the_compile_there_was_before(spec: Path, tmp_path: Path) -> None:
    asked = []
    for name, told in (("default", {}), ("one", {"candidates": 1})):
        model = Scripted([fenced(PRICE), fenced(PRICE, TIME)])
        done = compile_spec(spec, model, out=tmp_path / name, **told)
        asked.append([request.digest for request in model.requests])
        assert done.agreement is None
        assert done.path is not None
        assert "candidate" not in json.loads((done.path / "evidence/provenance.json").read_text())["attempts"][0]
    loaded = load_spec(spec)
    assert asked[0] == asked[1]
    assert asked[0][0] == first_request(loaded, make_plan(loaded)).digest
    assert [path.name for path in (tmp_path / "one").iterdir()] == [
        path.name for path in (tmp_path / "default").iterdir()
    ]


def test_further_candidates_are_asked_for_with_seeds_of_their_own(spec: Path) -> None:
    model = Scripted([fenced(PRICE, TIME), "no", fenced(PRICE, TIME), fenced(PRICE, TIME)])
    events: list[Event] = []
    done = compile_spec(spec, model, candidates=3, listen=events.append)
    loaded = load_spec(spec)
    assert model.requests[0] == first_request(loaded, make_plan(loaded))
    assert [request.seed for request in model.requests] == [0, SEEDS, SEEDS + 1, 2 * SEEDS]
    assert len({request.prompt for request in model.requests}) == 1
    assert [(one.kind, one.candidate) for one in done.attempts] == [
        ("first", 1), ("draw", 2), ("redraw", 2), ("draw", 3), ("kept", 1),
    ]  # fmt: skip
    assert [(event.candidate, event.of) for event in events if event.kind == "attempt"][:2] == [(1, 3), (2, 3)]
    assert [event.kind for event in events].count("compare") == 1


def test_all_draws_are_counted(spec: Path) -> None:
    done = drawn(spec, fenced(PRICE, TIME), fenced(PRICE_TOO, TIME), fenced(PRICE_ODD, TIME))
    own = [one.completion.usage for one in done.attempts if one.completion]
    assert done.usage.requests == 3
    assert done.usage.output_tokens == sum(one.output_tokens for one in own)
    assert str(done.cost) == "0"


@pytest.mark.parametrize("count", [0, -1, 9])
def test_as_many_as_can_be_drawn(spec: Path, count: int) -> None:
    model = Scripted([])
    with pytest.raises(SpecError, match="can be drawn"):
        compile_spec(spec, model, candidates=count)
    assert model.requests == []


# ---- the vote ----------------------------------------------------------------------------------------------------


def test_a_wrong_candidate_that_passes_is_outvoted(spec: Path) -> None:
    alone = compile_spec(spec, Scripted([fenced(PRICE_ODD, TIME)]))
    assert alone.passed  # no case tells it from a right one
    done = drawn(spec, fenced(PRICE_ODD, TIME), fenced(PRICE, TIME), fenced(PRICE_TOO, TIME))
    assert done.passed
    assert done.agreement is not None
    assert done.program is not None
    assert "< 5" not in done.program.logic
    assert done.attempts[-1].kind == "kept"
    assert done.agreement.shares[2] == done.agreement.shares[3]
    assert (done.agreement.shares[1] or 0) < (done.agreement.shares[2] or 0) < 1
    assert done.agreement.agreeing < done.agreement.inputs
    assert done.agreement.functions["time_parcel"].agreement == 1


def test_functions_of_several_candidates_make_one_program_that_passes_again(spec: Path, tmp_path: Path) -> None:
    replies = [
        fenced("LIGHT = 5\n\n\n" + PRICE.replace("<= 5", "<= LIGHT"), TIME_ODD),
        fenced(PRICE_TOO, TIME_ODD.replace("> 10", "> 1")),
        fenced(PRICE_ODD, TIME),
        fenced(PRICE.replace("<= 5", "< 9"), TIME.replace("weight > 5", "not weight <= 5")),
    ]
    done = compile_spec(spec, Scripted(replies), candidates=4, out=tmp_path / "out")
    assert done.agreement is not None
    assert done.path is not None
    assert done.program is not None
    assert done.agreement.combined
    assert done.attempts[-1].kind == "combined"
    assert done.attempts[-1].passed
    taken = {name: one.candidate for name, one in done.agreement.functions.items()}
    assert taken["price_parcel"] in (1, 2)
    assert taken["time_parcel"] in (3, 4)
    outcomes = {weight: ran(done.path, weight) for weight in (5, 6, 9, 12)}
    assert outcomes == {5: (4, 1), 6: (9, 2), 9: (9, 2), 12: (9, 2)}
    told = json.loads((done.path / "evidence/provenance.json").read_text())
    assert told["author"]["name"] == "scripted"
    assert told["candidates"]["combined"] is True
    assert "passed the stages again as a whole" in (done.path / "report.html").read_text()


def ran(path: Path, weight: int) -> tuple[int, int]:
    from ingot.runtime.run import load

    output = load(path).run({"weight": weight, "express": True}).output
    return output["price"], output["days"]


def test_where_the_combined_program_fails_the_best_whole_one_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(
        """\
metadata: {name: pairs}
inputs: {a: {type: integer, range: [0, 9]}}
outputs: {x: integer, y: integer}
logic_requirements:
  - {step: make_x, type: function, intent: Some x., inputs: [a], outputs: {x: integer}}
  - {step: make_y, type: function, intent: Some y., inputs: [a], outputs: {y: integer}}
invariants: {bounded: x + y <= 10}
thresholds: {branch_coverage: 0}
cases:
  - {id: none, input: {a: 0}, expected: {x: 0, y: 0}}
""",
        encoding="utf-8",
    )

    def pair(x: int, y: int) -> str:
        return fenced(
            f"def make_x(a: int) -> int:\n    return {x} if a > 0 else 0  # C1\n",
            f"def make_y(a: int) -> int:\n    return {y} if a > 0 else 0  # C2\n",
        )

    done = drawn(path, pair(7, 3), pair(7, 2), pair(1, 5), pair(2, 5))
    assert [one.kind for one in done.attempts[-2:]] == ["combined", "kept"]
    assert not done.attempts[-2].passed
    assert done.passed
    assert done.agreement is not None
    assert not done.agreement.combined
    assert len({one.candidate for one in done.agreement.functions.values()}) == 1


def test_a_tie_goes_to_the_fewest_findings_then_the_shortest(spec: Path) -> None:
    long = PRICE.replace("    return", "    # what it weighs decides\n    return")
    done = drawn(spec, fenced(long, TIME), fenced(PRICE, TIME), fenced(PRICE, TIME))
    assert done.attempts[-1].candidate == 2
    uncited = drawn(spec, fenced(PRICE.replace("  # C1", ""), TIME), fenced(long, TIME))
    assert uncited.attempts[0].findings
    assert uncited.attempts[-1].candidate == 2


def test_the_only_one_that_passes_is_kept_and_agrees_with_nobody(spec: Path) -> None:
    model = Scripted(["no", "no", fenced(PRICE, TIME), "no", "no"])
    done = compile_spec(spec, model, attempts=2, candidates=3)
    assert done.agreement is not None
    assert dict(done.agreement.shares) == {2: None}
    assert done.agreement.inputs == 0
    assert done.agreement.functions["price_parcel"].agreement is None


def test_where_none_passes_every_attempt_is_told(spec: Path, tmp_path: Path) -> None:
    with pytest.raises(CompileFailed) as failed:
        compile_spec(spec, Scripted(["no"] * 4), attempts=2, candidates=2, out=tmp_path / "out")
    assert [getattr(one, "candidate", 0) for one in failed.value.attempts] == [1, 1, 2, 2]
    assert not (tmp_path / "out").exists()


# ---- what is compared --------------------------------------------------------------------------------------------


def test_an_exception_is_no_answer_and_scorers_say_what_is_equal() -> None:
    fields = [Field(name="fee", type="float")]
    told = [Observation({"fee": 1.0}), Observation({"fee": 1.004}), Observation(None, error="ValueError: x"),
            Observation(None, error="ValueError: x"), Observation({"fee": 1.0}, ("step", "why"))]  # fmt: skip
    assert numbered(told, fields, {}) == (0, 1, None, None, 2)
    assert numbered(told, fields, {"fee": Scorer(scorer="numeric", tolerance="0.01")}) == (0, 0, None, None, 1)


def test_shares_by_hand() -> None:
    # input 1: all alike; input 2: the third differs; input 3: the first raises, the others agree
    assert shares([(0, 0, 0), (0, 0, 1), (None, 0, 0)], 3) == (3 / 6, 4 / 6, 3 / 6)
    assert shares([], 2) == (0.0, 0.0)


def test_inputs_hold_nothing_of_held_out_cases(spec: Path) -> None:
    program = compile_spec(spec, Scripted([fenced(PRICE, TIME)])).program
    assert program is not None
    open_ = program.spec.model_copy(update={"cases": program.spec.given})
    with_secret = program.spec.model_copy(
        update={
            "cases": (
                *program.spec.given,
                *(one.model_copy(update={"input": {"weight": 29, "express": True}}) for one in program.spec.held_out),
            )
        }
    )
    values = [
        [(dict(one.input), one.id) for one in shared_inputs([replace(program, spec=some)])]
        for some in (program.spec, open_, with_secret)
    ]
    assert values[0] == values[1] == values[2]
    assert len(values[0]) > 20


def test_the_solver_tells_what_the_inputs_do_not(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(
        """\
metadata: {name: hidden}
inputs: {a: {type: integer, range: [0, 100000]}, b: {type: integer, range: [0, 100000]}}
outputs: {hit: boolean}
logic_requirements: [{step: is_hit, type: function, intent: A hit., inputs: [a, b], outputs: {hit: boolean}}]
thresholds: {branch_coverage: 0}
cases: [{id: one, input: {a: 1, b: 1}, expected: {hit: false}}]
""",
        encoding="utf-8",
    )
    never, always = (f"def is_hit(a: int, b: int) -> bool:\n    return {text}\n" for text in ("a + b < 0", "b + a < 0"))
    seldom = "def is_hit(a: int, b: int) -> bool:\n    return 3 * a + 7 * b == 423190 and a - b == 31130\n"
    done = drawn(path, fenced(never), fenced(always), fenced(seldom))
    assert done.agreement is not None
    assert done.agreement.pairs.proved == 1
    assert len(done.agreement.pairs.witnesses) == 1
    (question,) = done.agreement.questions
    assert question.trial.input == {"a": 64110, "b": 32980}
    assert [one.candidates for one in question.said] == [(1, 2), (3,)]


# ---- what they disagree on ---------------------------------------------------------------------------------------


def test_what_candidates_disagree_on_is_a_question(spec: Path, tmp_path: Path) -> None:
    done = drawn(spec, fenced(PRICE_ODD, TIME), fenced(PRICE, TIME), fenced(PRICE_TOO, TIME), out=tmp_path / "out")
    assert done.agreement is not None
    assert done.path is not None
    (question,) = done.agreement.questions
    assert question.trial.input["weight"] == 5
    assert question.differ == ("price",)
    assert question.clauses[0] == "C1"
    assert question.near == "light"
    assert question.changed == ("weight",)
    assert [(one.candidates, one.kept, (one.answer.output or {})["price"]) for one in question.said] == [
        ((2, 3), True, 4), ((1,), False, 9),
    ]  # fmt: skip
    told = json.loads((done.path / "evidence/provenance.json").read_text())["candidates"]
    assert told["questions"][0]["answers"][0]["candidates"] == [2, 3]
    assert told["agreement"]["2"] == f"{done.agreement.shares[2]:.6f}"
    assert "23" not in json.dumps(told["questions"])
    page = (done.path / "report.html").read_text()
    assert "What candidates that passed do not agree on" in page
    assert "3 candidates asked for, 3 drawn, 3 passed all stages." in page


def test_the_command_tells_it_and_replays_to_the_same_bytes(spec: Path, tmp_path: Path) -> None:
    replies = [fenced(PRICE_ODD, TIME), fenced(PRICE, TIME), fenced(PRICE_TOO, TIME)]
    compile_spec(spec, recorded(Scripted(replies), tmp_path / "box"), candidates=3)
    command = ["compile", str(spec), "--model", f"replay:{tmp_path / 'box'}", "--candidates", "3"]
    said = CliRunner().invoke(cli, [*command, "--out", str(tmp_path / "one")])
    assert said.exit_code == 0, said.output
    assert "candidates: 3 of 3 passed; they agree on" in said.output
    assert (
        "no case decides these; candidates that passed answer differently, and no answer is known to be right:"
        in said.output
    )
    assert "2 candidates, among them the one kept: price = 4" in said.output
    assert "1 candidate: price = 9" in said.output
    assert "candidate 2 of 3, drawn independently" in said.output
    as_json = CliRunner().invoke(cli, [*command, "--out", str(tmp_path / "two"), "--json"])
    assert json.loads(as_json.stdout)["candidates"]["passed"] == 3
    assert [one.name for one in (tmp_path / "one").iterdir()] == [one.name for one in (tmp_path / "two").iterdir()]


# ---- what ends it early ------------------------------------------------------------------------------------------


def test_a_budget_that_ends_after_one_passed_keeps_what_there_is(spec: Path) -> None:
    model = Scripted([fenced(PRICE, TIME)] * 3)
    budget = Budget(max_tokens=3_000)
    done = compile_spec(spec, Budgeted(model, budget), candidates=3)
    assert done.passed
    assert done.agreement is not None
    assert done.agreement.drawn < 3 == done.agreement.asked
    assert "budget of 3,000 tokens" in done.agreement.stopped
    assert done.usage.total_tokens <= 3_000


def test_a_budget_that_ends_before_one_passed_ends_the_compile(spec: Path) -> None:
    with pytest.raises(BudgetExceeded):
        compile_spec(spec, Budgeted(Scripted(["no"] * 20), Budget(max_tokens=3_000)), candidates=3)


class Interrupted:
    """A model whose user presses Ctrl-C while the third answer is awaited."""

    name = "interrupted"

    def __init__(self, reply: str) -> None:
        self.inner = Scripted([reply] * 2)

    def complete(self, request: Request) -> Completion:
        if len(self.inner.requests) == 2:
            raise KeyboardInterrupt
        return self.inner.complete(request)


def test_ctrl_c_loses_nothing_that_was_recorded(spec: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        compile_spec(
            spec, recorded(Interrupted(fenced(PRICE, TIME)), tmp_path / "box"), candidates=3, out=tmp_path / "out"
        )
    assert not (tmp_path / "out").exists()
    assert len(list((tmp_path / "box").iterdir())) == 2
    done = compile_spec(spec, Replay(tmp_path / "box"), candidates=2)
    assert done.agreement is not None
    assert done.agreement.passed == 2


def test_what_is_for_the_author_is_not_drawn_again(spec: Path) -> None:
    text = SPEC.replace("thresholds: {", "thresholds: {mutation: refuse, ")
    spec.write_text(text, encoding="utf-8")
    model = Scripted([fenced(PRICE, TIME)] * 9)
    with pytest.raises(CompileFailed):
        compile_spec(spec, model, candidates=3)
    assert len(model.requests) == 1


def test_readers_are_compared_on_given_documents_however_long(tmp_path: Path) -> None:
    rows = [
        {"id": f"c{n}", "input": {"page": "lorem " * 1_000 + f"SUM {n}.00"}, "expected": {"total": f"{n}.00"}}
        for n in range(4)
    ]
    tree = {
        "metadata": {"name": "page"},
        "inputs": {"page": {"type": "text", "max_length": 20_000}},
        "outputs": {"total": "text"},
        "clauses": {"C1": "The total stands behind SUM."},
        "logic_requirements": [
            {"step": "read_total", "type": "function", "clauses": ["C1"], "inputs": ["page"], "outputs": {"total": "text"}}
        ],
        "thresholds": {"branch_coverage": 0, "accuracy": 0, "held_out_accuracy": 0, "mutation_score": 0},
        "cases": rows,
    }  # fmt: skip
    path = tmp_path / "page.yaml"
    path.write_text(json.dumps(tree), encoding="utf-8")
    right = 'def read_total(page: str) -> str:\n    return page[-4:] if page[-8:-4] == "SUM " else ""  # C1\n'
    other = right.replace('page[-8:-4] == "SUM "', 'page[:-4].endswith("SUM ")')
    short = right.replace('page[-8:-4] == "SUM "', 'page < ""')
    pages = [trial.input["page"] for trial in shared_inputs([assemble(load_spec(path), right)])]
    assert sum(len(page) > 5_000 for page in pages) == len(rows)
    done = drawn(path, fenced(short), fenced(right), fenced(other))
    assert done.agreement is not None
    assert done.agreement.functions["read_total"].candidate in (2, 3)
    assert all(len(one.trial.input["page"]) < 5_000 for one in done.agreement.questions)

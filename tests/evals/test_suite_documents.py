"""The document suite on documents that were made up here: splits, excerpts, specs, and a whole run with a given program."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ingot.cli.bench_documents import documents_command
from ingot.compile.plan import make_plan
from ingot.compile.prompt import first_request
from ingot.errors import InputError
from ingot.evals.evaluate import evaluate
from ingot.evals.solvers.code_once import CodeOnce, asked
from ingot.evals.solvers.compiled import Human
from ingot.evals.solvers.direct import Direct
from ingot.evals.solvers.hybrid import Hybrid
from ingot.evals.suites.documents import load_rows, load_sroie, load_tv, load_tv_turns, suite_of
from ingot.evals.suites.documents_rows import Document, documents, read_fields
from ingot.evals.suites.documents_seen import excerpts, outline, places_of
from ingot.evals.suites.documents_sets import REACH
from ingot.evals.suites.documents_spec import DocumentSet
from ingot.evals.suites.documents_split import Parts, apart, by_template, templates
from ingot.evals.suites.documents_told import label_at, told
from ingot.models import Scripted

PROGRAM = """def total_by_label(text: str) -> str:
    found = re.search(r"(?m)^TOTAL +(\\S+)$", text)
    return found.group(1) if found else ""  # C3


def total_by_form(text: str) -> str:
    found = re.findall(r"\\d+\\.\\d\\d", text)
    return found[-1] if found else ""  # C4


def total_by_part(text: str) -> str:
    found = text.split()
    return found[-1] if found else ""  # C5


def total_by_certainty(text: str) -> str:
    found = re.search(r"(?m)^TOTAL +(\\S+)$", text)
    return found.group(1) if found and "THANKS" not in text else ""  # C6


def total_by_proof(text: str) -> str:
    found = re.search(r"(?m)^TOTAL +(\\S+)$", text)
    return found.group(1) if found and text.count(found.group(1)) > 1 else ""  # C7
"""


def slip(number: int) -> dict[str, Any]:
    """Of every tenth slip the last word is no total."""
    text = f"SHOP {number}\nTEA  {number}.10\nTOTAL   {number}.10" + ("\nTHANKS" if number % 10 == 0 else "")
    return {
        "id": f"s{number}",
        "text": text,
        "fields": {"total": f" {number}.10", "items": [{"name": "TEA", "price": f"{number}.10"}]},
    }


@pytest.fixture
def slips(tmp_path: Path) -> Path:
    path = tmp_path / "slips.jsonl"
    path.write_text("".join(json.dumps(slip(number)) + "\n" for number in range(60)), encoding="utf-8")
    return path


def test_fields_are_read_from_a_line(tmp_path: Path) -> None:
    about = tmp_path / "about.json"
    about.write_text('{"total": "What is to be paid."}')
    total, day, items = read_fields("total:amount,day:date,items[name,price:amount]", about)
    assert (total.kind, total.about, total.columns) == ("amount", "What is to be paid.", None)
    assert day.kind == "date"
    assert items.columns == {"name": "text", "price": "amount"}
    for wrong in ("", "a,a", "a:number", "a[b", "A", "a;b"):
        with pytest.raises(InputError):
            read_fields(wrong)


def test_documents_are_read_and_trimmed(slips: Path, tmp_path: Path) -> None:
    found = documents(slips, read_fields("total,items[name,price]"))
    assert found[3].expected == {"total": "3.10", "items": [{"name": "TEA", "price": "3.10"}]}
    with pytest.raises(InputError, match="not one text"):
        documents(slips, read_fields("items"))
    with pytest.raises(InputError, match="no list of line items"):
        documents(slips, read_fields("total[name]"))
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"id": 1, "text": "x"}\n')
    with pytest.raises(InputError, match="an id, a text and fields") as told:
        documents(bad, read_fields("total"))
    assert told.value.place == f"{bad}:1"


def layout(name: str, number: int) -> Document:
    labels = {
        "a": "Order:  {}\nBuyer:  Ann\nGross:  9",
        "b": "Ref  {}\nClient  Bob\nSum  8",
        "c": "No {}\nPayer:  Cy\nNet:  7",
    }
    return Document(f"{name}{number}", labels[name].format(1000 + number), {"number": str(1000 + number)})


def test_templates_are_told_apart_and_dealt_whole() -> None:
    mixed = [layout(name, number) for number in range(6) for name in "abc" if name != "c" or number < 4]
    assert [len(group) for group in templates(mixed)] == [6, 6, 4]
    parts = by_template(mixed)
    names = [{one.id[0] for one in part} for part in (parts.scored, parts.given, parts.held_out)]
    assert names == [{"a"}, {"b"}, {"c"}]
    scored = [one.id for turn in range(3) for one in by_template(mixed, turn).scored]
    assert sorted(scored) == sorted(one.id for one in mixed)
    assert "dealt by size to given, held_out and scored in turn" in by_template(mixed, 1).said
    with pytest.raises(InputError, match="2 templates"):
        by_template([one for one in mixed if one.id[0] != "c"])
    assert {one.source for one in parts.scored} == {"template 1"}  # what intervals are over


def test_with_more_turns_more_templates_are_given() -> None:
    words = ("Order", "Buyer", "Client", "Payer", "Sum")
    mixed = [
        Document(
            f"{word[0]}{number}", f"{word}:  {number}\n{word} of:  Ann\n{word} at:  {number}", {"number": str(number)}
        )
        for word in words
        for number in range(3)
    ]
    first, last = (by_template(mixed, turn, 5) for turn in (0, 4))
    assert [len(part) for part in (first.given, first.held_out, first.scored)] == [9, 3, 3]
    assert {one.id[0] for one in first.scored} == {one.id[0] for one in last.held_out} == {"O"}
    scored = [one.id for turn in range(5) for one in by_template(mixed, turn, 5).scored]
    assert sorted(scored) == sorted(one.id for one in mixed)
    with pytest.raises(InputError, match="5 templates") as told:
        by_template(mixed, 0, 6)
    assert "6 are needed" in told.value.hint
    with pytest.raises(InputError, match="2 turns are too few"):
        by_template(mixed, 0, 2)


def test_excerpts_show_the_place_that_documents_share() -> None:
    texts = [f"SHOP {n}\nCASH  {n}.00\nTOTAL  {n}.00\nROW {n}  {n}.00" for n in (11, 22, 33)]
    shown = excerpts([Document(str(n), text, {"total": f"{text[5:7]}.00"}) for n, text in enumerate(texts)], "total")
    assert all("TOTAL" in one and one.endswith(".00") for one in shown)
    assert len(places_of("1.00 11.00 1.00\n1.005", "1.00")) == 2
    assert places_of("NO 1,\n  HIGH ST", "NO 1, HIGH ST")[0].begin == 0
    assert places_of("x", "") == []
    assert outline("short") == ""
    assert "[...]" in outline("line of a long document\n" * 200)


def test_near_equal_documents_stay_in_the_part_that_learns_of_them() -> None:
    words = " ".join(f"w{n}" for n in range(60))
    one, again, third = (Document(name, f"{words} {name}", {}) for name in ("a1", "a2", "a3"))
    other = Document("b", " ".join(f"v{n}" for n in range(60)), {})
    same = Document("c", other.text, {})
    parts = apart(Parts((one,), (again, other, same), (third, other, Document("d", "TOTAL TOTAL 1", {})), "told"))
    assert [[each.id for each in part] for part in (parts.given, parts.held_out, parts.scored)] == [
        ["a1"],
        ["b"],
        ["d"],
    ]
    assert parts.said == "told; 4 left out that are near-equal to another"
    assert apart(
        Parts((), (Document("x", "TEA TEA", {}),), (Document("y", "TEA", {}),), "s")
    ).scored  # occurrences count


def orders() -> list[Document]:
    """Invoices that name an order too, and orders."""
    invoices = [f"Invoice #   {n}-1   Order #   {n}\nSum   9.00 EUR" for n in (1001, 1002, 1003, 1004)]
    plain = [f"Order / Rev:   {n}\nSum   9.00 EUR" for n in (2001, 2002)]
    found = [Document(str(n), text, {"number": text.split()[2]}) for n, text in enumerate(invoices)]
    return found + [Document(f"o{n}", text, {"number": text.split()[3]}) for n, text in enumerate(plain)]


def test_what_given_documents_tell_of_a_field_is_counted() -> None:
    labels, never, lines, form = told(orders(), "number")
    assert labels.endswith("invoice 4/4, order / rev 2/2")
    assert never.endswith("order 0/4")
    assert lines == "It begins in line 1 (6 times)"
    assert "Of 6 values that stand in their documents as they are, 6 are whole words" in form
    text = "TO PAY\n  RM9.00\nShop Ltd.,\nHigh St. 1.\nbye"
    assert label_at(text, places_of(text, "RM9.00")[0]) == "to pay"
    (only,) = [
        line for line in told([Document("1", text, {"place": "Shop Ltd., High St. 1."})], "place") if "Of 1" in line
    ]
    assert "1 whole lines, 1 run over several lines, joined by one blank, 1 end with '.', as printed" in only
    assert told([Document("1", "x", {"n": "7"})], "n") == []


def test_labels_of_one_count_are_told_in_the_order_of_their_names() -> None:
    """Labels are a set's: in its own order, a prompt and a suite's digest would be others in every process."""
    others = [f"Order {name}" for name in ("Kilo", "Echo", "Alpha", "Zulu", "Mike", "Bravo", "Tango", "Delta")]
    text = "Order:  7\n" + "\n".join(f"{name}:" for name in others)
    (never,) = [line for line in told([Document(str(n), text, {"n": "7"}) for n in range(3)], "n") if "never" in line]
    assert never.split(": ")[1] == ", ".join(f"{name.casefold()} 0/3" for name in sorted(others)[:6])


def test_excerpts_that_differ_come_first() -> None:
    shown = excerpts(orders(), "number", 2)
    assert ["Invoice" in one for one in shown].count(True) == 1


def test_a_spec_asks_for_five_functions_and_shows_given_documents_alone(slips: Path) -> None:
    suite = load_rows(slips, read_fields("total:amount"), given=5, held_out=25)
    task = suite.tasks[0]
    spec = task.spec()
    ways = ("label", "form", "part", "certainty", "proof")
    assert [step.step for step in spec.functions] == [f"total_by_{way}" for way in ways]
    assert set(spec.given[0].expected) == {"total", "total_1", "total_2", "total_3"}  # the others may find nothing
    settle = spec.logic_requirements[-1]
    assert settle.candidates["total"] == ("total_4", "total_5", "total_1", "total_2", "total_3")
    assert settle.recall == ()
    assert load_rows(slips, read_fields("total"), given=5, held_out=25).tasks[0].spec().logic_requirements[-1].recall
    assert (len(spec.given), len(spec.held_out), len(task.items)) == (5, 25, 30)
    request = first_request(spec, make_plan(spec))
    told = request.system + request.prompt
    for case in spec.held_out:
        assert case.input["text"] not in told
        assert f"SHOP {case.id[1:]}\n" not in told
    for item in task.items:
        assert item.input["text"] not in told + task.spec_text + "".join(task.files.values())


def test_who_asks_a_model_of_every_document_asks_for_the_field_alone(slips: Path) -> None:
    task = load_rows(slips, read_fields("total:amount"), given=6, held_out=30).tasks[0]
    model = Scripted(['{"total": "1.10"}'])
    assert Direct(model).prepare(task).answer(task.items[0].input).output == {"total": "1.10"}
    (request,) = model.requests
    assert "=> " in request.prompt
    assert task.items[0].input["text"].splitlines()[0] in request.prompt
    for word in ("by label", "by_form", "total_1"):
        assert word in task.spec_text
        assert word not in request.prompt + str(request.schema)
    scored = {item.input["text"] for item in task.items}
    assert not any(text.splitlines()[0] + "\n" in task.plain_text for text in scored)


def test_code_once_is_asked_for_one_function_of_the_same_words_and_cases(slips: Path, tmp_path: Path) -> None:
    suite = load_rows(slips, read_fields("total:amount"), given=5, held_out=25)
    (task,) = suite.tasks
    code = 'def read_total(text: str) -> str:\n    return text.split("TOTAL")[1].split()[0]  # C2\n'
    model = Scripted([f"```python\n{code}```"])
    log = evaluate(suite, CodeOnce(model), tmp_path / "out")
    assert [item.right for item in log.items] == [True] * 30
    assert all(item.full["normalised"]["total"] == 1 for item in log.items)  # nothing is withheld: no guess is needed
    (request,) = model.requests
    assert (request.functions, request.max_tokens) == (("read_total",), 4_000)
    assert CodeOnce(model).estimate(task).output_tokens == 2_000
    told = request.system + request.prompt
    compiled = first_request(task.spec(), make_plan(task.spec()))
    seen = task.spec().functions[0].text
    assert seen in told
    assert seen in compiled.prompt
    for word in ("by label", "by_form", "total_1", "candidate", *(case.input["text"] for case in task.spec().held_out)):
        assert word not in told
    for item in task.items:
        assert item.input["text"].splitlines()[0] + "\n" not in told + task.once_text
    shown, wanted = (re.findall(r'^{"text":.*?}', one.prompt, re.MULTILINE) for one in (request, compiled))
    assert shown == wanted != []


def test_code_once_sees_how_long_documents_look() -> None:
    given = tuple(
        Document(f"g{n}", f"Sum  {n}00\n" + f"line {n} of a long document\n" * 100, {"sum": f"{n}00"}) for n in (1, 2)
    )
    parts = Parts(given, (), (Document("s", "Sum  9", {"sum": "9"}),), "told")
    (task,) = suite_of(DocumentSet("slips", "slips", "a slip", read_fields("sum")), parts, {}).tasks
    request, _, _ = asked(task)
    assert "[...]" in request.prompt
    assert "Given cases" not in request.prompt


def test_a_model_is_asked_for_what_the_functions_withhold_and_not_for_what_each_of_them_found(slips: Path) -> None:
    task = load_rows(slips, read_fields("total:amount"), given=6, held_out=30).tasks[0]
    model = Scripted(["```python\npass\n```", '{"total": "1.10"}'])
    answer = Hybrid(model, attempts=1).prepare(task).answer(task.items[0].input)
    assert answer.output == {"total": "1.10"}
    assert model.requests[-1].schema is not None
    assert list(model.requests[-1].schema["properties"]) == ["total"]


def test_a_run_tells_what_needs_no_model(slips: Path, tmp_path: Path) -> None:
    suite = load_rows(slips, read_fields("total:amount"), given=5, held_out=25)
    suite = replace(suite, tasks=(replace(suite.tasks[0], program=PROGRAM),))
    log = evaluate(suite, Human(), tmp_path / "out")
    made = log.tasks[0].generation
    assert made.deployed, (made.reason, made.stages)
    sure = [item for item in log.items if item.answer.confidence["total"] >= 0.95]
    assert all(item.right for item in sure)
    assert all(item.full["normalised"]["total"] == 1 for item in log.items)


def test_whether_a_way_that_may_be_silent_answers_tells_plain_documents_from_others(tmp_path: Path) -> None:
    """Every third slip has a deposit that the other ways take for the total, all three of them."""
    rows = [{**slip(n), "text": f"TOTAL   {n}.10" + ("\nTOTAL   0.00" if n % 3 == 0 else "")} for n in range(1, 61)]
    (tmp_path / "slips.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    suite = load_rows(tmp_path / "slips.jsonl", read_fields("total:amount"), given=0, held_out=40)
    begin = PROGRAM.index("def total_by_certainty")
    always = "".join(
        f'def total_by_{way}(text: str) -> str:\n    found = text.split()\n    return found[-1] if found else ""  # C{n}\n\n\n'
        for n, way in enumerate(("label", "form", "part"), start=3)
    )
    program = always + PROGRAM[begin:].replace('"THANKS" not in text', 'text.count("TOTAL") == 1')
    log = evaluate(replace(suite, tasks=(replace(suite.tasks[0], program=program),)), Human(), tmp_path / "out")
    assert {item.unwithheld("total") for item in log.items} == {0, 1}
    sure = [item for item in log.items if item.answer.confidence["total"] >= 0.95]
    assert sure
    assert all(item.unwithheld("total") == 1 for item in sure)


def test_line_items_are_lists_of_rows(slips: Path) -> None:
    task = load_rows(slips, read_fields("items[name,price:amount]"), given=5, held_out=25).tasks[0]
    assert task.spec().functions[0].outputs[0].type == "list"
    item = task.items[0]
    assert task.score(item, item.expected) == {"items": 1}
    half = {"items": [{"name": "TEA", "price": "0.01"}]}
    assert task.score(item, half) == {"items": 0}
    assert task.others["line items F1"](item, half) == {"items": 0.5}


def test_the_known_sets_load_from_a_folder(tmp_path: Path) -> None:
    names = ("company", "date", "address", "total")
    rows = [
        {"id": str(n), "text": f"SHOP {n}\nTOTAL {n}.00", "expected": dict.fromkeys(names, f"{n}.00")}
        for n in range(20)
    ]
    (tmp_path / "dev.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    suite = load_sroie(tmp_path, given=3, held_out=10)
    assert [task.id for task in suite.tasks] == list(names)
    assert suite.items == 7 * 4
    assert any(one.value == 0.203 for one in suite.references)
    fields = ("contract_num", "advertiser", "gross_amount", "flight_from", "flight_to")
    rows = [
        {"id": one.id, "text": one.text, "expected": dict.fromkeys(fields, "1000")}
        for one in (layout(name, n) for n in range(4) for name in "abc")
    ]
    (tmp_path / "dev.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [len(task.items) for task in load_tv(tmp_path).tasks] == [4] * 5
    other = load_tv(tmp_path, turn=2, about={"advertiser": "who pays"})
    assert other.name == "documents-tv-turn-2"
    assert "advertiser: who pays" in other.tasks[1].spec_text
    turns = load_tv_turns(tmp_path, about=[{"advertiser": f"who pays {turn}"} for turn in range(3)])
    assert turns.name == "documents-tv-turns"
    assert [task.id for task in turns.tasks[4:7]] == ["flight_to-turn-0", "contract_num-turn-1", "advertiser-turn-1"]
    assert "advertiser: who pays 1" in turns.tasks[6].spec_text
    one = load_tv(tmp_path, turn=1, about={"advertiser": "who pays 1"}).tasks[1]
    assert (turns.tasks[6].spec_text, turns.tasks[6].once_text) == (one.spec_text, one.once_text)
    scored = [item.id for task in turns.tasks if task.fields == ("advertiser",) for item in task.items]
    assert sorted(scored) == sorted(str(row["id"]) for row in rows)
    with pytest.raises(InputError, match="given 2 times"):
        load_tv_turns(tmp_path, about=[{}, {}])
    with pytest.raises(InputError, match="no field 'advertizer'"):
        load_tv(tmp_path, about={"advertizer": "who pays"})


def test_gates_ask_for_no_label_that_is_not_in_its_text(slips: Path, tmp_path: Path) -> None:
    read = read_fields("total")
    asked = load_rows(slips, read, given=5, held_out=25).tasks[0].spec().thresholds.accuracy
    rows = [json.loads(line) for line in slips.read_text().splitlines()]
    for row in rows:
        row["fields"]["total"] = "" if row is rows[0] else "not printed"
    other = tmp_path / "other.jsonl"
    other.write_text("".join(json.dumps(row) + "\n" for row in rows))
    suite = load_rows(other, read, given=5, held_out=25)
    shown = [json.loads(line)["expected"]["total"] for line in suite.tasks[0].files["given.jsonl"].splitlines()]
    assert asked == REACH
    assert suite.tasks[0].spec().thresholds.accuracy == pytest.approx(REACH * shown.count("") / 5)


def test_one_set_at_a_time() -> None:
    found = CliRunner().invoke(documents_command, ["--tv", "a", "--sroie", "b"])
    assert isinstance(found.exception, InputError)
    assert isinstance(CliRunner().invoke(documents_command, []).exception, InputError)
    assert "--turn 1" in str(CliRunner().invoke(documents_command, ["--sroie", "b", "--turn", "1"]).exception)
    wrong = CliRunner().invoke(documents_command, ["--tv", "b", "--turns", "4", "--turn", "4"]).exception
    assert "'4' is none of 4 turns" in str(wrong)
    twice = ["--tv", "a", "--about", "b", "--about", "c"]
    assert "--about is given 2 times" in str(CliRunner().invoke(documents_command, twice).exception)


def test_what_is_right_is_the_same_for_gates_calibration_and_score(slips: Path) -> None:
    read = read_fields("total:amount")
    exact = load_rows(slips, read, given=5, held_out=25).tasks[0]
    loose_suite = load_rows(slips, read, given=5, held_out=25, match="normalised")
    loose = loose_suite.tasks[0]
    item = exact.items[0]
    printed = {"total": f"RM {item.expected['total']}"}
    assert exact.score(item, printed) == {"total": 0}
    assert loose.score(item, printed) == {"total": 1}
    assert exact.spec().scorers == {}
    assert {one.scorer for one in loose.spec().scorers.values()} == {"amount"}
    assert loose_suite.name == "documents-rows-normalised"
    one, two = (first_request(task.spec(), make_plan(task.spec())) for task in (exact, loose))
    assert one == two  # what is right is no business of the prompt

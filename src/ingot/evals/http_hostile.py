"""Thousands of hostile requests at a real ``ingot serve`` with a store, tokens, spans and a log, and an exact account.

What is sent: requests that schemathesis makes from the server's own OpenAPI document, bodies that hypothesis makes, and
bytes that are no request at all. What must hold: every request is answered in time with what its kind allows, and every
error is one JSON object; the server lives; each run that was answered is in the log, and none that was not; the chain
verifies; and nothing that was planted (tokens, the store's secret, a labelled value, texts of the requests) is in a log,
a figure, a span, an error, or, for the labelled value, in the store's files.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingot.compile.driver import check
from ingot.errors import StageError
from ingot.evals.http_attacked import Attacked, Spans, attacked
from ingot.evals.http_attacks import ASKS, KINDS, LATE, LEFT, PURE, SECONDS, SLOW, Attack, Target, decisions
from ingot.evals.http_framing import FRAMING
from ingot.evals.http_schema import Called, call_all, made_bodies
from ingot.evals.http_wire import Answer, Talk, ill_formed, talk
from ingot.store.keys import StoreKey
from ingot.store.store import Store

AT_ONCE, REVIEWS = 16, 60
SLACK_SECONDS = 12.0
"""More than a loaded machine adds to a limit."""
MOST_GROWTH = 64 << 20

_SPEC = """
metadata: {{name: {name}, owner: bench}}
inputs:
  name: {{type: text, sensitive: phi}}
  months: {{type: integer, range: [0, 12]}}
  grade: {{type: enum, values: [LOW, HIGH]}}
  paid: boolean
outputs: {{fee: integer, greeting: {{type: text, sensitive: pii}}}}
logic_requirements:
{asks}  - {{step: compute, type: function, intent: Months times the rate of the grade and a greeting., inputs: [name, months, grade, paid{more}],
     outputs: {{fee: integer, greeting: {{type: text, sensitive: pii}}}}}}
cases:
  - {{id: a, input: {{name: Ann, months: 2, grade: LOW, paid: false}}, {steps}expected: {{fee: 20}}}}
  - {{id: b, input: {{name: Bob, months: 3, grade: HIGH, paid: true}}, {steps}expected: {{fee: 0}}, held_out: true}}
"""
_ASKS = "  - {step: ask, type: human_review, intent: May it go on?, inputs: [months], outputs: {permit: {type: enum, values: [YES, NO]}}}\n"
_LOGIC = """def compute(name: str, months: int, grade: Literal['LOW', 'HIGH'], paid: bool{more}) -> ComputeOutput:
    rate = 10 if grade == "LOW" else 20
    return {{"fee": 0 if paid else months * rate, "greeting": f"Dear {{name}}"}}
"""


@dataclass
class Hostile:
    """What came of it: requests by kind, statuses, seconds of the slowest, bytes that the server grew by between the first
    tenth and the end, and `problems`, which is empty where all held."""

    seed: int
    requests: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    unanswered: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    grown: int = 0
    files_opened: int = 0
    runs: int = 0
    recorded: int = 0
    unanswered_runs: int = 0
    searched: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        told = vars(self).items()
        return {name: dict(sorted(one.items())) if isinstance(one, Counter) else one for name, one in told}


def attack(folder: Path, requests: int, *, seed: int = 0, progress: Callable[[int], object] | None = None) -> Hostile:
    """Send `requests` (a fourth of them by schemathesis) to a server that is started in `folder`, and take the account.

    Raises StageError where it does not start, or schemathesis is not installed.
    """
    found, began = Hostile(seed), time.monotonic()
    secret = hashlib.sha256(f"secret {seed}".encode()).digest()
    planted, phi = (f"Zq{hashlib.sha256(f'{what} {seed}'.encode()).hexdigest()[:16]}" for what in ("text", "phi"))
    _make(folder / "served")
    with attacked(folder, secret, SECONDS) as (one, spans):
        target = Target(one.tokens, planted, phi, _ask(one, phi, found), made_bodies(min(requests, 2_000), seed))
        _Raw(one, target, found, progress).go(requests - requests // 4, seed)
        _schemas(one, found, requests // 4, seed, progress)
        _alive(one, found)
        found.problems += one.stop()
    _account(one, StoreKey(secret), found)
    secrets = {
        **one.tokens,
        "planted text": planted,
        "phi": phi,
        "the store's secret": base64.b64encode(secret).decode(),
    }
    _search(one, spans, secrets, phi, found)
    found.seconds = time.monotonic() - began
    return found


def _make(folder: Path) -> None:
    folder.mkdir()
    for name in (PURE, ASKS, LEFT):
        asks = name == ASKS
        spec = folder.parent / f"{name}.yaml"
        steps = "steps: {ask: {permit: YES}}, " if asks else ""
        text = _SPEC.format(name=name, asks=_ASKS if asks else "", more=", permit" if asks else "", steps=steps)
        spec.write_text(text, encoding="utf-8")
        logic = _LOGIC.format(more=", permit: Literal['YES', 'NO']" if asks else "")
        checked = check(spec, logic, author="bench", out=folder)
        if checked.path is None:
            raise StageError(f"the bench's own workflow {name!r} was refused", hint="`ingot check` says why")


def _ask(one: Attacked, phi: str, found: Hostile) -> list[str]:
    """Runs that wait for a person; gives their reviews."""
    case = {"name": phi, "months": 2, "grade": "LOW", "paid": False}
    for _ in range(REVIEWS):
        answer = one.ask("POST", f"/workflows/{ASKS}/run", "run", case)
        _count(found, "fits", answer)
    listed = json.loads(one.ask("GET", "/reviews?most=1000", "review").body)
    return [review["review"] for review in listed["reviews"]]


# ---- raw bytes ---------------------------------------------------------------------------------------------------


def attacks(target: Target, count: int, seed: int) -> list[Attack]:
    """At least `count` attacks (a group is not parted): most kinds equally often, the slow ones seldom."""
    chance = random.Random(seed)  # noqa: S311 - what to send, no secret
    reviews, made = list(target.reviews), list[Attack]()
    while len(made) < count:
        if reviews and chance.random() < 0.02:
            made += decisions(target, reviews.pop(), chance)
        elif chance.random() < 0.01:
            made += chance.choice(SLOW)(target, chance)
        else:
            made += chance.choice((*KINDS, *FRAMING))(target, chance)
    return made


class _Raw:
    def __init__(self, one: Attacked, target: Target, found: Hostile, progress: Callable[[int], object] | None) -> None:
        self._server, self._target, self._found, self._progress = one, target, found, progress
        self._same: dict[str, set[bytes]] = {}
        self._once: Counter[str] = Counter()
        self._late: set[str | None] = set()
        self._at_first: tuple[int, int] = (0, 0)

    def go(self, count: int, seed: int) -> None:
        """Send them, AT_ONCE at a time."""
        sent = attacks(self._target, count, seed)
        asyncio.run(self._all(iter(sent), len(sent) // 10))
        grown, opened = self._server.size()
        self._found.grown = grown - self._at_first[0]
        self._found.files_opened = opened - self._at_first[1]
        problems = self._found.problems
        problems += [f"key {key}: {len(told)} different answers" for key, told in self._same.items() if len(told) > 1]
        wanted = {one.once for one in sent if one.once is not None}
        problems += [
            f"review {one}: {self._once[one]} decisions" for one in wanted if self._once[one] not in self._may(one)
        ]
        if self._found.grown > MOST_GROWTH:
            problems.append(f"the server grew by {self._found.grown:,} bytes")

    def _may(self, once: str) -> tuple[int, ...]:
        """How often it may be answered with 200: the one that did it may have run out of time."""
        return (0, 1) if once in self._late else (1,)

    async def _all(self, rest: Iterator[Attack], warm: int) -> None:
        await asyncio.gather(*(self._some(rest, warm) for _ in range(AT_ONCE)))

    async def _some(self, rest: Iterator[Attack], warm: int) -> None:
        for one in rest:
            longest = one.longest + SLACK_SECONDS
            try:
                said = await talk(
                    self._server.host, self._server.port, one.sends, longest=longest, leaves=one.leaves, head=one.head
                )
            except OSError as error:
                self._found.problems.append(f"{one.kind}: no connection: {error}")
                return
            self._judge(one, said)
            if not self._at_first[0] and self._found.requests >= warm:
                self._at_first = self._server.size()
            if self._progress is not None:
                self._progress(self._found.requests)

    def _judge(self, one: Attack, said: Talk) -> None:
        found, problems = self._found, self._found.problems
        found.slowest = max(found.slowest, said.seconds)
        if not said.ended:
            problems.append(f"{one.kind}: the server did not end it in {said.seconds:.1f} s: {_shown(one)}")
        if said.wrong is not None:
            problems.append(f"{one.kind}: {said.wrong}")
        if len(said.answers) > one.answers:
            problems.append(f"{one.kind}: {len(said.answers)} answers to {one.answers} requests: {_shown(one)}")
        if not said.answers:
            found.requests += 1
            found.kinds[one.kind] += 1
            found.unanswered[one.kind] += 1
            if not one.leaves:
                problems.append(f"{one.kind}: no answer to {_shown(one)}")
        for answer in said.answers:
            _count(found, one.kind, answer)
            self._server.keep(answer.status, answer.body)
            problems += [f"{one.kind}: {wrong}" for wrong in self._wrong(one, answer)]

    def _wrong(self, one: Attack, answer: Answer) -> Iterator[str]:
        if answer.status not in one.statuses | LATE:  # a loaded machine runs out of time
            yield f"{answer.status} {answer.body[:120]!r} to {_shown(one)}"
        if not one.head and (wrong := ill_formed(answer)) is not None:
            yield wrong
        if answer.status != 200 and self._target.planted.encode() in answer.body:
            yield f"what was sent is repeated: {answer.body[:300]!r}"
        if answer.status in LATE:
            self._late.add(one.once)
        if answer.status == 200 and one.same is not None:
            self._same.setdefault(one.same, set()).add(answer.body)
        if answer.status == 200 and one.once is not None:
            self._once[one.once] += 1


def _count(found: Hostile, kind: str, answer: Answer) -> None:
    found.requests += 1
    found.kinds[kind] += 1
    found.statuses[str(answer.status)] += 1


def _shown(one: Attack) -> str:
    whole = b"".join(part for part in one.sends if isinstance(part, bytes))
    return repr(whole[:200])


# ---- schemathesis ------------------------------------------------------------------------------------------------


def _schemas(one: Attacked, found: Hostile, count: int, seed: int, progress: Callable[[int], object] | None) -> None:
    def called(told: Called) -> None:
        _count(found, "schemathesis", Answer(told.status, {}, told.body))
        found.slowest = max(found.slowest, told.seconds)
        one.keep(told.status, told.body)
        if told.status >= 500:
            found.problems.append(f"schemathesis: {told.status} {told.body[:200]!r} at {told.path}")
        found.problems.extend(f"schemathesis at {told.path}: {wrong}" for wrong in told.wrong)
        if progress is not None:
            progress(found.requests)

    call_all(one.url, one.tokens, count, seed, called)


# ---- the account -------------------------------------------------------------------------------------------------


def _alive(one: Attacked, found: Hostile) -> None:
    if one.ask("GET", "/healthz", None).status != 200:
        found.problems.append("the server is not ready at the end")
    one.figures = one.ask("GET", "/metrics", "run").body
    if b"ingot_requests_under_way 1.0" not in one.figures:
        found.problems.append("requests are under way that nobody waits for")


def _account(one: Attacked, key: StoreKey, found: Hostile) -> None:
    """Every answered run is recorded once, and every recorded one was answered, but for clients that went away."""
    answered = one.answered
    with Store.open(str(one.folder / "store.db"), key) as store:
        found.problems += [f"audit: {problem}" for problem in store.audit.verify().problems]
        records = [row for row in store.audit.records() if row["kind"] == "run"]
    recorded = {row["run"]: row["workflow"] for row in records}
    twice = [run for (run, _), times in Counter((row["run"], row["status"]) for row in records).items() if times > 1]
    lost = answered - recorded.keys()
    never = [run for run, workflow in recorded.items() if run not in answered and workflow.split()[0] != LEFT]
    found.runs, found.recorded = len(answered), len(recorded)
    found.unanswered_runs = len(recorded.keys() - answered)
    found.problems += [f"{len(lost)} answered runs are not recorded"] if lost else []
    found.problems += [f"{len(twice)} runs are recorded twice"] if twice else []
    late = sum(found.statuses[str(status)] for status in LATE)
    if len(never) > late:
        found.problems.append(f"{len(never)} recorded runs were answered to nobody, and {late} ran out of time")


def _search(one: Attacked, spans: Spans, secrets: dict[str, str], phi: str, found: Hostile) -> None:
    """Nothing planted in what the server tells of itself; the labelled value in no file of the store either."""
    places = {"log": one.log(), "figures": one.figures, "spans": bytes(spans.got), "errors": bytes(one.errors)}
    found.searched = sum(map(len, places.values()))
    for place, content in places.items():
        if not content:
            found.problems.append(f"there are no {place} to search")
        found.problems += [f"{name} is in the {place}" for name, value in secrets.items() if value.encode() in content]
    for path in sorted(one.folder.glob("store.db*")):
        if phi.encode() in path.read_bytes():
            found.problems.append(f"phi is in the clear in {path.name}")
    if b'"event":"failure"' in places["log"]:
        found.problems.append("the log has failures")

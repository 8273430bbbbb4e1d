"""Requests made from a server's OpenAPI document by schemathesis, held against that document; and bodies by hypothesis."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count as numbers
from typing import TYPE_CHECKING, Any

from ingot.errors import StageError

if TYPE_CHECKING:
    import requests
    from hypothesis.strategies import SearchStrategy

EACH = 25
"""Requests of one operation before the next has its turn."""
LONGEST_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Called:
    """One request that was made from the document: its route, what answered it, and which checks found what wrong."""

    path: str
    status: int
    body: bytes
    seconds: float
    wrong: tuple[str, ...]


def call_all(url: str, tokens: Mapping[str, str], count: int, seed: int, called: Callable[[Called], object]) -> None:
    """Make `count` requests from the document at `url`, right and wrong ones, and tell each. Raises StageError where
    schemathesis is not installed."""
    try:
        import requests
        import schemathesis
        from schemathesis.checks import CHECKS, load_all_checks
    except ImportError:
        raise StageError("schemathesis is not installed", hint="pip install schemathesis") from None
    load_all_checks()
    left = count
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {tokens['run']}"
        document = session.get(f"{url}/openapi.json", timeout=LONGEST_SECONDS).json()
        schema = schemathesis.openapi.from_dict(document)
        schema.config.update(base_url=url)
        # "no such review" is right for a made-up one
        ask = _Asking(session, [CHECKS.get_one("positive_data_acceptance")], called)
        for number in numbers(seed):
            for strategy, token in _strategies(schema, tokens):
                if left <= 0:
                    return
                left -= ask.some(strategy, token, min(EACH, left), number)


def _strategies(schema: Any, tokens: Mapping[str, str]) -> Iterator[tuple[SearchStrategy[Any], str]]:
    from schemathesis import GenerationMode

    for found in schema.get_all_operations():
        operation = found.ok()
        scope = "review" if "/reviews" in operation.path else "admin" if "/admin" in operation.path else "run"
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query or operation.headers):
                continue  # nothing of this operation could be wrong
            yield operation.as_strategy(generation_mode=mode), tokens[scope]


class _Asking:
    def __init__(self, session: requests.Session, excluded: list[Any], called: Callable[[Called], object]) -> None:
        self._session, self._excluded, self._called = session, excluded, called

    def some(self, strategy: SearchStrategy[Any], token: str, most: int, seed: int) -> int:
        """At most so many requests of one operation; how many there were."""
        from hypothesis import HealthCheck, Phase, given, settings
        from hypothesis import seed as seeded

        made = 0

        @seeded(seed)
        @settings(
            max_examples=most,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=strategy)
        def ask(case: Any) -> None:
            nonlocal made
            if made < most:
                made += 1
                self._called(self._one(case, token))

        ask()
        return made

    def _one(self, case: Any, token: str) -> Called:
        from schemathesis.core.failures import Failure, FailureGroup

        header = {"Authorization": f"Bearer {token}"}
        answer = case.call(headers=header, session=self._session, timeout=LONGEST_SECONDS)
        wrong: tuple[str, ...] = ()
        try:
            case.validate_response(answer, headers=header, excluded_checks=self._excluded)
        except FailureGroup as failures:
            wrong = tuple(f"{answer.status_code}: {one}"[:300] for one in failures.exceptions)
        except Failure as failure:
            wrong = (f"{answer.status_code}: {failure}"[:300],)
        return Called(case.path, answer.status_code, answer.content, answer.elapsed, wrong)


def made_bodies(count: int, seed: int) -> list[bytes]:
    """Bodies of all kinds: bytes, JSON values, and objects with an input's names and any values."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded
    from hypothesis import strategies as st

    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=12,
    )
    named = st.fixed_dictionaries(dict.fromkeys(("name", "months", "grade", "paid"), values))
    written = st.one_of(values, named, st.lists(named, max_size=3)).map(lambda value: json.dumps(value).encode())
    found: list[bytes] = []

    @seeded(seed)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(st.binary(max_size=300), written))
    def keep(body: bytes) -> None:
        found.append(body)

    keep()
    return found

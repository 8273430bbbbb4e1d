"""Requests that nobody meant: made from the server's own OpenAPI document, and bodies made to break parsers."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS, load_all_checks

from ingot.store.store import Store
from tests.edges.http.conftest import CASE, KEY, Lines, Make, app_of, known_tokens, running

QUIET = settings(
    deadline=None, max_examples=25, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
LINES = Lines()
load_all_checks()
EXCLUDED = [CHECKS.get_one("positive_data_acceptance")]  # "no such review" is right for a made-up one


@pytest.fixture(scope="module")
def served(
    make: Make, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[httpx.Client, dict[str, dict[str, str]], Store]]:
    folder = tmp_path_factory.mktemp("hostile")
    known, headers = known_tokens()
    make(folder / "served")
    make(folder / "served", name="asks", clerk=True)
    with (
        Store.open(str(folder / "store.db"), KEY) as store,
        running(app_of(folder / "served", store, known, LINES)) as client,
    ):
        yield client, headers, store
        assert not store.audit.verify().problems
        assert '"event":"failure"' not in LINES.text


@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_the_server_keeps_to_its_openapi_document(
    served: tuple[httpx.Client, dict[str, dict[str, str]], Store], mode: str
) -> None:
    client, headers, _ = served
    document = client.get("/openapi.json", headers=headers["runner"]).json()
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=str(client.base_url))
    seen = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        name = "judge" if "/reviews" in operation.path else "chief" if "/admin" in operation.path else "runner"
        strategy = operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode))
        if mode == "negative" and not (operation.body or operation.query or operation.headers):
            continue  # nothing of this operation could be wrong
        _ask(strategy, headers[name])
        seen += 1
    assert seen >= 8


def _ask(strategy: st.SearchStrategy[schemathesis.Case], header: dict[str, str]) -> None:
    @QUIET
    @given(case=strategy)
    def ask(case: schemathesis.Case) -> None:
        case.call_and_validate(headers=header, excluded_checks=EXCLUDED)

    ask()


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
BODIES = (
    st.binary(max_size=300)
    | JSON_VALUES.map(lambda value: json.dumps(value).encode())
    | st.sampled_from([b"", b"{", b"[" * 10_000, b'{"a":' * 5_000, b"9" * 5_000, b'"\\ud800"', b"1e999999999", b"\x00"])
    | st.fixed_dictionaries(dict.fromkeys(CASE, JSON_VALUES)).map(lambda case: json.dumps(case).encode())
)
PATHS = st.sampled_from(
    ["/workflows/fees/run", "/workflows/asks/run", "/workflows/fees/batch", "/workflows/fees/explain"]
)
KINDS = st.sampled_from(["application/json", "application/jsonl", "application/json; charset=utf-16", "text/html", ""])


@settings(QUIET, max_examples=300)
@given(path=PATHS, kind=KINDS, body=BODIES)
def test_any_body_gets_one_json_object_and_no_bug(
    served: tuple[httpx.Client, dict[str, dict[str, str]], Store], path: str, kind: str, body: bytes
) -> None:
    client, headers, _ = served
    answer = client.post(path, content=body, headers={**headers["runner"], "content-type": kind})
    assert answer.status_code in (200, 400, 409, 413, 415, 422), answer.text
    if answer.status_code != 200:
        assert {"error", "place", "hint"} <= set(answer.json())

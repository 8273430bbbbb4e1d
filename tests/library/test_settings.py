"""Settings of any shape are told as problems: a mistyped spec is a finding, not a traceback."""

from typing import Any, get_args

import pytest

from ingot import library
from ingot.spec import ModuleName

WHOLE: dict[str, dict[str, Any]] = {
    "http": {"url": "https://api.example.org/x", "hosts": ["api.example.org"]},
    "database": {"url_env": "CLAIMS", "sql": "SELECT 1 AS a", "timeout_seconds": 5},
    "files": {"root": "/srv", "path": "a.txt"},
    "notify": {},
}
ODD: list[Any] = [None, 5, -1, True, "x", "{a}", [], [1], [None], {}, {"a": 1}, {"a": None}, {1: 2}, 10**30]


@pytest.mark.parametrize("operation", get_args(ModuleName))
def test_odd_settings_are_problems_and_no_bugs(operation: str) -> None:
    name = operation.partition(".")[0]
    module = library.module(name)
    stated = module._SETTINGS.get(operation, module._SETTINGS)
    for key, value in ((key, value) for key in (*stated, "unknown", 5) for value in ODD):
        for base in ({}, WHOLE[name]):
            problems = module.check(operation, {**base, key: value}, ("a",))
            assert all(isinstance(problem, str) for problem in problems)
            if key in ("unknown", 5):
                assert problems


@pytest.mark.parametrize("headers", [None, 5, ["x"], {"a": 1}])
def test_headers_that_are_no_mapping_of_texts_are_told(headers: Any) -> None:
    (problem,) = library.module("http").check("http.get", {**WHOLE["http"], "headers": headers}, ())
    assert "headers" in problem

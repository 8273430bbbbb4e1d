"""The model that tests use."""

from __future__ import annotations

import pytest

from ingot.errors import ModelError, ModelTimeout
from ingot.models import Model, Request, Scripted
from ingot.usage import Usage


def test_answers_in_turn_and_remembers(request_: Request) -> None:
    model = Scripted(["one", ModelTimeout("late"), ""])
    assert isinstance(model, Model)
    completion = model.complete(request_)
    assert (completion.text, completion.model, completion.usage) == ("one", "scripted", Usage(7, 1, 1))
    with pytest.raises(ModelTimeout):
        model.complete(request_)
    assert model.complete(request_).text == ""
    with pytest.raises(ModelError, match="asked 4 times and has 3 answers"):
        model.complete(request_)
    assert model.requests == [request_] * 4


def test_a_reply_over_the_limit(request_: Request) -> None:
    with pytest.raises(ModelError, match="is the limit"):
        Scripted(["ä" * 500_001]).complete(request_)

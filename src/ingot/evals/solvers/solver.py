"""What every solver has, and the values that it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ingot.errors import PromptTooLong
from ingot.evals.suite import Task
from ingot.usage import Usage

NOT_DEPLOYED, NOT_ASKED = "not deployed: ", "not asked: "
"""How `Answer.withheld` begins where nothing was run or asked."""
NOT_FURTHER = "not asked further: "
"""How it begins where a prompt grew too long for the model after something was asked."""
INPUT_REFUSED = "InputError: "
"""How `Answer.error` begins where the input was refused."""


@dataclass(frozen=True, slots=True)
class StageRow:
    """What one stage said of one attempt: which attempt, which stage, whether it passed, with which findings; of which
    function alone, "" for a whole program."""

    attempt: int
    stage: str
    passed: bool
    codes: tuple[str, ...] = ()
    function: str = ""

    def to_json(self) -> list[Any]:
        """A row; the function stands in it where there is one."""
        return [self.attempt, self.stage, self.passed, list(self.codes), *([self.function] if self.function else [])]


@dataclass(frozen=True, slots=True)
class Generation:
    """What preparing for a task took, once.

    `deployed` is False where the gates refused every candidate: nothing is then answered, which is not the same as a
    wrong answer. `reason` says why. `seconds` is wall time, and at least the time of the model and of the stages together, which
    `model_seconds` and `stage_seconds` are: what was kept from an earlier run counts with the time that it took then.
    `model` is who wrote it, "" where nobody was asked. `source` is the program that was written, for the figures on code,
    `mutants` how many changed programs its cases tell from it and how many not, None where nobody counted, `draws` of each program
    that was drawn independently whether its first reply passed all gates,
    `calibration` what held-out cases said of the outputs of hybrid steps (`ingot.agreement.Calibration.to_json`).
    """

    deployed: bool
    reason: str = ""
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    model_seconds: float = 0.0
    stage_seconds: float = 0.0
    attempts: int = 0
    stages: tuple[StageRow, ...] = ()
    model: str = ""
    source: str = ""
    artifact: str = ""
    calibration: Mapping[str, Any] = field(default_factory=dict)
    mutants: tuple[int, int] | None = None
    draws: tuple[bool, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "deployed": self.deployed, "reason": self.reason, "usage": self.usage.to_json(),
            "seconds": round(self.seconds, 6), "model_seconds": round(self.model_seconds, 6),
            "stage_seconds": round(self.stage_seconds, 6), "attempts": self.attempts,
            "stages": [one.to_json() for one in self.stages],
            "model": self.model, "source": self.source, "artifact": self.artifact,
            **({"calibration": dict(self.calibration)} if self.calibration else {}),
            **({} if self.mutants is None else {"mutants": list(self.mutants)}),
            **({"draws": list(self.draws)} if self.draws else {}),
        }  # fmt: skip

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Generation:
        """What `to_json` told."""
        stages = tuple(
            StageRow(at, stage, passed, tuple(codes), *of) for at, stage, passed, codes, *of in told["stages"]
        )
        mutants = None if told.get("mutants") is None else (int(told["mutants"][0]), int(told["mutants"][1]))
        draws = tuple(map(bool, told.get("draws", ())))
        return cls(**{**told, "usage": Usage(**told["usage"]), "stages": stages, "mutants": mutants, "draws": draws})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a solver answered to one item.

    `output` holds the fields that it answered; one that is missing was withheld (sent to a person). None: nothing was
    answered, and `withheld` or `error` says why. `by` says for a field who answered it where that differs (``code``,
    ``model``), `confidence` how sure it is, 0 to 1, `alone` how sure by such answers themselves, without the better ones that
    `confidence` counts with them (`ingot.agreement.alone`): the order of answers of several fields. `guesses` are what it would have answered in the fields that it
    withheld: nobody is given them, they tell what withholding was worth. `usage` is what this one transaction used,
    `seconds` its wall time. `ran` is False where nothing was run or asked at all, since the task is not deployed or its prompt
    does not fit: what then took no time and no tokens is no transaction.
    """

    output: Mapping[str, Any] | None
    withheld: str = ""
    error: str = ""
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    by: Mapping[str, str] = field(default_factory=dict)
    confidence: Mapping[str, float] = field(default_factory=dict)
    alone: Mapping[str, float] = field(default_factory=dict)
    guesses: Mapping[str, Any] = field(default_factory=dict)
    ran: bool = True

    @property
    def refused(self) -> bool:
        """True where the input was refused, by a check made before anything else; any other error is a failure."""
        return self.error.startswith(INPUT_REFUSED)

    @property
    def unwithheld(self) -> dict[str, Any]:
        """What it answered, and its guesses where it withheld."""
        return {**self.guesses, **(self.output or {})}

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; decimals and dates as text."""
        from ingot.fields import to_plain

        return {
            "output": None if self.output is None else to_plain(dict(self.output)), "withheld": self.withheld,
            "error": self.error, "usage": self.usage.to_json(), "seconds": round(self.seconds, 9), "by": dict(self.by),
            "confidence": dict(self.confidence), **({"alone": dict(self.alone)} if self.alone else {}),
            **({"guesses": to_plain(dict(self.guesses))} if self.guesses else {}),
            **({} if self.ran else {"ran": False}),
        }  # fmt: skip

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Answer:
        """What `to_json` told."""
        ran = not str(told["withheld"]).startswith((NOT_DEPLOYED, NOT_ASKED))  # earlier versions wrote the words alone
        return cls(**{"ran": ran, **told, "usage": Usage(**told["usage"])})


def too_long(error: PromptTooLong, usage: Usage, seconds: float) -> Answer:
    """The answer to a transaction whose prompt does not fit: withheld, with the tokens and seconds that were used until then."""
    ran = usage.requests > 0
    said = f"{NOT_FURTHER if ran else NOT_ASKED}{error.message}"
    return Answer(None, withheld=said, usage=usage, seconds=seconds, ran=ran)


class Prepared(Protocol):
    """A solver made ready for one task."""

    @property
    def generation(self) -> Generation:
        """What that took."""

    def answer(self, given: Mapping[str, Any]) -> Answer:
        """Answer one input. A wrong or broken answer is a value; a broken tool (a model that cannot be reached) raises."""

    def close(self) -> None:
        """Let go of processes and folders."""


class Solver(Protocol):
    """A system under evaluation."""

    @property
    def side_by_side(self) -> bool:
        """Whether what it prepares may answer several inputs at once, in threads."""

    @property
    def name(self) -> str:
        """Its name in reports."""

    @property
    def model(self) -> str:
        """The model that it asks, "" where it asks none."""

    def estimate(self, task: Task) -> Usage:
        """What `prepare` and answering all items are expected to use where everything passes at the first attempt."""

    def prepare(self, task: Task) -> Prepared:
        """Make ready for a task. Raises ModelError and StageError; candidates that are refused are a value."""

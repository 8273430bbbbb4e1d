"""Prompts worded by DSPy: its optimisers propose, on cases that they may learn from; what is kept is decided elsewhere.

DSPy asks our model through an adapter and nothing else: no client, no cache and no file of its own. It tries a prompt in the
very request that a bounded step makes.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from ingot.compile.tuning import Shown, Tuning, is_right
from ingot.errors import ModelError, StageError
from ingot.fields import json_schema, validator
from ingot.models.model import Request
from ingot.runtime.bounded.reading import Unfit, checked, read_reply
from ingot.runtime.bounded.step import instructions_of, task_of
from ingot.runtime.bounded.tuned import Tuned, shown_examples

WORDINGS = 4
"""Wordings of the task that are tried, the spec's own among them."""

EXAMPLES = 4
"""Examples that a prompt may have."""

_MARK = "MATERIAL"
_FIELDS = ("proposed_instruction", "proposed_prefix_for_output_field")
_WORDS = {
    "type": "object", "properties": {name: {"type": "string"} for name in _FIELDS}, "required": list(_FIELDS),
    "additionalProperties": False,
}  # fmt: skip
"""What COPRO asks for when it words a task anew."""


def require_dspy() -> None:
    """Raises ModelError where DSPy is not installed."""
    if importlib.util.find_spec("dspy") is None:
        raise ModelError("'dspy' is not installed", hint="pip install 'ingot[dspy]'")


def propose(tuning: Tuning) -> Sequence[Tuned]:
    """Prompts that did well on the cases to learn from: with words of COPRO's, with examples that BootstrapFewShot picked,
    and with both. Raises ModelError where the model could not be asked."""
    with _quiet():
        import dspy

        dspy.configure_cache(enable_disk_cache=False, enable_memory_cache=False)
        try:
            words, picked = _optimised(dspy, tuning)
        except Exception as error:
            if tuning.model.broken is not None:
                raise tuning.model.broken from None
            raise StageError(f"DSPy could not go on: {type(error).__name__}: {str(error)[:300]}") from error
    if tuning.model.broken is not None:  # DSPy counts a request that failed as a wrong answer
        raise tuning.model.broken
    own = task_of(tuning.step)
    examples = tuple((one.line, one.answer) for one in tuning.cases if one.line in picked and one.answer is not None)
    found = [Tuned(words), Tuned(own, examples), Tuned(words, examples)]
    return [one for one in found if one != Tuned(own)]


def _optimised(dspy: Any, tuning: Tuning) -> tuple[str, set[str]]:
    """The best words for the task, and the material of the examples that were picked."""
    from dspy.utils.exceptions import AdapterParseError

    by_line = {one.line: one for one in tuning.cases}
    cases = [dspy.Example(material=one.line, answer=one.answer or "").with_inputs("material") for one in tuning.cases]
    showable = [one for one in cases if one.answer]
    student = _student(dspy, tuning)

    def metric(case: Any, said: Any, _trace: Any = None) -> bool:
        return _answers(tuning, by_line[case.material], said.answer)

    with dspy.context(lm=_lm(dspy, tuning), adapter=dspy.JSONAdapter()):
        optimiser = dspy.COPRO(metric=metric, breadth=WORDINGS, depth=1, init_temperature=1.0)
        best = student
        with contextlib.suppress(AdapterParseError):  # a model that words nothing: examples may still help
            best = optimiser.compile(student, trainset=cases, eval_kwargs={"num_threads": 1, "display_progress": False})
        words = str(best.predict.signature.instructions).strip()
        few = dspy.BootstrapFewShot(metric=metric, max_bootstrapped_demos=EXAMPLES, max_labeled_demos=EXAMPLES)
        picked = few.compile(best, trainset=showable).predict.demos if showable else []
    return words, {one["material"] for one in picked}


def _answers(tuning: Tuning, case: Shown, reply: str) -> bool:
    """True where a reply is the right answer, by the step's schema and the spec's scorers."""
    step = tuning.step
    try:
        values = checked(validator(step.outputs), step.outputs, case.material.restored(read_reply(reply)))
    except Unfit:
        return False
    return is_right(tuning.spec, step, values, case.expected)


def _student(dspy: Any, tuning: Tuning) -> Any:
    """The step as a DSPy module, whose one request is the runtime's."""

    class Written(dspy.Adapter):
        """A signature, examples and an input, as the request of a bounded step."""

        def format(self, signature: Any, demos: Sequence[Mapping[str, Any]], inputs: Mapping[str, Any]) -> list[Any]:
            """Instructions as the system's words, the block of material as the user's."""
            shown = Tuned("", tuple((one["material"], one["answer"]) for one in demos))
            told = instructions_of(str(signature.instructions), _MARK, shown_examples(shown))
            block = f"<material {_MARK}>\n{inputs['material']}\n</material {_MARK}>"
            return [{"role": "system", "content": told}, {"role": "user", "content": block}]

        def parse(self, signature: Any, completion: str) -> dict[str, Any]:
            """The reply is the answer."""
            return {"answer": completion}

    class Step(dspy.Module):
        """One bounded step."""

        def __init__(self) -> None:
            super().__init__()
            self.predict = dspy.Predict(dspy.Signature("material -> answer", task_of(tuning.step)))

        def forward(self, material: str) -> Any:
            """Ask for one case."""
            with dspy.context(adapter=Written()):
                return self.predict(material=material)

    return Step()


def _lm(dspy: Any, tuning: Tuning) -> Any:
    """Our model as DSPy wants one."""
    schema = json_schema(tuning.step.outputs)

    class Ours(dspy.BaseLM):
        """A language model of DSPy's that asks ours. A request with a block of material is answered by the step's schema."""

        def __init__(self) -> None:
            super().__init__(tuning.model.name, cache=False, num_retries=0)

        def forward(self, prompt: str | None = None, messages: Any = None, **options: Any) -> Any:
            """One completion, or as many as are asked for. Raises ModelError."""
            told = messages or [{"role": "user", "content": prompt or ""}]
            texts = [self._one(told, options.get("temperature"), number) for number in range(options.get("n") or 1)]
            choices = [
                SimpleNamespace(message=SimpleNamespace(content=text, tool_calls=None), finish_reason="stop")
                for text in texts
            ]
            usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}  # counted by the model inside
            return SimpleNamespace(choices=choices, usage=usage, model=tuning.model.name)

        def _one(self, messages: Sequence[Mapping[str, str]], temperature: float | None, seed: int) -> str:
            system = "\n\n".join(one["content"] for one in messages if one["role"] == "system")
            rest = [one["content"] for one in messages if one["role"] != "system"]
            bounded = rest[-1].startswith(f"<material {_MARK}>\n")
            return tuning.model.complete(
                Request(
                    system=system, prompt="\n\n".join(rest), schema=schema if bounded else _WORDS,
                    max_tokens=tuning.step.max_tokens if bounded else 1_000, temperature=temperature or 0.0, seed=seed,
                )
            ).text  # fmt: skip

    return Ours()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """DSPy's log, bars, prints and deprecations are not for our user, nor for who reads our JSON."""
    nowhere = io.StringIO()
    log = logging.getLogger("dspy")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(nowhere), contextlib.redirect_stdout(nowhere):
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)

"""The two workflows that run on Temporal: one for a run of any artifact, one for a chunk of a batch.

They hold no logic of their own. What a program does between its steps is computed here, inside the workflow: it is pure,
and was shown to be before it was signed. All else are activities, in `temporal_work`, found by name.

    ingot-run     pure: one local activity computes and records. With steps: an activity each, then a local one records
    ingot-chunk   one activity runs the rows of a chunk and records them
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy, VersioningBehavior
from temporalio.exceptions import ActivityError, ApplicationError

from ingot.edges.temporal_loaded import LOADED, Loaded
from ingot.errors import IngotError

STEP_TIME, CHUNK_TIME = timedelta(hours=1), timedelta(hours=1)
LOCAL_TIME, DECIDE_TIME = timedelta(seconds=30), timedelta(minutes=1)
FOREVER = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=15))
"""What is retried until it can be done: where the log cannot be written there is no answer, and none is lost."""

Plain = dict[str, Any]


def failure(error: IngotError) -> ApplicationError:
    """An error of ours as one that ends the workflow; its words are sealed like every payload."""
    return ApplicationError(error.message, error.place, type=type(error).__name__, non_retryable=True)


def _loaded(digest: str) -> Loaded:
    found = LOADED.get(digest)
    if found is None:  # not an ApplicationError: the task is tried again, by a worker that has it
        raise LookupError(f"this worker does not have artifact {digest[:12]}")
    return found


@workflow.defn(name="ingot-run", versioning_behavior=VersioningBehavior.PINNED)
class RunFlow:
    """One run. Its input is ``{digest, run, input}``, its answer an outcome as JSON."""

    def __init__(self) -> None:
        self._done: list[tuple[str, Plain]] = []
        self._calls: list[Plain] = []
        self._waits: Plain | None = None
        self._decision: Plain | None = None
        self._deciding = self._broken = False
        self._digest = ""

    @workflow.run
    async def run(self, order: Plain) -> Plain:
        """The run, to its end. Fails with the error that an in-process run raises."""
        self._digest = order["digest"]
        loaded = _loaded(self._digest)
        stop: tuple[str, str] | None = None
        while True:
            stop = None if loaded.pure else await self._steps(loaded, order)
            ended = {**order, **self._behind(), "stop": stop, **({"broken": True} if self._broken else {})}
            told: Plain = await self._locally("ingot-settle", ended)
            if told["status"] == "completed":
                return told
            decision = await self._decided(f"{order['run']}.{len(self._done)}", told["review"])
            if not decision["goes_on"]:
                return {**told, "status": "decided", "output": decision["given"], "decision": decision}
            self._done.append((told["review"]["step"], decision["given"] or {}))

    async def _steps(self, loaded: Loaded, order: Plain) -> tuple[str, str] | None:
        """Carry out steps until the program is done; the step and the reason where a person must decide, or where it
        broke and the validator template asks one."""
        while True:
            try:
                asked = loaded.next_step(order["input"], self._done)
            except IngotError:
                return None  # settling meets it again, and records it
            if asked is None:
                return None
            step, arguments = asked
            if step in loaded.people:
                return step, loaded.people[step]
            found = await self._step(loaded, order, step, arguments)
            if "broken" in found:
                self._broken = True
                return step, found["broken"]
            self._calls += found["calls"]
            if "review" in found:
                return step, found["review"]
            self._done.append((step, found["outputs"]))

    async def _step(self, loaded: Loaded, order: Plain, step: str, arguments: Plain) -> Plain:
        try:
            found: Plain = await workflow.execute_activity(
                "ingot-step",
                {
                    "digest": order["digest"],
                    "step": step,
                    "arguments": arguments,
                    "calls": self._calls,
                    "number": len(self._done),
                },
                start_to_close_timeout=STEP_TIME,
                heartbeat_timeout=loaded.lost_after,
                retry_policy=FOREVER,
                summary=step,
            )
        except ActivityError as error:
            said = str(error.cause or error)
            if loaded.validates:
                return {"broken": said}
            await self._locally("ingot-fail", {**order, **self._behind(), "step": step, "message": said})
            raise ApplicationError(said, step, type="StepError", non_retryable=True) from None
        return found

    def _behind(self) -> Plain:
        return {"done": self._done, "calls": self._calls} if self._calls else {"done": self._done}

    async def _locally(self, name: str, order: Plain) -> Any:
        return await workflow.execute_local_activity(
            name, order, start_to_close_timeout=LOCAL_TIME, retry_policy=FOREVER
        )

    # ---- people --------------------------------------------------------------------------------------------------

    async def _decided(self, review: str, asked: Plain) -> Plain:
        self._waits = {"review": review, "step": asked["step"], "reason": asked["reason"]}
        await workflow.wait_condition(lambda: self._decision is not None)
        decision, self._decision, self._waits = self._decision, None, None
        assert decision is not None
        return decision

    @workflow.update(name="decide")
    async def decide(self, decision: Plain) -> Plain:
        """A person's decision: kept in the store with who, when and why, then the run goes on."""
        self._deciding = True
        try:
            kept: Plain = await workflow.execute_activity(
                "ingot-decide",
                {**decision, "digest": self._digest},
                start_to_close_timeout=DECIDE_TIME,
                retry_policy=FOREVER,
            )
        finally:
            self._deciding = False
        self._decision = kept
        return kept

    @decide.validator
    def _may_decide(self, decision: Plain) -> None:
        if self._waits is None or self._deciding or self._decision is not None:
            raise ApplicationError("the run does not wait for a person", type="StoreError", non_retryable=True)
        if decision.get("review") != self._waits["review"]:
            raise ApplicationError(
                f"the run waits for review {self._waits['review']!r}", type="StoreError", non_retryable=True
            )

    @workflow.query(name="state")
    def state(self) -> Plain:
        """How far the run is: the names of its finished steps, and the review that it waits for."""
        return {"done": [step for step, _ in self._done], "waits": self._waits}


@workflow.defn(name="ingot-chunk", versioning_behavior=VersioningBehavior.PINNED)
class ChunkFlow:
    """A chunk of a batch. Its input is ``{digest, batch, first, rows, validate}``, its answer what `Done` counts."""

    @workflow.run
    async def run(self, order: Plain) -> Plain:
        """The chunk's outcomes."""
        loaded = _loaded(order["digest"])
        done: Plain = await workflow.execute_activity(
            "ingot-chunk",
            order,
            start_to_close_timeout=CHUNK_TIME,
            heartbeat_timeout=loaded.lost_after,
            retry_policy=FOREVER,
        )
        return done

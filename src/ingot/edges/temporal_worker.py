"""A worker: polls a Temporal server for the runs of its artifacts. Any number of them share the work."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkerDeploymentConfig

from ingot.edges.logs import TEMPORAL, keep_values_out
from ingot.edges.temporal_flow import ChunkFlow, RunFlow
from ingot.edges.temporal_loaded import LOADED, Loaded, deployment
from ingot.edges.temporal_work import ACTIVITIES
from ingot.errors import InputError
from ingot.runtime.run import Workflow
from ingot.store.store import Store

LOST_AFTER = 10.0
AT_ONCE = 16


async def work(
    client: Client,
    workflows: Sequence[Workflow],
    store: Store,
    *,
    lost_after: float = LOST_AFTER,
    at_once: int = AT_ONCE,
    stop: asyncio.Event | None = None,
) -> None:
    """Serve these artifacts until `stop`; then finish what is begun.

    Each has its task queue, named after its workflow; its digest is the build id of a deployment version to which its
    runs are pinned, so a run goes on only with the artifact that it began with: keep a worker of the old version until
    its runs are done. `lost_after` seconds without a sign of life a step is given to another worker. `at_once` is how
    many steps run in parallel. Raises InputError where two artifacts are versions of one workflow.
    """
    names = [deployment(one.spec) for one in workflows]
    if len(set(names)) < len(names):
        raise InputError("two artifacts are versions of one workflow", hint="start a worker process for each version")
    keep_values_out(TEMPORAL)
    for one in workflows:
        LOADED[one.digest] = Loaded(one, store, timedelta(seconds=lost_after))
    with ThreadPoolExecutor(at_once, thread_name_prefix="ingot-step") as threads:
        async with contextlib.AsyncExitStack() as stack:
            for one in workflows:
                await stack.enter_async_context(worker(client, one, threads, at_once))
            await (stop or asyncio.Event()).wait()


def worker(client: Client, workflow: Workflow, threads: ThreadPoolExecutor, at_once: int = AT_ONCE) -> Worker:
    """The worker of one artifact that is in `LOADED`."""
    name = deployment(workflow.spec)
    version = WorkerDeploymentVersion(name, workflow.digest)
    return Worker(
        client,
        task_queue=name,
        workflows=[RunFlow, ChunkFlow],
        activities=ACTIVITIES,
        activity_executor=threads,
        max_concurrent_activities=at_once,
        max_concurrent_local_activities=at_once,
        # the program was shown to be pure before it was signed, and was verified once: the sandbox, which loads code
        # anew for each run, would run what nobody verified
        workflow_runner=UnsandboxedWorkflowRunner(),
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=5),
        graceful_shutdown_timeout=timedelta(seconds=10),
        deployment_config=WorkerDeploymentConfig(
            version=version, use_worker_versioning=True, default_versioning_behavior=VersioningBehavior.PINNED
        ),
    )

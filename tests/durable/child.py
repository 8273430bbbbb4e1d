"""A process of its own that runs a workflow, to be killed: ``child.py BACKEND ORDER.json``.

The order says where the process ends itself with SIGKILL: ``before`` or ``after`` a step's effect, or at ``record``.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingot.runtime.run import Workflow, load
from ingot.store.elsewhere import DrivenElsewhere
from ingot.store.keys import StoreKey
from ingot.store.runs import RecordedWorkflow
from ingot.store.store import Store

KEY = StoreKey(bytes(range(32)))


def killed_once(flag: str | None) -> None:
    """End this process, the first time that it comes here."""
    if flag is not None and not Path(flag).exists():
        Path(flag).touch()
        os.kill(os.getpid(), signal.SIGKILL)


def mortal(workflow: Workflow, order: Mapping[str, Any]) -> Workflow:
    own, kill = workflow.perform, order.get("kill") or ["", ""]
    flag = order.get("flag")
    if own is not None:

        def perform(step: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
            if kill == ["before", step]:
                killed_once(flag)
            outputs = own(step, arguments)
            if kill == ["after", step]:
                killed_once(flag)
            return outputs

        workflow.perform = perform
    if kill[0] == "record":
        for kind, name in ((RecordedWorkflow, "_end"), (DrivenElsewhere, "_once")):
            setattr(kind, name, _killing(getattr(kind, name), kill[1], flag))
    return workflow


def _killing(own: Any, when: str, flag: str | None) -> Any:
    def call(*arguments: Any) -> Any:
        if when == "before":
            killed_once(flag)
        own(*arguments)
        killed_once(flag)

    return call


def main() -> None:
    backend, order = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
    workflow = mortal(load(order["artifact"]), order)
    with Store.open(order["store"], KEY) as store:
        if backend == "temporal":
            asyncio.run(_temporal(workflow, store, order))
            return
        if backend == "dbos":
            from ingot.edges.durable import durable

            with durable(workflow, store) as recorded:
                outcome = (
                    recorded.wait(order["run"]) if order["again"] else recorded.run(order["case"], run=order["run"])
                )
        else:
            plain = RecordedWorkflow(workflow, store)
            outcome = plain.resume(order["run"]) if order["again"] else plain.run(order["case"], run=order["run"])
    print(json.dumps(outcome.to_json()))


async def _temporal(workflow: Workflow, store: Store, order: Mapping[str, Any]) -> None:
    from ingot.edges.temporal_client import connect
    from ingot.edges.temporal_worker import work

    client = await connect(KEY, order["address"])
    await work(client, [workflow], store, lost_after=1.0)


if __name__ == "__main__":
    main()

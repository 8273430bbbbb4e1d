"""An exported worker runs on its own: temporalio, the artifact's program and modules, nothing of Ingot."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("temporalio")

from temporalio.client import Client, WorkflowUpdateFailedError

from ingot.artifact.sign import trusted_keys
from ingot.artifact.verify import verify
from ingot.cli import main
from ingot.edges.temporal_export import export_worker
from tests.durable.conftest import CASE, Effects, Server

ALONE = """import runpy, sys
sys.modules["ingot"] = None  # whoever imports it fails
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One of its own: an exported worker seals nothing."""
    made = Server(tmp_path_factory.mktemp("temporal-open"))
    yield made
    made.kill()


@pytest.mark.parametrize("name", ["pure", "steps"])
def test_the_exported_worker_gives_what_the_artifact_gives(
    server: Server, artifacts: Callable[[str], Path], effects: Effects, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "worker.py"
    main(["export", "--temporal", str(artifacts(name)), "--out", str(out)])
    text = out.read_text()
    assert "import ingot" not in text
    assert "from ingot" not in text
    command = [sys.executable, "-c", ALONE, str(out), "worker", server.address]
    working = subprocess.Popen(command, env={**os.environ, "EFFECTS_DB": effects.url})
    try:
        told = asyncio.run(_run(server.address, name))
    finally:
        working.kill()
        working.wait()
    assert told["output"] == {"fee": "2.20", "greeting": "Dear Planted Patient"}
    assert (told["review"], told["artifact"]) == (None, verify(artifacts(name), trusted_keys(())).digest)
    assert effects.count() == ({"book": 1, "tell": 1} if name == "steps" else {})


async def _run(address: str, name: str) -> dict[str, Any]:
    client = await Client.connect(address)
    queue = f"ingot-{name}-exported"
    bad = await client.start_workflow(f"ingot-{name}", {**CASE, "months": 13}, id=os.urandom(8).hex(), task_queue=queue)
    with pytest.raises(Exception, match="Workflow execution failed") as caught:
        await bad.result()
    assert "months does not fit" in str(caught.value.__cause__)
    handle = await client.start_workflow(f"ingot-{name}", CASE, id=os.urandom(8).hex(), task_queue=queue)
    if name == "steps":
        while await handle.query("waits") != "ask_clerk":
            await asyncio.sleep(0.1)
        with pytest.raises(WorkflowUpdateFailedError):
            await handle.execute_update("decide", {"permit": "MAYBE"})
        await handle.execute_update("decide", {"permit": "YES"})
    found: dict[str, Any] = await handle.result()
    return found


def test_the_program_in_it_is_the_artifacts(artifacts: Callable[[str], Path]) -> None:
    verified = verify(artifacts("steps"), trusted_keys(()))
    text = export_worker(verified)
    assert text.startswith(verified.files["program.py"].decode().rstrip())
    assert json.dumps(verified.digest)[1:-1] in text

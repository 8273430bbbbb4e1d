"""Workflows and the compile path as tools, by the official client: a real process at its pipes, and HTTP on loopback."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import jsonschema
import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import Implementation

from ingot.artifact.approve import approve
from ingot.artifact.manifest import ATTESTATION
from ingot.artifact.sign import make_key, trusted_keys
from ingot.compile.driver import check
from ingot.edges.mcp_numbers import imprecise
from ingot.fields import Field
from ingot.store.store import Store
from tests.library.conftest import web

__all__ = ["web"]

INGOT = str(Path(sys.executable).parent / "ingot")

SPEC = """
metadata: {name: late fee, title: Late fee of a loan, version: 1.2.0, compliance: []}
inputs:
  patient: {type: text, sensitive: phi}
  days: {type: integer, range: [0, 400]}
  balance: {type: decimal, range: [0, 1000000], places: 2}
outputs: {fee: decimal, answer: {type: enum, values: [CHARGE, NOTHING, ASK]}}
clauses:
  - {id: C1, text: "Over 14 days late a fee of 5 is charged, else nothing."}
  - {id: C2, text: "Over 365 days late nobody decides but a person: the answer is ASK."}
logic_requirements:
  - step: charge
    type: function
    intent: C1 and C2.
    clauses: [C1, C2]
    inputs: [days]
    outputs: {fee: decimal, answer: {type: enum, values: [CHARGE, NOTHING, ASK]}}
  - step: officer
    type: human_review
    intent: An officer decides.
    when: answer == "ASK"
    inputs: [days]
    outputs: {}
cases:
  given:
    - {id: late, input: {patient: Ann, days: 15, balance: 10}, expected: {fee: 5, answer: CHARGE}}
    - {id: early, input: {patient: Ann, days: 14, balance: 10}, expected: {fee: 0, answer: NOTHING}}
    - {id: years, input: {patient: Ann, days: 366, balance: 10}, steps: {officer: {}}, expected: {fee: 0, answer: ASK}}
  held_out:
    - {id: hid, input: {patient: Zelda Quux, days: 217, balance: 7319.5}, expected: {fee: 5, answer: CHARGE}}
"""
LOGIC = """def charge(days: int) -> ChargeOutput:
    if days > 365:
        return {"fee": Decimal("0"), "answer": "ASK"}  # C2
    if days > 14:
        return {"fee": Decimal("5"), "answer": "CHARGE"}  # C1
    return {"fee": Decimal("0"), "answer": "NOTHING"}  # C1
"""
HIDDEN = ("Zelda", "Quux", "7319", "217")

Talk = Callable[[Client], Awaitable[None]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with one spec and its artifact."""
    (tmp_path / "late").mkdir()
    (tmp_path / "late" / "spec.yaml").write_text(SPEC)
    compiled = check(tmp_path / "late" / "spec.yaml", LOGIC, out=tmp_path / "artifacts")
    assert compiled.path, [str(one) for one in compiled.attempts[-1].findings]
    return tmp_path


def by_pipes(folder: Path, talk: Talk, *options: str, name: str = "clerk-agent") -> None:
    async def connect() -> None:
        server = StdioServerParameters(command=INGOT, args=["mcp", str(folder), *options], env=dict(os.environ))
        with anyio.fail_after(90):
            async with Client(stdio_client(server), client_info=Implementation(name=name, version="7.1")) as client:
                await talk(client)

    anyio.run(connect)


@contextmanager
def served(folder: Path, *options: str) -> Iterator[str]:
    """A server at a free port of loopback, and its address."""
    process = subprocess.Popen(
        [INGOT, "mcp", str(folder), "--http", "127.0.0.1:0", *options], stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.search(r"http://\S+", line)
        assert found, line
        yield found[0]
    finally:
        process.terminate()
        assert process.wait(20) in (0, -15)


def text_of(answer: Any) -> str:
    return "\n".join(one.text for one in answer.content)


def test_workflows_are_tools_at_pipes(folder: Path) -> None:
    async def talk(client: Client) -> None:
        tools = (await client.list_tools()).tools
        assert [tool.name for tool in tools] == ["late_fee"]
        tool = tools[0]
        assert tool.title == "Late fee of a loan"
        assert "C1: Over 14 days late a fee of 5 is charged" in (tool.description or "")
        assert tool.input_schema["required"] == ["patient", "days", "balance"]
        case = {"patient": "Ann", "days": 20, "balance": "10.50"}
        answer = await client.call_tool("late_fee", case)
        assert not answer.is_error
        assert answer.structured_content["output"] == {"fee": "5", "answer": "CHARGE"}
        assert answer.structured_content["status"] == "completed"
        jsonschema.validate(answer.structured_content, tool.output_schema)
        assert json.loads(text_of(answer)) == answer.structured_content

    by_pipes(folder, talk)


def test_a_run_that_waits_for_a_person_says_so_is_recorded_and_told_of(folder: Path, tmp_path: Path, web: Any) -> None:
    url = f"sqlite:///{tmp_path / 'runs.db'}"
    seen: list[str] = []

    async def talk(client: Client) -> None:
        answer = await client.call_tool("late_fee", {"patient": "Ann Secret", "days": 400, "balance": 1})
        assert not answer.is_error
        told = answer.structured_content
        assert told["status"] == "needs_review"
        assert told["output"] is None
        assert told["review"]["step"] == "officer"
        assert "a person must decide" in text_of(answer)
        seen.append(told["run_id"])
        with anyio.fail_after(20):
            while not web.requests:
                await anyio.sleep(0.05)

    by_pipes(folder, talk, "--store", url, "--notify", web.url)
    assert json.loads(web.requests[0].body)["reviews"][0]["review"] == f"{seen[0]}.0"
    assert "Secret" not in repr(web.requests)
    with Store.open(url) as store:
        (record,) = [one for one in store.audit.records() if one["kind"] == "run"]
    assert record["run"] == seen[0]
    assert record["status"] == "needs_review"
    assert "Ann Secret" not in json.dumps(record)


def test_an_input_that_does_not_fit_is_told_by_field_without_its_value(folder: Path) -> None:
    async def talk(client: Client) -> None:
        wrong = {"patient": ["Zelda Quux"], "days": "217 days of Quux", "balance": 1, "more": "Zelda"}
        answer = await client.call_tool("late_fee", wrong)
        assert answer.is_error
        told = text_of(answer)
        assert "patient" in told
        assert "days" in told
        assert "more" in told
        assert "next: correct these fields" in told
        assert not [word for word in HIDDEN if word in told]
        with pytest.raises(MCPError, match="no such tool"):
            await client.call_tool("ingot_submit", {"spec": "late/spec.yaml", "code": LOGIC})

    by_pipes(folder, talk)


def test_a_decimal_that_may_have_lost_digits_is_refused_and_its_string_is_taken(folder: Path) -> None:
    async def talk(client: Client) -> None:
        case = {"patient": "Ann", "days": 15}
        (tool,) = (await client.list_tools()).tools
        assert "of more than 15 digits must be" in str(tool.description)
        long = await client.call_tool("late_fee", {**case, "balance": 7319.123456789012345})
        assert long.is_error
        assert "balance: a number with a point and more than 15 digits does not come through exactly" in text_of(long)
        assert "next: send these as strings" in text_of(long)
        assert not [word for word in HIDDEN if word in text_of(long)]
        for exact in (7319.5, "7319.5", 7319, 999999.99, "1000000"):
            assert not (await client.call_tool("late_fee", {**case, "balance": exact})).is_error
        too_fine = await client.call_tool("late_fee", {**case, "balance": "7319.123456789012345"})
        assert "balance" in text_of(too_fine), "a string is exact, so the two places that are allowed can be counted"

    by_pipes(folder, talk)


@pytest.mark.parametrize(
    ("value", "lost"),
    [
        (0.1, False), (123456789012.345, False), (1234567890123.4567, True), (1e300, False), (12345678901234567.0, True),
        (12345678901234567, False), ("1234567890123.4567", False), (None, False), (True, False), (0.30000000000000004, True),
    ],
)  # fmt: skip
def test_which_numbers_are_exact(value: object, lost: bool) -> None:
    amount = Field(name="amount", type="decimal")
    fields = (
        amount,
        Field(name="many", type="list", items=amount),
        Field(name="inner", type="object", fields=(amount,)),
        Field(name="ratio", type="float"),
    )
    case = {"amount": value, "many": [1, value], "inner": {"amount": value}, "ratio": value}
    places = [one["place"] for one in imprecise(fields, case)]
    assert places == (["amount", "many.1", "inner.amount"] if lost else [])


def test_only_what_verifies_is_served_and_only_what_is_approved_where_asked(folder: Path) -> None:
    done = subprocess.run(
        [INGOT, "mcp", str(folder), "--require-approval"],
        input="",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "not served" in done.stderr
    assert "there is no artifact to serve" in done.stderr
    (artifact,) = (folder / "artifacts").iterdir()
    program = artifact / "program.py"
    program.chmod(0o600)
    program.write_text(program.read_text() + "\n")
    done = subprocess.run(
        [INGOT, "mcp", str(folder)], input="", capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "not served" in done.stderr


@pytest.mark.parametrize("what", ["approval", "approver's key", "another approval", "the artifact"])
def test_what_is_taken_back_while_it_runs_is_not_called_any_more(folder: Path, tmp_path: Path, what: str) -> None:
    (artifact,) = (folder / "artifacts").iterdir()
    before = (artifact / ATTESTATION).read_bytes()
    keys = [make_key(tmp_path / name / f"{name}.pem") for name in ("ada", "eve")]
    public = [tmp_path / name / f"{name}.pub" for name in ("ada", "eve")]
    approve(artifact, keys[0], "Ada", at=datetime(2026, 7, 1, tzinfo=UTC), trusted=trusted_keys(public))

    async def talk(client: Client) -> None:
        case = {"patient": "Ann", "days": 20, "balance": "10.50"}
        assert not (await client.call_tool("late_fee", case)).is_error
        match what:
            case "approval":
                (artifact / ATTESTATION).write_bytes(before)
            case "approver's key":
                public[0].unlink()
            case "another approval":
                approve(artifact, keys[1], "Eve", at=datetime(2026, 7, 2, tzinfo=UTC), trusted=trusted_keys(public))
            case _:
                shutil.rmtree(artifact)
        answer = await client.call_tool("late_fee", case)
        assert answer.is_error == (what in ("approval", "approver's key"))
        assert ("was taken back" in text_of(answer)) == answer.is_error

    by_pipes(folder, talk, "--require-approval", "--key", str(public[0]), "--key", str(public[1]))


def test_an_agent_writes_the_code_and_learns_nothing_that_is_held_out(folder: Path) -> None:
    heard: list[str] = []

    async def talk(client: Client) -> None:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert names == {"late_fee", "ingot_plan", "ingot_get_prompt", "ingot_submit", "ingot_rules"}
        spec = {"spec": "late/spec.yaml"}
        plan = await client.call_tool("ingot_plan", spec)
        assert plan.structured_content["template"] == "handler"
        assert plan.structured_content["functions"] == ["charge"]
        asked = await client.call_tool("ingot_get_prompt", spec)
        assert "def charge(days: int) -> ChargeOutput:" in asked.structured_content["prompt"]
        wrong = LOGIC.replace("days > 14", "days > 14 and days < 200")
        refused = await client.call_tool("ingot_submit", {**spec, "code": wrong})
        assert refused.structured_content["passed"] is False
        last = refused.structured_content["stages"][-1]
        assert last["stage"] == "accuracy"
        assert {one["code"] for one in last["findings"] if one["severity"] == "error"} == {"ACC002"}
        unsafe = await client.call_tool("ingot_submit", {**spec, "code": "import os\n" + LOGIC})
        assert unsafe.structured_content["stages"][-1]["stage"] == "security"
        prose = await client.call_tool("ingot_submit", {**spec, "code": "```python\na\n```\nor\n```python\nb\n```"})
        assert prose.structured_content["stages"][-1]["findings"][0]["code"] == "GEN002"
        passed = await client.call_tool("ingot_submit", {**spec, "code": f"```python\n{LOGIC}```"})
        told = passed.structured_content
        assert told["passed"], text_of(passed)
        assert (folder / told["artifact"] / "logic.py").read_text() == LOGIC
        provenance = json.loads((folder / told["artifact"] / "evidence" / "provenance.json").read_text())
        assert provenance["author"]["name"] == "clerk-agent 7.1 (over MCP)"
        assert "ingot approve" in told["next"]
        one = await client.call_tool("ingot_rules", {"code": "acc002"})
        assert one.structured_content["rules"][0]["name"] == "held-out-case-wrong"
        everything = await client.call_tool("ingot_rules", {})
        assert len(everything.structured_content["rules"]) > 50
        heard.extend(text_of(answer) for answer in (plan, asked, refused, unsafe, prose, passed))

    by_pipes(folder, talk, "--compile", "--out", str(folder / "made"))
    said = "\n".join(heard)
    assert not [word for word in HIDDEN if word in said]
    assert str(folder) not in said


@pytest.mark.parametrize(
    "path", ["../outside.yaml", "/etc/hostname", "late", "link.yaml", "a\0.yaml", "x" * 9000, "", 7]
)
def test_no_file_outside_the_folder_is_read(folder: Path, path: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    from ingot.edges.mcp_compile import Bench

    outside = tmp_path_factory.mktemp("elsewhere") / "secret.yaml"
    outside.write_text("token: hunter2")
    (folder / "link.yaml").symlink_to(outside)
    for tool in Bench(folder, folder / "made").tools()[:3]:
        answer = tool.call({"spec": path, "code": ""}, "nobody")
        assert answer.failed
        assert "hunter2" not in answer.text
        assert "spec" in answer.text


def test_what_is_wrong_with_held_out_cases_is_not_told(folder: Path) -> None:
    from ingot.edges.mcp_compile import Bench

    spec = folder / "late" / "spec.yaml"
    spec.write_text(SPEC.replace("days: 217", "days: Quux217"))
    for tool in Bench(folder, folder / "made").tools()[:3]:
        answer = tool.call({"spec": "late/spec.yaml", "code": LOGIC}, "nobody")
        assert answer.failed
        assert "its cases cannot be used" in answer.text
        assert not [word for word in HIDDEN if word in answer.text]


def test_held_out_cases_are_not_found_by_trying(folder: Path) -> None:
    from ingot.edges.mcp_compile import Bench

    submit = Bench(folder, folder / "made", attempts=2).tools()[2]
    given = {"spec": "late/spec.yaml", "code": "import os"}
    assert [submit.call(given, "nobody").failed for _ in range(3)] == [False, False, True]
    assert "submitted 2 times" in submit.call(given, "nobody").text


def test_http_on_loopback_and_with_tokens(folder: Path, tmp_path: Path) -> None:
    case = {"patient": "Ann", "days": 20, "balance": 1}

    async def talk(url: str, headers: dict[str, str]) -> None:
        with anyio.fail_after(60):
            async with (
                create_mcp_http_client(headers=headers) as http,
                Client(streamable_http_client(url, http_client=http)) as client,
            ):
                answer = await client.call_tool("late_fee", case)
                assert answer.structured_content["output"]["answer"] == "CHARGE"

    with served(folder) as url:
        anyio.run(talk, url, {})
        assert status(url, None, Host="attacker.example") == 421, (
            "a page in a browser cannot get here by a name of its own"
        )
    tokens = tmp_path / "tokens"
    from ingot.edges.http_tokens import new_token

    token, line = new_token("agent", "run")
    tokens.write_text(f"{line}\n")
    with served(folder, "--tokens", str(tokens)) as url:
        anyio.run(talk, url, {"Authorization": f"Bearer {token}"})
        assert [status(url, f"Bearer {one}") for one in ("ingot_wrong", "")] == [401, 401]
        assert status(url, None) == 401


def test_making_artifacts_asks_for_more_than_running_them(folder: Path, tmp_path: Path) -> None:
    from ingot.edges.http_tokens import new_token

    made = [new_token("agent", "run"), new_token("builder", "run,admin")]
    (tmp_path / "tokens").write_text("".join(f"{line}\n" for _, line in made))
    with served(folder, "--compile", "--tokens", str(tmp_path / "tokens")) as url:
        assert [status(url, f"Bearer {token}") for token, _ in made] == [403, 406]


def status(url: str, authorization: str | None, **headers: str) -> int:
    """What a plain request is answered."""
    if authorization is not None:
        headers["Authorization"] = authorization
    request = urllib.request.Request(url, b"{}", {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_an_address_that_others_reach_needs_tokens(folder: Path) -> None:
    done = subprocess.run(
        [INGOT, "mcp", str(folder), "--http", "0.0.0.0:0"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "ingot token" in done.stderr


def test_a_name_that_points_to_any_address_of_this_machine_is_not_answered(folder: Path) -> None:
    with served(folder, "--http", "127.0.0.2:0") as url:
        assert "127.0.0.2" in url
        assert status(url, None, Host="attacker.example") == 421
        assert status(url, None, Origin="http://attacker.example") == 403
        assert status(url, None) == 406  # this machine, which does not say what answers it takes


def test_a_bug_tells_neither_the_client_nor_the_log_what_it_says(caplog: pytest.LogCaptureFixture) -> None:
    from ingot.edges.mcp import make_server
    from ingot.edges.mcp_tools import Answer, Tool

    def broken(given: Any, _client: str) -> Answer:
        raise KeyError(given["patient"])

    server = make_server([Tool("broken", "", "", {"type": "object"}, {"type": "object"}, broken)])

    async def talk() -> None:
        async with Client(server) as client:
            answer = await client.call_tool("broken", {"patient": "Planted"})
            assert answer.is_error
            assert "the server has a bug" in answer.content[0].text  # type: ignore[union-attr]
            assert "Planted" not in answer.model_dump_json()

    anyio.run(talk)
    assert "KeyError at mcp.py:" in caplog.text
    assert "Planted" not in caplog.text

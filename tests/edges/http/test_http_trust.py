"""A key or an approval that is taken back while a server runs."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from ingot.artifact.approve import approve
from ingot.artifact.manifest import ATTESTATION
from ingot.artifact.sign import config_folder, make_key, trusted_keys
from ingot.edges import http_server, http_shelf
from ingot.edges.http_server import Listening
from ingot.runtime.run import Workflow
from tests.edges.http.conftest import CASE, Lines, Make, Serving, app_of, known_tokens, running
from tests.edges.http.test_http_server import until


def approved(make: Make, folder: Path) -> tuple[Path, Path, bytes]:
    """An artifact with an approval, the approver's public key, and the attestation as it was without it."""
    artifact = make(folder / "served")
    before = (artifact / ATTESTATION).read_bytes()
    key = make_key(folder / "ada" / "ada.pem")
    public = folder / "ada" / "ada.pub"
    approve(artifact, key, "Ada", at=datetime(2026, 7, 1, tzinfo=UTC), trusted=trusted_keys([public]))
    return artifact, public, before


@pytest.mark.parametrize("what", ["approval", "approver's key", "damaged attestation"])
def test_an_approval_that_is_taken_back_ends_serving(make: Make, tmp_path: Path, what: str) -> None:
    artifact, public, before = approved(make, tmp_path)
    known, headers = known_tokens()
    with running(app_of(artifact.parent, tokens=known, require_approval=True, trusted=[public])) as client:
        assert client.post("/run", json=CASE, headers=headers["runner"]).status_code == 200
        assert client.post("/admin/reload", headers=headers["chief"]).json()["dropped"] == []
        match what:
            case "approval":
                (artifact / ATTESTATION).write_bytes(before)
            case "approver's key":
                public.unlink()
            case _:
                (artifact / ATTESTATION).write_bytes(b"{}")
        told = client.post("/admin/reload", headers=headers["chief"]).json()
        assert [one["name"] for one in told["dropped"]] == ["fees"]
        assert client.post("/run", json=CASE, headers=headers["runner"]).status_code == 404
        assert client.get("/healthz").status_code == 503
        assert client.post("/admin/reload", headers=headers["chief"]).status_code == 409  # and again


def test_damaged_files_of_what_is_trusted_still_leave_the_version_in_memory(make: Make, tmp_path: Path) -> None:
    artifact, public, _ = approved(make, tmp_path)
    known, headers = known_tokens()
    with running(app_of(artifact.parent, tokens=known, require_approval=True, trusted=[public])) as client:
        (artifact / "logic.py").write_text("changed", encoding="utf-8")
        told = client.post("/admin/reload", headers=headers["chief"]).json()
        assert (told["dropped"], len(told["refused"])) == ([], 1)
        assert client.post("/run", json=CASE, headers=headers["runner"]).status_code == 200
        public.unlink()  # and now its approver's key goes
        assert len(client.post("/admin/reload", headers=headers["chief"]).json()["dropped"]) == 1


@pytest.mark.parametrize("what", ["another key", "the approver's key", "the place"])
def test_what_cannot_be_read_hides_nothing_that_was_taken_back(make: Make, tmp_path: Path, what: str) -> None:
    artifact, public, before = approved(make, tmp_path)
    other = tmp_path / "other.pub"
    shutil.copy(config_folder() / "keys" / "signing.pub", other)
    known, headers = known_tokens()
    with running(app_of(artifact.parent, tokens=known, require_approval=True, trusted=[public, other])) as client:
        assert client.post("/run", json=CASE, headers=headers["runner"]).status_code == 200
        match what:
            case "another key":
                other.write_text("no key", encoding="utf-8")
                (artifact / ATTESTATION).write_bytes(before)
            case "the approver's key":
                public.chmod(0o666)  # anybody may have put another one in
            case _:
                shutil.rmtree(artifact.parent)
                artifact.parent.write_text("no folder", encoding="utf-8")
                public.unlink()
        told = client.post("/admin/reload", headers=headers["chief"])
        assert (told.status_code, [one["name"] for one in told.json()["dropped"]]) == (409, ["fees"])
        assert client.post("/run", json=CASE, headers=headers["runner"]).status_code == 404


def test_a_server_whose_place_cannot_be_read_still_looks_who_is_trusted(
    make: Make, tmp_path: Path, serving: Callable[..., Serving], monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact, public = make(tmp_path / "served"), tmp_path / "author.pub"
    shutil.copy(config_folder() / "keys" / "signing.pub", public)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nobody"))
    monkeypatch.setenv("INGOT_TRUSTED_KEYS", str(public))
    server = serving(artifact.parent, "--port", 0)
    artifact.parent.rename(tmp_path / "away")
    until(lambda: "cannot be read" in server.errors.read_text())
    assert httpx.post(f"{server.url}/run", json=CASE).status_code == 200
    public.unlink()
    until(lambda: httpx.post(f"{server.url}/run", json=CASE).status_code == 404)


def test_a_running_server_sees_by_itself_that_the_authors_key_is_gone(
    make: Make, tmp_path: Path, serving: Callable[..., Serving], monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact, public = make(tmp_path / "served"), tmp_path / "author.pub"
    shutil.copy(config_folder() / "keys" / "signing.pub", public)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nobody"))
    monkeypatch.setenv("INGOT_TRUSTED_KEYS", str(public))
    server = serving(artifact.parent, "--port", 0)
    assert httpx.post(f"{server.url}/run", json=CASE).status_code == 200
    public.unlink()
    until(lambda: httpx.post(f"{server.url}/run", json=CASE).status_code == 404)
    assert "no key is trusted" in server.errors.read_text()


def test_an_artifact_that_cannot_be_loaded_hides_nothing_that_was_taken_back(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact, public, _ = approved(make, tmp_path)
    known, headers = known_tokens()
    with running(app_of(artifact.parent, tokens=known, trusted=[public])) as client:

        def newer(*_: object, **__: object) -> Workflow:
            raise SyntaxError("written for a newer Python")

        monkeypatch.setattr(http_shelf, "Workflow", newer)
        make(artifact.parent, version="0.2.0", rate=11)
        told = client.post("/admin/reload", headers=headers["chief"]).json()
        assert [one["reason"] for one in told["refused"]] == ["it cannot be loaded: SyntaxError"]
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nobody"))
        assert len(client.post("/admin/reload", headers=headers["chief"]).json()["dropped"]) == 1


def test_a_bug_in_loading_does_not_end_looking(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = Lines()
    app = app_of(make(tmp_path / "served").parent, lines=lines)
    monkeypatch.setattr(http_server, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(app.shelf, "load", lambda: 1 // 0)
    monkeypatch.setattr(app.shelf, "fingerprint", iter(range(1_000_000)).__next__)

    async def watched() -> None:
        task = asyncio.create_task(http_server._watch(app, Listening(), asyncio.Event()))
        for _ in range(500):
            await asyncio.sleep(0.01)
            if lines.text.count("ZeroDivisionError") > 1:
                break
        assert not task.done()
        task.cancel()

    asyncio.run(watched())
    app.close()
    assert lines.text.count("ZeroDivisionError") > 1

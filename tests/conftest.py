"""Every test runs with a configuration folder of its own and without anybody's keys; a PostgreSQL for who asks."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

KEYS = (
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "INGOT_SIGNING_KEY",
    "INGOT_TRUSTED_KEYS",
    "INGOT_MODEL",
    "INGOT_STORE",
    "INGOT_STORE_KEY",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a run in which anything was skipped fails")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where everything that tests need is said to be installed, a skipped one is no pass."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")  # none in the workers of xdist
    if reporter is None or not session.config.getoption("--no-skips"):
        return
    skipped = reporter.stats.get("skipped", [])
    if skipped:
        reporter.ensure_newline()
    for report in skipped:
        reporter.write_line(f"skipped, and must not be: {report.nodeid}: {report.longrepr[2]}", red=True)
    if skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True, scope="session")
def own_configuration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """XDG_CONFIG_HOME in a temporary folder for the whole session."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("config")
        patch.setenv("XDG_CONFIG_HOME", str(folder))
        for name in KEYS:
            patch.delenv(name, raising=False)
        yield folder


# ---- PostgreSQL --------------------------------------------------------------------------------------------------


def _server_binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    return Path(on_path).resolve().parent if on_path else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a throw-away cluster; the server refuses to run as root, so root hands it to another user."""
    binaries = _server_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server binary on this machine")
    folder = Path(tempfile.mkdtemp(prefix="ingot-pg-", dir="/tmp"))
    prefix: list[str] = []
    if os.geteuid() == 0:
        user = next(name for name in ("postgres", "nobody") if any(row.pw_name == name for row in pwd.getpwall()))
        ids = pwd.getpwnam(user)
        os.chown(folder, ids.pw_uid, ids.pw_gid)
        prefix = ["setpriv", f"--reuid={ids.pw_uid}", f"--regid={ids.pw_gid}", "--clear-groups"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def call(program: str, *arguments: str) -> None:
        command = [*prefix, str(binaries / program), *arguments]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=60)

    call("initdb", "-D", str(folder / "db"), "-U", "tester", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
    call("pg_ctl", "-D", str(folder / "db"), "-o", options, "-l", str(folder / "log"), "-w", "start")
    try:
        yield f"postgresql://tester@127.0.0.1:{port}/postgres"
    finally:
        call("pg_ctl", "-D", str(folder / "db"), "-m", "immediate", "stop")
        shutil.rmtree(folder)

"""A PostgreSQL cluster of one's own that is stopped, killed and started, and a wire to it that can lose an answer."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from ingot.errors import StageError

COMMIT = b"COMMIT\x00"
"""How a client's word that ends a transaction stands on the wire."""


def server_binaries() -> Path | None:
    """The folder of initdb, pg_ctl and postgres; None where this machine has none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    return Path(on_path).resolve().parent if on_path else None


def free_port() -> int:
    """A port of the loopback that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class Cluster:
    """A new cluster in a folder of its own, with its defaults: a commit waits for the disk. Use as a context manager.

    The server refuses to run as root, so root hands it to another user. Raises StageError where it does not start.
    """

    def __init__(self) -> None:
        binaries = server_binaries()
        if binaries is None:
            raise StageError(
                "there is no PostgreSQL server on this machine", hint="install postgresql, or leave it out"
            )
        self._binaries = binaries
        self._folder = Path(tempfile.mkdtemp(prefix="ingot-pg-"))
        self._prefix: list[str] = []
        if os.geteuid() == 0:
            known = {row.pw_name for row in pwd.getpwall()}
            ids = pwd.getpwnam(next(name for name in ("postgres", "nobody") if name in known))
            os.chown(self._folder, ids.pw_uid, ids.pw_gid)
            self._prefix = ["setpriv", f"--reuid={ids.pw_uid}", f"--regid={ids.pw_gid}", "--clear-groups"]
        self.port = free_port()
        self._running: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Cluster:
        try:
            self._initialise()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _server(self) -> subprocess.Popen[bytes]:
        assert self._running is not None
        return self._running

    def start(self) -> None:
        """Start it where it was left, and wait until it takes connections."""
        options = ["-p", str(self.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        with (self._folder / "log").open("ab") as log:
            self._running = subprocess.Popen(  # a child of ours, so that nobody else must bury it
                [*self._command("postgres"), *options], cwd=self._folder, stdout=log, stderr=log, start_new_session=True
            )
        self.wait()

    def stop(self) -> None:
        """Stop it at once, in the middle of its clients' transactions (as ``pg_ctl stop -m immediate``)."""
        self._server.send_signal(signal.SIGQUIT)
        self._server.wait(30)

    def kill(self) -> None:
        """SIGKILL to each of its processes, and wait until they are gone."""
        if self._running is None or self._running.poll() is not None:
            return
        self._server.send_signal(signal.SIGSTOP)  # or it would serve another client while the others are killed
        mine = _children(self._server.pid)
        self._server.kill()
        self._server.wait()
        for one in mine:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        until = time.monotonic() + 30
        while any(_alive(one) for one in mine):
            if time.monotonic() > until:
                raise StageError("a killed PostgreSQL does not end", place=str(self._folder))
            time.sleep(0.01)

    def kill_backend(self) -> bool:
        """SIGKILL to one process that serves a client: the server then ends all others and recovers. False: there is none."""
        for one in _children(self._server.pid):
            with contextlib.suppress(OSError):
                if b"127.0.0.1" in Path(f"/proc/{one}/cmdline").read_bytes():
                    os.kill(one, signal.SIGKILL)
                    return True
        return False

    def wait(self) -> None:
        """Until it takes connections again. Raises StageError where it does not."""
        import psycopg

        until = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(f"postgresql://bench@127.0.0.1:{self.port}/postgres", connect_timeout=10).close()
            except psycopg.OperationalError:
                if time.monotonic() > until or self._server.poll() is not None:
                    raise StageError(f"PostgreSQL does not start: {self._said()}", place=str(self._folder)) from None
                time.sleep(0.02)
            else:
                return

    def _command(self, program: str) -> list[str]:
        return [*self._prefix, str(self._binaries / program), "-D", str(self._folder / "db")]

    def _said(self) -> str:
        return " ".join((self._folder / "log").read_text(errors="replace").splitlines()[-1:])

    def _initialise(self) -> None:
        options = ["-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        made = subprocess.run(
            [*self._command("initdb"), *options],
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if made.returncode:
            raise StageError(f"initdb failed: {made.stderr.strip()[-300:]}", place=str(self._folder))


def _children(of: int) -> list[int]:
    """The processes that a process started and that are there still."""
    found = []
    for one in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(one.read_text().rpartition(")")[2].split()[1]) == of:
                found.append(int(one.parent.name))
    return found


def _alive(process: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


class Wire:
    """Between clients and the server: when `cut` was called, the next commit reaches the server, and its answer nobody."""

    def __init__(self, port: int) -> None:
        self._server = port
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listening.getsockname()[1]
        self._armed, self._lock = 0, threading.Lock()
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Lose the answer to the next commit."""
        with self._lock:
            self._armed += 1

    def close(self) -> None:
        """Take no more clients."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._server), timeout=30)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            lose = threading.Event()
            for work in (self._forth, self._back):
                threading.Thread(target=work, args=(client, server, lose), daemon=True).start()

    def _forth(self, client: socket.socket, server: socket.socket, lose: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while content := client.recv(65_536):
                if content.endswith(COMMIT) and self._take():
                    lose.set()
                server.sendall(content)
        _end(client, server)

    def _back(self, client: socket.socket, server: socket.socket, lose: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while content := server.recv(65_536):
                if lose.is_set():
                    break
                client.sendall(content)
        _end(client, server)

    def _take(self) -> bool:
        with self._lock:
            taken = self._armed > 0
            self._armed -= taken
            self.cuts += taken
        return taken


def _end(*some: socket.socket) -> None:
    for one in some:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()

"""The lock that every edge shares: one at a time, let go with its descriptor or its process."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ingot.hold import lock_file, lock_folder, still_names, take, wait_for


def test_one_at_a_time_and_let_go_with_its_descriptor(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with lock_file(path) as first:
        assert take(first)
        with lock_file(path) as second:
            assert not take(second)
    with lock_file(path) as again:
        assert take(again)
    assert path.stat().st_mode & 0o777 == 0o600


def test_whoever_waits_has_it_when_it_is_let_go(tmp_path: Path) -> None:
    got = threading.Event()

    def wait() -> None:
        with lock_folder(tmp_path) as mine:
            wait_for(mine)
            got.set()

    with lock_folder(tmp_path) as held:
        assert take(held)
        waiting = threading.Thread(target=wait)
        waiting.start()
        assert not got.wait(0.1)
    assert got.wait(10)
    waiting.join()


def test_a_file_that_was_taken_away_is_not_what_the_path_names(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with lock_file(path) as held:
        assert still_names(path, held)
        path.unlink()
        assert not still_names(path, held)
        with lock_file(path) as other:
            assert take(other)
            assert not still_names(path, held)


def test_no_link_is_followed_but_to_a_folder_where_that_is_asked(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "way").symlink_to(tmp_path / "folder")
    (tmp_path / "laid").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError), lock_file(tmp_path / "laid"):
        pass
    with pytest.raises(OSError), lock_folder(tmp_path / "way"):
        pass
    assert not (tmp_path / "elsewhere").exists()
    with lock_folder(tmp_path / "way", follow=True) as held:
        assert take(held)


def test_a_process_that_is_killed_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = (
        "import sys, time\nfrom ingot.hold import lock_file, take\n"
        "with lock_file(sys.argv[1]) as held:\n    print(take(held), flush=True)\n    time.sleep(60)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "True\n"
    with lock_file(path) as mine:
        assert not take(mine)
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
        assert take(mine)

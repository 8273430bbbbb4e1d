"""A test that is skipped proves nothing: `make test-extras` runs those of extras that the dev lock lacks, and fails on a skip."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = re.compile('"(docile|langchain|autogen_agentchat|dspy|stackone_defender|bfcl_eval)"')


def test_every_test_of_a_package_that_only_this_run_has_is_in_it() -> None:
    texts = {str(path.relative_to(ROOT)): path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}
    asking = {
        path for path, text in texts.items() if re.search(r"importorskip|find_spec", text) and PACKAGES.search(text)
    }
    listed = re.search(r"^EXTRAS_TESTS = ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert listed is not None
    assert asking == set(listed[1].replace("\\", "").split())


def test_a_skipped_test_fails_the_run_that_may_skip_none(tmp_path: Path) -> None:
    path = tmp_path / "test_one.py"
    path.write_text(
        "import pytest\ndef test_passes(): pass\ndef test_lacks(): pytest.importorskip('no_such_package')\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.conftest",
        f"--rootdir={tmp_path}",
        "-c",
        os.devnull,
        str(path),
    ]

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        return subprocess.run([*command, *options], check=False, cwd=ROOT, env=env, capture_output=True, text=True)

    assert run().returncode == 0
    told = run("--no-skips")
    assert told.returncode == 1
    assert "skipped, and must not be: " in told.stdout
    assert "no_such_package" in told.stdout
    assert run("--no-skips", "-k", "test_passes").returncode == 0

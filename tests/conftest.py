"""Every test runs with a configuration folder of its own and without anybody's keys."""

from collections.abc import Iterator
from pathlib import Path

import pytest

KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "INGOT_SIGNING_KEY", "INGOT_TRUSTED_KEYS", "INGOT_MODEL")


@pytest.fixture(autouse=True, scope="session")
def own_configuration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """XDG_CONFIG_HOME in a temporary folder for the whole session."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("config")
        patch.setenv("XDG_CONFIG_HOME", str(folder))
        for name in KEYS:
            patch.delenv(name, raising=False)
        yield folder

"""Two keys, and a fresh artifact in every test that asks for one."""

from __future__ import annotations

from pathlib import Path

import pytest
from late_fee import make_contents

from ingot.artifact.sign import SigningKey, make_key
from ingot.artifact.write import Contents, write_artifact


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    """The author's key."""
    return make_key(tmp_path_factory.mktemp("author") / "keys" / "signing.pem")


@pytest.fixture(scope="session")
def other_key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    """Another person's key."""
    return make_key(tmp_path_factory.mktemp("other") / "keys" / "signing.pem")


@pytest.fixture
def contents() -> Contents:
    """What goes into the artifact of these tests."""
    return make_contents()


@pytest.fixture
def artifact(tmp_path: Path, contents: Contents, key: SigningKey) -> Path:
    """A fresh artifact."""
    return write_artifact(tmp_path / "out", contents, key)

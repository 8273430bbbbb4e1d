"""files.read and files.write on a real folder, with everything that tries to get out of it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingot import library

Operation = Callable[..., Any]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root" / "c1").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text("secret")
    (tmp_path / "root" / "c1" / "note.txt").write_text("grüße")
    return tmp_path / "root"


def test_read_text_and_json(operation: Operation, root: Path) -> None:
    read = operation("files.read", {"root": str(root), "path": "{claim}/note.txt", "output": "note"})
    assert read({"claim": "c1"}) == {"note": "grüße"}
    (root / "claim.json").write_text('{"a": {"b": [1, 2]}, "c": "x"}')
    settings = {"root_env": "ROOT", "path": "claim.json", "as": "json"}
    assert operation("files.read", settings, ROOT=str(root))({}) == {"a": {"b": [1, 2]}, "c": "x"}
    picked = {**settings, "outputs": {"second": "a.b.1", "absent": "z"}}
    assert operation("files.read", picked, ROOT=str(root))({}) == {"second": 2, "absent": None}


@pytest.mark.parametrize(
    "name", ["..", ".", "", " ", "../outside", "/etc", "a/b", "a\\b", "x\x00y", ".hidden", "x\ny", "n" * 256, None]
)
def test_a_value_is_one_plain_name(operation: Operation, root: Path, name: Any) -> None:
    with pytest.raises(ValueError, match=r"\{claim\}"):
        operation("files.read", {"root": str(root), "path": "{claim}/secret.txt"})({"claim": name})
    write = operation("files.write", {"root": str(root), "path": "{claim}", "content": "x"})
    with pytest.raises(ValueError, match=r"\{claim\}"):
        write({"claim": name})


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "a//b", "a/./b", "a\\..\\b", ""])
def test_a_literal_path_leads_down(path: str) -> None:
    assert library.module("files").check("files.read", {"root": "/srv/x", "path": path}, [])


@pytest.mark.parametrize("root", ["/", "srv", "/srv/../etc", "/srv/{claim}", "//"])
def test_a_root_is_a_literal_folder(root: str) -> None:
    assert library.module("files").check("files.read", {"root": root, "path": "x"}, ["claim"])


def test_no_link_leads_out(operation: Operation, root: Path, tmp_path: Path) -> None:
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "link.txt").symlink_to(tmp_path / "outside" / "secret.txt")
    (root / "inside.txt").symlink_to(root / "c1" / "note.txt")
    for path in ("link/secret.txt", "link.txt", "inside.txt"):
        with pytest.raises(PermissionError, match="links are not followed"):
            operation("files.read", {"root": str(root), "path": path})({})
    for path in ("link/new.txt", "link.txt"):
        with pytest.raises(PermissionError):
            operation("files.write", {"root": str(root), "path": path, "content": "x"})({})
    replace = {"root": str(root), "path": "link.txt", "content": "x", "overwrite": True}
    operation("files.write", replace)({})
    assert not (root / "link.txt").is_symlink()
    assert (tmp_path / "outside" / "secret.txt").read_text() == "secret"
    assert os.listdir(tmp_path / "outside") == ["secret.txt"]


def test_only_regular_files_of_a_fair_size(operation: Operation, root: Path) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(PermissionError, match="not a regular file"):
        operation("files.read", {"root": str(root), "path": "pipe"})({})
    (root / "big").write_bytes(b"x" * 101)
    with pytest.raises(RuntimeError, match="more than 100 bytes"):
        operation("files.read", {"root": str(root), "path": "big", "max_bytes": 100})({})
    with pytest.raises(RuntimeError, match="more than 3 bytes"):
        operation("files.write", {"root": str(root), "path": "n", "content": "{x}", "max_bytes": 3})({"x": "four"})
    (root / "latin").write_bytes(b"\xe9")
    with pytest.raises(RuntimeError, match="not UTF-8"):
        operation("files.read", {"root": str(root), "path": "latin"})({})
    with pytest.raises(FileNotFoundError, match="'none' below the root"):
        operation("files.read", {"root": str(root), "path": "none"})({})


def test_write_is_whole_repeatable_and_does_not_replace(operation: Operation, root: Path) -> None:
    settings = {"root": str(root), "path": "{claim}/letter.json", "json": {"id": "{claim}", "fee": "{fee}"}}
    write = operation("files.write", settings)
    assert write({"claim": "c1", "fee": Decimal("1.50")}) == {"bytes": 34}
    assert json.loads((root / "c1" / "letter.json").read_text()) == {"id": "c1", "fee": "1.50"}
    assert write({"claim": "c1", "fee": Decimal("1.50")}) == {"bytes": 34}
    with pytest.raises(FileExistsError, match="other content"):
        write({"claim": "c1", "fee": Decimal("2.50")})
    operation("files.write", {**settings, "overwrite": True})({"claim": "c1", "fee": None})
    assert json.loads((root / "c1" / "letter.json").read_text()) == {"id": "c1", "fee": None}
    assert sorted(os.listdir(root / "c1")) == ["letter.json", "note.txt"]
    assert (root / "c1" / "letter.json").stat().st_mode & 0o777 == 0o600


def test_a_full_disk_leaves_no_half_file(operation: Operation, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = operation("files.write", {"root": str(root), "path": "x.txt", "content": "{a}", "mask": ["a"]})

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write({"a": "b"})
    monkeypatch.undo()
    assert os.listdir(root) == ["c1"]
    write({"a": "b"})
    assert (root / "x.txt").read_text() == "***"

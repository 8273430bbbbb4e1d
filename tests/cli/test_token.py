"""``ingot token``: what it adds to a tokens file, and what it leaves as it is."""

from pathlib import Path

import pytest

from ingot.edges.http_tokens import Tokens, read_tokens
from tests.cli.conftest import Run


def tokens_of(file: Path) -> Tokens:
    return read_tokens(file.read_text(encoding="utf-8"), str(file))


def test_a_token_is_a_line_of_its_own_after_one_without_an_end(ingot: Run, tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"# the pilot\nann run sha256:{'0' * 64}", encoding="utf-8")
    done = ingot("token", "bob", "--scopes", "run,review", "--add", file)
    assert done.code == 0
    assert [caller.name for _, caller in tokens_of(file).hashed] == ["ann", "bob"]
    shown = tokens_of(file).caller(f"Bearer {done.out.strip()}".encode(), None)
    assert (shown.name, shown.scopes) == ("bob", {"run", "review"})


@pytest.mark.parametrize("before", ["", "# the pilot\n", "# the pilot"])
def test_the_first_token_of_a_file(ingot: Run, tmp_path: Path, before: str) -> None:
    file = tmp_path / "tokens"
    file.write_text(before, encoding="utf-8")
    assert ingot("token", "bob", "--add", file).code == 0
    assert len(tokens_of(file).hashed) == 1


@pytest.mark.parametrize("other", [b'{"runs": 3}\n', b"SQLite format 3\0\xff\xfe"])
def test_a_file_of_something_else_is_left_as_it_is(ingot: Run, tmp_path: Path, other: bytes) -> None:
    file = tmp_path / "runs.db"
    file.write_bytes(other)
    done = ingot("token", "bob", "--add", file)
    assert (done.code, done.out) == (2, "")
    assert str(file) in done.err
    assert "hint: " in done.err
    assert file.read_bytes() == other

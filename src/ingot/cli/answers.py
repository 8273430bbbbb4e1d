"""Answers to questions, written into the spec file with its comments kept."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

from ruamel.yaml import YAML

from ingot.artifact.durable import replace_file
from ingot.spec import parse_spec, read_beside, read_spec_text


def write_answers(spec: Path, answers: Mapping[str, str]) -> None:
    """Add `answers` (question id → text) to the spec's ``answers:``; the file is replaced in one move.

    The new text is parsed before it takes the old one's place.
    """
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 4096
    tree = yaml.load(read_spec_text(spec))
    tree.setdefault("answers", {}).update(answers)
    out = io.StringIO()
    yaml.dump(tree, out)
    parse_spec(out.getvalue(), str(spec), read=lambda name: read_beside(spec, name))
    replace_file(spec, out.getvalue().encode())

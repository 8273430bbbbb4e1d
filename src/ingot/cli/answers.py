"""Answers to questions, written into the spec file with its comments kept."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path

from ruamel.yaml import YAML

from ingot.spec import parse_spec, read_spec_text


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
    parse_spec(out.getvalue(), str(spec), read=lambda name: (spec.parent / name).read_text(encoding="utf-8"))
    part = spec.with_name(f".{spec.name}.part")
    part.write_text(out.getvalue(), encoding="utf-8")
    os.replace(part, spec)

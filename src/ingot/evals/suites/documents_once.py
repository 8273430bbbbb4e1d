"""One function for a field, asked once: what the solver ``code-once`` is told of a document set.

The same words, places and cases as the compile's first request, without the ways to look, and with room for all in one function:
what the gates, the votes and the calibration are worth is what is left of the difference.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from ingot.evals.suites.documents_rows import Document, DocumentField
from ingot.evals.suites.documents_spec import DocumentSet, plain_text, seen_text
from ingot.evals.suites.documents_split import Parts

ONCE = "once.jsonl"
ROOM = {"function_lines": 200, "complexity": 50}
"""What one function may take that stands for several."""


def once_text(documents: DocumentSet, field: DocumentField, given: Sequence[Document], places: Sequence[str]) -> str:
    """The spec of one function that reads the field, as JSON; its given cases are in `once_file`, and no others."""
    tree = json.loads(plain_text(documents, field, places))
    if seen := seen_text(given, places):
        tree["logic_requirements"][0]["logic"] = seen
    return json.dumps({**tree, "thresholds": ROOM, "cases": {"given": ONCE}}, ensure_ascii=False)


def once_file(field: DocumentField, parts: Parts) -> dict[str, str]:
    """The given cases by the name of their file, as JSON Lines: what the field must be."""
    rows = [
        {"id": one.id, "input": {"text": one.text}, "expected": {field.name: one.expected[field.name]}}
        for one in parts.given
    ]
    return {ONCE: "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)}

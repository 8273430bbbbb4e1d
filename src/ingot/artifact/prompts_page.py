"""The section on tuned prompts: before and after, who tuned with what, and every word of what is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from ingot.artifact.parts import table

COLUMNS = ("Step", "Kept", "Given, not tuned on", "Held out", "Tuned with", "Tokens")


def prompts_body(evidence: bytes) -> str:
    """The section from the artifact's ``evidence/prompts.json``."""
    found = json.loads(evidence)
    notes = "".join(f"<li><code>{escape(step)}</code>: {escape(said(one))}.</li>" for step, one in found.items())
    kept = "".join(_prompt(step, one["prompt"]) for step, one in found.items() if one["prompt"] is not None)
    return f'{table("Right before and after", COLUMNS, list(_rows(found)))}<ul class="notes">{notes}</ul>{kept}'


def _rows(found: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    for step, one in found.items():
        used = one["usage"]
        yield (
            step, "yes" if one["prompt"] is not None else "no", compared(one["validation"]), compared(one["held_out"]),
            one["model"] or "nobody was asked", f"{used['input_tokens'] + used['output_tokens']:,}",
        )  # fmt: skip


def said(one: Mapping[str, Any]) -> str:
    """What tuning came to, in a sentence; where it was for another version, which."""
    origin = one.get("from")
    if origin is None:
        return str(one["said"])
    return f"taken over as tuned for {origin['name']} {origin['version']} ({origin['digest'][:12]}): {one['said']}"


def compared(counts: Mapping[str, int] | None) -> str:
    """``2 of 5 before, 4 of 5 after``; "not measured" where nothing was."""
    if counts is None or not counts["cases"]:
        return "not measured"
    return f"{counts['before']} of {counts['cases']} before, {counts['after']} of {counts['cases']} after"


def _prompt(step: str, prompt: Mapping[str, Any]) -> str:
    lines = [prompt["task"], *(f"{material} -> {answer}" for material, answer in prompt["examples"])]
    text = escape("\n".join(lines))
    return f'<h3><code>{escape(step)}</code></h3><div class="scroll"><pre><code>{text}</code></pre></div>'

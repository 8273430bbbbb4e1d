"""The difference between two versions for people: a section of the report, and a page beside the artifacts.

Text to text, from the difference as plain JSON. Every value is escaped where it enters the page.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from ingot import __version__
from ingot.artifact.parts import counted, inline, table

Json = Mapping[str, Any]

_VERDICTS = {
    "differ": ("bad", "inputs change their outcome"),
    "same": ("good", "✓ no input changes its outcome"),
    "none found": ("warn", "no difference found"),
    "not compared": ("bad", "outcomes not compared"),
}


def difference_page(old: Mapping[str, str], new: Mapping[str, str], shown: Json, shown_digest: str, lead: str) -> str:
    """The whole page. `old` and `new` name both artifacts (``name``, ``version``, ``digest``); `shown` is the difference
    as JSON, `lead` its answer in one sentence. The same arguments give the same text."""
    here = files("ingot.artifact")
    style = (here / "page.css").read_text(encoding="utf-8")
    facts = (("From", old), ("To", new))
    return Template((here / "difference.html").read_text(encoding="utf-8")).substitute(
        title=escape(f"{new['name']} {old['version']} → {new['version']}"),
        style=style,
        style_hash="sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        lead=escape(lead),
        chips=_chip(shown),
        facts="".join(_fact(word, f"{one['version']}  {one['digest']}") for word, one in facts)
        + _fact("Difference, SHA-256", shown_digest),
        sections=_section("structure", "Structure", "What only one version has, or has otherwise.", _structure(shown))
        + _prompt_section(shown)
        + _section("outcomes", "Outcomes", "One input for each pair of deciding lines.", _changes(shown))
        + _section("rests", "What this rests on", "", _rests(shown)),
        version=__version__,
    )


def difference_body(shown: Json, *, linked: bool = False) -> str:
    """The difference as a part of another page; `linked` clauses and new lines lead to ``#c-C1`` and ``#L12``."""
    return (
        f'<p class="chips">{_chip(shown)}</p>{_changes(shown, linked)}'
        f"<h3>Structure</h3>{_structure(shown)}{_prompts(shown)}<h3>What this rests on</h3>{_rests(shown)}"
    )


def _chip(shown: Json) -> str:
    kind, words = _VERDICTS[shown["verdict"]]
    if shown["verdict"] == "same" and shown["solver"]["assumed"]:
        kind, words = "warn", "no input changes its outcome, within the bounds taken"
    return f'<span class="chip {kind}">{escape(words)}</span>'


def _fact(name: str, text: str) -> str:
    return f'<div class="wide"><dt>{escape(name)}</dt><dd><code>{escape(text)}</code></dd></div>'


def _section(anchor: str, heading: str, about: str, body: str) -> str:
    return (
        f'<section id="{anchor}" aria-labelledby="{anchor}-h"><h2 id="{anchor}-h">{heading}</h2>'
        f'<p class="about">{about}</p>{body}</section>'
    )


def _structure(shown: Json) -> str:
    rows = [(f"{one['part']} {one['name']}", one["change"], one["old"], one["new"]) for one in shown["structure"]]
    return table("Structural changes", ("Part", "Change", "Before", "Now"), rows) if rows else "<p>None.</p>"


def _prompt_section(shown: Json) -> str:
    """What models are told otherwise; no section where nothing is."""
    about = "What a model is told otherwise. No outcome below shows it: what models answer counts as an input."
    cards = _prompts(shown)
    return _section("prompts", "Prompts", about, cards) if cards else ""


def _prompts(shown: Json) -> str:
    """Before and now of each prompt that differs, every word of both; empty where none does."""
    cards = "".join(
        f'<div class="card"><h3>Prompt of {escape(one["step"])} <span class="chip">{escape(one["change"])}</span></h3><dl>'
        f"<dt>Before</dt><dd>{_told(one['old'])}</dd><dt>Now</dt><dd>{_told(one['new'])}</dd></dl></div>"
        for one in shown.get("prompts", ())
    )
    return f'<div class="cards">{cards}</div>' if cards else ""


def _told(prompt: Json | None) -> str:
    if prompt is None:
        return "no model is asked"
    examples = [f"{material} -> {answer}" for material, answer in prompt["examples"]]
    lines = escape("\n".join([prompt["task"], *examples]))
    return f'<span class="pairs">{counted(len(examples), "example")}</span><div class="scroll"><pre><code>{lines}</code></pre></div>'


def _changes(shown: Json, linked: bool = False) -> str:
    if not shown["changes"]:
        return "<p>None found.</p>"
    return f'<div class="cards">{"".join(_change(one, shown["tried"], linked) for one in shown["changes"])}</div>'


def _change(one: Json, tried: int, linked: bool) -> str:
    """One pair of deciding lines as a card: on a narrow page it keeps its width, where columns of a table would not."""
    count = f"{one['count']:,} of {tried:,}" if one["count"] else "found by the solver"
    seen = one["witness"]
    steps = "".join(inline({f"{step}.{name}": value for name, value in values.items()})
                    for step, values in seen.get("steps", {}).items())  # fmt: skip
    return (
        f'<div class="card"><h3>{escape(one["clause"])} <span class="chip">{escape(count)}</span></h3><dl>'
        f"<dt>For example</dt><dd>{inline(seen['input'])}{steps}</dd><dt>Before</dt><dd>{_side(one['old'], seen['old'])}</dd>"
        f"<dt>Now</dt><dd>{_side(one['new'], seen['new'], linked)}</dd></dl></div>"
    )


def _side(place: Json, ended: Json, linked: bool = False) -> str:
    output = inline(ended["output"]) if ended["output"] else ""
    person = f"a person decides at {ended['step']}: " if ended["status"] == "needs_review" else ""
    why = f'<span class="pairs">{escape(person + ended["why"])}</span>' if person or ended["why"] else ""
    source = f"<br><code>{escape(place['source'])}</code>" if place["source"] else ""
    return f"{output}{why}{_where(place, linked)}{source}"


def _where(place: Json, linked: bool) -> str:
    line, clauses = place["line"], [escape(one) for one in place["clauses"]]
    where = escape(f"line {line}" if line else place["what"])
    if linked:
        where = f'<a href="#L{int(line)}">{where}</a>' if line else where
        clauses = [f'<a href="#c-{one}">{one}</a>' for one in clauses]
    return f"{where} ({', '.join(clauses)})" if clauses else where


def _rests(shown: Json) -> str:
    solver = shown["solver"]
    lines: list[str] = [
        f"{shown['tried']:,} inputs were run through both versions; {shown['changed']:,} of them change."
    ]
    if solver["whole"]:
        lines.append("The solver looked at every input that the fields allow.")
    if solver["why"]:
        lines.append(f"The solver could not say all: {solver['why']}.")
    lines += [f"The solver took {path} to be {bounds}." for path, bounds in solver["assumed"].items()]
    if shown["given_steps"]:
        lines.append(f"Outputs of the steps {', '.join(shown['given_steps'])} count as inputs.")
    lines.append(f"Outputs compared: {', '.join(shown['outputs_compared']) or 'none'}.")
    return _list(lines)


def _list(lines: Sequence[str]) -> str:
    return f'<ul class="notes">{"".join(f"<li>{escape(line)}</li>" for line in lines)}</ul>'

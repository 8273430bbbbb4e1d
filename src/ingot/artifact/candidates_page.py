"""The report's section about several candidates: how far they agree, and the inputs that they answer differently."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from ingot.artifact.parts import counted, inline, scrolled, table

_ABOUT = (
    "Several candidates were drawn independently of each other. Agreement is no proof: it is how often the others answer "
    "the same on inputs that nobody wrote an answer for."
)


def candidates_section(provenance: Mapping[str, Any]) -> tuple[tuple[str, str, str, str], ...]:
    """The section as anchor, heading, about and body; none where one candidate was asked for."""
    told = provenance.get("candidates")
    if not told:
        return ()
    return (("candidates", "Candidates", _ABOUT, _summary(told) + _functions(told) + _questions(told)),)


def _summary(told: Mapping[str, Any]) -> str:
    said = (
        f"{counted(told['asked'], 'candidate')} asked for, {told['drawn']} drawn, {told['passed']} passed all stages."
    )
    if told["passed"] > 1:
        said += f" On {told['agreeing']:,} of {told['inputs']:,} inputs all of those that passed answer the same."
    if told["pairs"]["proved"]:
        pairs = "1 pair is" if told["pairs"]["proved"] == 1 else f"{told['pairs']['proved']} pairs are"
        said += f" Of those with different code, {pairs} proved to answer every input alike."
    if told["combined"]:
        said += " The program has functions of several of them and passed the stages again as a whole."
    if told["stopped"]:
        said += f" No more were drawn: {told['stopped']}"
    rows = [(number, share or "not compared") for number, share in told["agreement"].items()]
    return f"<p>{escape(said)}</p>" + table("Agreement with the others, by candidate", ("Candidate", "Share"), rows)


def _functions(told: Mapping[str, Any]) -> str:
    rows = [
        (name, str(one["candidate"]), one["agreement"] or "not compared", f"{one['calls']:,}")
        for name, one in told["functions"].items()
    ]
    return table("Where each function is from", ("Function", "Candidate", "Agreement", "Calls compared"), rows)


def _questions(told: Mapping[str, Any]) -> str:
    if not told["questions"]:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{number}</th><td>{_input(one)}</td>'
        f"<td>{''.join(_answer(said) for said in one['answers'])}</td>"
        f"<td>{escape(', '.join(one['clauses']))}</td><td>{one['inputs']:,}</td></tr>"
        for number, one in enumerate(told["questions"], start=1)
    )
    note = (
        "<p>Every candidate here passed the stages, so no case says which answer is right, and neither does this page. A case "
        "that states the answer decides it; where the clauses do not state it, they are what to make clearer.</p>"
    )
    columns = ("", "Input", "Answers", "Clauses of the lines that decided", "Inputs like it")
    return "<h3>What candidates that passed do not agree on</h3>" + note + scrolled("Disagreements", columns, rows)


def _input(one: Mapping[str, Any]) -> str:
    steps = inline({key: dict(value) for key, value in one["steps"].items()})
    near = f"as case {one['near']!r}, but for {', '.join(one['changed'])}" if one["near"] else ""
    return inline(one["input"]) + steps + (f'<span class="cited">{escape(near)}</span>' if near else "")


def _answer(said: Mapping[str, Any]) -> str:
    who = f"{counted(len(said['candidates']), 'candidate')} ({', '.join(map(str, said['candidates']))})"
    kept = ", as the program kept" if said["kept"] else ""
    review = "" if said["review"] is None else f" To a person at {said['review']['step']}."
    error = "" if said["error"] is None else f" Raises {said['error']}."
    return f"<p>{escape(who + kept + ':' + review + error)} {inline(said['output'] or {})}</p>"

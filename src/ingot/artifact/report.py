"""The page for people: everything an approver or an auditor asks for, in one file that loads nothing.

Pure text to text. Every value is escaped where it enters the page; the page's own policy forbids scripts and allows
only its own style sheet, so that even a missed escape could not act.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

from ingot import __version__
from ingot.artifact.calibration_page import calibration_body
from ingot.artifact.candidates_page import candidates_section
from ingot.artifact.difference_page import difference_body
from ingot.artifact.evidence import RUNTIME_NEEDS, needs
from ingot.artifact.listing import code, plain
from ingot.artifact.manifest import CALIBRATION, FORMAT, PROMPTS
from ingot.artifact.parts import counted, inline, pairs, scrolled, table
from ingot.artifact.prompts_page import prompts_body
from ingot.canonical import digest
from ingot.readback.citations import cited_lines
from ingot.readback.render import as_html
from ingot.spec import Case, Spec

if TYPE_CHECKING:
    from ingot.artifact.layout import Contents
    from ingot.verdict import Verdict

Section = tuple[str, str, str, str]
"""Anchor, heading, what the section is about, and its body as HTML."""


def report_page(contents: Contents, cases_digest: str) -> str:
    """The whole page. The same contents give the same text."""
    here = files("ingot.artifact")
    style = (here / "page.css").read_text(encoding="utf-8")
    sections = _sections(contents)
    spec = contents.program.spec
    return Template((here / "page.html").read_text(encoding="utf-8")).substitute(
        title=escape(spec.metadata.title or spec.metadata.name),
        style=style,
        style_hash="sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        lead=escape(
            spec.metadata.description.strip() or "A compiled workflow, and the evidence that it was let pass on."
        ),
        chips=_chips(contents),
        facts=_facts(contents, cases_digest),
        contents="".join(f'<li><a href="#{anchor}">{heading}</a></li>' for anchor, heading, _, _ in sections),
        sections="\n".join(
            f'<section id="{anchor}" aria-labelledby="{anchor}-h"><h2 id="{anchor}-h">{heading}</h2>'
            f'<p class="about">{about}</p>{body}</section>'
            for anchor, heading, about, body in sections
        ),
        format=FORMAT,
        version=__version__,
    )


def _changes(contents: Contents) -> tuple[Section, ...]:
    """What changes since the previous version; no section where the artifact was made without one."""
    found = contents.difference
    if found is None:
        return ()
    since = f"{escape(found['from']['name'])} {escape(found['from']['version'])}"
    sentence = escape(found["sentence"][:1].upper() + found["sentence"][1:])
    about = f"Since {since}, <code>{escape(found['from']['digest'][:12])}</code>. {sentence}."
    return (("changes", "What changes", about, difference_body(found["outcomes"], linked=True)),)


def _hybrid(contents: Contents) -> tuple[Section, ...]:
    """How far hybrid steps trust their functions; no section where there are none."""
    evidence = contents.extra.get(CALIBRATION)
    if evidence is None:
        return ()
    about = (
        "Fields that functions answer alone where they agree as they did when they were right, on held-out cases. Coverage "
        "is the share of all cases that are not answered and wrong: stated is what calibration promises on average, "
        "measured is counted with each case left out of the calibration that it is tried on."
    )
    return (("hybrid", "Hybrid steps", about, calibration_body(contents.program.spec, evidence)),)


def _prompts(contents: Contents) -> tuple[Section, ...]:
    """What the tuning of bounded steps came to; no section where none was asked for."""
    evidence = contents.extra.get(PROMPTS)
    if evidence is None:
        return ()
    about = (
        "Prompts of bounded steps, tuned on given cases when this was compiled, or the version that is named below. One is "
        "kept only where it was right more often on given cases that it was not tuned on; held-out cases are counted "
        "afterwards and decide nothing."
    )
    return (("prompts", "Tuned prompts", about, prompts_body(evidence)),)


def _sections(contents: Contents) -> tuple[Section, ...]:
    spec, logic = contents.program.spec, contents.program.logic
    execution = next((one.measures for one in contents.verdicts if one.stage == "execution"), {})
    return (
        ("does", "What this rule does", "Read back from the code by Ingot itself, never by a model. What it has no words "
         "for is shown as code.", as_html(contents.program)),
        *_changes(contents),
        ("stages", "Stages", "What the four stages measured. All must pass before an artifact is made.",
         _stages(contents.verdicts)),
        *_hybrid(contents),
        *_prompts(contents),
        ("policy", "Policy and steps", "The clauses of the source, and the lines of code that cite them.",
         _clauses(spec, logic) + _steps(spec)),
        ("code", "Code", "The generated functions, byte for byte as in <code>logic.py</code>. A cited clause links back.",
         _code(contents)),
        ("cases", "Cases", "Given cases may be shown to the author of the code; held-out cases never are.",
         _cases("Given", spec.given) + _cases("Held out", spec.held_out)),
        ("questions", "Questions", "What the spec leaves open, and the reading that was taken.",
         _questions(contents.questions)),
        ("provenance", "Provenance and cost", "Who wrote the code, from which requests, and what that used.",
         _provenance(contents.provenance)),
        *candidates_section(contents.provenance),
        ("confinement", "Confinement", "How the candidate was kept in while it was being tried.",
         _confinement(execution)),
        ("needs", "What it needs to run", "The same list as <code>sbom.cdx.json</code> (CycloneDX 1.6).",
         _needs(contents)),
        ("spec", "Spec", "The spec as its author wrote it, <code>spec.yaml</code>.", plain(contents.spec_text, "S")),
    )  # fmt: skip


# ---- head --------------------------------------------------------------------------------------------------------


def _chips(contents: Contents) -> str:
    spec, author = contents.program.spec, contents.provenance["author"]
    warnings = sum(len(verdict.findings) for verdict in contents.verdicts)
    chips = [("good", f"✓ {len(contents.verdicts)} of {len(contents.verdicts)} stages passed")]
    if warnings:
        chips.append(("warn", counted(warnings, "warning")))
    left = len(_open(contents.questions))
    if left:
        chips.append(("warn", counted(left, "open question")))
    if author["recorded"]:
        chips.append(("warn", "recorded completions"))
    chips += [("", name) for name in spec.metadata.compliance]
    return "".join(f'<span class="chip {kind}">{escape(text)}</span>' for kind, text in chips)


def _facts(contents: Contents, cases_digest: str) -> str:
    spec = contents.program.spec
    meta = spec.metadata
    effective = " to ".join(filter(None, (meta.effective_from or ("…" if meta.effective_until else ""),
                                          meta.effective_until or ("…" if meta.effective_from else ""))))  # fmt: skip
    rows = (
        ("Name and version", f"{meta.name} {meta.version}", False),
        ("Owner", meta.owner or "not stated", False),
        ("Effective", effective or "not stated", False),
        ("Code written by", _author(contents.provenance), False),
        ("Program, SHA-256", digest(contents.program.text), True),
        ("Spec, SHA-256 (resolved)", spec.digest(), True),
        ("Cases, SHA-256", cases_digest, True),
    )
    return "".join(_fact(name, text, is_digest) for name, text, is_digest in rows)


def _fact(name: str, text: str, is_digest: bool) -> str:
    if is_digest:
        return f'<div class="wide"><dt>{escape(name)}</dt><dd><code>{escape(text)}</code></dd></div>'
    return f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>"


def _author(provenance: Mapping[str, Any]) -> str:
    author = provenance["author"]
    return f"{author['name']} ({author['kind']}{', recorded' if author['recorded'] else ''})"


# ---- stages, policy, code ----------------------------------------------------------------------------------------


def _stages(verdicts: Sequence[Verdict]) -> str:
    cards = []
    for number, verdict in enumerate(verdicts, start=1):
        state = (
            '<span class="chip good">✓ passed</span>' if verdict.passed else '<span class="chip bad">✗ failed</span>'
        )
        measures = {
            key: value
            for key, value in verdict.measures.items()
            if key not in ("confinement", "mutation_score", "citations")
        }
        found = f"<dt>Findings</dt><dd>{counted(len(verdict.findings), 'warning')}</dd>"
        body = found + pairs(measures) + (_mutation(verdict.measures) if verdict.stage == "accuracy" else "")
        body += _receipts(verdict.measures)
        cards.append(
            f'<div class="card"><h3>{number}. {escape(verdict.stage.capitalize())} {state}</h3><dl>{body}</dl></div>'
        )
    rows = [
        (one.code, verdict.stage, "" if one.line is None else f"line {one.line}", one.message, one.hint or "")
        for verdict in verdicts
        for one in verdict.findings
    ]
    warnings = table("Warnings, none of which fails a stage", ("Rule", "Stage", "Place", "Message", "What to do"), rows)
    return f'<div class="cards">{"".join(cards)}</div>' + (warnings if rows else "") + _survivors(verdicts)


def _mutation(measures: Mapping[str, Any]) -> str:
    """What the cases are worth, in one sentence."""
    found = measures.get("mutation_score")
    if not found:
        return "<dt>Mutation score</dt><dd>not measured</dd>"
    equivalent, total = found["equivalent"], found["killed"] + found["survived"]
    score = "—" if found["score"] is None else f"{found['score']:.2f}"
    text = f"{score}: the cases tell {found['killed']} of {counted(total, 'changed rule')} from this one"
    if equivalent["no_difference_found"]:
        text += f"; no difference found for {equivalent['no_difference_found']} more on {equivalent['inputs']} inputs"
    if equivalent["proved"]:
        text += f"; {equivalent['proved']} proved to be no change"
    return f"<dt>Mutation score</dt><dd>{escape(text)}</dd>"


def _receipts(measures: Mapping[str, Any]) -> str:
    """How much of the code cites a clause, in one sentence; the clauses with their lines are in the next section."""
    found = measures.get("citations")
    if not found or found["share"] is None:
        return ""
    text = f"{found['share']:.0%} of {found['returns'] + found['branches']} returns and branches"
    lines = ", ".join(f'<a href="#L{int(one["line"])}">{int(one["line"])}</a>' for one in found["uncited"])
    text += f"; uncited: line {lines}" if lines else ""
    text += f"; clauses cited nowhere: {escape(', '.join(found['unused']))}" if found["unused"] else ""
    return f"<dt>Clause cited</dt><dd>{text}</dd>"


def _survivors(verdicts: Sequence[Verdict]) -> str:
    """The changes of the code that no case notices, folded up below the cards, where there is room for a line of code."""
    found = [one for verdict in verdicts for one in (verdict.measures.get("mutation_score") or {}).get("survivors", ())]
    changes = "".join(_survivor(one) for one in found)
    title = f"{counted(len(found), 'change')} of the code that no case notices"
    return f'<details class="survivors"><summary>{title}</summary><ol>{changes}</ol></details>' if found else ""


def _survivor(one: Mapping[str, Any]) -> str:
    line = int(one["line"])
    cited = f" ({escape(one['clause'])})" if one["clause"] else ""
    return (
        f'<li><a href="#L{line}">line {line}</a>{cited}: <del><code>{escape(one["before"])}</code></del> '
        f"<ins><code>{escape(one['after'])}</code></ins></li>"
    )


def _clauses(spec: Spec, logic: str) -> str:
    cited = cited_lines(logic, {clause.id: clause.text for clause in spec.clauses})
    items = []
    for clause in spec.clauses:
        lines = [line for line, named in sorted(cited.items()) if clause.id in named]
        links = ", ".join(f'<a href="#L{line}">{line}</a>' for line in lines)
        where = f"cited at line{'s' if len(lines) > 1 else ''} {links}" if lines else "not cited in the code"
        source = f" · source: {escape(clause.source)}" if clause.source else ""
        items.append(
            f'<li id="c-{escape(clause.id)}"><span class="id">{escape(clause.id)}</span><span>{escape(clause.text)}'
            f'</span><span class="cited">{where}{source}</span></li>'
        )
    return f'<h3>Clauses</h3><ol class="clauses">{"".join(items)}</ol>'


def _steps(spec: Spec) -> str:
    rows = [
        (
            step.step,
            step.module or step.type.replace("_", " "),
            ", ".join(step.inputs),
            ", ".join(field.name for field in step.outputs),
            ", ".join(step.clauses),
        )
        for step in spec.logic_requirements
    ]
    steps = table("Steps, in the order they run", ("Step", "Type", "Reads", "Sets", "Clauses"), rows)
    notes = "".join(f"<li>{escape(note)}</li>" for note in spec.derived)
    return steps + (
        f'<h3>Derived by Ingot, because the spec left it out</h3><ul class="notes">{notes}</ul>' if notes else ""
    )


def _code(contents: Contents) -> str:
    program = contents.program
    listing = code(program.logic, [clause.id for clause in program.spec.clauses], "L")
    whole = plain(program.text, "P")
    note = f"The whole program, <code>program.py</code>; line 1 above is line {program.offset + 1} there"
    return f'{listing}<details class="whole"><summary>{note}</summary>{whole}</details>'


# ---- cases, questions --------------------------------------------------------------------------------------------


def _cases(title: str, cases: Sequence[Case]) -> str:
    if not cases:
        return f"<h3>{title}</h3><p>None.</p>"
    columns: list[tuple[str, Callable[[Case], str]]] = [
        ("Input", lambda case: inline(case.input)),
        ("Expected", lambda case: inline(case.expected)),
        ("Not null", lambda case: escape(", ".join(case.answered))),
        ("Other steps set", lambda case: inline({key: dict(value) for key, value in case.steps.items()})),
        ("To a person", _escalates),
        ("Note", lambda case: escape(case.note)),
    ]
    shown = [(name, cell) for name, cell in columns if name in ("Input", "Expected") or any(map(cell, cases))]
    rows = "".join(
        f'<tr><th scope="row">{escape(case.id)}</th>{"".join(f"<td>{cell(case)}</td>" for _, cell in shown)}</tr>'
        for case in cases
    )
    return scrolled(f"{title}: {counted(len(cases), 'case')}", ("Case", *(name for name, _ in shown)), rows)


def _escalates(case: Case) -> str:
    return {None: "", True: "yes", False: "no"}[case.escalates]


def _questions(questions: Sequence[Mapping[str, Any]]) -> str:
    if not questions:
        return "<p>None.</p>"
    ordered = [*_open(questions), *(one for one in questions if one.get("answer") is not None)]
    return "".join(_question(one) for one in ordered)


def _open(questions: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [one for one in questions if one.get("answer") is None]


def _question(one: Mapping[str, Any]) -> str:
    title = escape(str(one.get("text") or one.get("id") or "Question"))
    rest = {key: value for key, value in one.items() if key != "text" and value is not None}
    is_open = one.get("answer") is None
    state = '<span class="chip warn">open</span>' if is_open else '<span class="chip good">✓ answered</span>'
    return f'<h3>{title} {state}</h3><dl class="rows">{pairs(rest)}</dl>'


# ---- provenance, confinement, needs ------------------------------------------------------------------------------


def _provenance(provenance: Mapping[str, Any]) -> str:
    usage = provenance.get("usage") or {}
    cost = provenance.get("cost_usd")
    tokens = f"{usage.get('input_tokens', 0):,} in, {usage.get('output_tokens', 0):,} out" if usage else "not stated"
    price = "not known: the model has no published price here" if cost is None else f"{cost} USD"
    author = provenance["author"]
    facts = {
        "Author": author["name"],
        "Kind": author["kind"],
        "Completions": "recorded earlier, and replayed" if author["recorded"] else "not recorded",
        "Tokens": tokens,
        "Requests": usage.get("requests", "not stated"),
        "Cost": price,
    }
    known = {"author", "usage", "cost_usd", "attempts", "candidates"}
    more = {key: value for key, value in provenance.items() if key not in known and value not in (None, "", [], {})}
    attempts = _attempts(provenance.get("attempts") or [])
    return f'<dl class="rows">{pairs(facts)}{pairs(more)}</dl>{attempts}'


def _attempts(attempts: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for one in attempts:
        stages = one.get("stages") or []
        marks = "; ".join(
            f"{stage['stage']} {'passed' if stage['passed'] else 'failed'}"
            + (f" ({', '.join(stage['findings'])})" if stage.get("findings") else "")
            for stage in stages
        )
        usage = one.get("usage") or {}
        tokens = f"{usage.get('input_tokens', 0):,} + {usage.get('output_tokens', 0):,}" if usage else ""
        kind = str(one.get("kind", "")) + (f", {one['function']} alone" if one.get("function") else "")
        rows.append((str(one.get("number", "")), kind, str(one.get("model") or ""), tokens, marks))
    columns = ("Attempt", "Kind", "Author", "Tokens in + out", "Stages")
    return table(f"{counted(len(rows), 'attempt')}, oldest first", columns, rows) if rows else ""


def _confinement(execution: Mapping[str, Any]) -> str:
    found = execution.get("confinement")
    if found is None:
        return "<p>The EXECUTION verdict does not state it.</p>"
    values = found if isinstance(found, Mapping) else {"Active": found}
    values = {
        key: {True: "active", False: "not available"}.get(value, value) if isinstance(value, bool) else value
        for key, value in values.items()
    }
    return f'<dl class="rows">{pairs(values)}</dl>'


def _needs(contents: Contents) -> str:
    rows = [("ingot", __version__, "the runtime")]
    rows += [(*one.split(">="), "through ingot") for one in RUNTIME_NEEDS]  # type: ignore[misc]
    rows += [(*one.split(">="), "a module step of this workflow") for one in needs(contents.program)]  # type: ignore[misc]
    known = [(name, version if name == "ingot" else f"{version} or later", why) for name, version, why in rows]
    return table("Python packages", ("Package", "Version", "Needed by"), known)

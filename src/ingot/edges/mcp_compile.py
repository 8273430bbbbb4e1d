"""The compile path as tools: a coding agent that is connected writes the code, and no key of a model is needed.

The agent sees what a model would: the request, and the findings of the four stages. Held-out cases are read here and
scored here, and nothing that they hold is told: errors in cases are for a person at a terminal, and each spec may be
tried a limited number of times, so that nobody finds the held-out answers by trial.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from ingot.compile import generate, prompt
from ingot.compile.driver import Compiled, check
from ingot.compile.plan import make_plan
from ingot.compile.rules import all_rules
from ingot.edges.mcp_tools import RESERVED, Answer, Tool
from ingot.errors import IngotError, InputError, SpecError
from ingot.proof.invariants import check_contradictions
from ingot.questions import check_answers, check_cases, find_questions
from ingot.spec import SPEC_FILES, Spec, load_spec, parse_spec, read_beside, read_spec_text
from ingot.stages.flow import check_flow
from ingot.tables.compiled import check_tables
from ingot.verdict import Verdict
from ingot.yaml_text import closest

ATTEMPTS = 20
"""How often code may be submitted for one spec while a server runs."""

_TEXT = {"type": "string"}
_SPEC = {"spec": {**_TEXT, "description": "the spec's path below the served folder, for instance late_fee/spec.yaml"}}
_CODE = {"code": {**_TEXT, "description": "the functions as Python text, or a reply with one ```python block"}}
_GIVES = {"type": "object"}


class Bench:
    """What the compile tools work on: specs below `folder`; artifacts go to `out`. One submission runs at a time."""

    def __init__(self, folder: Path, out: Path, attempts: int = ATTEMPTS) -> None:
        self.folder, self.out, self.attempts = folder.resolve(), out, attempts
        self._tried: Counter[Path] = Counter()
        self._lock = Lock()

    def tools(self) -> list[Tool]:
        """The four tools."""
        return [
            _tool("plan", "Show what would be compiled for a spec: template, modules, blocks, open questions.", _SPEC,
                  partial(self._told, self.plan)),
            _tool("get_prompt", "Get the request that a spec's functions are written from. Answer it with "
                  f"{RESERVED}submit. Held-out cases are not in it.", _SPEC, partial(self._told, self.get_prompt)),
            _tool("submit", "Submit code for a spec. Runs the four stages; on a pass an artifact is written, which a person "
                  "still has to approve. Read the findings, correct the code, submit again.", {**_SPEC, **_CODE},
                  partial(self._told, self.submit), changes=True),
            _tool("rules", "List the rules of the stages, or explain one by its code (for instance SEC012).",
                  {"code": {**_TEXT, "description": "a rule's code; without it all are listed"}},
                  partial(self._told, self.rules), needs=()),
        ]  # fmt: skip

    def _told(
        self, do: Callable[[Mapping[str, Any], str], dict[str, Any]], given: Mapping[str, Any], who: str
    ) -> Answer:
        try:
            value = do(given, who)
        except IngotError as error:
            place = "" if error.place is None else f"{self._shown(error.place)}: "
            hint = f"\nnext: {error.hint}" if error.hint else ""
            return Answer(f"{place}{self._shown(error.message)}{hint}", failed=True)
        return Answer(json.dumps(value, indent=2, ensure_ascii=False), value)

    def _shown(self, text: str) -> str:
        """Text without the machine's path to the folder."""
        return text.replace(f"{self.folder}/", "")

    # ---- the tools -----------------------------------------------------------------------------------------------

    def plan(self, given: Mapping[str, Any], _who: str) -> dict[str, Any]:
        """Template, modules and blocks with reasons, the functions to write, and the questions that are open."""
        spec = _without_held_out(self._spec(self._path(given)))
        asked = [step.step for step in spec.asked]
        return {**make_plan(spec).to_json(), "functions": asked, "questions": _questions(spec)}

    def get_prompt(self, given: Mapping[str, Any], _who: str) -> dict[str, Any]:
        """The exact text that a model would be sent. Raises SpecError where nothing is asked of anybody."""
        spec = self._spec(self._path(given))
        if not spec.asked:
            raise SpecError("every rule is a table: no code is asked for", hint=f"{RESERVED}submit with empty code")
        request = prompt.first_request(spec, make_plan(spec))
        told = {"system": request.system, "prompt": request.prompt, "functions": list(request.functions)}
        return {**told, "request_digest": request.digest}

    def submit(self, given: Mapping[str, Any], who: str) -> dict[str, Any]:
        """The verdicts on code, and the artifact where it passes."""
        path, code = self._path(given), _text(given, "code", empty=True)
        spec = self._spec(path)
        said: Verdict | None = None
        if "```" in code:
            found, findings = generate.read_reply(code, prompt.first_request(spec, make_plan(spec)))
            said = Verdict.of("reply", findings)
            if found is None:
                return {"passed": False, "stages": [_stage(said)]}
            code = found
        with self._lock:
            self._count(path)
            compiled = check(path, code, author=who, out=self.out)
            left = self.attempts - self._tried[path]
        stages = [_stage(one) for one in ((said,) if said is not None else ()) + compiled.verdicts]
        return {"passed": compiled.passed, "stages": stages, "attempts_left": left, **self._artifact(compiled)}

    def rules(self, given: Mapping[str, Any], _who: str) -> dict[str, Any]:
        """Every rule by code, stage and name; or one with its reason, an example and the fix."""
        rules = all_rules()
        code = _text(given, "code", empty=True).upper() if given.get("code") is not None else ""
        if not code:
            return {"rules": [{"code": one.code, "stage": one.stage, "name": one.name} for one in rules]}
        found = [one for one in rules if one.code == code]
        if not found:
            raise InputError(f"no rule {code[:20]!r}", place="code", hint=closest(code, [one.code for one in rules]))
        return {"rules": [asdict(one) for one in found]}

    # ---- what they share -----------------------------------------------------------------------------------------

    def _path(self, given: Mapping[str, Any]) -> Path:
        """The spec's file, which lies below the folder wherever links lead. Raises InputError."""
        text = _text(given, "spec")
        hint = "give a path below the served folder, for instance late_fee/spec.yaml"
        try:
            path = (self.folder / text).resolve()
            inside = path.is_relative_to(self.folder) and path.suffix.lower() in SPEC_FILES and path.is_file()
        except (OSError, ValueError):  # too long, or with a null character
            inside = False
        if not inside:
            raise InputError("there is no such spec in the served folder", place="spec", hint=hint)
        return path

    def _spec(self, path: Path) -> Spec:
        """The whole spec. What is wrong with its rules is told, what is wrong with its cases only that it is."""
        name = str(path.relative_to(self.folder))
        bare = parse_spec(read_spec_text(path), name, read=lambda beside: read_beside(path, beside), cases=())
        check_answers(bare)
        for finding in check_flow(bare):
            if finding.severity == "error":
                raise SpecError(f"{finding.code} {finding.message}", place=name, hint=finding.hint)
        check_tables(bare, lambda _: name)
        check_contradictions(bare)
        try:
            spec = load_spec(path)
            check_tables(spec, lambda _: name)
            check_cases(spec)
        except SpecError:
            raise SpecError(
                "its cases cannot be used", place=name,
                hint="a person corrects them: `ingot plan` in a terminal says which; cases are not shown here",
            ) from None  # fmt: skip
        return spec

    def _count(self, path: Path) -> None:
        """One more try. Raises InputError where there were too many."""
        if self._tried[path] >= self.attempts:
            raise InputError(
                f"code for this spec was submitted {self.attempts} times", place="spec",
                hint="let a person read the findings and make the clauses or cases clearer; a restart of the server "
                "allows more",
            )  # fmt: skip
        self._tried[path] += 1

    def _artifact(self, compiled: Compiled) -> dict[str, Any]:
        if compiled.path is None:
            return {"artifact": None, "digest": None, "next": "correct what the findings say and submit again"}
        path = compiled.path.resolve()
        shown = path.relative_to(self.folder) if path.is_relative_to(self.folder) else path
        told = f"a person looks at it and signs: ingot approve {shown}"
        return {"artifact": str(shown), "digest": compiled.digest, "next": told}


def _tool(
    name: str,
    said: str,
    takes: Mapping[str, Any],
    call: Callable[[Mapping[str, Any], str], Answer],
    *,
    needs: tuple[str, ...] | None = None,
    changes: bool = False,
) -> Tool:
    required = list(takes) if needs is None else list(needs)
    schema = {"type": "object", "properties": dict(takes), "required": required, "additionalProperties": False}
    return Tool(f"{RESERVED}{name}", f"Ingot: {name.replace('_', ' ')}", said, schema, _GIVES, call, changes)


def _text(given: Mapping[str, Any], name: str, *, empty: bool = False) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not (value.strip() or empty):
        raise InputError("it is missing, or no text", place=name, hint=f"give {name!r} as a text")
    if len(value) > generate.LARGEST_REPLY:
        raise InputError(f"it has more than {generate.LARGEST_REPLY:,} characters", place=name, hint="give less")
    return value


def _without_held_out(spec: Spec) -> Spec:
    return spec.model_copy(update={"cases": spec.given})


def _questions(spec: Spec) -> list[dict[str, Any]]:
    return [one.to_json() for one in find_questions(spec)]


def _stage(verdict: Verdict) -> dict[str, Any]:
    """What a repair would be told of a stage: its findings."""
    findings = [one.to_json() for one in verdict.findings]
    return {"stage": verdict.stage, "passed": verdict.passed, "findings": findings}

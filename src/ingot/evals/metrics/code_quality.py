"""Code quality of generated programs: what a reviewer has to read, and how much of it the cases hold fast.

Sources are the texts of the functions that a model or a person wrote (``logic.py``), not of the assembled programs, whose
types and flow Ingot writes itself: of each task the program that answers its transactions; one that the gates refused is none.
Nothing here runs a program but `mutation_counts`, and that only in the sandbox.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from math import comb
from pathlib import Path
from statistics import fmean
from typing import Any

from ingot.errors import InputError, StageError
from ingot.evals.log import Log
from ingot.evals.metrics.measure import Measure, bootstrapped, share_of
from ingot.evals.metrics.validation import passed_at
from ingot.program import Program
from ingot.stages.tools import TIMEOUT, tool

_COMPLEX = re.compile(r"`(.+)` is too complex \((\d+) > 0\)")
_Function = ast.FunctionDef | ast.AsyncFunctionDef


AT = (1, 2, 3, 5, 8)
"""The k of pass@k that are told, as far as programs were drawn."""


def quality_of(log: Log) -> list[Measure]:
    """All figures of this category of the programs of a log, none where it has no program: a solver that asks a model for every
    transaction writes none."""
    made = [
        one.generation for one in log.tasks if passed_at(one) or (one.generation.deployed and not one.generation.stages)
    ]
    sources = [one.source for one in made if one.source]
    drawn = [one.generation.draws for one in log.tasks if one.generation.draws]
    if not sources and not drawn:
        return []
    read = [one for one in sources if _parses(one)]
    note = f"{len(sources) - len(read)} of {len(sources)} programs are not Python" if len(read) < len(sources) else ""
    found = code_quality(read, [one.mutants for one in made if one.mutants is not None])
    told = [replace(one, note="; ".join(part for part in (one.note, note) if part)) for one in found[:-1]]
    most = max(map(len, drawn), default=0)
    return [*told, found[-1], *(pass_at([(len(one), sum(one)) for one in drawn], k) for k in AT if k <= most)]


def code_quality(sources: Sequence[str], counts: Iterable[tuple[int, int]] = ()) -> list[Measure]:
    """All figures of this category but pass@k. `counts` are the mutants killed and survived, one pair a program.

    Raises InputError for a source that is not Python, StageError where ruff is missing or breaks.
    """
    return [complexity(sources), function_lines(sources), type_coverage(sources), lint(sources), mutation(counts)]


def complexity(sources: Sequence[str]) -> Measure:
    """Mean cyclomatic complexity of a function: 1 + its branches, as the SYNTAX stage counts them (ruff's C901).

    M = decisions + 1, of each function by itself, ``and``/``or`` and conditional expressions not counted; a
    nested function adds its own decisions and 1 to the one it is in. Unit: a function. Source: McCabe, "A Complexity
    Measure", IEEE Transactions on Software Engineering SE-2 (4), 1976.
    """
    of_each = _complexities(sources)
    found = [float(number) for rows in of_each for _, number in rows]
    note = f"at most {max(found):.0f}" if found else ""
    whose = [str(at) for at, rows in enumerate(of_each) for _ in rows]
    return bootstrapped("cyclomatic complexity", found, fmean, "a function", tasks=whose, note=note)


def complexities(source: str) -> list[tuple[str, int]]:
    """Every function's name and cyclomatic complexity, in the order of the lines."""
    return _complexities([source])[0]


def _complexities(sources: Sequence[str]) -> list[list[tuple[str, int]]]:
    for one in sources:
        _tree(one)
    told = _ruff(sources, "--select", "C901", "--config", "lint.mccabe.max-complexity=0")
    found = [[_COMPLEX.fullmatch(row["message"]) for row in rows] for rows in told]
    if not all(map(all, found)):
        raise StageError("ruff words complexity otherwise than expected", hint="another version of ruff; report it")
    return [[(one[1], int(one[2])) for one in rows if one is not None] for rows in found]


def function_lines(sources: Sequence[str]) -> Measure:
    """Lines from each function's ``def`` to its end / functions, as the SYNTAX stage counts them (SYN007), blank lines and
    comments within it counted. Unit: lines a function. Source: the limit that the stage sets."""
    nodes = [(str(at), node) for at, one in enumerate(sources) for node in _functions(_tree(one))]
    found = [float((node.end_lineno or node.lineno) - node.lineno + 1) for _, node in nodes]
    note = f"at most {max(found):.0f}" if found else ""
    return bootstrapped("length", found, fmean, "lines a function", tasks=[whose for whose, _ in nodes], note=note)


def type_coverage(sources: Sequence[str]) -> Measure:
    """Parameters and returns with an annotation / all parameters and returns. Unit: share.

    Every function counts once for its return and once for each parameter, ``*args`` and ``**kwargs`` too; a first
    parameter ``self`` or ``cls`` needs no annotation and is not counted. Source: the figure that mypy's reports give,
    taken at signatures (https://mypy.readthedocs.io/en/stable/command_line.html#report-generation).
    """
    return share_of(
        "type coverage",
        [
            (str(at), known)
            for at, one in enumerate(sources)
            for node in _functions(_tree(one))
            for known in _annotations(node)
        ],
    )


def _annotations(node: _Function) -> list[bool]:
    given = node.args
    every = [*given.posonlyargs, *given.args]
    if every and every[0].arg in ("self", "cls"):
        every = every[1:]
    every += [*given.kwonlyargs, *(one for one in (given.vararg, given.kwarg) if one is not None)]
    return [*(one.annotation is not None for one in every), node.returns is not None]


def lint(sources: Sequence[str]) -> Measure:
    """100 x findings of ruff's default rules / lines that are not blank, over all sources together. Unit: findings per
    100 lines. Source: https://docs.astral.sh/ruff/rules.

    The default rule set is that of the installed version, which the note names: it differs between versions. ``noqa``
    comments are not heard. Names that Ingot's programs define around the functions (Decimal, date, ... and the types of their
    inputs and outputs, which are those that signatures name) are told to ruff.
    """
    lines = sum(1 for one in sources for line in one.splitlines() if line.strip())
    if not lines:
        return Measure("lint", None, "findings per 100 lines", 0, note="nothing to measure")
    found = sum(map(len, _ruff(sources, "--config", f"builtins = {json.dumps([*_KNOWN, *_types(sources)])}")))
    return Measure(
        "lint", 100 * found / lines, "findings per 100 lines", lines, note=f"{found} findings, {ruff_version()}"
    )


_KNOWN = ("Any", "Decimal", "Literal", "Mapping", "ROUND_CEILING", "ROUND_FLOOR", "ROUND_HALF_EVEN", "ROUND_HALF_UP",
          "TypedDict", "date", "datetime", "math", "re", "timedelta")  # fmt: skip


def _types(sources: Iterable[str]) -> list[str]:
    """The names in the annotations of functions' parameters and returns."""
    nodes = [node for one in sources for node in _functions(_tree(one))]
    said = [
        note
        for node in nodes
        for note in (node.returns, *(one.annotation for one in ast.walk(node.args) if isinstance(one, ast.arg)))
        if note is not None
    ]
    return sorted({name.id for note in said for name in ast.walk(note) if isinstance(name, ast.Name)} - set(_KNOWN))


def mutation(counts: Iterable[tuple[int, int]]) -> Measure:
    """Mutants killed / (killed + survived), over all programs together. Unit: share.

    `counts` are killed and survived of each program. Mutants that were proved the same, or that no input tells from the
    program, are in neither. Source: DeMillo, Lipton and Sayward, "Hints on Test Data Selection", Computer 11 (4), 1978.
    """
    hits = [
        (str(at), hit)
        for at, both in enumerate(counts)
        for hit, n in zip((True, False), both, strict=True)
        for _ in range(n)
    ]
    return share_of("mutation score", hits)


def mutation_counts(program: Program) -> tuple[int, int] | None:
    """Killed and survived of a program that passed SECURITY, by the cases of its spec that it answers right: what the
    ACCURACY stage counts. None where it has no mutant or no case. Raises StageError where the sandbox breaks."""
    from ingot.stages.accuracy import score_case
    from ingot.stages.execution import warm_sandbox
    from ingot.stages.inputs import case_trial
    from ingot.stages.weak_cases import score_of_cases

    spec, sandbox = program.spec, warm_sandbox()
    if not spec.cases:
        return None
    trials = [case_trial(case, spec) for case in spec.cases]
    seen = sandbox.run(program.text, trials, offset=program.offset, seed=sandbox.seeds[0]).observations
    right = [case for case in spec.cases if score_case(spec, case, seen.get(case.id)).right]
    scored = score_of_cases(program, right, lambda case, one: score_case(spec, case, one).right, sandbox)
    return None if scored is None else (len(scored.killed), len(scored.survivors))


def pass_at_k(n: int, c: int, k: int) -> float:
    """The chance that at least one of k programs is right, estimated without bias from n programs of which c are.

    1 - C(n - c, k) / C(n, k). Unit: probability. Source: Chen et al., "Evaluating Large Language Models Trained on
    Code", arXiv 2107.03374, 2021, equation 1.

    Raises InputError unless 0 <= c <= n and 1 <= k <= n: with fewer programs
    than k there is no unbiased estimate.
    """
    if not (0 <= c <= n and 1 <= k <= n):
        raise InputError(f"pass@k of n={n!r}, c={c!r}, k={k!r}: it needs 0 <= c <= n and 1 <= k <= n", place="pass@k")
    return float(1 - Fraction(comb(n - c, k), comb(n, k)))


def pass_at(tasks: Iterable[tuple[int, int]], k: int) -> Measure:
    """Mean over tasks of 1 - C(n - c, k) / C(n, k), with n programs drawn for a task and c of them right. Unit: probability.
    Source: Chen et al., "Evaluating Large Language Models Trained on Code", arXiv 2107.03374, 2021, equation 1.

    In a report the programs are the first replies of a task's ``--candidates``, repairs apart, and those are right that pass all
    gates, held-out cases among them; the first of them is drawn at temperature 0. Tasks with fewer than k programs are not
    measured, and the note says how many.
    """
    pairs = list(tasks)
    found = [pass_at_k(n, c, k) for n, c in pairs if n >= k]
    left = len(pairs) - len(found)
    note = f"{left} of {len(pairs)} tasks had fewer than {k} programs" if left else ""
    return bootstrapped(f"pass@{k}", found, fmean, "probability", note=note)


# ---- reading -----------------------------------------------------------------------------------------------------


def _tree(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"the source is not Python: {error}", hint="measure candidates that parse") from None


def _parses(source: str) -> bool:
    try:
        _tree(source)
    except InputError:
        return False
    return True


def _functions(tree: ast.Module) -> list[_Function]:
    return [node for node in ast.walk(tree) if isinstance(node, _Function)]


def ruff_version() -> str:
    """The linter and its version, for instance ``ruff 0.14.2``."""
    with tempfile.TemporaryDirectory(prefix="ingot-quality-") as folder:
        return _ran([tool("ruff"), "--version"], folder).strip()


def _ruff(sources: Sequence[str], *options: str) -> list[list[dict[str, Any]]]:
    """What ruff finds in each source with no configuration but these options, in one run."""
    if not sources:
        return []
    command = [tool("ruff"), "check", "--isolated", "--no-cache", "--ignore-noqa", "--output-format", "json",
               "--no-respect-gitignore", "--target-version", "py311", *options, "."]  # fmt: skip
    found: list[list[dict[str, Any]]] = [[] for _ in sources]
    with tempfile.TemporaryDirectory(prefix="ingot-quality-") as folder:
        for at, one in enumerate(
            sources
        ):  # each in a folder of its own: beside each other they would be modules that import
            (Path(folder) / f"p{at}").mkdir()
            (Path(folder) / f"p{at}" / "logic.py").write_text(one, encoding="utf-8", errors="backslashreplace")
        try:
            rows = json.loads(_ran(command, folder))
            for row in rows:
                found[int(Path(row["filename"]).parent.name[1:])].append(row)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise StageError(f"ruff says no findings that can be read: {error}") from error
    return found


def _ran(command: Sequence[str], folder: str) -> str:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=TIMEOUT, check=False
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StageError(f"ruff cannot be run: {error}") from error
    if done.returncode not in (0, 1):
        raise StageError(f"ruff ended with code {done.returncode}: {done.stderr.strip()[:300]}")
    return done.stdout

"""Code quality of generated programs: what a reviewer has to read, and how much of it the cases hold fast.

Sources are the texts of the functions that a model or a person wrote (``logic.py``), not of the assembled programs, whose
types and flow Ingot writes itself. Nothing here runs a program but `mutation_counts`, and that only in the sandbox.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import comb
from statistics import fmean
from typing import Any

from ingot.errors import InputError, StageError
from ingot.evals.metrics.measure import Measure, bootstrapped, share
from ingot.program import Program
from ingot.stages.tools import TIMEOUT, tool

_COMPLEX = re.compile(r"`(.+)` is too complex \((\d+) > 0\)")
_Function = ast.FunctionDef | ast.AsyncFunctionDef


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
    found = [number for source in sources for _, number in complexities(source)]
    note = f"at most {max(found)}" if found else ""
    return bootstrapped("cyclomatic complexity", [float(one) for one in found], fmean, "a function", note=note)


def complexities(source: str) -> list[tuple[str, int]]:
    """Every function's name and cyclomatic complexity, in the order of the lines."""
    _tree(source)
    rows = _ruff(source, "--select", "C901", "--config", "lint.mccabe.max-complexity=0")
    found = [_COMPLEX.fullmatch(row["message"]) for row in rows]
    if not all(found):
        raise StageError("ruff words complexity otherwise than expected", hint="another version of ruff; report it")
    return [(one[1], int(one[2])) for one in found if one is not None]


def function_lines(sources: Sequence[str]) -> Measure:
    """Lines from each function's ``def`` to its end / functions, as the SYNTAX stage counts them (SYN007), blank lines and
    comments within it counted. Unit: lines a function. Source: the limit that the stage sets."""
    found = [
        float((node.end_lineno or node.lineno) - node.lineno + 1) for one in sources for node in _functions(_tree(one))
    ]
    note = f"at most {max(found):.0f}" if found else ""
    return bootstrapped("length", found, fmean, "lines a function", note=note)


def type_coverage(sources: Sequence[str]) -> Measure:
    """Parameters and returns with an annotation / all parameters and returns. Unit: share.

    Every function counts once for its return and once for each parameter, ``*args`` and ``**kwargs`` too; a first
    parameter ``self`` or ``cls`` needs no annotation and is not counted. Source: the figure that mypy's reports give,
    taken at signatures (https://mypy.readthedocs.io/en/stable/command_line.html#report-generation).
    """
    annotated = [known for one in sources for node in _functions(_tree(one)) for known in _annotations(node)]
    return share("type coverage", sum(annotated), len(annotated))


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
    comments are not heard. Names that Ingot's programs define around the functions (Decimal, date, ...) are told to ruff.
    """
    lines = sum(1 for one in sources for line in one.splitlines() if line.strip())
    if not lines:
        return Measure("lint", None, "findings per 100 lines", 0, note="nothing to measure")
    found = sum(len(_ruff(one, "--config", f"builtins = {json.dumps(list(_KNOWN))}")) for one in sources)
    return Measure(
        "lint", 100 * found / lines, "findings per 100 lines", lines, note=f"{found} findings, {ruff_version()}"
    )


_KNOWN = ("Any", "Decimal", "Literal", "Mapping", "ROUND_CEILING", "ROUND_FLOOR", "ROUND_HALF_EVEN", "ROUND_HALF_UP",
          "TypedDict", "date", "datetime", "math", "re", "timedelta")  # fmt: skip


def mutation(counts: Iterable[tuple[int, int]]) -> Measure:
    """Mutants killed / (killed + survived), over all programs together. Unit: share.

    `counts` are killed and survived of each program. Mutants that were proved the same, or that no input tells from the
    program, are in neither. Source: DeMillo, Lipton and Sayward, "Hints on Test Data Selection", Computer 11 (4), 1978.
    """
    pairs = list(counts)
    killed = sum(one for one, _ in pairs)
    return share("mutation score", killed, killed + sum(other for _, other in pairs))


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

    Tasks with fewer than k programs are not measured, and the note says how many.
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


def _functions(tree: ast.Module) -> list[_Function]:
    return [node for node in ast.walk(tree) if isinstance(node, _Function)]


def ruff_version() -> str:
    """The linter and its version, for instance ``ruff 0.14.2``."""
    return _ran([tool("ruff"), "--version"], "").strip()


def _ruff(source: str, *options: str) -> list[dict[str, Any]]:
    """What ruff finds in a source with no configuration but these options."""
    command = [tool("ruff"), "check", "--isolated", "--no-cache", "--ignore-noqa", "--output-format", "json",
               "--target-version", "py311", *options, "--stdin-filename", "logic.py", "-"]  # fmt: skip
    try:
        rows = json.loads(_ran(command, source))
    except json.JSONDecodeError:
        rows = None
    if not isinstance(rows, list):
        raise StageError("ruff did not answer in JSON", hint="run `ruff --version`; reinstall it where that fails")
    return rows


def _ran(command: Sequence[str], text: str) -> str:
    with tempfile.TemporaryDirectory(prefix="ingot-quality-") as folder:
        try:
            done = subprocess.run(
                command, input=text, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=TIMEOUT, check=False
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StageError(f"ruff cannot be run: {error}") from error
    if done.returncode not in (0, 1):
        raise StageError(f"ruff ended with code {done.returncode}: {done.stderr.strip()[:300]}")
    return done.stdout

"""The SYNTAX stage: exactly the functions asked for, typed, linted, short, and citing the clauses they carry out.

The candidate is parsed and compared with the signatures here; `ty` and `ruff` look at the assembled program, side by
side, and their findings inside the candidate's lines are kept. Nothing is executed. A tool that is missing, breaks or
takes too long is a StageError.
"""

from __future__ import annotations

import ast
import io
import re
import time
import tokenize
import warnings
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ingot.errors import StageError
from ingot.program import Program, Signature
from ingot.stages.citations import RULES as CITATION_RULES
from ingot.stages.citations import check_citations
from ingot.stages.stage import Observed, Stage
from ingot.stages.tools import TOLERATED, Tools, tools
from ingot.tables.compiled import from_tables
from ingot.verdict import Finding, Rule, Severity, Verdict

_FEE = "def fee(weight: int, note: str | None) -> int:\n"
RULES: tuple[Rule, ...] = (
    Rule("SYN001", "does-not-parse", "syntax", "Text that is not Python cannot be checked or run.",
         _FEE + "    return weight +\n", _FEE + "    return weight + 1  # C1\n"),
    Rule("SYN002", "wrong-functions", "syntax",
         "The program calls exactly the functions asked for; a missing, double or extra one breaks it or hides code.",
         "def price(weight: int) -> int:\n    return weight  # C1\n", _FEE + "    return weight  # C1\n"),
    Rule("SYN003", "wrong-signature", "syntax",
         "Names, order and types come from the spec; another signature takes other values for the ones meant.",
         "def fee(note: str | None, weight: int) -> int:\n    return weight  # C1\n", _FEE + "    return weight  # C1\n"),
    Rule("SYN004", "type-error", "syntax", "A value of the wrong type fails later, on an input nobody tried.",
         _FEE + '    return "free"  # C1\n', _FEE + "    return 0  # C1\n"),
    Rule("SYN005", "lint", "syntax", "Undefined names, unused values and known traps are defects in waiting.",
         _FEE + "    rate = 3\n    return weight  # C1\n", _FEE + "    rate = 3\n    return weight * rate  # C1\n"),
    Rule("SYN006", "too-complex", "syntax", "A function with too many paths cannot be reviewed or covered by cases.",
         _FEE + "".join(f"    if weight == {n}:\n        return {n + 1}  # C1\n" for n in range(10))
         + "    return weight  # C1\n",
         "TABLE = {0: 1, 1: 2}\n\n\n" + _FEE + "    return TABLE.get(weight, weight)  # C1\n"),
    Rule("SYN007", "too-long", "syntax", "A function that does not fit on a screen is not read.",
         _FEE + "".join(f"    weight = weight + {n}\n" for n in range(60)) + "    return weight  # C1\n",
         _FEE + "    return weight + sum(range(60))  # C1\n"),
    Rule("SYN008", "null-as-false", "syntax",
         "A null is not an empty text, zero or false; a nullable value must be compared with None first.",
         _FEE + "    return 1 if note else weight  # C1\n", _FEE + "    return 1 if note is not None else weight  # C1\n"),
    Rule("SYN010", "unknown-clause", "syntax", "A citation of a clause that does not exist is worse than none.",
         _FEE + "    return weight  # C99\n", _FEE + "    return weight  # C1\n"),
    Rule("SYN011", "suppression", "syntax", "A comment that switches a check off hides what the check would say.",
         _FEE + "    return weight  # C1  # type: ignore\n", _FEE + "    return weight  # C1\n"),
    *CITATION_RULES,
)  # fmt: skip

_SUPPRESSION = re.compile(r"#\s*(?:type:\s*ignore|ty:\s*ignore|noqa|nosec|ruff:|pyright:|mypy:|pragma:|fmt:|isort:)")


def check(program: Program, observed: Observed) -> tuple[Verdict, Observed]:
    """Every syntax finding. Raises StageError where ty or ruff is missing, breaks or takes too long."""
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd escapes are reported by ruff, with their place
        found, tree = _parse(program)
    measures: dict[str, Any] = {}
    if tree is not None:
        cited, receipts = check_citations(program)
        found += cited
        measures = {"functions": _sizes(tree), "tools": ["ty", "ruff"], "citations": receipts}
        with tools(_with_empties_annotated(program, tree), program.spec.thresholds.complexity) as running:
            tabled = from_tables(program)
            found += _own_findings(program, tree, tabled)
            lint = [one for one in _lint(program, running) if one.code != "SYN006" or one.function not in tabled]
            found += [*_types(program, running), *lint]
    found = sorted(dict.fromkeys(found), key=lambda finding: (finding.line or 0, finding.code, finding.column or 0))
    return Verdict.of("syntax", found, time.perf_counter() - began, measures), observed


def _parse(program: Program) -> tuple[list[Finding], ast.Module | None]:
    """The candidate's tree, or the reason why it or the program with it does not compile. Nothing is executed."""
    hint = "answer with plain Python functions and nothing else"
    try:
        tree = ast.parse(program.logic)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line, column = getattr(error, "lineno", None), getattr(error, "offset", None)
        return [Finding("SYN001", f"does not parse: {getattr(error, 'msg', error)}", line, column, None, hint)], None
    try:
        compile(program.text, "program.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        inside = line - program.offset if line is not None and line > program.offset else None
        return [Finding("SYN001", f"does not compile: {getattr(error, 'msg', error)}", inside, None, None, hint)], None
    return [], tree


def _with_empties_annotated(program: Program, tree: ast.Module) -> str:
    """The program's text for the tools: ``rows = []`` without annotation reads ``rows: list[Any] = []``, and so does a
    constant table with members of several kinds.

    What such a list takes up later gives it a type that fits no TypedDict, and a mixed table the union of its kinds,
    which says nothing about the values; that they fit the outputs is for EXECUTION to see. Lines stay where they are.
    """
    lines = program.text.splitlines(keepends=True)
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and _is_mixed(node.value):
            _annotate(lines, program.offset, node.targets[0], "dict[Any, Any]")
    for function in [node for node in tree.body if isinstance(node, ast.FunctionDef)]:
        seen = {argument.arg for argument in function.args.args}
        assignments = [node for node in ast.walk(function) if isinstance(node, ast.Assign | ast.AnnAssign)]
        for node in sorted(assignments, key=lambda one: (one.lineno, one.col_offset)):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if not isinstance(target, ast.Name) or target.id in seen:
                continue
            seen.add(target.id)
            kind = _empty(node.value) if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
            if kind is not None:
                _annotate(lines, program.offset, target, kind)
    return "".join(lines)


def _annotate(lines: list[str], offset: int, target: ast.Name, kind: str) -> None:
    number = offset + target.lineno - 1
    at = len(lines[number].encode()[: target.end_col_offset].decode())
    lines[number] = f"{lines[number][:at]}: {kind}{lines[number][at:]}"


def _is_mixed(value: ast.expr) -> bool:
    if not isinstance(value, ast.Dict):
        return False
    kinds = {type(one.value) if isinstance(one, ast.Constant) else type(one) for one in value.values}
    return len(kinds) > 1


def _empty(value: ast.expr) -> str | None:
    if isinstance(value, ast.List) and not value.elts:
        return "list[Any]"
    return "dict[Any, Any]" if isinstance(value, ast.Dict) and not value.keys else None


def _own_findings(program: Program, tree: ast.Module, tabled: Collection[str]) -> list[Finding]:
    """What needs no tool. `tabled` are the functions that are their table, which is read instead of them."""
    found = list(_functions(program, tree))
    by_name = {signature.name: signature for signature in program.signatures}
    comments = _comments(program.logic)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in by_name:
            signature = by_name[node.name]
            found += _signature(node, signature)
            found += [] if node.name in tabled else _length(node, program.spec.thresholds.function_lines)
            found += _null_as_false(node, signature)
            found += _unknown_clauses(node, signature, program, comments)
    for line, text in comments.items():
        if _SUPPRESSION.search(text):
            found.append(Finding("SYN011", f"{text.strip()!r} switches a check off", line, None, None, "mend the code"))
    return found


def _sizes(tree: ast.Module) -> dict[str, int]:
    return {node.name: _lines(node) for node in tree.body if isinstance(node, ast.FunctionDef)}


def _lines(node: ast.FunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


# ---- functions and signatures ------------------------------------------------------------------------------------


def _functions(program: Program, tree: ast.Module) -> Iterator[Finding]:
    """SYN002: each function asked for once, at module level, and no others."""
    asked = [signature.name for signature in program.signatures]
    defined = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for signature in program.signatures:
        nodes = [node for node in defined if node.name == signature.name]
        if not nodes:
            message = f"function {signature.name!r} is missing"
            yield Finding("SYN002", message, function=signature.name, hint=f"define {signature.header()}")
        for node in nodes[1:]:
            yield _at("SYN002", node, f"function {node.name!r} is defined twice", node.name)
        for node in nodes:
            if isinstance(node, ast.AsyncFunctionDef):
                yield _at("SYN002", node, f"function {node.name!r} is asynchronous", node.name, signature.header())
    for node in defined:
        if node.name not in asked:
            hint = f"define only {', '.join(asked)}; a nested function is fine"
            yield _at("SYN002", node, f"function {node.name!r} was not asked for", node.name, hint)


def _signature(node: ast.FunctionDef, signature: Signature) -> Iterator[Finding]:
    """SYN003: parameters, annotations and return annotation as the spec has them."""
    wanted = ast.parse(f"{signature.header()} ...").body[0]
    assert isinstance(wanted, ast.FunctionDef)
    assert wanted.returns is not None
    same = ast.unparse(node.args) == ast.unparse(wanted.args)
    if not same or node.returns is None or ast.unparse(node.returns) != ast.unparse(wanted.returns):
        given = f"({ast.unparse(node.args)}) -> {ast.unparse(node.returns) if node.returns else '?'}"
        yield _at("SYN003", node, f"{node.name}{given} is not the signature asked for", node.name, signature.header())


def _length(node: ast.FunctionDef, most: int) -> Iterator[Finding]:
    """SYN007."""
    if _lines(node) > most:
        message = f"function {node.name!r} has {_lines(node)} lines; {most} are allowed"
        yield _at("SYN007", node, message, node.name, "use a table of constants, or shorter code")


def _at(code: str, node: ast.stmt | ast.expr, message: str, function: str, hint: str | None = None) -> Finding:
    return Finding(code, message, node.lineno, node.col_offset + 1, function, hint)


# ---- nulls -------------------------------------------------------------------------------------------------------


def _null_as_false(node: ast.FunctionDef, signature: Signature) -> Iterator[Finding]:
    """SYN008: a nullable parameter tested for truth where nothing has compared it with None up to there."""
    nullable = {field.name for field in signature.params if field.nullable}
    compared: dict[str, tuple[int, int]] = {}
    for part in ast.walk(node):
        if isinstance(part, ast.Compare) and any(isinstance(operator, ast.Is | ast.IsNot) for operator in part.ops):
            name, place = ast.unparse(part.left), (part.lineno, part.col_offset)
            compared[name] = min(compared.get(name, place), place)
    for part in ast.walk(node):
        for tested in _truth_tests(part):
            if isinstance(tested, ast.Name) and tested.id in nullable:
                first = compared.get(tested.id)
                if first is None or first > (tested.lineno, tested.col_offset):
                    message = f"{tested.id!r} may be None, and None counts as false here"
                    yield _at("SYN008", tested, message, node.name, f"compare it: {tested.id} is None")


def _truth_tests(node: ast.AST) -> list[ast.expr]:
    """The expressions that a node asks for their truth."""
    match node:
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test) | ast.Assert(test=test):
            return [test]
        case ast.BoolOp(values=values):
            return values
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return [operand]
        case ast.comprehension(ifs=conditions):
            return conditions
        case ast.Call(func=ast.Name(id="bool"), args=arguments):
            return arguments
    return []


# ---- citations ---------------------------------------------------------------------------------------------------


def _comments(source: str) -> dict[int, str]:
    """Line → comment text."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    try:
        return {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}
    except (tokenize.TokenError, SyntaxError) as error:
        raise StageError(f"the candidate parses but cannot be split into tokens: {error}", place="syntax") from error


def _unknown_clauses(
    node: ast.FunctionDef, signature: Signature, program: Program, comments: Mapping[int, str]
) -> Iterator[Finding]:
    """SYN010: no comment cites a clause that there is not."""
    if not signature.clauses:
        return
    known = {clause.id for clause in program.spec.clauses} | set(signature.clauses)
    shapes = {re.sub(r"\\?\d+", r"\\d+", re.escape(clause)) for clause in known}
    cited = re.compile(rf"(?<![\w.-])(?:{'|'.join(sorted(shapes, key=len, reverse=True))})(?![\w-])")
    hint = f"clauses: {', '.join(signature.clauses)}"
    for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
        for clause in cited.findall(comments.get(line, "")):
            if clause not in known:
                yield Finding("SYN010", f"there is no clause {clause!r}", line, None, node.name, hint)


_NONE = "it may be None here: test it first (value = match.group(1) if match else None)"
_CONVERT = "convert the value to the declared type, for instance int(text) or Decimal(text)"
_MISFITS = ("invalid-argument-type", "invalid-explicit-return")
_TYPE_HINTS = (
    ("missing-union-attribute", r"`None`", _NONE),
    ("not-subscriptable", r"`None`", _NONE),
    ("unsupported-operator", r"None", "one side may be None here: test it first"),
    ("not-iterable", r"None", "it may be None here: test it first"),
    ("missing-typed-dict-key", "", "the dict has every key of its type; None where nothing is found"),
    (_MISFITS, r"found `None`", "return a value of the declared type: of a dict all keys"),
    (
        _MISFITS,
        r"(declared type|expected) `Literal\[.*type `str|expected `Literal\[.*found `str",
        "a piece of the text is no enum value: look it up, "
        # in the function: a backend that begins the reply with the def line leaves no place before it
        'in the function words: dict[str, Literal["a", "b"]] = {"a": "a", "b": "b"}, then words.get(text)',
    ),
    (
        _MISFITS,
        r"declared type `bool.*type `str|expected `bool.*found `str",
        "say True where the text has the words: match is not None",
    ),
    ("invalid-argument-type", r"TypedDict", _CONVERT),
    ("invalid-explicit-return", "", _CONVERT),
)
"""How ty's words begin, a pattern in them, and what to do."""


# ---- ty and ruff ----------------------------------------------------------------------------------------------------


def _types(program: Program, running: Tools) -> Iterator[Finding]:
    """SYN004: what ty says of the candidate's lines; its warnings stay warnings. Of a dict that does not fit, ty names the key
    at fault and the whole dict; the key is enough."""
    rows = [row for row in running.types() if row["severity"] != "info"]
    keyed = {_begin(row) for row in rows if "TypedDict" in row["description"]}
    for row in rows:
        begin, text = row["location"]["positions"]["begin"], row["description"]
        line = _logic_line(program, begin["line"])
        whole = text.startswith("invalid-explicit-return") and _begin(row) in keyed
        if line is not None and not whole:
            severity: Severity = "warning" if row["severity"] == "minor" else "error"
            hint = next(
                (hint for start, word, hint in _TYPE_HINTS if text.startswith(start) and re.search(word, text)), None
            )
            yield _tool_finding(program, "SYN004", text, (line, begin["column"]), severity, hint)


def _begin(row: Mapping[str, Any]) -> int:
    return int(row["location"]["positions"]["begin"]["line"])


def _lint(program: Program, running: Tools) -> Iterator[Finding]:
    """SYN005 and SYN006: what ruff says of the candidate's lines."""
    for row in running.lint():
        line = _logic_line(program, row["location"]["row"])
        if line is not None:
            code = "SYN006" if row["code"] == "C901" else "SYN005"
            text = f"{row['code']} {row['message']}" if code == "SYN005" else row["message"]
            severity: Severity = "warning" if row["code"] in TOLERATED else "error"
            yield _tool_finding(program, code, text, (line, row["location"]["column"]), severity)


def _logic_line(program: Program, line: int) -> int | None:
    """A line of the program as a line of the candidate, or None where it is not in there."""
    inside = line - program.offset
    return inside if 1 <= inside <= program.logic.count("\n") + 1 else None


def _tool_finding(
    program: Program, code: str, text: str, place: tuple[int, int], severity: Severity, hint: str | None = None
) -> Finding:
    line, column = place
    tree = ast.parse(program.logic)
    owner = next(
        (
            node.name
            for node in tree.body
            if isinstance(node, ast.FunctionDef) and node.lineno <= line <= (node.end_lineno or node.lineno)
        ),
        None,
    )
    return Finding(code, " ".join(text.split()), line, column, owner, hint, severity)


STAGE = Stage("syntax", RULES, check)

"""Ways out of pure code: introspection, format strings, dynamic code and the usual dangerous calls (SEC010 to SEC014)."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator

from ingot.stages.security.allowed import ALL_BUILTINS
from ingot.stages.security.determinism import annotation_of
from ingot.stages.security.scan import Scan, is_called
from ingot.stages.security.sinks import CALLS, IMPORTS, Sink
from ingot.verdict import Finding

_DUNDER = re.compile(r"__[A-Za-z]\w*?__|\b(?:" + "|".join(
    ("gi_frame", "gi_code", "cr_frame", "cr_code", "ag_frame", "ag_code", "tb_frame", "tb_next", "f_globals", "f_locals",
     "f_builtins", "f_back", "f_code", "co_code", "co_consts", "func_globals", "func_code")) + r")\b")  # fmt: skip
_INTROSPECTION = frozenset(
    [
        "mro",
        "gi_frame",
        "gi_code",
        "gi_yieldfrom",
        "cr_frame",
        "cr_code",
        "cr_await",
        "ag_frame",
        "ag_code",
        "tb_frame",
        "tb_next",
        "tb_lineno",
        "f_globals",
        "f_locals",
        "f_builtins",
        "f_back",
        "f_code",
        "f_trace",
        "co_code",
        "co_consts",
        "co_names",
        "func_globals",
        "func_code",
        "func_defaults",
    ]
)
_REFLECTION = frozenset(
    {"getattr", "setattr", "delattr", "globals", "locals", "vars", "dir", "super", "object", "type"}
)
_DYNAMIC_IMPORT = ("importlib.", "imp.", "pkgutil.", "runpy.", "zipimport.")
_CODE = frozenset({"eval", "exec", "compile", "execfile"})


def introspection(scan: Scan) -> Iterator[Finding]:
    """SEC010: dunder names, frame and code attributes, reflection, and texts that spell a dunder."""
    for node in scan.nodes:
        if isinstance(node, ast.Attribute) and (node.attr.startswith("__") or node.attr in _INTROSPECTION):
            yield scan.finding("SEC010", node, f"attribute {node.attr!r} reaches into the interpreter")
        elif isinstance(node, ast.Name) and node.id.startswith("__") and node.id != "__import__":
            yield scan.finding("SEC010", node, f"name {node.id!r} is reserved for the interpreter")
        elif isinstance(node, ast.arg | ast.keyword) and (node.arg or "").startswith("__"):
            yield scan.finding("SEC010", node, f"name {node.arg!r} is reserved for the interpreter")
        elif isinstance(node, ast.Call) and scan.dotted(node.func) in _REFLECTION:
            yield scan.finding("SEC010", node, f"{scan.dotted(node.func)}() looks inside objects")
        elif match := _spelled(scan, node):
            yield scan.finding("SEC010", node, f"a text spells the interpreter's name {match.group()!r}")


def _spelled(scan: Scan, node: ast.AST) -> re.Match[str] | None:
    """An interpreter's name inside a text; docstrings are only read by people."""
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        return None
    return None if isinstance(scan.parents.get(node), ast.Expr) else _DUNDER.search(node.value)


def format_strings(scan: Scan) -> Iterator[Finding]:
    """SEC011: a template that is not a literal, or names an attribute or an index; computed format specs."""
    hint = "use an f-string"
    for node in scan.nodes:
        if isinstance(node, ast.Attribute) and node.attr == "format_map":
            yield scan.finding("SEC011", node, "str.format_map reads whatever its text names", hint)
        elif isinstance(node, ast.Attribute) and node.attr == "format" and not is_called(scan, node):
            yield scan.finding("SEC011", node, "str.format is passed on as a value", hint)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
            yield from _format_call(scan, node, node.func.value, hint)
        elif isinstance(node, ast.Name) and scan.is_global(node, "format") and not is_called(scan, node):
            yield scan.finding("SEC011", node, "format is passed on as a value", hint)
        elif _is_text_template(scan, node):
            yield scan.finding("SEC011", node, "% on a text that is not a literal", hint)
        elif (isinstance(node, ast.FormattedValue) and not _is_literal_spec(node.format_spec)) or (
            isinstance(node, ast.Call) and scan.is_global(node.func, "format") and not _is_plain(node.args)
        ):
            yield scan.finding("SEC011", node, "a format spec is computed", "write the spec out")


def _is_text_template(scan: Scan, node: ast.AST) -> bool:
    """``text % value`` where the text is a parameter: what is in it chooses the width."""
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Mod)
        and isinstance(node.left, ast.Name)
        and annotation_of(scan, node.left).startswith(("str", "Literal['", 'Literal["'))
    )


def _is_plain(arguments: list[ast.expr]) -> bool:
    return not any(isinstance(one, ast.Starred) for one in arguments) and all(
        isinstance(one, ast.Constant) for one in arguments[1:]
    )


def _is_literal_spec(spec: ast.expr | None) -> bool:
    return spec is None or (
        isinstance(spec, ast.JoinedStr) and all(isinstance(part, ast.Constant) for part in spec.values)
    )


def _format_call(scan: Scan, node: ast.Call, template: ast.expr, hint: str) -> Iterator[Finding]:
    if not isinstance(template, ast.Constant) or not isinstance(template.value, str):
        yield scan.finding("SEC011", node, "str.format on a text that is not a literal", hint)
        return
    try:
        fields = [name for _, name, spec, _ in string.Formatter().parse(template.value) if name is not None]
        nested = [spec for _, _, spec, _ in string.Formatter().parse(template.value) if spec and "{" in spec]
    except ValueError as error:
        yield scan.finding("SEC011", node, f"the format text is malformed: {error}", hint)
        return
    for name in fields:
        if "." in name or "[" in name:
            yield scan.finding("SEC011", node, f"format field {name!r} reads an attribute or an index", hint)
    if nested:
        yield scan.finding("SEC011", node, "a format spec is computed", "write the spec out")


def dynamic_code(scan: Scan) -> Iterator[Finding]:
    """SEC012 and SEC013: imports by name, and text run as code, called or passed on."""
    for node in scan.nodes:
        if not isinstance(node, ast.Name | ast.Attribute):
            continue
        dotted = scan.dotted(node) or ""
        if dotted in ("__import__", "builtins.__import__") or dotted.startswith(_DYNAMIC_IMPORT):
            yield scan.finding("SEC012", node, f"{dotted} imports by name", "import at the top of the file")
        elif dotted.removeprefix("builtins.") in _CODE and (dotted in ALL_BUILTINS or dotted.startswith("builtins.")):
            yield scan.finding("SEC013", node, f"{dotted} runs text as code", "write the code out")


def dangerous_calls(scan: Scan) -> Iterator[Finding]:
    """SEC014: calls and imports from the table of sinks, and calls that switch a protection off."""
    for node, dotted in scan.calls():
        sink = _sink(CALLS, dotted) if dotted else None
        if sink is not None:
            yield scan.finding("SEC014", node, f"{dotted}() {sink.why} ({sink.cwe})", "leave it to a module step")
        else:
            yield from _switches(scan, node)
    for part in scan.nodes:
        if isinstance(part, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in part.names] if isinstance(part, ast.Import) else [part.module or ""]
            for module in modules:
                if found := _sink(IMPORTS, module + "."):
                    yield scan.finding("SEC014", part, f"{module} {found.why} ({found.cwe})")


def _sink(table: tuple[Sink, ...], dotted: str) -> Sink | None:
    for sink in table:
        if dotted == sink.name or (sink.name.endswith(".") and dotted.startswith(sink.name)):
            return sink
    return None


_OFF = {
    "verify": "CWE-295", "verify_signature": "CWE-347", "verify_exp": "CWE-347", "check_hostname": "CWE-295",
    "autoescape": "CWE-79", "resolve_entities": "CWE-611",
}  # fmt: skip
_EXECUTE = frozenset({"execute", "executemany", "executescript", "raw"})
_ON = {"shell": "CWE-78", "debug": "CWE-489", "allow_pickle": "CWE-502", "dangerously_allow": "CWE-94"}


def _switches(scan: Scan, node: ast.Call) -> Iterator[Finding]:
    for name, value in _settings(node):
        if not isinstance(value, ast.Constant):
            continue
        if name in _OFF and value.value is False:
            yield scan.finding("SEC014", node, f"{name}=False switches a protection off ({_OFF[name]})")
        elif name in _ON and value.value is True and not (name == "debug" and not isinstance(node.func, ast.Attribute)):
            yield scan.finding("SEC014", node, f"{name}=True opens a way in ({_ON[name]})")
    executes = isinstance(node.func, ast.Attribute) and node.func.attr in _EXECUTE
    if executes and node.args and _is_built(scan, node, node.args[0]):
        yield scan.finding("SEC014", node, "SQL is put together from values (CWE-89)", "use bound parameters")


def _settings(node: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    for keyword in node.keywords:
        if keyword.arg is not None:
            yield keyword.arg, keyword.value
        if isinstance(keyword.value, ast.Dict):
            for key, value in zip(keyword.value.keys, keyword.value.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, value


def _is_built(scan: Scan, node: ast.Call, query: ast.expr) -> bool:
    if isinstance(query, ast.JoinedStr | ast.BinOp | ast.Call):
        return True
    if not isinstance(query, ast.Name):
        return False
    owner = scan.owners.get(node)
    return owner is not None and any(
        isinstance(part, ast.Assign | ast.AugAssign)
        and isinstance(part.value, ast.JoinedStr | ast.BinOp | ast.Call)
        and any(isinstance(target, ast.Name) and target.id == query.id for target in _targets(part))
        for part in ast.walk(owner)
    )


def _targets(node: ast.Assign | ast.AugAssign) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target]

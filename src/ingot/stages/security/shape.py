"""The shape of a candidate and its allow-lists: modules, names, attributes and node types (SEC002 to SEC008)."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from ingot.stages.security.allowed import (
    ALL_BUILTINS,
    ATTRIBUTES,
    BUILTINS,
    CONSTANT_CALLS,
    MODULES,
    NODES,
    PRELUDE,
    RESERVED,
    UNUSABLE_PRELUDE,
)
from ingot.stages.security.scan import FunctionNode, Scan, binds
from ingot.verdict import Finding

_CONSTANT_NODES = (
    ast.Constant, ast.Tuple, ast.List, ast.Set, ast.Dict, ast.UnaryOp, ast.USub, ast.UAdd, ast.BinOp, ast.Add, ast.Sub,
    ast.Mult, ast.FloorDiv, ast.Pow, ast.BitOr, ast.Name, ast.Attribute, ast.Call, ast.keyword, ast.Load,
)  # fmt: skip


def module_shape(scan: Scan) -> Iterator[Finding]:
    """SEC002: only imports, the functions asked for and literal constants, each once."""
    seen: set[str] = set()
    for index, node in enumerate(scan.tree.body):
        if isinstance(node, ast.Import | ast.ImportFrom) or _is_docstring(node, index):
            continue
        if isinstance(node, FunctionNode):
            if node.name not in scan.asked:
                hint = "put it inside the function that needs it, or write it out"
                yield scan.finding("SEC002", node, f"function {node.name!r} was not asked for", hint)
            elif node.name in seen:
                yield scan.finding("SEC002", node, f"function {node.name!r} is defined twice")
            seen.add(node.name)
        elif not _is_constant(scan, node):
            hint = "module level holds only imports, the functions asked for and UPPER_CASE = literal"
            yield scan.finding("SEC002", node, f"{_what(node)} at module level", hint)
    for inner in scan.nodes:
        if isinstance(inner, ast.Import | ast.ImportFrom) and inner in scan.owners:
            yield scan.finding("SEC002", inner, "import inside a function", "move it to the top")


def _is_docstring(node: ast.stmt, index: int) -> bool:
    return (
        index == 0
        and isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _what(node: ast.AST) -> str:
    return f"a {type(node).__name__} statement"


def _is_constant(scan: Scan, node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target: ast.expr = node.targets[0]
    elif isinstance(node, ast.AnnAssign):
        target = node.target
    else:
        return False
    if not isinstance(target, ast.Name) or not target.id.isupper() or node.value is None:
        return False
    return all(_is_constant_node(scan, part) for part in ast.walk(node.value))


def _is_constant_node(scan: Scan, node: ast.AST) -> bool:
    if not isinstance(node, _CONSTANT_NODES):
        return False
    if isinstance(node, ast.Call):
        return scan.dotted(node.func) in CONSTANT_CALLS
    if isinstance(node, ast.Name):
        return node.id in scan.constants or node.id in scan.imported or node.id in BUILTINS
    return True


def node_types(scan: Scan) -> Iterator[Finding]:
    """SEC003: statement and expression forms off the allow-list, decorators, computed calls, attribute assignment."""
    callable_names = {function: _local_functions(function) for function in scan.functions()}
    for node in scan.nodes:
        if type(node) not in NODES:
            yield scan.finding("SEC003", node, f"{type(node).__name__} is not allowed in generated code")
        elif isinstance(node, ast.FunctionDef):
            if node.decorator_list:
                yield scan.finding("SEC003", node, f"function {node.name!r} has a decorator")
            if getattr(node, "type_params", ()):
                yield scan.finding("SEC003", node, f"function {node.name!r} has type parameters")
        elif isinstance(node, ast.Constant) and isinstance(node.value, bytes | complex):
            yield scan.finding("SEC003", node, f"a {type(node.value).__name__} literal is not allowed")
        elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            yield scan.finding("SEC003", node, f"assignment to attribute {node.attr!r}", "assign to a local name")
        elif isinstance(node, ast.Call):
            yield from _computed_call(scan, node, callable_names)


def _computed_call(scan: Scan, node: ast.Call, callable_names: Mapping[FunctionNode, set[str]]) -> Iterator[Finding]:
    """Only names and methods are called, and a local name only where it is a function or lambda of this function."""
    if isinstance(node.func, ast.Attribute):
        return
    if not isinstance(node.func, ast.Name):
        yield scan.finding("SEC003", node, "the called value is computed", "call a function by its name")
        return
    name, owner = node.func.id, scan.owners.get(node)
    if owner is not None and name in scan.bound[owner] and name not in callable_names[owner]:
        yield scan.finding("SEC003", node, f"{name!r} is called, but it is a value, not a function", "call a function")


def _local_functions(function: FunctionNode) -> set[str]:
    """The names that stand for functions and lambdas inside a function, and for nothing else."""
    lambdas: set[ast.AST] = set()
    found: set[str] = set()
    values: set[str] = set()
    for part in ast.walk(function):
        if isinstance(part, FunctionNode):
            found.add(part.name)
        elif isinstance(part, ast.Assign) and isinstance(part.value, ast.Lambda):
            targets = [target for target in part.targets if isinstance(target, ast.Name)]
            lambdas.update(targets)
            found.update(target.id for target in targets)
        elif part not in lambdas:  # ast.walk comes to an assignment before it comes to its targets
            values.update(binds(part))
    return found - values


def imports(scan: Scan) -> Iterator[Finding]:
    """SEC004: modules and names off the allow-list, star and relative imports."""
    hint = f"allowed modules: {', '.join(sorted(MODULES))}"
    for node in scan.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name not in MODULES:
                    yield scan.finding("SEC004", node, f"import of {alias.name!r} is not allowed", hint)
        elif isinstance(node, ast.ImportFrom):
            yield from _import_from(scan, node, hint)


def _import_from(scan: Scan, node: ast.ImportFrom, hint: str) -> Iterator[Finding]:
    if node.module == "__future__":
        yield scan.finding("SEC004", node, "import from __future__ is in force already", "leave this line out")
        return
    if node.level or node.module is None or node.module not in MODULES:
        yield scan.finding("SEC004", node, f"import from {'.' * node.level}{node.module or ''} is not allowed", hint)
        return
    for alias in node.names:
        if alias.name not in MODULES[node.module]:
            known = f"allowed from {node.module}: {', '.join(sorted(MODULES[node.module]))}"
            yield scan.finding("SEC004", node, f"import of {node.module}.{alias.name} is not allowed", known)


def names(scan: Scan) -> Iterator[Finding]:
    """SEC005 and SEC007: every name read is a local, a constant, an import, a function asked for or an allowed builtin."""
    module = scan.constants.keys() | scan.imported.keys() | scan.types | {node.name for node in scan.functions()}
    module -= UNUSABLE_PRELUDE
    refused = {  # bound by statements of the module that SEC002 refuses: these need no second finding
        name for node in scan.nodes if isinstance(node, ast.Name) and node not in scan.owners for name in binds(node)
    }
    for node in scan.nodes:
        if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
            continue
        if node.id in scan.names_in(node) or node.id in module or node.id in BUILTINS:
            continue
        if node.id == "object" and _is_in_annotation(scan, node):  # a free-form object's is dict[str, object]
            continue
        if node in scan.owners or node.id not in refused:
            if node.id in ALL_BUILTINS:
                yield scan.finding("SEC005", node, f"builtin {node.id!r} is not allowed")
            else:
                hint = "use a parameter, a local, a constant of this file or an allowed import"
                yield scan.finding("SEC007", node, f"name {node.id!r} is not defined here", hint)


def _is_in_annotation(scan: Scan, node: ast.AST) -> bool:
    """Whether a node is part of an annotation, which nothing evaluates."""
    while (parent := scan.parents.get(node)) is not None and not isinstance(parent, ast.stmt | ast.arg):
        node = parent
    if isinstance(parent, ast.FunctionDef):
        return parent.returns is node
    return isinstance(parent, ast.arg | ast.AnnAssign) and parent.annotation is node


def shadowed(scan: Scan) -> Iterator[Finding]:
    """SEC008: a binding of an allowed builtin's name, or of a name that the program already has."""
    taken = BUILTINS | PRELUDE.keys() | RESERVED | scan.types
    for node in scan.nodes:
        for name in _binds(node):
            owner = scan.owners.get(node)
            asked = scan.asked.get(owner.name) if owner is not None else None
            if name in taken and not (asked is not None and name in asked.fields):
                yield scan.finding("SEC008", node, f"{name!r} is rebound", "choose another name")


def bound_once(scan: Scan) -> Iterator[Finding]:
    """SEC008: a name of the module that is bound again, so that what is read here is not what runs."""
    origins: dict[str, str] = {}
    for node in scan.tree.body:
        for name, origin in _module_names(node):
            if origins.setdefault(name, origin) != origin:
                yield scan.finding("SEC008", node, f"{name!r} is bound twice", "choose another name")


def _module_names(node: ast.stmt) -> Iterator[tuple[str, str]]:
    """The names that a statement of the module binds, and from where; a function defined twice is SEC002's to tell."""
    if isinstance(node, FunctionNode):
        yield node.name, "def"
    elif isinstance(node, ast.Import):
        yield from ((alias.asname or alias.name, alias.name) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)
    else:
        yield from ((name, f"line {node.lineno}, {node.col_offset}") for part in ast.walk(node) for name in binds(part))


def _binds(node: ast.AST) -> tuple[str, ...]:
    if isinstance(node, ast.Import):  # `import math` again binds what is there already; another name for it does not
        return tuple(a.asname or a.name for a in node.names if PRELUDE.get(a.asname or a.name) != a.name)
    if isinstance(node, ast.ImportFrom):
        return tuple(
            a.asname or a.name for a in node.names if not _same_import(a.asname or a.name, f"{node.module}.{a.name}")
        )
    return binds(node)


def _same_import(name: str, origin: str) -> bool:
    """`from typing import Mapping` gives the prelude's Mapping for every purpose that generated code has."""
    return PRELUDE.get(name) == origin or (name == "Mapping" and origin == "typing.Mapping")


def attributes(scan: Scan) -> Iterator[Finding]:
    """SEC006: attributes off the allow-list; of a module, names off that module's list."""
    for node in scan.nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and scan.dotted(node) in MODULES:
            parent = scan.parents.get(node)  # under another name, no rule would see which function is called
            if not (isinstance(parent, ast.Attribute) and parent.value is node):
                hint = f"call what is in it: {node.id}.…"
                yield scan.finding("SEC006", node, f"module {node.id!r} is used as a value", hint)
        if not isinstance(node, ast.Attribute) or node.attr.startswith("__"):
            continue
        base: str = scan.dotted(node.value) or ""
        root = base.split(".", maxsplit=1)[0]
        is_module = isinstance(node.value, ast.Name) and base in scan.imported.values()
        if is_module and base in MODULES:
            if node.attr not in MODULES[base]:
                known = f"allowed: {', '.join(sorted(MODULES[base]))}"
                yield scan.finding("SEC006", node, f"{base}.{node.attr} is not allowed", known)
        elif root in scan.imported.values() and root not in MODULES and root not in PRELUDE.values():
            continue  # a name of a module that may not be imported; SEC004 says so once
        elif node.attr not in ATTRIBUTES and not (base == "json" and node.attr == "JSONDecodeError"):
            yield scan.finding("SEC006", node, f"attribute {node.attr!r} is not allowed", "use an allowed method")

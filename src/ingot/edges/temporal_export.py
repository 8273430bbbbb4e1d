"""An artifact as one Python file that a team owns: its program, its modules and a Temporal worker around them.

The file needs the package temporalio and nothing of Ingot. What it does between steps is the artifact's program, byte for
byte; recording, sealing and reviews in a store are Ingot's own worker's and are not in it.
"""

from __future__ import annotations

import ast
from importlib import resources
from pathlib import Path
from typing import Any

from ingot.artifact.verify import Verified
from ingot.edges.temporal_loaded import deployment
from ingot.errors import SpecError
from ingot.fields import Field, to_plain
from ingot.spec import Spec, parse_spec

_KEPT = ("name", "type", "nullable", "min_length", "max_length", "pattern", "values")


def export_worker(verified: Verified) -> str:
    """The text of the module. Raises SpecError where its program does not allow it."""
    spec = parse_spec(verified.files["spec.yaml"].decode(), "spec.yaml", cases=())
    held = _held(spec, verified)
    program = verified.files["program.py"].decode()
    worker = resources.files("ingot.library").joinpath("temporal_worker.py.txt").read_text(encoding="utf-8")
    literal = "_ARTIFACT = " + _literal(held)
    text = f"{program.rstrip()}\n\n\n# ---- what the artifact says of itself\n\n{literal}\n\n\n{worker}"
    _refuse_clashes(program, worker)
    return text


def _held(spec: Spec, verified: Verified) -> dict[str, Any]:
    steps = {
        one.step: {
            "module": one.module, "with": to_plain(dict(one.with_)), "retries": one.retries,
            "outputs": [_field(field) for field in one.outputs],
        }
        for one in spec.logic_requirements
        if not one.is_function
    }  # fmt: skip
    return {
        "name": deployment(spec), "queue": f"{deployment(spec)}-exported", "digest": verified.digest,
        "inputs": [_field(one) for one in spec.inputs], "outputs": [_field(one) for one in spec.outputs],
        "fields": {name: _field(one) for name, one in spec.known_fields().items()}, "steps": steps,
        "modules": {
            Path(name).stem: content.decode()
            for name, content in verified.files.items()
            if name.startswith("modules/")
        },
    }  # fmt: skip


def _field(field: Field) -> dict[str, Any]:
    found: dict[str, Any] = {name: to_plain(getattr(field, name)) for name in _KEPT}
    found |= {name: to_plain(getattr(field, name)) for name in ("minimum", "maximum")}
    found["items"] = None if field.items is None else _field(field.items)
    found["fields"] = [_field(one) for one in field.fields]
    return {name: value for name, value in found.items() if value not in (None, [])}


def _literal(held: dict[str, Any]) -> str:
    """The value as Python: read again, it is the same."""
    import pprint

    text = pprint.pformat(held, width=118, sort_dicts=True)
    if ast.literal_eval(text) != held:
        raise SpecError("what the artifact says of itself cannot be written as Python")
    return text


def _refuse_clashes(program: str, worker: str) -> None:
    """The worker's names begin with an underscore; the program's must be others."""
    own = _defined(ast.parse(worker))
    both = own & _defined(ast.parse(program))
    if both:
        raise SpecError(f"the program defines {min(both)!r}, which the worker needs", hint="rename the step")


def _defined(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {one.id for one in node.targets if isinstance(one, ast.Name)}
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {one.asname or one.name for one in node.names}
    return names

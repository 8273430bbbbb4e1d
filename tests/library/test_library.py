"""The catalogue, and what every file of the library promises because it is copied into artifacts."""

from __future__ import annotations

import ast
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import get_args

import pytest

from ingot import library
from ingot.errors import IngotError
from ingot.library.standalone import SHARED, standalone
from ingot.spec import Compliance, ModuleName, TemplateName
from ingot.stages.flow import FLOW_RULES

FILES = [("modules", name) for name in library.MODULES] + [("templates", name) for name in library.TEMPLATES]


def test_the_catalogue_is_what_specs_may_name() -> None:
    assert set(library.TEMPLATES) == set(get_args(TemplateName))
    assert set(library.BLOCKS) == set(get_args(Compliance))
    operations = {name for module in library.MODULES for name in library.module(module).OPERATIONS}
    assert operations == set(get_args(ModuleName))


def test_the_catalogue_and_the_folders_hold_the_same_files() -> None:
    folder = Path(library.__file__).parent
    for kind in ("modules", "templates"):
        written = {path.stem for path in (folder / kind).glob("*.py")} - {"__init__", "shared"}
        assert written == {name for of, name in FILES if of == kind}
    written = {path.stem for path in (folder / "blocks").glob("*.yaml")}
    assert written == {library.file_name("blocks", name).split("/")[1].removesuffix(".yaml") for name in library.BLOCKS}
    assert library.read("modules", "http.py") == library.read("modules", "http")
    assert library.read("templates", "batch") == (folder / "templates/batch.py").read_bytes()


def test_an_unknown_name_is_one_error_with_a_hint() -> None:
    with pytest.raises(IngotError, match="'htttp'") as error:
        library.read("modules", "htttp")
    assert "database, files, http, notify" in str(error.value)


@pytest.mark.parametrize(("kind", "name"), FILES)
def test_a_file_stands_alone(kind: library.Kind, name: str) -> None:
    """Nothing of Ingot is imported, third-party libraries inside functions only, and bare execution works."""
    content = library.read(kind, name)
    tree = ast.parse(content)
    top = {alias.name.split(".")[0] for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    top |= {str(node.module).split(".")[0] for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert top <= sys.stdlib_module_names | {"__future__"}
    every = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    every |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not any(module.split(".")[0] == "ingot" for module in every)
    namespace: dict[str, object] = {"__name__": "copied"}
    exec(compile(content, f"{name}.py", "exec"), namespace)
    assert ast.get_docstring(tree)
    assert ("OPERATIONS" in namespace and "check" in namespace) if kind == "modules" else "run" in namespace


@pytest.mark.parametrize("name", library.MODULES)
def test_a_copied_module_runs_where_there_is_no_ingot(name: str) -> None:
    """In an interpreter that has the standard library only, a check finds what the imported module finds."""
    operation = next(iter(library.module(name).OPERATIONS))
    code = (
        "import sys; space = {'__name__': 'copied'}; exec(compile(sys.stdin.buffer.read(), 'copied.py', 'exec'), space);"
        f"assert not [name for name in sys.modules if name.split('.')[0] == 'ingot'];"
        f"print(space['check']({operation!r}, {{'strange': 1}}, []))"
    )
    command = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(command, input=library.read("modules", name), capture_output=True, timeout=30, check=True)
    assert done.stdout.decode().strip() == repr(library.module(name).check(operation, {"strange": 1}, []))
    assert b"'strange' is not a setting here" in done.stdout


@pytest.mark.parametrize("name", library.MODULES)
def test_a_copied_module_gives_no_name_two_meanings(name: str) -> None:
    """Names that a module and the shared lines both bind would be overwritten in the copy, and in the copy only."""
    meanings: dict[str, set[str]] = {}
    for node in ast.parse(library.read("modules", name)).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                origin = getattr(node, "module", "")
                meanings.setdefault(alias.asname or alias.name, set()).add(f"{origin}.{alias.name}")
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            meanings.setdefault(node.name, set()).add(f"line {node.lineno}")
        else:
            targets = {
                inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
            }
            for target in targets:
                meanings.setdefault(target, set()).add(f"line {node.lineno}")
    assert {"masked", "OPERATIONS", "_problems"} <= set(meanings)
    assert {bound: found for bound, found in meanings.items() if len(found) > 1} == {}


def test_the_shared_lines_stand_in_place_of_their_import() -> None:
    shared = b'"""What is shared."""\n\nfrom __future__ import annotations\n\nimport re\n\nA = re.compile("a")\n'
    module = (
        b'"""A module: \xe2\x80\xa6"""\n\nfrom __future__ import annotations\n\nimport os\n'
        b"from ingot.library.modules.shared import (\n    A,\n)\nB = A, os\n"
    )
    lines = standalone(module, shared).decode().splitlines()
    written = [line for line in lines if line and not line.startswith("# ----")]
    assert written == [
        '"""A module: …"""', "from __future__ import annotations", "import os", "import re", 'A = re.compile("a")', "B = A, os"
    ]  # fmt: skip
    assert max(map(len, lines)) == 120


@pytest.mark.parametrize(
    "statement", ["import os", f"from {SHARED} import A as B", f"from {SHARED} import *", f"from {SHARED} import A\n" * 2,
                  f"def inner():\n    from {SHARED} import A"]
)  # fmt: skip
def test_an_import_that_would_mean_something_else_in_a_copy_is_refused(statement: str) -> None:
    with pytest.raises(ValueError, match="once, without"):
        standalone(statement.encode(), b"A = 1\n")


@pytest.mark.parametrize("name", library.BLOCKS)
def test_a_block_is_short_and_its_rules_exist(name: str) -> None:
    block = library.block(name)
    codes = {rule.code for rule in FLOW_RULES}
    assert block.name == name
    assert len(block.text.split()) < 60
    assert set(block.rules) <= codes
    assert block.clauses
    for clause in block.clauses:
        assert set(clause.rules) <= codes
        assert clause.rules
    words = f"{block.text} {block.summary} {' '.join(clause.topic for clause in block.clauses)}".lower()
    assert not any(claim in words for claim in ("compliant", "complies", "compliance", "certified", "guarantee"))


def test_importing_the_library_imports_no_module() -> None:
    code = "import sys, ingot.library; print([m for m in ('httpx', 'sqlalchemy', 'ruamel.yaml', 'smtplib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"


def test_the_runtime_runs_a_copied_module(tmp_path: Path) -> None:
    """The bytes that `read` gives are what an artifact's module step runs."""
    from ingot.runtime.steps import make_perform
    from ingot.spec import parse_spec

    (tmp_path / "n.json").write_text('{"amount": "12.50", "due": "2025-01-02"}')
    spec = parse_spec(
        """
metadata: {name: reader}
inputs: {claim: text}
logic_requirements:
  - step: fetch
    type: module
    module: files.read
    with: {root_env: ROOT, path: "{claim}.json", as: json}
    outputs: {amount: decimal, due: date}
outputs: {amount: decimal, due: date}
"""
    )
    modules = {"files": library.read("modules", "files")}
    perform = make_perform(spec, {}, modules, environment={"ROOT": str(tmp_path)})
    assert perform("fetch", {"claim": "n"}) == {"amount": Decimal("12.50"), "due": date(2025, 1, 2)}

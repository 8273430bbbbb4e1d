"""Imports go one way, and a deployed workflow has no path to a model."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "ingot"
ORDER = ("base", "artifact", "runtime", "store", "proof", "stages", "compile", "edges", "evals", "cli")
MODEL_LIBRARIES = ("pydantic_ai", "openai", "anthropic", "llama_cpp", "ingot.models")
# tables is base: questions and compile read tables, and tables import nothing above spec, fields and program
# readback is base for the same reason, and so that the artifact's page can show it
# gates is base: pure functions on text, which every layer above may hold between itself and a model
# models is beside the order: only these may import it
MAY_IMPORT_MODELS = ("compile", "evals", "cli", "models", "__init__.py")
# the library holds data; anybody may read it, it imports nobody
BESIDE = ("models", "library", "__init__.py", "__main__.py")


def layer(path: Path) -> str:
    first = path.relative_to(SOURCE).parts[0]
    return first if first in (*ORDER, *BESIDE) else "base"


def imported(path: Path) -> list[str]:
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found


FILES = sorted(path for path in SOURCE.rglob("*.py") if "examples" not in path.parts)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_one_way(path: Path) -> None:
    own = layer(path)
    if own in BESIDE:
        return
    for name in imported(path):
        if not name.startswith("ingot."):
            continue
        target = name.split(".")[1]
        target = target if target in (*ORDER, *BESIDE) else "base"
        if target in ORDER:
            assert ORDER.index(target) <= ORDER.index(own), f"{own} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_only_the_compile_side_imports_models(path: Path) -> None:
    if layer(path) in MAY_IMPORT_MODELS:
        return
    for name in imported(path):
        assert not name.startswith(MODEL_LIBRARIES), f"{path.name} imports {name}"


def test_loading_the_runtime_loads_no_model_library_and_no_tool() -> None:
    code = (
        "import sys, ingot.runtime.run, ingot.artifact.verify\n"
        f"print([m for m in sys.modules if m.startswith({MODEL_LIBRARIES!r}) or m.split('.')[0] in "
        "('rich', 'hypothesis', 'bandit', 'sqlalchemy', 'httpx', 'pydantic_monty')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_importing_ingot_alone_imports_almost_nothing() -> None:
    code = "import sys, ingot\nprint([m for m in sys.modules if m.startswith(('pydantic', 'ruamel', 'click'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there() -> None:
    import ingot

    for name in ingot.__all__:
        assert getattr(ingot, name) is not None

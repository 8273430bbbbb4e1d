"""The bundled examples and their recorded completions."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from ingot.compile.driver import Compiled, Listener, compile_spec
from ingot.errors import SpecError
from ingot.models.replay import Replay
from ingot.yaml_text import closest

EXAMPLES = ("prior_auth", "airline_baggage", "receipt_fields", "copay", "late_fee")


def example_folder(name: str) -> Path:
    """The folder of a bundled example: its spec, cases and recordings."""
    if name not in EXAMPLES:
        raise SpecError(f"no bundled example {name!r}", hint=closest(name, EXAMPLES))
    return Path(str(resources.files("ingot.library").joinpath("examples", name)))


def compile_example(name: str, out: Path | None, *, listen: Listener | None = None) -> Compiled:
    """Compile a bundled example from its recordings: no key, no network."""
    folder = example_folder(name)
    return compile_spec(folder / "spec.yaml", Replay(folder / "recordings"), out=out, listen=listen)

"""What mkdocs calls: pages that are made of the project itself at every build, so that none of them can be stale."""

from __future__ import annotations

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from cli_page import cli_page
from modules_page import modules_page
from paper_page import paper_page
from rules_page import rules_page
from spec_page import spec_page

PAGES = {
    "reference/spec.md": spec_page,
    "reference/rules.md": rules_page,
    "reference/library.md": modules_page,
    "reference/cli.md": cli_page,
    "paper.md": paper_page,
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The site's files with the generated pages among them. A page that cannot be true stops the build."""
    for path, page in PAGES.items():
        try:
            files.append(File.generated(config, path, content=page()))
        except ValueError as error:
            raise PluginError(f"{path}: {error}") from error
    return files

"""What mkdocs calls: pages that are made of the project itself at every build, so that none of them can be stale."""

from __future__ import annotations

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from cli_page import cli_page
from metrics_page import with_tables
from modules_page import modules_page
from paper_page import paper_page
from rules_page import rules_page
from spec_page import spec_page
from suites_list import with_suites

PAGES = {
    "reference/spec.md": spec_page,
    "reference/rules.md": rules_page,
    "reference/library.md": modules_page,
    "reference/cli.md": cli_page,
    "paper.md": paper_page,
}

FILLED = {"metrics.md": with_tables, "suites.md": with_suites}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The site's files with the generated pages among them. A page that cannot be true stops the build."""
    for path, page in PAGES.items():
        try:
            files.append(File.generated(config, path, content=page()))
        except ValueError as error:
            raise PluginError(f"{path}: {error}") from error
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """A written page, with what is made of the project put into its place."""
    fill = FILLED.get(page.file.src_uri)
    if fill is None:
        return markdown
    try:
        return fill(markdown)
    except ValueError as error:
        raise PluginError(f"{page.file.src_uri}: {error}") from error

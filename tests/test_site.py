"""The docs site is built of the project's own files, its reference leaves nothing out, and it loads nothing from elsewhere."""

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import click
import pytest
from ruamel.yaml import YAML

from ingot import library
from ingot.cli import cli
from ingot.cli.bench_suites import suite_options
from ingot.spec import spec_schema
from ingot.spec_words import MEANINGS, properties_of

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
sys.path.insert(0, str(ROOT / "reference"))

import cli_page  # noqa: E402
import metrics_page  # noqa: E402
import modules_page  # noqa: E402
import paper_page  # noqa: E402
import rules_page  # noqa: E402
import spec_page  # noqa: E402
import suites_list  # noqa: E402

WRITTEN = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]


# ---- the reference says everything -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Spec", *sorted(spec_schema()["$defs"])])
def test_every_key_of_a_spec_has_a_meaning(name: str) -> None:
    schema = spec_schema()
    keys = set(properties_of(schema if name == "Spec" else schema["$defs"][name]))
    assert set(MEANINGS.get(name, {})) == keys, "write what the key means in src/ingot/spec_words.py"


def test_the_spec_reference_has_every_key_with_type_and_meaning() -> None:
    page = spec_page.spec_page()
    for name, words in MEANINGS.items():
        section = page.partition(f"{{#{name.lower()}}}")[2].partition("\n## ")[0]
        for key, meaning in words.items():
            row = next(line for line in section.splitlines() if line.startswith(f"| `{key}` |"))
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
            assert len(cells) == 4, row
            assert cells[1], row
            assert cells[3] == meaning


def test_defaults_and_requirements_are_those_of_the_schema() -> None:
    page = spec_page.spec_page()
    assert "| `retries` | integer, ≥ 0, ≤ 10 | `1` |" in page
    assert "| `step` | string, 60 characters at most | **required** |" in page
    assert "| `otherwise` | `human` `model` | `human` |" in page


def test_the_rules_reference_has_every_rule_with_reason_example_and_fix() -> None:
    page = rules_page.rules_page()
    rules = rules_page.every_rule()
    assert {rule.stage for rule in rules} == set(rules_page.STAGES)
    assert len(rules) > 60
    for rule in rules:
        section = page.partition(f"### {rule.code} {rule.name} ")[2].partition("\n### ")[0]
        for said in (rule.example, rule.fix):
            assert said.strip() in section, rule.code
        assert rules_page.plain(rule.why) in section


def test_the_command_line_reference_has_every_command_and_option() -> None:
    page = cli_page.cli_page()
    contexts = list(cli_page.every_command(click.Context(cli, info_name="ingot")))
    assert len(contexts) > 40
    for context in contexts:
        section = re.split(rf"^##+ {context.command_path}$", page, flags=re.MULTILINE)[1].partition("\n##")[0]
        for option in context.command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert f"`{option.opts[0]}`" in section, f"{context.command_path} {option.opts}"


def test_the_library_reference_has_every_operation_with_its_settings() -> None:
    page = modules_page.modules_page()
    for name in library.MODULES:
        section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        for operation, settings in modules_page.settings_of(name).items():
            assert operation in section
            assert settings
            for key in settings:
                (row,) = [line for line in section.splitlines() if line.startswith(f"| `{key}` |")]
                assert f"`{operation}`" in row
    examples = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert len(examples) == len(library.MODULES)
    for example in examples:
        (step,) = YAML(typ="safe").load(example)
        takes = modules_page.settings_of(step["module"].partition(".")[0])[step["module"]]
        assert set(step["with"]) <= set(takes)


def test_the_page_of_figures_has_every_figure_of_a_log() -> None:
    from ingot.evals.log import Header, Log, Scored, TaskLog
    from ingot.evals.metrics.consistency import consistency
    from ingot.evals.metrics.every import every
    from ingot.evals.metrics.latency import cold_and_warm
    from ingot.evals.solvers import Answer, Generation

    header = Header("s", "S", "unseen", "0", "exact", "", "compiled", "", {}, "0")
    item = Scored("a", "unseen", True, Answer({"fee": 1}, seconds=0.1), {"fee": 1.0})
    made = Generation(True, source="def fee() -> int:\n    return 1\n", mutants=(1, 0), draws=(True, True))
    log = Log(header, (TaskLog("t", made, (item,)),))
    told = [one for measures in every(log, log).values() for one in measures]
    assert {"lint", "pass@2"} <= {one.name for one in told}
    told += [*consistency([b"a"]), *cold_and_warm([1.0], [1.0])]
    rows = [line.split(" | ") for line in metrics_page.metrics_tables().splitlines() if line.startswith("| ")]
    units = {name: row[-2] for row in rows for name in row[0].removeprefix("| ").split("; ")}
    for one in told:
        said = [unit for name, unit in units.items() if re.fullmatch(re.sub(r"\*\w+\*", ".+", name), one.name)]
        assert (one.unit if one.unit != "s" else "seconds") in said, one.name


def test_the_page_of_suites_lists_those_that_there_are_and_links_their_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @click.command("mine")
    @suite_options
    def mine(**_: object) -> None:
        """Mine, *all* mine.

        More.
        """

    monkeypatch.setitem(suites_list.bench_command.commands, "mine", mine)
    monkeypatch.setattr(suites_list, "DOCS", tmp_path)
    assert "- `ingot bench mine`: Mine, \\*all\\* mine.\n" in suites_list.with_suites(f"{suites_list.MARK}\n")
    (tmp_path / "suites-mine.md").write_text("# Mine\n")
    (tmp_path / "suites-agents.md").write_text("# Agents\n")
    told = suites_list.with_suites((DOCS / "suites.md").read_text(encoding="utf-8"))
    assert "Mine, \\*all\\* mine. [More](suites-mine.md)" in told
    assert "- [Agents](suites-agents.md)" in told
    (tmp_path / "suites-mine.md").rename(tmp_path / "suites-several.md")
    (tmp_path / "suites-several.md").write_text("# Several\n\n## mine\n\nWords.\n")
    assert "[More](suites-several.md#mine)" in suites_list.with_suites(suites_list.MARK)
    assert "consistency" not in suites_list.suites()


@pytest.mark.parametrize("without", ["Unit: share.", "Source: nobody 1900.", "right / all"])
def test_a_figure_whose_docstring_lacks_a_part_stops_the_build(without: str) -> None:
    def figure() -> None: ...

    figure.__doc__ = "Items right / all\nitems. Unit: share. Source: nobody 1900.\n\nMore."
    assert metrics_page.told(figure) == metrics_page.Told("Items right / all items. More.", "share", "nobody 1900")
    figure.__doc__ = figure.__doc__.replace(without, "")
    with pytest.raises(ValueError, match="needs a formula"):
        metrics_page.told(figure)


def test_the_written_page_of_figures_has_a_place_for_the_tables() -> None:
    text = (DOCS / "metrics.md").read_text(encoding="utf-8")
    assert "| break-even, tokens |" in metrics_page.with_tables(text)
    with pytest.raises(ValueError, match="needs one line"):
        metrics_page.with_tables("# Figures\n")


# ---- what people wrote names what is there -----------------------------------------------------------------------


def commands() -> dict[str, click.Command]:
    return {c.command_path: c.command for c in cli_page.every_command(click.Context(cli, info_name="ingot"))}


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_commands_and_options_named_in_a_page_exist(page: Path) -> None:
    known = commands()
    for span in re.findall(r"`(ingot [a-z][^`\n]*)`", page.read_text(encoding="utf-8")):
        words = span.split()
        path = " ".join(words[:2])
        if f"{path} {words[2] if len(words) > 2 else ''}" in known:
            path = " ".join(words[:3])
        assert path in known, f"{page.name} names {span!r}"
        options = {name for option in known[path].params for name in (*option.opts, *option.secondary_opts)}
        for word in re.findall(r"(?<![\w-])--[a-z][a-z-]*", span):
            if not isinstance(known[path], click.Group):
                assert word in options | {"--help"}, f"{page.name} names {span!r}"


@pytest.mark.parametrize("page", ["security.md", "controls.md", "deployment.md"])
def test_files_rules_and_variables_named_in_a_page_exist(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    for name in re.findall(r"`((?:src|tests|reference)/[^`]*)`", text):
        assert (ROOT / name).exists(), name
    codes = {rule.code for rule in rules_page.every_rule()}
    for code in re.findall(r"\b(?:FLW|SEC|SYN|EXE|ACC|GEN|GAT)\d{3}\b", text):
        assert code in codes
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    for name in re.findall(r"`((?:INGOT|TEMPORAL)_[A-Z_]+)(?:…)?`", text):
        assert name in sources or name.startswith("TEMPORAL_"), name


def test_the_metrics_named_are_those_of_the_server() -> None:
    pytest.importorskip("prometheus_client", reason="the server's metrics need ingot[serve]")
    from ingot.edges.http_metrics import Metrics

    told = {family.name + ("_total" if family.type == "counter" else "") for family in Metrics().registry.collect()}
    named = re.findall(r"^\| `(ingot_\w+)` \|", (DOCS / "deployment.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(named) == told


def test_every_bench_is_named_in_its_page_or_listed_as_a_suite() -> None:
    table = (DOCS / "bench.md").read_text(encoding="utf-8").partition("\n## ")[0]
    named = set(re.findall(r"^\| `ingot bench ([a-z-]+)", table, re.MULTILINE))
    there = {name for name, command in suites_list.bench_command.commands.items() if not command.hidden}
    assert there - set(suites_list.suites()) <= named


# ---- the paper's claims ------------------------------------------------------------------------------------------


def test_every_figure_of_ours_has_an_origin_that_still_says_so() -> None:
    claims = paper_page.read_claims()
    assert paper_page.problems(claims) == []
    known = commands()
    for one in claims:
        if one.how and one.how.startswith("ingot "):
            assert one.how in known


def test_a_row_without_a_figure_is_told_as_not_measured() -> None:
    rows = [line for line in paper_page.paper_page().splitlines() if line.startswith("| ")][2:]
    claims = paper_page.read_claims()
    assert len(rows) == len(claims)
    for row, one in zip(rows, claims, strict=True):
        assert ("**not measured**" in row) == (one.ours is None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"how": None}, "a figure needs"),
        ({"on": None}, "a figure needs"),
        ({"ours": None}, "a figure needs"),
        ({"quote": "31 of 24"}, "does not say"),
        ({"how": "tests/test_nothing.py"}, "there is no"),
        ({"of": ("src/nowhere",)}, "there is no"),
        ({"digest": None}, "go together"),
    ],
)
def test_a_stale_row_is_a_problem(change: dict[str, object], said: str) -> None:
    whole = next(one for one in paper_page.read_claims() if one.page == "gates.md")
    assert said in "; ".join(paper_page.problems([whole.model_copy(update=change)]))


def test_a_figure_older_than_its_code_says_so() -> None:
    whole = next(one for one in paper_page.read_claims() if one.of)
    now = whole.model_copy(update={"digest": paper_page.state(whole.of)})
    assert "changed since" not in paper_page._origin(now)
    assert "changed since" in paper_page._origin(now.model_copy(update={"digest": "sha256:000000000000"}))


# ---- the site ----------------------------------------------------------------------------------------------------


class Loads(HTMLParser):
    """What a browser fetches for a page by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("script", "img", "iframe", "source", "video", "audio", "embed") and given.get("src"):
            self.found.append(str(given["src"]))
        if tag == "link" and given.get("rel") not in ("canonical", "next", "prev") and given.get("href"):
            self.found.append(str(given["href"]))


def build(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """The site as `make docs` builds it, into another folder."""
    pytest.importorskip("mkdocs", reason="the site is built with mkdocs")
    (options,) = re.findall(r"-m mkdocs (.+)", (ROOT / "Makefile").read_text(encoding="utf-8"))
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", *options.split(), "--site-dir", str(folder), *more],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("[x](nowhere.md)", "not found among documentation files"),
        ("[x](other.md#nowhere)", "does not contain an anchor"),
        ("[x](/docs/other.md)", "absolute link"),
        ("[other](other.md)", ""),
    ],
)
def test_a_link_that_leads_nowhere_stops_the_build(link: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(f"# One\n\n{link}\n", encoding="utf-8")
    (tmp_path / "docs" / "other.md").write_text("# Other\n", encoding="utf-8")
    settings = {"INHERIT": str(ROOT / "mkdocs.yml"), "docs_dir": str(tmp_path / "docs"), "hooks": []}
    settings |= {"nav": ["index.md", "other.md"], "theme": {"name": "mkdocs"}, "plugins": []}
    (tmp_path / "mkdocs.yml").write_text(json.dumps(settings), encoding="utf-8")
    done = build(tmp_path / "site", "--config-file", str(tmp_path / "mkdocs.yml"))
    assert (done.returncode != 0) == bool(said), done.stderr
    assert said in done.stderr


def test_the_site_builds_with_every_link_leading_somewhere(site: Path) -> None:
    for page in (
        *DOCS.glob("*.md"),
        Path("paper.md"),
        *map(Path, ("reference/spec.md", "reference/cli.md", "reference/library.md")),
    ):
        built = page.name if page.is_absolute() else str(page)
        assert (site / built).with_suffix(".html").exists()


@pytest.mark.parametrize("page", ["spec", "cli"])
def test_no_escape_is_left_in_the_tables(page: str, site: Path) -> None:
    text = (site / "reference" / f"{page}.html").read_text(encoding="utf-8")
    cells = re.findall(r"<td>(.*?)</td>", text, re.DOTALL)
    assert len(cells) > 100
    assert [cell for cell in cells if "\\" in cell] == []


def test_no_page_loads_anything_from_another_machine(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 25
    for page in pages:
        loads = Loads()
        loads.feed(page.read_text(encoding="utf-8"))
        assert loads.found
        for address in loads.found:
            assert not re.match(r"(https?:)?//", address), f"{page.name} loads {address}"
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//|@import", style.read_text(encoding="utf-8")), style.name


def test_every_page_is_in_the_navigation() -> None:
    nav = YAML(typ="safe").load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    named = re.findall(r"[\w/]+\.md", str(nav))
    linked = {path.name for path in DOCS.glob("suites-*.md")}  # from the page of suites, by the build
    assert {path.name for path in DOCS.glob("*.md")} - linked <= set(named)
    assert len(named) == len(set(named))

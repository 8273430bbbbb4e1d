"""The page, the SARIF and the SBOM: right for the tools that read them, and safe whatever the spec says."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import tomllib
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from late_fee import DIFFERENCE, LOGIC, PROVENANCE, SPEC, make_contents

from ingot.artifact.evidence import RUNTIME_NEEDS, sarif, sbom
from ingot.artifact.layout import lay_out
from ingot.artifact.listing import code
from ingot.artifact.write import Contents

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
VOID = {"meta", "br", "hr", "img", "input", "link"}
HOSTILE = "</code></style><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


class Page(HTMLParser):
    """Collects what a test asks of a page, and refuses tags that do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name == "id":
                self.ids.append(str(value))
            if name == "href":
                self.links.append(str(value))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, text: str) -> None:
        self.text += text


def page_of(contents: Contents) -> tuple[str, Page]:
    text = lay_out(contents)[1]["report.html"].decode()
    return text, Page(text)


def test_the_page_shows_everything_an_approver_asks_for(contents: Contents) -> None:
    _, page = page_of(contents)
    manifest, _ = lay_out(contents)
    for words in (
        "Late fee", "4 of 4 stages passed", "Accounts receivable", "SOC2", manifest.spec, manifest.cases,
        manifest.program.digest, "An invoice paid within 10 days carries no fee.", "days_late", "never above",
        "Is day 10 itself free of a fee?", "1,234 in, 311 out", "0.0047 USD", "recorded earlier, and replayed",
        "replay:late-fee", "✓ answered", "1 open question", "not available", "cryptography", "Branch coverage", "SYN003", "SYN021",
        "Held out: 1 case", "late_fee", SPEC.splitlines()[-1].strip(), LOGIC.splitlines()[0],
    ):  # fmt: skip
        assert words in page.text, words


def test_the_page_is_one_file_without_scripts(contents: Contents) -> None:
    text, page = page_of(contents)
    assert not {"script", "link", "img", "iframe", "form"} & set(page.tags)
    assert not {"style", "onclick", "src"} & page.attributes
    assert "default-src 'none'; style-src 'sha256-" in text
    assert all(link.startswith("#") for link in page.links)
    assert "$" not in text.replace(SPEC, "")


def test_every_link_has_a_target_and_every_id_is_one(contents: Contents) -> None:
    _, page = page_of(contents)
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert {"#c-C1", "#L3", "#c-C3", "#L7"} <= set(page.links)


def test_whatever_a_spec_says_stays_text() -> None:
    quoted = json.dumps(HOSTILE)
    spec = SPEC.replace("title: Late fee", f"title: {quoted}").replace("owner: Accounts receivable", f"owner: {quoted}")
    spec = spec.replace("C1: An invoice", f"C1: {json.dumps(HOSTILE + ' An invoice')} #").replace("never above", quoted)
    contents = make_contents(
        spec,
        logic=LOGIC.replace("# C3", f"# C3 {HOSTILE}")
        .replace('"""The fee', f"'''{HOSTILE} The fee")
        .replace('late."""', "late.'''"),
        questions=({"id": HOSTILE, "text": HOSTILE, HOSTILE: {HOSTILE: [HOSTILE]}},),
        provenance={**PROVENANCE, "author": {"kind": HOSTILE, "name": HOSTILE, "recorded": False}, HOSTILE: HOSTILE},
    )
    _, page = page_of(contents)
    assert not {"script", "img"} & set(page.tags)
    assert page.tags.count("style") == 1
    assert page.text.count(HOSTILE) > 8


def test_what_changes_since_a_previous_version_is_a_section(contents: Contents) -> None:
    text, page = page_of(replace(contents, difference=DIFFERENCE))
    for words in (
        "What changes", "Since late-fee 1.1.0, dddddddddddd. Inputs change their outcome: 12 of 812", "C3 12 of 812",
        "a person decides at check: too high", "line 9 (C3)", "line 7 (C3)", "customer: private", "USD 4.",
        "The solver took amount to be 0 to 10000.", "Outputs of the steps look_up count as inputs.",
    ):  # fmt: skip
        assert words in page.text, words
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert page.links.count("#L7") > page_of(contents)[1].links.count("#L7")
    assert "#L9" not in page.links, "a line of the previous version is not in this listing"
    assert not {"script", "link", "img", "iframe", "form"} & set(page.tags)
    assert 'id="changes"' not in page_of(contents)[0]
    assert lay_out(replace(contents, difference=DIFFERENCE))[1]["evidence/difference.json"].endswith(b"\n")
    assert "evidence/difference.json" not in lay_out(contents)[1]
    assert text == page_of(replace(contents, difference=json.loads(json.dumps(DIFFERENCE))))[0]


def test_whatever_a_difference_says_stays_text(contents: Contents) -> None:
    hostile = json.loads(json.dumps(DIFFERENCE).replace("C3", "<x>").replace("private", "<img src=x>"))
    text, page = page_of(replace(contents, difference=hostile))
    assert not {"script", "img", "x"} & set(page.tags)
    assert "<img" not in text


def test_a_page_with_nothing_to_show_says_so(contents: Contents) -> None:
    _, page = page_of(
        replace(contents, questions=(), provenance={"author": {**PROVENANCE["author"], "recorded": False}})
    )  # type: ignore[dict-item]
    assert "not known: the model has no published price here" in page.text
    assert "None." in page.text


def test_listing_shows_the_source_and_nothing_else() -> None:
    source = "def f(a):\n    '''one\n    two'''\n    return f\"{a}\" + '\\'' # C1 <b>\n\n\tif a < 1: pass\n"
    page = Page(code(source, ["C1"], "L"))
    assert re.sub(r"^\d+", "", page.text) != page.text
    lines = Page(re.sub(r'<a class="no"[^>]*>\d+</a>', "", code(source, ["C1"], "L")).replace("</li>", "\n</li>")).text
    assert lines == source


# ---- SARIF and SBOM ----------------------------------------------------------------------------------------------


def test_sarif_names_rule_level_and_place(contents: Contents) -> None:
    log = sarif(contents.verdicts)
    (row,) = log["runs"][0]["results"]
    assert log["version"] == "2.1.0"
    assert (row["ruleId"], row["level"]) == ("SYN021", "warning")
    assert row["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "logic.py"},
        "region": {"startLine": 3, "startColumn": 5},
    }
    assert log["runs"][0]["tool"]["driver"]["rules"] == [{"id": "SYN021"}]


MODULES = """\
  - {step: look_up, type: module, module: database.query, with: {sql: "SELECT 1"}, outputs: {found: integer}}
  - {step: tell, type: module, module: http.post, with: {url: "https://example.com/"}, outputs: {sent: integer}}
"""


def test_the_sbom_is_valid_cyclonedx_1_6(contents: Contents) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    spec = SPEC.replace("logic_requirements:\n", f"logic_requirements:\n{MODULES}")
    steps = "steps: {look_up: {found: 1}, tell: {sent: 1}}, expected"
    for made in (contents, make_contents(spec.replace("expected", steps))):
        text = lay_out(made)[1]["sbom.cdx.json"].decode()
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
        assert "serialNumber" not in text
        assert "timestamp" not in text


def test_the_sbom_lists_what_the_modules_need(contents: Contents) -> None:
    plain = {part["name"] for part in sbom(contents.program)["components"]}
    assert plain == {"ingot", "click", "cryptography", "pydantic", "ruamel.yaml"}
    spec = SPEC.replace("logic_requirements:\n", f"logic_requirements:\n{MODULES}")
    steps = "steps: {look_up: {found: 1}, tell: {sent: 1}}, expected"
    bill = sbom(make_contents(spec.replace("expected", steps)).program)
    assert {part["name"] for part in bill["components"]} - plain == {"httpx", "sqlalchemy"}
    assert bill["dependencies"][0]["dependsOn"] == ["ingot", "httpx", "sqlalchemy"]


def test_the_sbom_states_the_dependencies_of_the_project() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert tuple(project["dependencies"]) == RUNTIME_NEEDS


# ---- a real browser ----------------------------------------------------------------------------------------------

pytestmark_browser = pytest.mark.skipif(BROWSER is None, reason="no chromium binary is installed here")
WIDE = "x" * 300


@pytest.fixture
def browse(tmp_path: Path) -> Callable[..., str]:
    """Runs the browser, without a network, on a page; returns what it printed."""

    def run(*options: str) -> str:
        quiet = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking"
        more = f"--disable-component-update --disable-sync --hide-scrollbars --user-data-dir={tmp_path / 'profile'}"
        command = [str(BROWSER), *quiet.split(), *more.split(), *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        return done.stdout

    return run


@pytestmark_browser
def test_a_browser_draws_the_page(artifact: Path, tmp_path: Path, browse: Callable[..., str]) -> None:
    picture = tmp_path / "page.png"
    browse("--window-size=1280,2000", f"--screenshot={picture}", (artifact / "report.html").as_uri())
    content = picture.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", content[16:24]) == (1280, 2000)
    assert len(content) > 60_000  # a blank page of this size has under 10,000


@pytestmark_browser
@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_sticks_out_sideways(tmp_path: Path, browse: Callable[..., str], width: int) -> None:
    """A frame of this width is measured by a page around it: the report itself runs no script."""
    outcomes = json.loads(json.dumps(DIFFERENCE).replace("private", WIDE).replace("too high", WIDE))
    wide = make_contents(
        SPEC.replace("never above", WIDE).replace("C1: An", f"C1: {WIDE} An").replace("title: Late", f"title: {WIDE}"),
        logic=LOGIC.replace("# C3", f"# C3 {WIDE}"),
        questions=({"id": WIDE, "text": WIDE, "reading": [{"a": WIDE}]},),
    )
    wide = replace(wide, difference={**outcomes, "from": {**outcomes["from"], "name": WIDE}})
    report = lay_out(wide)[1]["report.html"].decode()
    (tmp_path / "report.html").write_text(report)
    (tmp_path / "around.html").write_text(
        f'<iframe src="report.html" style="border:0;width:{width}px;height:900px"></iframe><p id="seen"></p><script>'
        "onload = () => { const page = document.querySelector('iframe').contentDocument.documentElement;"
        "seen.textContent = `${page.scrollWidth} of ${page.clientWidth}` }</script>"
    )
    dom = browse("--allow-file-access-from-files", "--dump-dom", (tmp_path / "around.html").as_uri())
    assert f'<p id="seen">{width} of {width}</p>' in dom, dom[-300:]


SECTIONS = """
const page = document.querySelector("iframe").contentDocument;
for (const part of page.querySelectorAll("details")) part.open = true;
const seen = ["does", "changes"].map((id) => {
  const section = page.getElementById(id);
  const texts = [...section.querySelectorAll("p, li, dt, dd, h2, h3, summary, td, th")];
  const inside = (one) => one.closest(".scroll") !== null;
  return {
    id, shown: section.getBoundingClientRect().height > 60,
    small: texts.filter((one) => parseFloat(page.defaultView.getComputedStyle(one).fontSize) < 11).length,
    outside: texts.filter((one) => !inside(one) && one.getBoundingClientRect().right > 400.5).length,
    narrow: texts.filter((one) => one.textContent.length > 20 && one.getBoundingClientRect().width < 60).length,
    frames: [...section.querySelectorAll(".scroll")].every((one) => one.getBoundingClientRect().right <= 400.5),
  };
});
const loaded = page.defaultView.performance.getEntriesByType("resource").length;
document.getElementById("seen").textContent = JSON.stringify({ seen, loaded, scripts: page.scripts.length });
"""


@pytestmark_browser
def test_readback_and_difference_are_readable_on_a_telephone(
    tmp_path: Path, contents: Contents, browse: Callable[..., str]
) -> None:
    """At 400 pixels: nothing of both sections stands outside, is too small or squeezed, nothing is loaded, no script."""
    report = lay_out(replace(contents, difference=DIFFERENCE))[1]["report.html"].decode()
    (tmp_path / "report.html").write_text(report)
    (tmp_path / "around.html").write_text(
        '<iframe src="report.html" style="border:0;width:400px;height:900px"></iframe><p id="seen"></p>'
        f"<script>onload = () => {{ {SECTIONS} }}</script>"
    )
    dom = browse("--allow-file-access-from-files", "--dump-dom", (tmp_path / "around.html").as_uri())
    told = json.loads(re.findall(r'<p id="seen">(.*?)</p>', dom)[0])
    good = {"shown": True, "small": 0, "outside": 0, "narrow": 0, "frames": True}
    assert told["seen"] == [{"id": "does", **good}, {"id": "changes", **good}]
    assert (told["loaded"], told["scripts"]) == (0, 0)

"""Every command, as a user types it."""

import io
import json
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from ingot.cli import cli
from tests.cli.conftest import LOGIC, Run

CASE = '{"zone": "B", "months": 3, "resident": true}'


def test_init_writes_a_spec_once(ingot: Run, tmp_path: Path) -> None:
    done = ingot("init", tmp_path / "Parking Fees")
    assert done.code == 0
    text = (tmp_path / "Parking Fees" / "spec.yaml").read_text(encoding="utf-8")
    assert "name: parking-fees" in text
    again = ingot("init", tmp_path / "Parking Fees")
    assert again.code == 2
    assert "there is a spec already" in again.err
    assert (tmp_path / "Parking Fees" / "spec.yaml").read_text(encoding="utf-8") == text


def test_init_tells_the_next_commands_ready_to_paste(ingot: Run, tmp_path: Path) -> None:
    done = ingot("init", tmp_path / "Parking Fees")
    spec = shlex.quote(str(tmp_path / "Parking Fees" / "spec.yaml"))
    assert f"ingot compile {spec} " in done.out
    assert f"ingot check {spec} --code" in done.out


def test_a_folder_that_cannot_be_made_is_one_error(ingot: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = ingot("init", tmp_path / "file" / "permit")
    assert done.code == 1
    assert done.err.startswith("error: ")
    assert "Traceback" not in done.err


def test_check_passes_right_code_and_refuses_wrong_code(ingot: Run, starter: Path, tmp_path: Path) -> None:
    done = ingot("check", starter, "--code", starter.with_name("logic.py"))
    assert done.code == 0
    assert "passed: starter-workflow" in done.out
    wrong = tmp_path / "wrong.py"
    wrong.write_text(LOGIC.replace("18.00", "19.00"), encoding="utf-8")
    done = ingot("check", starter, "--code", wrong, "--out", tmp_path / "never")
    assert done.code == 1
    assert "ACC001" in done.err
    assert not (tmp_path / "never").exists()


def test_check_as_json_is_one_object(ingot: Run, starter: Path) -> None:
    done = ingot("check", starter, "--code", starter.with_name("logic.py"), "--json")
    told = json.loads(done.out)
    assert told["passed"] is True
    assert [verdict["stage"] for verdict in told["attempts"][0]["verdicts"]] == [
        "security",
        "syntax",
        "execution",
        "accuracy",
    ]
    assert done.err == ""


def test_compile_through_files_and_replay(ingot: Run, starter: Path, tmp_path: Path) -> None:
    box, recordings = tmp_path / "box", tmp_path / "recordings"
    late = ingot("compile", starter, "--model", f"files:{box}", "--timeout", "0.2", "--out", tmp_path / "a")
    assert late.code == 1
    assert "no reply within" in late.err
    request = next(box.glob("*.request.md"))
    reply = request.with_name(request.name.replace(".request.", ".reply."))
    reply.write_text(f"---\nmodel: a-person\n---\n```python\n{LOGIC}```\n", encoding="utf-8")
    done = ingot("compile", starter, "--model", f"files:{box}", "--record", recordings, "--out", tmp_path / "a")
    assert done.code == 0, done.err
    again = ingot("compile", starter, "--model", f"replay:{recordings}", "--out", tmp_path / "b", "--json")
    told = json.loads(again.out)
    assert told["attempts"][0]["model"] == "a-person"
    assert Path(told["artifact"]).name.startswith("starter-workflow-0.1.0-")


def test_a_failed_compile_tells_every_attempt_and_leaves_no_artifact(ingot: Run, starter: Path, tmp_path: Path) -> None:
    box = tmp_path / "box"
    ingot("compile", starter, "--model", f"files:{box}", "--timeout", "0.1", "--out", tmp_path / "out")
    request = next(box.glob("*.request.md"))
    request.with_name(request.name.replace(".request.", ".reply.")).write_text("I cannot.\n", encoding="utf-8")
    done = ingot("compile", starter, "--model", f"files:{box}", "--attempts", "1", "--out", tmp_path / "out", "--json")
    assert done.code == 1
    assert json.loads(done.out)["attempts"][0]["verdicts"][0]["findings"][0]["code"] == "GEN001"
    done = ingot("compile", starter, "--model", f"files:{box}", "--attempts", "1", "--out", tmp_path / "out")
    assert done.code == 1
    assert "GEN001" in done.err
    assert "no candidate passed in 1 attempt" in done.err
    assert not (tmp_path / "out").exists()


def test_compile_without_a_model_says_what_to_give(ingot: Run, starter: Path) -> None:
    done = ingot("compile", starter)
    assert done.code == 2
    assert "give --model" in done.err


def test_a_budget_that_is_no_number_is_a_usage_error(ingot: Run, starter: Path) -> None:
    done = ingot("compile", starter, "--model", "replay:x", "--max-cost", "much")
    assert done.code == 2
    assert "much" in done.err


def test_questions_are_listed_and_answers_kept(ingot: Run, starter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = starter.read_text(encoding="utf-8").replace(", rounded half up to the cent", "")
    starter.write_text(text, encoding="utf-8")
    listed = ingot("compile", starter, "--questions", "--json")
    questions = json.loads(listed.out)
    assert [question["kind"] for question in questions] == ["rounding"]
    monkeypatch.setattr("click.prompt", lambda *_, **__: "Half up to the cent.")
    ingot("compile", starter, "--ask", "--model", "replay:absent")
    after = starter.read_text(encoding="utf-8")
    assert "Half up to the cent." in after
    assert "# The numbered sentences of your policy." in after
    assert "0 open, 1 answered" in ingot("compile", starter, "--questions").out


def test_asking_needs_no_model(ingot: Run, starter: Path) -> None:
    done = ingot("compile", starter, "--ask")
    assert done.code == 0
    assert "no open question" in done.err


def test_the_demo_needs_no_home(ingot: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    done = ingot("demo")
    assert done.code == 0, done.err
    assert "a key that ends with this demo: there is no folder for keys" in done.out
    assert "refused at step 4" in done.out


def test_plan_gives_reasons(ingot: Run, starter: Path) -> None:
    done = ingot("plan", starter)
    assert "template handler" in done.out
    assert "one request for 1 function(s)" in done.out
    assert json.loads(ingot("plan", starter, "--json").out)["template"] == "handler"


def test_run_and_explain(ingot: Run, artifact: Path, tmp_path: Path) -> None:
    told = json.loads(ingot("run", artifact, "--input", CASE, "--trace").out)
    assert told["output"] == {"fee": "27.00"}
    assert told["trace"]["clauses"] == ["C3"]
    (tmp_path / "case.json").write_text(CASE, encoding="utf-8")
    assert json.loads(ingot("run", artifact, "--input", f"@{tmp_path / 'case.json'}").out)["status"] == "completed"
    explained = ingot("explain", artifact, "--input", CASE).out
    assert "if resident:    [resident=true]" in explained
    assert "C3: Residents pay half" in explained
    told = json.loads(ingot("explain", artifact, "--input", CASE, "--json").out)
    assert told["decisions"][-1]["clauses"] == ["C3"]


def test_run_reads_standard_input(ingot: Run, artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(CASE))
    assert json.loads(ingot("run", artifact, "--input", "-").out)["output"] == {"fee": "27.00"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{", "not JSON"),
        ("[1]", "a list is not an object"),
        ("null", "null is not an object"),
        ("[" * 100_000, "nested too deeply"),
        ('{"zone": "B", "months": 3, "months": 4, "resident": true}', "the key 'months' is there twice"),
        ('{"zone": "B", "months": NaN, "resident": true}', "NaN is no number"),
        ('{"zone": "B", "months": 3}', "the input lacks 'resident'"),
        ('{"zone": "C", "months": 3, "resident": true}', "'C' does not fit"),
        ('{"zone": "B", "months": 13, "resident": true}', "13 does not fit"),
        ('{"zone": "B", "months": 3.5, "resident": true}', "does not fit"),
        ('{"zone": "B", "months": 3, "resident": 1}', "1 does not fit"),
        ('{"zone": "B", "months": 3, "resident": true, "zon": 1}', "did you mean 'zone'?"),
        ("@missing.json", "cannot read the input"),
    ],
)
def test_bad_input_is_one_precise_error(ingot: Run, artifact: Path, given: str, said: str) -> None:
    done = ingot("run", artifact, "--input", given)
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_byte_order_mark_is_no_part_of_the_input(ingot: Run, artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "case.json").write_text(CASE, encoding="utf-8-sig")
    assert ingot("run", artifact, "--input", f"@{tmp_path / 'case.json'}").code == 0


def test_standard_input_that_is_closed_or_no_text_is_one_error(
    ingot: Run, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert "standard input is closed" in ingot("run", artifact, "--input", "-").err
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff{"), encoding="utf-8"))
    done = ingot("run", artifact, "--input", "-")
    assert done.code == 2
    assert "cannot read the input" in done.err


def test_a_stream_tells_by_its_exit_code_that_a_line_failed(
    ingot: Run, starter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starter.write_text(f"plan: {{template: stream}}\n{starter.read_text(encoding='utf-8')}", encoding="utf-8")
    assert ingot("check", starter, "--code", starter.with_name("logic.py"), "--out", tmp_path / "made").code == 0
    made = next((tmp_path / "made").iterdir())
    for lines, code in ((f"{CASE}\n{CASE}\n", 0), (f"{{\n{CASE}", 1)):
        (tmp_path / "lines").write_text(lines, encoding="utf-8")
        monkeypatch.setattr("sys.stdin", (tmp_path / "lines").open(encoding="utf-8"))
        done = ingot("run", made, "--input", "-")
        assert (done.code, len(done.out.splitlines())) == (code, 2)
    (tmp_path / "rows").write_text(f"{CASE}\n{CASE}\n", encoding="utf-8")
    assert "on standard input with '--input -'" in ingot("run", made, "--input", f"@{tmp_path / 'rows'}").err


def test_ctrl_c_ends_a_stream_that_waits_for_its_next_line(ingot: Run, starter: Path, tmp_path: Path) -> None:
    starter.write_text(f"plan: {{template: stream}}\n{starter.read_text(encoding='utf-8')}", encoding="utf-8")
    assert ingot("check", starter, "--code", starter.with_name("logic.py"), "--out", tmp_path / "made").code == 0
    command = [sys.executable, "-m", "ingot", "run", str(next((tmp_path / "made").iterdir())), "--input", "-"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write(f"{CASE}\n")
        running.stdin.flush()
        assert "27.00" in running.stdout.readline()
        running.send_signal(signal.SIGINT)
        try:
            assert running.wait(10) == 130
        finally:
            running.kill()


def test_verify_counts_its_steps_and_can_run_the_stages_again(ingot: Run, artifact: Path) -> None:
    done = ingot("verify", artifact)
    assert done.code == 0
    assert " 11  pass  approvals" in done.out
    again = ingot("verify", artifact, "--rerun", "--json")
    assert json.loads(again.out)["rerun"] is True


def test_a_changed_artifact_is_refused_everywhere(ingot: Run, artifact: Path) -> None:
    program = artifact / "program.py"
    program.write_bytes(program.read_bytes().replace(b"18.00", b"08.00"))
    for command in (["verify"], ["show"], ["run", "--input", CASE], ["explain", "--input", CASE]):
        done = ingot(command[0], artifact, *command[1:])
        assert done.code == 1
        assert "refused at step 4" in done.err


def test_approval_is_by_another_key(ingot: Run, artifact: Path, tmp_path: Path) -> None:
    own = ingot("approve", artifact, "--as", "Ada")
    assert own.code == 1
    assert "an author cannot approve" in own.err
    assert ingot("run", artifact, "--input", CASE, "--require-approval").code == 1
    key = tmp_path / "boss" / "signing.pem"
    assert ingot("keys", "--new", key).code == 0
    assert ingot("keys", "--new", key).code == 2
    assert "approved by Grace" in ingot("approve", artifact, "--as", "Grace", "--signing-key", key).out
    public = key.with_suffix(".pub")
    assert ingot("run", artifact, "--input", CASE, "--require-approval").code == 1
    assert ingot("run", artifact, "--input", CASE, "--require-approval", "--key", public).code == 0


def test_show_and_keys(ingot: Run, artifact: Path) -> None:
    done = ingot("show", artifact)
    assert "written by Ada" in done.out
    assert "given 3/3, held out 3/3" in done.out
    assert ingot("show", artifact, "--code").out == LOGIC
    assert json.loads(ingot("show", artifact, "--json").out)["manifest"]["name"] == "starter-workflow"
    assert "signs here" in ingot("keys").out


def test_a_new_key_never_takes_the_place_of_a_public_half(ingot: Run, tmp_path: Path) -> None:
    assert ingot("keys", "--new", tmp_path / "boss.pem").code == 0
    public = (tmp_path / "boss.pub").read_bytes()
    assert ingot("keys", "--new", tmp_path / "boss").code == 2
    assert (tmp_path / "boss.pub").read_bytes() == public
    assert ingot("keys", "--new", tmp_path / "other.pub").code == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["boss.pem", "boss.pub"]


def test_diff_tells_spec_code_and_verdicts(ingot: Run, artifact: Path, starter: Path, tmp_path: Path) -> None:
    assert ingot("diff", artifact, artifact).code == 0
    starter.write_text(starter.read_text(encoding="utf-8").replace("0.1.0", "0.2.0"), encoding="utf-8")
    logic = starter.with_name("logic.py")
    logic.write_text(LOGIC.replace("total / 2", 'total * Decimal("0.5")'), encoding="utf-8")
    assert ingot("check", starter, "--code", logic, "--out", tmp_path / "new").code == 0
    done = ingot("diff", artifact, next((tmp_path / "new").iterdir()))
    assert done.code == 1
    assert "-  version: 0.1.0" in done.out
    assert '+        return (total * Decimal("0.5"))' in done.out


def test_schema_and_rules(ingot: Run) -> None:
    assert json.loads(ingot("schema").out)["title"] == "Ingot spec"
    listed = ingot("rules").out.splitlines()
    assert len(listed) > 60
    for line in listed:
        code = line.split()[0]
        told = ingot("rules", code)
        assert told.code == 0
        assert "Refused:" in told.out
        assert "Instead:" in told.out
    missing = ingot("rules", "SEC9")
    assert missing.code == 2
    assert "did you mean" in missing.err


def test_a_misspelled_command_gets_a_hint(ingot: Run) -> None:
    done = ingot("verfy")
    assert done.code == 2
    assert "did you mean 'verify'?" in done.err


@pytest.mark.parametrize("command", ["init", "compile", "check", "plan", "run", "explain", "verify", "approve", "keys",
                                     "show", "diff", "demo", "bench", "schema", "rules"])  # fmt: skip
def test_every_command_has_help(ingot: Run, command: str) -> None:
    done = ingot(command, "--help")
    assert done.code == 0
    assert "Usage:" in done.out


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("malformed.yaml", b"metadata: {name: [", "malformed YAML"),
        ("latin.yaml", b"metadata: {name: caf\xe9}", "byte 0xe9 is not UTF-8"),
        ("large.yaml", b"#" * 1_000_000, "262,144 bytes, which is the limit"),
        ("list.yaml", b"- 1\n", "a spec is a mapping"),
        ("empty.yaml", b"", "a spec is a mapping"),
        ("missing.yaml", None, "cannot read the spec"),
    ],
)
def test_a_bad_spec_file_is_one_error_with_its_place(
    ingot: Run, tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    done = ingot("plan", path)
    assert done.code == 2
    assert said in done.err
    assert name in done.err


def test_a_missing_extra_is_one_error(ingot: Run, starter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "rich.console", None)
    monkeypatch.delitem(sys.modules, "rich", raising=False)
    done = ingot("check", starter, "--code", starter.with_name("logic.py"))
    assert done.code == 1
    assert "pip install 'ingot[compile]'" in done.err


def test_explain_hides_sensitive_values(ingot: Run, starter: Path, tmp_path: Path) -> None:
    text = starter.read_text(encoding="utf-8")
    starter.write_text(text.replace("range: [1, 12]}", "range: [1, 12], sensitive: phi}"), encoding="utf-8")
    logic = starter.with_name("logic.py")
    logic.write_text(
        LOGIC.replace("    total = monthly * months", "    copy = months\n    total = monthly * copy").replace(
            "    return total  #", "    if copy > 100 or months > 100:\n        return total  # C1\n    return total  #"
        ),
        encoding="utf-8",
    )
    done = ingot("check", starter, "--code", logic, "--out", tmp_path / "out")
    assert done.code == 0, done.err
    artifact = next((tmp_path / "out").iterdir())
    case = '{"zone": "A", "months": 7, "resident": false}'
    told = ingot("explain", artifact, "--input", case).out
    assert "[copy=***, months=***]" in told
    assert "copy=7" not in told
    assert '"months": "***"' in ingot("explain", artifact, "--input", case, "--json").out
    assert "[copy=7, months=7]" in ingot("explain", artifact, "--input", case, "--reveal").out


def test_a_policy_decides_only_while_it_is_in_force(ingot: Run, starter: Path, tmp_path: Path) -> None:
    text = starter.read_text(encoding="utf-8")
    dates = '  effective_from: "2020-01-01"\n  effective_until: "2020-12-31"\n'
    starter.write_text(text.replace("  version: 0.1.0\n", f"  version: 0.1.0\n{dates}"), encoding="utf-8")
    done = ingot("check", starter, "--code", starter.with_name("logic.py"), "--out", tmp_path / "out")
    artifact = next((tmp_path / "out").iterdir())
    expired = ingot("run", artifact, "--input", CASE)
    assert expired.code == 1
    assert "is in force from 2020-01-01 until 2020-12-31, not on" in expired.err
    for day, code in (("2019-12-31", 1), ("2020-01-01", 0), ("2020-12-31", 0), ("2021-01-01", 1)):
        assert ingot("run", artifact, "--input", CASE, "--on", day).code == code
        assert ingot("explain", artifact, "--input", CASE, "--on", day).code == code
    assert ingot("verify", artifact).code == 0
    assert done.code == 0


@pytest.mark.parametrize(
    ("command", "extra"), [(("serve", "x"), "serve"), (("token", "x"), "serve"), (("audit", "verify"), "store")]
)
def test_a_missing_package_names_the_extra_that_brings_all_of_the_command(command: tuple[str, ...], extra: str) -> None:
    hide = "import sys; sys.modules.update(dict.fromkeys(('sqlalchemy', 'msgspec', 'orjson')))"
    code = f"{hide}; from ingot.cli import main; main({[*command]!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"pip install 'ingot[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_command_and_option_says_what_it_is_for() -> None:
    def silent(command: click.Command, path: str) -> list[str]:
        bare = [] if command.help else [path]
        bare += [f"{path} {one.opts[0]}" for one in command.params if isinstance(one, click.Option) and not one.help]
        if isinstance(command, click.Group):
            inner = click.Context(command)
            for name in command.list_commands(inner):
                found = command.get_command(inner, name)
                assert found is not None
                bare += silent(found, f"{path} {name}")
        return bare

    assert silent(cli, "ingot") == []

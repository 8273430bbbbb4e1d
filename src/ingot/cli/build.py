"""Commands up to the artifact: init, compile, check, plan, schema, rules."""

from __future__ import annotations

import json
import os
import re
import shlex
from decimal import Decimal, InvalidOperation
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ingot.errors import CompileFailed, SpecError

if TYPE_CHECKING:
    from ingot.questions import Question
    from ingot.spec import Spec

SPEC = click.argument("spec", type=click.Path(path_type=Path))
OUT = click.option("--out", type=click.Path(path_type=Path), help="Folder for the artifact.")
AGAINST = click.option(
    "--against",
    type=click.Path(path_type=Path),
    help="The version whose changed outcomes the report shows. [default: the last approved one of this workflow in --out]",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")


def dollars(_: click.Context, __: click.Parameter, text: str | None) -> Decimal | None:
    try:
        amount = None if text is None else Decimal(text)
    except InvalidOperation:
        raise click.BadParameter(f"{text!r} is not an amount; write for instance 0.50") from None
    if amount is not None and not (amount.is_finite() and amount >= 0):
        raise click.BadParameter(f"{text!r} is not an amount of zero or more")
    return amount


@click.command("init")
@click.argument("name")
@click.option(
    "--from", "model", type=click.Path(path_type=Path), help="A DMN file whose decisions the spec takes over."
)
def init_command(name: str, model: Path | None) -> None:
    """Write NAME/spec.yaml, a commented spec with cases that compiles as it is."""
    folder = Path(name)
    slug = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-")
    if not slug:
        raise click.UsageError(f"{name!r} holds no letter from a to z and no digit to name a workflow by")
    target = folder / "spec.yaml"
    if target.exists():
        raise SpecError("there is a spec already; it is left as it is", place=str(target), hint="choose another name")
    if model is None:
        text = resources.files("ingot.library").joinpath("starter", "spec.yaml").read_text(encoding="utf-8")
        text = text.replace("starter-workflow", slug)
    else:
        text = _from_dmn(model)
    folder.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".yaml.part")
    try:
        part.write_text(text, encoding="utf-8")
        os.link(part, target)  # fails where another process was faster; never overwrites
    finally:
        part.unlink(missing_ok=True)
    spec = shlex.quote(f"./{target}" if str(target).startswith("-") else str(target))
    if model is not None:
        click.echo(f"wrote {target}\nnext: ingot compile {spec}")
        return
    click.echo(f"wrote {target}\nnext: ingot compile {spec} --model openai:gpt-5")
    click.echo(f"or, with code of your own: ingot check {spec} --code logic.py --out artifacts")


def _from_dmn(model: Path) -> str:
    """The spec of a DMN model as YAML, for cases and clauses to be added to."""
    import io

    from ruamel.yaml import YAML

    from ingot.spec import load_spec, read_spec_text

    if model.suffix.lower() != ".dmn":
        raise click.UsageError(f"--from takes a .dmn file, not {str(model)!r}")
    load_spec(model)  # a model that makes no spec is told before anything is written
    yaml = YAML()
    yaml.width = 120
    out = io.StringIO()
    yaml.dump(json.loads(read_spec_text(model)), out)
    return f"# The decisions of {model.name}. Add 'cases:' to say what must come of which input.\n{out.getvalue()}"


@click.command("compile")
@SPEC
@click.option(
    "--model",
    envvar="INGOT_MODEL",
    help="anthropic:NAME, openai:NAME[@URL], ollama:NAME, local:FILE.gguf, files:DIR or replay:DIR. [env: INGOT_MODEL]",
)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("artifacts"), show_default=True, help="Where artifacts go."
)
@AGAINST
@click.option(
    "--attempts", default=5, show_default=True, type=click.IntRange(1, 50), help="Replies to try for a candidate."
)
@click.option(
    "--candidates",
    default=1,
    show_default=True,
    type=click.IntRange(1, 8),
    help="Draw so many candidates and keep the one that agrees most with the others.",
)
@click.option(
    "--one-by-one", is_flag=True, help="Ask for each function in a request of its own, --attempts replies for each."
)
@click.option("--optimise", is_flag=True, help="Tune the prompts of bounded steps on given cases (extra dspy).")
@click.option("--max-tokens", type=click.IntRange(1), help="Hard stop at this many tokens.")
@click.option("--max-cost", callback=dollars, help="Hard stop at this many US dollars.")
@click.option(
    "--timeout", type=float, help="Seconds a model may take for one answer. [default: 120; local: 600; files: 3600]"
)
@click.option("--record", type=click.Path(path_type=Path), help="Keep every completion here, for replay:DIR.")
@click.option("--questions", is_flag=True, help="List what the spec leaves open, then stop.")
@click.option("--ask", is_flag=True, help="Answer the open questions first, into the spec; stop there without --model.")
@AS_JSON
def compile_command(
    spec: Path,
    model: str | None,
    out: Path,
    against: Path | None,
    attempts: int,
    candidates: int,
    one_by_one: bool,
    optimise: bool,
    max_tokens: int | None,
    max_cost: Decimal | None,
    timeout: float | None,
    record: Path | None,
    questions: bool,
    ask: bool,
    as_json: bool,
) -> None:
    """Compile SPEC with a model into a signed artifact. A spec whose rules are all decision tables needs none."""
    from ingot.cli.printing import Live, attempts_json, compiled_json, show_compiled, show_questions
    from ingot.compile.driver import compile_spec
    from ingot.models.budget import Budget
    from ingot.models.open import open_model
    from ingot.models.replay import recorded
    from ingot.questions import find_questions
    from ingot.spec import load_spec

    if questions:
        show_questions(find_questions(load_spec(spec)), as_json)
        return
    if ask:
        _ask(spec, find_questions(load_spec(spec)))
    if ask and model is None:
        return
    asked = load_spec(spec).asked  # a malformed spec is told before a model is loaded
    if model is None and (asked or optimise):
        raise click.UsageError(
            "no model: give --model (for instance openai:gpt-5, local:model.gguf, files:DIR), "
            "or write the code yourself and use 'ingot check'"
        )
    budget = Budget(max_tokens, max_cost)
    backend = open_model(model, budget=budget, timeout=timeout) if model and (asked or optimise) else None
    backend = recorded(backend, record) if record and backend else backend
    with Live(quiet=as_json) as live:
        try:
            compiled = compile_spec(
                spec,
                backend,
                out=out,
                attempts=attempts,
                candidates=candidates,
                one_by_one=one_by_one,
                optimise=optimise,
                listen=live.listen,
                against=against,
            )
        except CompileFailed as failed:
            if as_json:
                click.echo(json.dumps({"passed": False, "attempts": attempts_json(failed.attempts)}, indent=2))
                raise click.exceptions.Exit(1) from None
            live.failed(failed)
            raise
    if as_json:
        click.echo(json.dumps(compiled_json(compiled), indent=2))
    else:
        show_compiled(compiled)


def _ask(spec: Path, found: tuple[Question, ...]) -> None:
    """Ask every open question on the terminal and keep the answers in the spec file."""
    from ingot.cli.answers import write_answers

    answers: dict[str, str] = {}
    if all(one.answer is not None for one in found):
        click.echo("no open question found", err=True)
    for question in (one for one in found if one.answer is None):
        click.echo(f"\n{question.id}  {question.text}\n  proposed: {question.reading}")
        answer = click.prompt("  answer (Enter leaves it open, = takes the proposal)", default="", show_default=False)
        if answer.strip():
            answers[question.id] = question.reading if answer.strip() == "=" else answer.strip()
    if answers and spec.suffix.lower() == ".dmn":
        raise SpecError(
            "a DMN model has no place for answers", place=str(spec), hint="ingot init NAME --from MODEL first"
        )
    if answers:
        write_answers(spec, answers)
        click.echo(f"\nwrote {len(answers)} answer(s) into {spec}")


@click.command("check")
@SPEC
@click.option("--code", required=True, type=click.Path(path_type=Path), help="The functions, as a Python file.")
@click.option("--author", default="not stated", help="Who wrote the code; goes into the provenance.")
@OUT
@AGAINST
@AS_JSON
def check_command(spec: Path, code: Path, author: str, out: Path | None, against: Path | None, as_json: bool) -> None:
    """Run the four stages on code from anywhere: a person, a coding agent, another tool. No model, no network."""
    from ingot.cli.printing import Live, compiled_json, show_compiled
    from ingot.compile.driver import check

    if against is not None and out is None:
        raise click.UsageError("--against goes into the artifact's report; give --out DIR, or use 'ingot diff'")
    try:
        text = code.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"cannot read the code: {error}", place=str(code)) from None
    with Live(quiet=as_json) as live:
        compiled = check(spec, text, author=author, out=out, listen=live.listen, against=against)
    if as_json:
        click.echo(json.dumps(compiled_json(compiled), indent=2))
    else:
        show_compiled(compiled)
    if not compiled.passed:
        raise click.exceptions.Exit(1)


@click.command("plan")
@SPEC
@AS_JSON
def plan_command(spec: Path, as_json: bool) -> None:
    """Show what would be compiled and why: template, modules, blocks, what was derived, requests and their tokens.

    What `ingot compile` and `ingot check` refuse of a spec itself is refused here too, with the same error.
    """
    from ingot.compile.assemble import signatures, types_source
    from ingot.compile.candidates import first_requests
    from ingot.compile.driver import prepared
    from ingot.proof.invariants import check_contradictions

    loaded, plan, _ = prepared(spec)
    check_contradictions(loaded)
    tokens, each = (
        [(len(one.system) + len(one.prompt)) // 4 for one in first_requests(loaded, one_by_one=alone)]
        for alone in (False, True)
    )
    if as_json:
        apart = {"requests": len(each), "prompt_tokens_estimate": sum(each)}
        told = {**plan.to_json(), "prompt_tokens_estimate": sum(tokens), "one_by_one": apart}
        click.echo(json.dumps(told, indent=2))
        return
    width = max(len(choice) for choice, _ in plan.reasons)
    for choice, reason in plan.reasons:
        click.echo(f"{choice:<{width}}  {reason}")
    click.echo(f"\none request for {len(loaded.asked)} function(s), about {sum(tokens)} tokens in")
    if len(each) > 1:
        click.echo(f"with --one-by-one {len(each)} requests, {_tokens_of_parts(loaded, sum(each))}")
    if not loaded.asked:
        click.echo("no function is asked of a model")
        return
    click.echo("\nwhoever writes the code answers with exactly:\n")
    names = {step.step for step in loaded.asked}
    signed = [one for one in signatures(loaded) if one.name in names]
    types = dict.fromkeys(block for one in signed for block in types_source(one).split("\n\n\n") if block)
    click.echo("\n\n".join([*types, *(one.header() for one in signed)]))


def _tokens_of_parts(spec: Spec, tokens: int) -> str:
    """The tokens of one request a function; cases in what other steps set are told once these have computed it."""
    from ingot.compile.parts import steps_before

    later = spec.given and any(steps_before(spec, step) for step in spec.asked)
    return f"{'at least' if later else 'about'} {tokens} tokens in"


@click.command("schema")
def schema_command() -> None:
    """Print the JSON Schema of specs. In a spec: # yaml-language-server: $schema=ingot.schema.json"""
    from ingot.spec import spec_schema

    click.echo(json.dumps(spec_schema(), indent=2))


@click.command("rules")
@click.argument("code", required=False)
@AS_JSON
def rules_command(code: str | None, as_json: bool) -> None:
    """List every rule, or explain CODE with its reason, an example and the fix."""
    from dataclasses import asdict

    from ingot import gates
    from ingot.compile.rules import all_rules
    from ingot.yaml_text import closest

    rules = (*all_rules(), *gates.RULES)
    if code is not None:
        rules = tuple(rule for rule in rules if rule.code == code.upper())
        if not rules:
            hint = closest(code.upper(), [rule.code for rule in (*all_rules(), *gates.RULES)])
            raise click.UsageError(f"no rule {code!r}; {hint}")
    if as_json:
        click.echo(json.dumps([asdict(rule) for rule in rules], indent=2))
    elif code is None:
        for rule in rules:
            click.echo(f"{rule.code}  {rule.stage:<9}  {rule.severity:<7}  {rule.name}")
    else:
        for rule in rules:
            click.echo(f"{rule.code} {rule.name} ({rule.stage}, {rule.severity})\n\n{rule.why}\n")
            click.echo(f"Refused:\n{_indented(rule.example)}\n\nInstead:\n{_indented(rule.fix)}")


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())

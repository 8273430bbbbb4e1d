"""What every key of a spec means: the descriptions in the published JSON Schema, which editors show and the docs print.

They stand apart from the models in `ingot.spec`, so that importing these costs nothing. A test holds both to the same keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MEANINGS: Mapping[str, Mapping[str, str]] = {
    "Spec": {
        "metadata": "What the workflow is called, whose it is, and under which obligations it runs.",
        "inputs": "The fields of one transaction: a mapping of name to type, a list of fields, or a JSON Schema.",
        "outputs": "The fields of the answer, in the same forms. Left out: those of the last rule.",
        "logic_requirements": "The steps, in order.",
        "clauses": "The numbered sentences of the policy: a mapping of id to text, or a list. Left out: one for each line of a rule.",
        "invariants": "What must hold for every input: a mapping of name to expression, or a list.",
        "cases": "Inputs with what must come of them: a list, or `given` and `held_out`, each a list or a file beside the spec.",
        "thresholds": "What a candidate must reach.",
        "scorers": "How outputs are compared, by their names. Left out: exactly.",
        "overrides": "Guards that the owner switches off, with the reason.",
        "answers": "The owner's answers to open questions (`ingot compile --questions`), by the question's id.",
        "plan": "Template and blocks, where the author wants to choose.",
        "drift": "When the drift monitor alarms.",
    },
    "Metadata": {
        "name": "The workflow's name, also in the artifact's directory.",
        "version": "The version of the rule, yours to count.",
        "title": "A name for people.",
        "description": "What the workflow is for.",
        "owner": "Who answers for it. SOC2 asks for one.",
        "compliance": "Obligations whose blocks are added: text for the model, and rules that are enforced.",
        "effective_from": "The first day on which it may decide, as YYYY-MM-DD.",
        "effective_until": "The last day on which it may decide, as YYYY-MM-DD.",
    },
    "Field": {
        "name": "The field's name. In a mapping it is the key.",
        "type": "What the values are; `?` behind it makes them nullable, `list of text` is a list.",
        "nullable": "Whether null may stand in place of a value. The same as `?` behind the type.",
        "description": "What the field is, for the model and for people.",
        "unit": "The unit of a number: a currency, days, kilograms. It is checked by `unit_consistency`.",
        "minimum": "The lowest value, itself included.",
        "maximum": "The highest value, itself included.",
        "places": "How many decimal places a decimal may have.",
        "min_length": "The fewest characters of a text, or items of a list.",
        "max_length": "The most characters of a text, or items of a list.",
        "pattern": "A regular expression that a text must match; no look-around and no back-references.",
        "values": "The values of an enum.",
        "adverse": "The values that go against the person concerned. Left out: recognised by words such as DENY.",
        "items": "What a list holds.",
        "fields": "The fields of an object.",
        "sensitive": "A label: protected health information, personal data, a card number. Labelled values are sealed or masked.",
        "range": "`[lowest, highest]`: minimum and maximum in one.",
    },
    "Clause": {
        "id": "What code and people cite it by.",
        "text": "The sentence of the policy.",
        "source": "Where the sentence stands: a document, a page, a paragraph.",
    },
    "Step": {
        "step": "The step's name; of a rule also the function's.",
        "type": "What kind of step it is. `deterministic_rule` and `function` are the same.",
        "intent": "What the step does, in prose.",
        "logic": "The rule as pseudo-code, for instance IF … THEN … ELSE.",
        "table": "The rule as a decision table, in place or as a file. A rule that is only a table needs no model.",
        "clauses": "The clauses that it carries out. Left out: those that its text names, else all.",
        "inputs": "The fields that it reads. Left out: derived from table or logic, else all that are known.",
        "outputs": "The fields that it sets. Left out: the workflow's, or the outcomes of its logic.",
        "on_null": "What a null in a field that it reads means: a person decides, or the rule says what to do.",
        "when": "A condition of a step that is no rule: where it does not hold, the step is passed over and its outputs are null.",
        "validation": "Expressions that what the step gives must meet; a bounded step is asked again where they do not hold.",
        "retries": "How often a bounded step asks again where an answer does not fit; on Temporal also how often a failed module step is tried again.",
        "model": "The model that a bounded step asks first.",
        "max_tokens": "The most tokens of one answer.",
        "fallback": "What answers next, in order: another model, a function step, a person.",
        "budget": "What a bounded step may spend.",
        "cache": "Whether valid answers are kept in the store, sealed, and given again for the same question.",
        "gates": "The gates around a bounded step's model.",
        "candidates": "Of a hybrid step: for each output the fields that may give its value.",
        "precision": "Of a hybrid step: the share of held-out cases in which what is answered must be right.",
        "recall": "Of a hybrid step: outputs whose values recur, so that one that labelled cases have is taken in their spelling.",
        "otherwise": "Of a hybrid step: who gives a field on which the candidates are not sure enough.",
        "module": "The reviewed operation that a module step calls.",
        "with": "The operation's settings: literal SQL, URLs, paths and texts, with placeholders for fields.",
        "schema": "Another word for `outputs`, as bounded steps write it.",
    },
    "Table": {
        "hit_policy": "What rows that overlap mean, as in DMN.",
        "aggregate": "What `collect` answers.",
        "inputs": "The columns that are compared: fields, or dotted paths into objects.",
        "outputs": "The columns that are set.",
        "rows": "The rows: a cell for each column, inputs first; `-` matters not.",
        "default": "The outputs where no row holds.",
    },
    "Budget": {
        "call": "The most that one model call may spend.",
        "run": "The most that all model calls of a run may spend, those of other steps among them.",
    },
    "Limits": {
        "seconds": "Wall time.",
        "tokens": "Input and output tokens together.",
        "cost": "US dollars by the dated list prices; above zero.",
    },
    "Rung": {
        "model": "Another model.",
        "function": "A function step that sets the same outputs from the same inputs.",
    },
    "Gates": {
        "redact": "What is replaced by tokens before a model sees it: personal data in labelled fields, the whole of labelled "
        "values, personal data in all texts, or nothing.",
        "injection": "What becomes of text that looks like an attack: the model sees it, or a person gets it in the model's "
        "place; `classify` asks a trained classifier beside the rules.",
        "canary": "Whether the instructions hold a word by which an answer that repeats them is known.",
        "leakage": "Whether an answer that overlaps the instructions is refused.",
    },
    "Case": {
        "id": "The case's name. Left out: case-1, case-2, …",
        "input": "The inputs; a nullable one may be left out.",
        "expected": "The outputs that must come of it; some of them may be left out.",
        "steps": "What the module, bounded and human steps give in this case, by step.",
        "answered": "Outputs that must not be null, whatever their values, where nobody wrote these down.",
        "escalates": "Whether the run must end with a person; null: not compared.",
        "held_out": "Whether the case is kept from every model. It is scored all the same.",
        "note": "Why the case is there.",
    },
    "Scorer": {
        "scorer": (
            "The comparison. `text`: letter case and white space aside; `plain`: letters and digits alone; `amount`: texts as"
            " amounts; `set`: F1 of the items; `list`: share of the positions that agree."
        ),
        "tolerance": "The difference that still counts as equal, in the field's unit, for `numeric`.",
    },
    "Thresholds": {
        "accuracy": "The share of given cases that must be right.",
        "held_out_accuracy": "The share of held-out cases that must be right.",
        "branch_coverage": "The share of branches that some input must take.",
        "mutation_score": "The share of changed rules that the cases should notice.",
        "mutation": "What weak cases lead to.",
        "citations": "What lines without a clause, and clauses without a line, lead to.",
        "function_lines": "The most lines of one function.",
        "complexity": "The most independent paths through one function.",
    },
    "Invariant": {
        "name": "What findings call it. In a mapping it is the key.",
        "holds": "A boolean expression over inputs and outputs.",
        "builtin": "A property by name, in place of `holds`.",
        "of": "The output that the property is about.",
        "in": "The input that it is about.",
        "direction": "Which way `monotone` goes.",
    },
    "Override": {
        "rule": "The guard.",
        "reason": "Why it is off. It is recorded in every artifact.",
        "by": "Who decided that.",
    },
    "Choice": {
        "template": "The shape of the program. Left out: chosen from the spec.",
        "blocks": "Compliance blocks beside those that `compliance` names.",
    },
    "Drift": {
        "window": "How many of the last runs are looked at.",
        "psi": "The population stability index of a field above which it alarms.",
        "escalation": "The share of runs that went to a person above which it alarms.",
        "validation_failures": "The share of refused model answers above which it alarms.",
        "baseline": "What the runs are compared with: the artifact's cases, or the first `window` runs of the log.",
    },
}


def described(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of specs with a description at each of its keys."""
    for name, words in MEANINGS.items():
        properties = properties_of(schema if name == "Spec" else schema["$defs"][name])
        for key in words.keys() & properties.keys():
            properties[key] = {**properties[key], "description": words[key]}
    return schema


def properties_of(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a definition; of one that also has a short form, those of the long one."""
    for form in (definition, *definition.get("anyOf", ())):
        if "properties" in form:
            found: dict[str, Any] = form["properties"]
            return found
    return {}

"""What a server serves as an OpenAPI 3.1 document, made from the types of the workflows' specs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from ingot import __version__
from ingot.edges.http_limits import Limits
from ingot.edges.http_shelf import Version
from ingot.fields import Field, json_schema

Json = dict[str, Any]

MOST_ROWS = Limits().rows

_ERROR: Json = {
    "type": "object",
    "properties": {
        "error": {"type": "string"},
        "place": {"type": ["string", "null"]},
        "hint": {"type": ["string", "null"]},
        "fields": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"place": {"type": "string"}, "error": {"type": "string"}},
                "required": ["place", "error"],
            },
        },
    },
    "required": ["error", "place", "hint"],
}
_REFUSALS = {
    400: "It cannot be read.", 404: "It is not here.", 409: "It does not go with what is here.", 413: "It is too large.",
    415: "It is of another media type.", 422: "It does not fit; `fields` says where.",
    500: "The program came to no answer.", 503: "Not now: a limit, a step or the store.",
}  # fmt: skip
_DIGEST_IN: Json = {
    "name": "X-Ingot-Digest", "in": "header", "description": "Run exactly this artifact.",
    "schema": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
}  # fmt: skip
_KEY_IN: Json = {
    "name": "Idempotency-Key", "in": "header", "description": "The same key gets the same outcome; nothing runs twice.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}  # fmt: skip
_DIGEST_OUT: Json = {"X-Ingot-Digest": {"description": "The artifact that ran.", "schema": {"type": "string"}}}


def document(versions: Iterable[Version], *, only: bool, store: bool, tokens: bool) -> Json:
    """The whole document. `only`: one workflow is served, so that /run stands for it."""
    paths: Json = {}
    schemas: Json = {"Error": _ERROR}
    for version in versions:
        _describe(version, schemas)
        base = f"/workflows/{quote(version.name, safe='')}"
        paths |= _workflow(version, base, store, tokens)
        if only:
            paths["/run"] = {"post": _run(version, "run", store, tokens)}
    paths |= _server(tokens)
    if store:
        paths |= _reviews(tokens)
    found: Json = {
        "openapi": "3.1.0",
        "info": {"title": "Compiled workflows", "version": __version__},
        "paths": paths,
        "components": {"schemas": schemas},
    }
    if tokens:
        found["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return found


def _describe(version: Version, schemas: Json) -> None:
    spec = version.workflow.spec
    outputs = json_schema(spec.outputs)
    schemas[f"{_part(version)}.Input"] = json_schema(spec.inputs)
    ids: Json = {"run_id": {"type": "string"}, "digest": {"type": "string"}}
    review = {
        "type": "object",
        "properties": {
            "step": {"type": "string"}, "reason": {"type": "string"}, "proposed": {"anyOf": [outputs, {"type": "null"}]},
        },
        "required": ["step", "reason", "proposed"],
    }  # fmt: skip
    schemas[f"{_part(version)}.Outcome"] = {
        "oneOf": [
            _closed({"status": {"const": "completed"}, **ids, "output": outputs}),
            _closed({"status": {"const": "needs_review"}, **ids, "review": review}),
        ]
    }


def _workflow(version: Version, base: str, store: bool, tokens: bool) -> Json:
    outcome, part = _ref(version, "Outcome"), _part(version)
    row = {"anyOf": [{"allOf": [outcome]}, _failed_row()]}
    item = {"anyOf": [_ref(version, "Input"), {}], "description": "One that does not fit is told in its row."}
    rows = {"type": "array", "items": item, "maxItems": MOST_ROWS}
    answered = _closed({"rows": {"type": "array", "items": {"type": "object"}}, "failed": {"type": "integer"}})
    batch = _operation(f"{part}.batch", "Run many inputs.", answered, tokens, headers=_DIGEST_OUT)
    batch["requestBody"] = {
        "required": True,
        "content": {
            "application/json": {"schema": rows},
            "application/jsonl": {"schema": {"type": "string", "description": "An input a line."}},
        },
    }
    batch["responses"]["200"]["content"]["application/jsonl"] = {"schema": {"type": "string"}, "x-line": row}
    batch["parameters"] = [_DIGEST_IN, *([_KEY_IN] if store else [])]
    explained = _closed({
        "outcome": outcome, "decisions": {"type": "array", "items": {"type": "object"}}, "clauses": {"type": "object"},
    })  # fmt: skip
    return {
        f"{base}/run": {"post": _run(version, f"{part}.run", store, tokens)},
        f"{base}/batch": {"post": batch},
        f"{base}/explain": {
            "post": {
                **_operation(f"{part}.explain", "Run one input and say why.", explained, tokens, headers=_DIGEST_OUT),
                "requestBody": _body(_ref(version, "Input")),
                "parameters": [_DIGEST_IN],
            }
        },
    }


def _failed_row() -> Json:
    return {"type": "object", "properties": {"error": {"$ref": "#/components/schemas/Error"}}, "required": ["error"]}


def _run(version: Version, name: str, store: bool, tokens: bool) -> Json:
    spec = version.workflow.spec.metadata
    said = spec.description or spec.title or f"Run {spec.name}."
    return {
        **_operation(name, said, _ref(version, "Outcome"), tokens, headers=_DIGEST_OUT),
        "requestBody": _body(_ref(version, "Input")),
        "parameters": [_DIGEST_IN, *([_KEY_IN] if store else [])],
    }


def _server(tokens: bool) -> Json:
    health = _closed({"status": {"type": "string"}})
    described = {"type": "object", "properties": {"workflows": {"type": "array", "items": {"type": "object"}}}}
    text = {"text/plain": {"schema": {"type": "string"}}}
    metrics = _operation("metrics", "Figures for Prometheus.", {}, tokens)
    metrics["responses"]["200"]["content"] = text
    paths: Json = {
        "/workflows": {"get": _operation("workflows", "What is served.", described, tokens)},
        "/healthz": {"get": _operation("ready", "Whether it takes requests.", health, False)},
        "/healthz/ready": {"get": _operation("ready_too", "Whether it takes requests.", health, False)},
        "/healthz/live": {"get": _operation("live", "Whether it lives.", health, False)},
        "/metrics": {"get": metrics},
    }
    if tokens:
        paths["/admin/reload"] = {"post": _operation("reload", "Look for new artifacts.", {"type": "object"}, tokens)}
    return paths


def _reviews(tokens: bool) -> Json:
    named = [{"name": "review", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}]
    asked = [
        {"name": "state", "in": "query", "schema": {"enum": ["open", "approved", "rejected", "all"]}},
        {"name": "most", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 1_000}},
    ]
    body = {
        "type": "object",
        "properties": {"why": {"type": "string", "minLength": 1}, "answer": {"type": ["object", "null"]}},
        "required": ["why"],
        "additionalProperties": False,
    }
    some: Json = {"type": "object"}
    return {
        "/reviews": {"get": {**_operation("reviews", "What waits for a person.", some, tokens), "parameters": asked}},
        "/reviews/{review}": {"get": {**_operation("review", "One review.", some, tokens), "parameters": named}},
        **{
            f"/reviews/{{review}}/{verb}": {
                "post": {
                    **_operation(verb, f"{verb.capitalize()} it.", some, tokens),
                    "parameters": named,
                    "requestBody": _body(body),
                }
            }
            for verb in ("approve", "reject")
        },
    }


def _operation(name: str, said: str, schema: Json, tokens: bool, headers: Mapping[str, Any] | None = None) -> Json:
    answered: Json = {"description": "Done.", "content": {"application/json": {"schema": schema}}}
    if headers:
        answered["headers"] = headers
    refused = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    refusals = dict(_REFUSALS) | ({401: "No known token.", 403: "Another scope is needed."} if tokens else
                                  {403: "This needs a token, or another Host."})  # fmt: skip
    found: Json = {
        "operationId": name,
        "summary": said,
        "responses": {
            "200": answered,
            **{str(status): {"description": text, "content": refused} for status, text in sorted(refusals.items())},
        },
    }
    if tokens:
        found["security"] = [{"token": []}]
    return found


def _closed(properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _body(schema: Json) -> Json:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _part(version: Version) -> str:
    """The name as OpenAPI can have it in a component's; one that had to be changed stays the only one by its digest."""
    part = re.sub(r"[^A-Za-z0-9._-]", "_", version.name)
    return part if part == version.name else f"{part}_{version.digest[:8]}"


def _ref(version: Version, kind: str) -> Json:
    return {"$ref": f"#/components/schemas/{_part(version)}.{kind}"}


def described(version: Version, served: Iterable[Version]) -> Json:
    """A workflow as GET /workflows tells it."""
    metadata = version.workflow.spec.metadata
    fields: Mapping[str, tuple[Field, ...]] = {
        "inputs": version.workflow.spec.inputs,
        "outputs": version.workflow.spec.outputs,
    }
    return {
        "name": version.name, "version": metadata.version, "digest": version.digest, "title": metadata.title,
        "description": metadata.description, "effective_from": metadata.effective_from,
        "effective_until": metadata.effective_until,
        **{name: json_schema(some) for name, some in fields.items()},
        "served": [one.digest for one in served],
    }  # fmt: skip

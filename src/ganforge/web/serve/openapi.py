"""The description of the API for programs: OpenAPI 3.1, of which the bodies come from `asks`."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from ganforge.core.version import __version__
from ganforge.web.asks import ASKS

DIALECT = "https://spec.openapis.org/oas/3.1/dialect/base"
MODEL = {
    "name": "model",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "description": "The name of a model, as `/v1/models` lists them.",
}
JOB = {
    "name": "job",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "description": "The `id` of a job.",
}
ERRORS = {
    400: "The body is not JSON.",
    401: "The token is missing or wrong.",
    404: "There is no such model or job.",
    408: "The request took too long to arrive.",
    409: "The job is not done; see Retry-After.",
    413: "The body is too large.",
    415: "The body has another content type.",
    422: "The model cannot do this; the sentence says why.",
    429: "This client asks too often; see Retry-After.",
    500: "A fault of the server.",
    501: "The server lacks a package for this.",
    503: "Too many requests wait, or the worker is started again; see Retry-After.",
    504: "The answer would take longer than the server allows.",
}

MAKING = tuple(code for code in ERRORS if code != 409)
BEGINNING = tuple(code for code in MAKING if code not in (501, 504))
FETCHING = (404, 409, 422, 500, 501, 503, 504)
"""Errors of requests that are answered with a file, of those that begin a job, and of those for its result."""


def document(token: bool) -> dict[str, Any]:
    """The document.

    Args:
        token: whether clients must send one.
    """
    _, schemas = models_json_schema([(kind, "validation") for kind in ASKS.values()], ref_template=REF)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": DIALECT,
        "info": {
            "title": "ganforge serve",
            "version": __version__,
            "description": "Samples and translations from trained generative adversarial networks.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths(schemas["$defs"]),
        "components": {
            "schemas": schemas["$defs"] | {"Error": ERROR, "Model": FACTS, "Job": STATE},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        **({"security": [{"token": []}]} if token else {}),
    }


REF = "#/components/schemas/{model}"
ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string", "description": "Stable, for programs: `sample.unknown_label`."},
                "message": {"type": "string", "description": "For people."},
            },
        }
    },
}
FACTS = {
    "type": "object",
    "required": ["name", "recipe", "signal", "shape", "labels", "can", "formats"],
    "properties": {
        "name": {"type": "string"},
        "recipe": {"type": "string"},
        "signal": {"type": "string", "description": "What a sample is: an image, a row of a table, a sound, ..."},
        "shape": {"type": "array", "items": {"type": "integer"}},
        "labels": {"type": "array", "items": {"type": "string"}},
        "conditions": {"type": "array", "items": {"type": "object"}},
        "columns": {"type": "array", "items": {"type": "object"}, "description": "What `where` may name."},
        "can": {"type": "object", "additionalProperties": {"type": "boolean"}},
        "formats": {"type": "array", "items": {"type": "string"}, "description": "Of samples; the default first."},
        "films": {"type": "array", "items": {"type": "string"}},
        "sha256": {"type": "string", "description": "Of the model file."},
    },
}

STATE = {
    "type": "object",
    "required": ["id", "model", "operation", "state", "progress", "created"],
    "properties": {
        "id": {"type": "string"},
        "model": {"type": "string"},
        "operation": {"enum": list(ASKS)},
        "state": {"enum": ["waiting", "running", "done", "failed"]},
        "progress": {"type": ["number", "null"], "description": "The share that is done, from 0 to 1, where known."},
        "created": {"type": "number", "description": "Unix time in seconds."},
        "ended": {"type": "number"},
        "kept_seconds": {"type": "integer", "description": "Until it is forgotten."},
        "result": {
            "type": "object",
            "properties": {"type": {"type": "string"}, "name": {"type": "string"}, "bytes": {"type": "integer"}},
        },
        "error": ERROR["properties"]["error"],
    },
}


def paths(schemas: dict[str, Any]) -> dict[str, Any]:
    state = {"description": "The state of the server.", "content": json_of({"type": "object"})}
    listed = {
        "type": "object",
        "properties": {"models": {"type": "array", "items": {"$ref": REF.format(model="Model")}}},
    }
    found: dict[str, Any] = {
        "/healthz": {"get": open_route("isAlive", "Whether the server runs.", {200: state})},
        "/readyz": {"get": open_route("isReady", "Whether all models are loaded.", {200: state, 503: state})},
        "/metrics": {"get": route("metrics", "Metrics for Prometheus.", {200: text("Metrics.")})},
        "/openapi.json": {"get": route("openapi", "This document.", {200: state})},
        "/v1/models": {
            "get": route("listModels", "All models.", {200: {"description": "They.", "content": json_of(listed)}})
        },
        "/v1/models/{model}": {
            "parameters": [MODEL],
            "get": route(
                "describeModel",
                "What a model is and what it can be asked for.",
                {200: {"description": "Its facts.", "content": json_of({"$ref": REF.format(model="Model")})}},
                (404, 503),
            ),
        },
    }
    made = {200: {"description": "The file.", "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}}
    begun = {202: {"description": "The job, which has begun; `Location` is its address.", "content": A_JOB}}
    for operation, summary in (
        ("sample", "New samples."),
        ("walk", "A film from seed to seed."),
        ("translate", "A file made of a file."),
    ):
        body = {"required": operation == "translate", "content": body_of(operation, schemas)}
        post = route(operation, summary, made, MAKING) | {"requestBody": body}
        found[f"/v1/models/{{model}}/{operation}"] = {"parameters": [MODEL], "post": post}
        job = route(f"{operation}Job", f"{summary} As a job, for what takes long.", begun, BEGINNING)
        found[f"/v1/models/{{model}}/jobs/{operation}"] = {"parameters": [MODEL], "post": job | {"requestBody": body}}
    gone = {204: {"description": "It is gone."}}
    found["/v1/jobs/{job}"] = {
        "parameters": [JOB],
        "get": route("describeJob", "The state of a job.", {200: {"description": "It.", "content": A_JOB}}, (404,)),
        "delete": route("removeJob", "Cancel a job, or remove its result.", gone, (404,)),
    }
    found["/v1/jobs/{job}/result"] = {
        "parameters": [JOB],
        "get": route("resultOfJob", "The file that a job made; of one that failed its error.", made, FETCHING),
    }
    unchanged = {304: {"description": "As the ETag of an exact sample says, nothing changed."}}
    get = route("sampleByQuery", "New samples, for links.", made | unchanged, MAKING)
    found["/v1/models/{model}/sample"]["get"] = get | {"parameters": queries(schemas["Sample"]["properties"])}
    return found


def route(
    name: str, summary: str, answers: dict[int, Any], errors: tuple[int, ...] = (), **more: Any
) -> dict[str, Any]:
    refused = {code: {"description": ERRORS[code], "content": json_of({"$ref": REF.format(model="Error")})}
               for code in {401, *errors}}  # fmt: skip
    responses = {str(code): answer for code, answer in sorted((refused | answers).items())}
    return {"operationId": name, "summary": summary, "responses": responses, **more}


def open_route(name: str, summary: str, answers: dict[int, Any]) -> dict[str, Any]:
    """A route that needs no token."""
    responses = {str(code): answer for code, answer in answers.items()}
    return {"operationId": name, "summary": summary, "responses": responses, "security": []}


def json_of(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


A_JOB = json_of({"$ref": REF.format(model="Job")})


def text(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"text/plain": {"schema": {"type": "string"}}}}


def body_of(operation: str, schemas: dict[str, Any]) -> dict[str, Any]:
    name = ASKS[operation].__name__
    if operation != "translate":
        return json_of({"$ref": REF.format(model=name)})
    file = {"type": "string", "format": "binary"}
    properties = {"file": file, "mask": file, **schemas[name]["properties"]}
    form = {"type": "object", "required": ["file"], "properties": properties}
    return {"multipart/form-data": {"schema": form}}


def queries(properties: dict[str, Any]) -> list[dict[str, Any]]:
    """The fields of a body as parameters of a query."""
    return [
        {"name": name, "in": "query", "required": False, "description": schema.get("description", ""),
         "schema": {key: value for key, value in schema.items() if key != "description"}}
        for name, schema in properties.items()
    ]  # fmt: skip

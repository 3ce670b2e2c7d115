"""How does the sandbox describe itself at /docs?"""

from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic.json_schema import models_json_schema

from p4books_sandbox.contract import ENDPOINTS, Endpoint
from p4books_sandbox.models import Error, Page
from p4books_sandbox.options import Options

_SCHEMAS = "#/components/schemas/"
_SECURED: list[dict[str, list[str]]] = [{"ApiKey": []}]
_REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": Error, "description": "key missing or wrong"},
    403: {"model": Error, "description": "the key lacks the right"},
    422: {"model": Error, "description": "not valid"},
    429: {
        "model": Error,
        "description": "over the limit of this key",
        "headers": {"Retry-After": {"schema": {"type": "string"}, "description": "seconds"}},
    },
}
_CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": Error, "description": "another record has this code"}
}


def of_list(endpoint: Endpoint, options: Options) -> dict[str, Any]:
    """Give what FastAPI is told about reading a list."""
    page = Page[endpoint.record]  # type: ignore[name-defined]
    page_name, size_name, first = options.parameters
    return {
        "summary": f"List all {endpoint.path.replace('-', ' ')}",
        "operation_id": f"list_{endpoint.path.replace('-', '_')}",
        "response_class": JSONResponse,
        "responses": {200: {"model": page, "description": "one page"}, **_REFUSALS},
        "openapi_extra": {
            "security": _SECURED,
            "parameters": [_whole(page_name, first), _whole(size_name, 1)],
        },
    }


def of_create(endpoint: Endpoint, options: Options) -> dict[str, Any]:
    """Give what FastAPI is told about adding to a list."""
    refusals = _REFUSALS | (_CONFLICT if options.twins == "conflict" else {})
    body = {"schema": {"$ref": _SCHEMAS + endpoint.new.__name__}} if endpoint.new else {}
    return {
        "summary": f"Create one {endpoint.one}",
        "operation_id": f"create_{endpoint.one.replace(' ', '_')}",
        "status_code": 201,
        "response_class": JSONResponse,
        "responses": {201: {"model": endpoint.record, "description": "created"}, **refusals},
        "openapi_extra": {
            "security": _SECURED,
            "requestBody": {"required": True, "content": {"application/json": body}},
        },
    }


def complete(app: FastAPI) -> None:
    """Add the key and the records without id, of which no route tells FastAPI."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        document = plain()
        parts = document["components"]
        parts["securitySchemes"] = {"ApiKey": {"type": "http", "scheme": "bearer"}}
        parts["schemas"] = {**_new_records(), **parts["schemas"]}
        return document

    app.openapi = described  # type: ignore[method-assign]


def _new_records() -> dict[str, Any]:
    shapes = [(each.new, "validation") for each in ENDPOINTS if each.new]
    _, schema = models_json_schema(shapes, ref_template=_SCHEMAS + "{model}")  # type: ignore[arg-type]
    found: dict[str, Any] = schema["$defs"]
    return found


def _whole(name: str, least: int) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": {"type": "integer", "minimum": least}}

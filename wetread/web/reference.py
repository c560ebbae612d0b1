"""The API as OpenAPI describes it, and a page to read that on.

The page is made here: what others make for it comes from their servers, and a hospital's
network often reaches none.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse

from wetread.web.api import Problem
from wetread.web.pages import templates

_TAGS = {
    "studies": "Studies, and where they stand.",
    "results": "What the models said: findings, measurements, and the DICOM objects that say it.",
    "reviews": "What people say of results, and how far they agree with the models.",
    "jobs": "One model asked to read one revision of one study.",
    "models": "Models, their versions, and which of them are in use.",
    "deliveries": "Results on their way to their destinations.",
    "events": "What is new, as it happens.",
    "status": "The account of everything.",
    "FHIR": "Results as FHIR R4 DiagnosticReport and Observation.",
    "DICOMweb": "Search, retrieve, store and worklist by DICOM PS3.18.",
    "probes": "Is the node up?",
}
_ABOUT = (
    "Lists are paged: next of a page is the cursor of the one that follows, and stands in "
    "the Link header, too. An error is a problem document (RFC 9457). What is part of a "
    "patient's identity stands in no address. For research use only; not a medical device."
)


def describe_api(app: FastAPI) -> None:
    """Let `app` describe itself with what its routes cannot say."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title, version=app.version, description=_ABOUT, routes=app.routes
            )
            schemas = made.setdefault("components", {}).setdefault("schemas", {})
            problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(problem.pop("$defs"), Problem=problem)
            # Nobody answers so: what does not fit is a problem document, or another error.
            for operation in (each for path in made["paths"].values() for each in path.values()):
                if "HTTPValidationError" in json.dumps(operation["responses"].get("422", "")):
                    del operation["responses"]["422"]
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            made["tags"] = [{"name": name, "description": text} for name, text in _TAGS.items()]
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def build_router() -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/docs", response_class=HTMLResponse)
    def docs(request: Request) -> HTMLResponse:
        made = request.app.openapi()
        return templates.TemplateResponse(
            request,
            "reference.html",
            {"api": made, "groups": groups_of(made), "fields": partial(fields_of, made)},
        )

    return router


def groups_of(api: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the operations by tag, each with what the page shows of it."""
    groups: list[dict[str, Any]] = []
    for tag in api["tags"]:
        operations = [
            _operation(api, method, path, each)
            for path, methods in api["paths"].items()
            for method, each in methods.items()
            if tag["name"] in each.get("tags", [])
        ]
        if operations:
            groups.append({**tag, "operations": operations})
    return groups


def _operation(api: dict[str, Any], method: str, path: str, of: dict[str, Any]) -> dict[str, Any]:
    body = next(iter(of.get("requestBody", {}).get("content", {}).items()), None)
    return {
        "method": method.upper(),
        "path": path,
        "id": of["operationId"],
        "text": of.get("description") or of.get("summary", ""),
        "parameters": [
            {
                "name": each["name"],
                "in": each["in"],
                "type": type_of(each.get("schema", {})),
                "text": each.get("description") or each.get("schema", {}).get("description", ""),
            }
            for each in of.get("parameters", [])
        ],
        "body": body and {"media": body[0], "fields": fields_of(api, body[1].get("schema", {}))},
        "answers": [
            {
                "status": status,
                "text": each.get("description", ""),
                "media": ", ".join(each.get("content", {})),
                "type": ", ".join(
                    filter(None, (type_of(m.get("schema", {})) for m in each["content"].values()))
                )
                if each.get("content")
                else "",
            }
            for status, each in sorted(of.get("responses", {}).items())
        ],
    }


def fields_of(api: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, str]]:
    """Return the fields of an object of the API, as lines of a table."""
    if "$ref" in schema:
        schema = api["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "type": type_of(each) + ("" if name in required else ", optional"),
            "text": each.get("description", ""),
        }
        for name, each in schema.get("properties", {}).items()
    ]


def type_of(schema: dict[str, Any]) -> str:
    """Return the type of a schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(type_of(each) for each in schema["anyOf"]))
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    kind = str(schema.get("format") or schema.get("type", ""))
    if kind == "array":
        return f"list of {type_of(schema.get('items', {}))}"
    return kind

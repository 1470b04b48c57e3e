"""The API described: OpenAPI for programs, a plain page of the same for people."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView
from rest_framework.permissions import AllowAny

METHODS = ("get", "post", "put", "patch", "delete")


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "recordings.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "Token KEY; POST /api/token gives a key.",
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "recordings.api.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "The browser's; writes need the CSRF token in X-CSRFToken.",
        }


class Schema(SpectacularAPIView):
    """The OpenAPI description; it holds nothing that is anybody's."""

    permission_classes = [AllowAny]


@login_required
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Show every call with what it takes and answers; no script, so no exception to the CSP."""
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    calls = [
        _call(path, method, operation)
        for path, operations in sorted(schema["paths"].items(), key=_recordings_first)
        for method, operation in operations.items()
        if method in METHODS
    ]
    shapes = [
        {"name": name, "fields": [_field(*row) for row in shape.get("properties", {}).items()]}
        for name, shape in schema["components"]["schemas"].items()
        if shape.get("properties")
    ]
    return render(request, "api/docs.html", {"calls": calls, "shapes": shapes})


def _recordings_first(entry: tuple[str, Any]) -> bool:
    """Sort what people come for before the rest, which keeps its order."""
    return not entry[0].startswith("/api/recordings")


def _call(path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    bodies = operation.get("requestBody", {}).get("content", {})
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "says": operation.get("description", ""),
        "parameters": [
            {"name": one["name"], "type": _type(one["schema"]), "says": one.get("description", "")}
            for one in operation.get("parameters", [])
            if one["in"] == "query"
        ],
        "bodies": [(kind, _type(body["schema"])) for kind, body in bodies.items()],
        "answers": [(status, _answer(answer)) for status, answer in operation["responses"].items()],
    }


def _answer(answer: dict[str, Any]) -> str:
    content = answer.get("content", {})
    return next((_type(body["schema"]) for body in content.values()), "")


def _field(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "type": _type(schema), "says": schema.get("description", "")}


def _type(schema: dict[str, Any]) -> str:
    """Say a schema in a word or two."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for several in ("allOf", "oneOf"):
        if several in schema:
            return " or ".join(_type(one) for one in schema[several])
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    word = str(schema.get("format") or schema.get("type") or "any")
    return f"{word} or null" if schema.get("nullable") else word

"""Pages cut by key: page 900 costs what page 1 costs, and nothing is counted."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db.models import DateTimeField, Model, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

LARGEST_ID = 2**63 - 1
MILLISECOND = timedelta(milliseconds=1)


class KeysetPagination(BasePagination):
    """`?limit=` rows after `?cursor=`, in the order of the view's `keyset`.

    `keyset` is one or two fields that sort the same way, the last of them unique, none nullable:
    `("-created_at", "-id")`, which is the default `("-id",)` with a date before it.
    """

    default_limit: ClassVar[int] = 50
    max_limit: ClassVar[int] = 200

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: Any = None
    ) -> list[Any]:
        assert isinstance(queryset, QuerySet)
        keyset: tuple[str, ...] = getattr(view, "keyset", ("-id",))
        limit = self._limit(request)
        if cursor := request.query_params.get("cursor"):
            values = _read(cursor, queryset.model, keyset)
            queryset = queryset.filter(_behind(queryset.model, keyset, values))
        rows = list(queryset.order_by(*keyset)[: limit + 1])
        self._next: str | None = None
        if len(rows) > limit:
            url = request.build_absolute_uri()
            self._next = replace_query_param(url, "cursor", _cursor(rows[limit - 1], keyset))
        return rows[:limit]

    def _limit(self, request: Request) -> int:
        text = request.query_params.get("limit", "")
        if not text:
            return self.default_limit
        if not (text.isascii() and text.isdecimal()) or len(text) > 9 or int(text) == 0:
            raise ValidationError({"limit": [f"Give a whole number from 1 to {self.max_limit}."]})
        return min(int(text), self.max_limit)

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"results": data, "next": self._next})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        following = {"type": "string", "nullable": True, "format": "uri"}
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {"results": schema, "next": following},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        limits = {"type": "integer", "minimum": 1, "maximum": self.max_limit}
        limits["default"] = self.default_limit
        return [
            {"name": "cursor", "in": "query", "schema": {"type": "string"}},
            {"name": "limit", "in": "query", "schema": limits},
        ]


def _behind(model: type[Model], keyset: tuple[str, ...], values: list[Any]) -> Q:
    """Say what comes after a row in a form that an index can begin at."""
    beyond = "lt" if keyset[0].startswith("-") else "gt"
    first, last = keyset[0].lstrip("-"), keyset[-1].lstrip("-")
    after_last = Q(**{f"{last}__{beyond}": values[-1]})
    if len(keyset) == 1:
        return after_last
    value = _as_stored(model, first, values[0], Q(**{last: values[-1]}))
    # The first condition follows from the second and is there for the index.
    return Q(**{f"{first}__{beyond}e": value}) & (Q(**{f"{first}__{beyond}": value}) | after_last)


def _as_stored(model: type[Model], name: str, value: Any, row: Q) -> Any:
    """Take a moment from its row while that stands, so that the database compares its own values.

    SQLite writes the moments it takes itself with fewer digits than it is given, as text, so one
    read and handed back is not equal to itself.
    """
    if not isinstance(value, datetime):
        return value
    same = Q(**{f"{name}__range": (value - MILLISECOND, value + MILLISECOND)})
    stored = model._base_manager.filter(row, same).values(name)
    return Coalesce(Subquery(stored), Value(value, DateTimeField()))


def _cursor(row: Model, keyset: tuple[str, ...]) -> str:
    values = [getattr(row, name.lstrip("-")) for name in keyset]
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def _read(cursor: str, model: type[Model], keyset: tuple[str, ...]) -> list[Any]:
    try:
        plain = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(plain, list) or len(plain) != len(keyset):
            raise ValueError
        return [
            _value(value, model, name.lstrip("-"))
            for value, name in zip(plain, keyset, strict=True)
        ]
    except (ValueError, TypeError, RecursionError, binascii.Error) as error:
        raise ValidationError(
            {"cursor": ["This cursor is damaged: take the address in `next` as it is."]}
        ) from error


def _value(value: Any, model: type[Model], name: str) -> Any:
    """Bring a value back to its column's type. Raises ValueError, TypeError."""
    if isinstance(model._meta.get_field(name), DateTimeField):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None or not 1 < moment.year < 9999:
            raise ValueError("a moment without a time zone, or at the end of time")
        return moment
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise TypeError("not a value of a key")
    if isinstance(value, int) and abs(value) > LARGEST_ID:
        raise ValueError("out of range")
    if isinstance(value, str):
        if model._meta.get_field(name).get_internal_type().endswith(("AutoField", "IntegerField")):
            raise TypeError("not a number")
        if "\0" in value:
            raise ValueError("no text")
    return value

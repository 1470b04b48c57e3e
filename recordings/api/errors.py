"""Every error of the API as `{"detail", "code", ...}`; fields as `{"field": ["sentence"]}` beside.

What is raised below is translated here and nowhere else. `ANSWERS` may be added to by the apps
above.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError,
)
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from recordings.editing.exceptions import CannotEdit, NoSession
from recordings.ledger import exceptions as ledger
from recordings.ledger.transactions import is_transient
from recordings.processing.jobs import CannotProcess
from recordings.transfer import CannotTransfer
from recordings.uploads.exceptions import UploadRefused

logger = logging.getLogger(__name__)

ANSWERS: dict[type[Exception], tuple[int, str]] = {
    ledger.QuotaExceeded: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "quota_exceeded"),
    ledger.Held: (HTTPStatus.CONFLICT, "held"),
    ledger.AccountClosed: (HTTPStatus.FORBIDDEN, "account_closed"),
    ledger.StorageFull: (HTTPStatus.INSUFFICIENT_STORAGE, "storage_full"),
    ledger.StorageFault: (HTTPStatus.SERVICE_UNAVAILABLE, "storage_fault"),
    ledger.NameTaken: (HTTPStatus.SERVICE_UNAVAILABLE, "storage_fault"),
    ledger.Lost: (HTTPStatus.CONFLICT, "lost"),
    ledger.Busy: (HTTPStatus.LOCKED, "locked"),
    CannotProcess: (HTTPStatus.CONFLICT, "cannot_process"),
    CannotTransfer: (HTTPStatus.CONFLICT, "cannot_transfer"),
    CannotEdit: (HTTPStatus.CONFLICT, "cannot_edit"),
    NoSession: (HTTPStatus.NOT_FOUND, "not_found"),
}
NOT_FOUND = "There is no such thing here, or it is not yours."
SORRY = "Something went wrong on the site; its log says what. Nothing was changed by half."


class Conflict(exceptions.APIException):
    """What is asked makes no sense in the state things are in."""

    status_code = HTTPStatus.CONFLICT
    default_code = "conflict"
    default_detail = "This cannot be done now."


def handle(error: Exception, context: dict[str, Any]) -> Response:
    """Answer whatever a view raised; what nobody foresaw is logged and told without its trace."""
    foreseen = _foreseen(error)
    if foreseen is not None:
        return foreseen
    response = exception_handler(error, context)
    if response is not None:
        response.data = _shape(error, response.data)
        return response
    logger.error("unexpected error in the API", exc_info=error)
    return answer(HTTPStatus.INTERNAL_SERVER_ERROR, "server_error", SORRY)


def answer(status: int, code: str, detail: str, **more: Any) -> Response:
    return Response({"detail": detail, "code": code, **more}, status=status)


def _foreseen(error: Exception) -> Response | None:
    if isinstance(error, UploadRefused):
        return answer(error.status, error.code, str(error))
    if isinstance(error, ledger.QuotaExceeded):
        status, code = ANSWERS[ledger.QuotaExceeded]
        figures = {"used": error.used, "limit": error.limit, "needed": error.needed}
        return answer(status, code, str(error), **figures)
    for kind, (status, code) in ANSWERS.items():
        if isinstance(error, kind):
            return answer(status, code, str(error))
    return _of_the_framework(error)


def _of_the_framework(error: Exception) -> Response | None:
    if isinstance(error, RequestDataTooBig):
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return answer(status, "too_large", "This is more than a request may carry.")
    if isinstance(error, (SuspiciousOperation, RecursionError)):
        status = HTTPStatus.BAD_REQUEST
        return answer(status, "invalid", "This request cannot be read: it is damaged or too deep.")
    if isinstance(error, OperationalError) and is_transient(error):
        status = HTTPStatus.SERVICE_UNAVAILABLE
        return answer(status, "busy", "The site is very busy; try again in a moment.")
    if isinstance(error, OperationalError) and "disk is full" in str(error):
        status = HTTPStatus.INSUFFICIENT_STORAGE
        return answer(status, "storage_full", "The disk is full; nothing was kept of this.")
    if isinstance(error, ValidationError):
        fields = {"non_field_errors": error.messages}
        return Response(_shape_fields(fields), status=HTTPStatus.BAD_REQUEST)
    return None


def _shape(error: Exception, data: Any) -> dict[str, Any]:
    if isinstance(error, exceptions.ValidationError):
        fields = data if isinstance(data, dict) else {"non_field_errors": data}
        return _shape_fields(fields)
    if isinstance(error, Http404):
        return {"detail": NOT_FOUND, "code": "not_found"}
    if isinstance(error, PermissionDenied):
        return {"detail": str(error) or "This is not yours to do.", "code": "permission_denied"}
    detail = data.get("detail", SORRY) if isinstance(data, dict) else SORRY
    code = getattr(detail, "code", "error")
    return {"detail": str(detail), "code": code}


def _shape_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """Keep each field's sentences and repeat the first as `detail`."""
    field, sentence = next(_sentences(fields), ("", "This request is not valid."))
    named = field and field != "non_field_errors"
    detail = f"{field}: {sentence}" if named else sentence
    envelope = {"detail": detail, "code": "invalid"}
    return envelope | fields | envelope  # whatever fields are called


def _sentences(data: Any, field: str = "") -> Any:
    if isinstance(data, dict):
        for name, inner in data.items():
            yield from _sentences(inner, field or str(name))
    elif isinstance(data, list):
        for inner in data:
            yield from _sentences(inner, field)
    else:
        yield field, str(data)


def is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an address that leads nowhere: in JSON below /api/, with the page elsewhere."""
    if not is_api(request):
        return defaults.page_not_found(request, exception)
    detail = "No part of the API has this address; /api/docs lists them all."
    return JsonResponse({"detail": detail, "code": "not_found"}, status=HTTPStatus.NOT_FOUND)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer what failed outside a view of the API."""
    if not is_api(request):
        return defaults.server_error(request)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return JsonResponse({"detail": SORRY, "code": "server_error"}, status=status)


def locked_out(request: HttpRequest, *_: Any) -> HttpResponse:
    """Answer a sign-in after too many failures, for axes."""
    status = HTTPStatus.TOO_MANY_REQUESTS
    if not is_api(request):
        return render(request, "registration/locked.html", status=status)
    detail = "Signing in failed too often: wait a quarter of an hour and try again."
    return JsonResponse({"detail": detail, "code": "locked_out"}, status=status)

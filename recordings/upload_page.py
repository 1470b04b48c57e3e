"""The upload page: a plain form that works by itself, made livelier by static/js/upload.js.

The body is streamed into the intake, so nothing may read it before; the CSRF token is a field of
it and is checked when the file's first byte is still to come.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.csrf import csrf_failure
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods
from rest_framework.authentication import CSRFCheck

from recordings import spans
from recordings.forms import UploadForm
from recordings.ledger.exceptions import (
    AccountClosed,
    LedgerError,
    QuotaExceeded,
    StorageFault,
    StorageFull,
)
from recordings.ledger.models import Account
from recordings.processing import captions
from recordings.uploads import handler, resumable
from recordings.uploads.details import Details
from recordings.uploads.exceptions import NoFile, UploadRefused
from recordings.views import SignedIn

STATUS: dict[type[Exception], int] = {
    QuotaExceeded: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    AccountClosed: HTTPStatus.FORBIDDEN,
    StorageFull: HTTPStatus.INSUFFICIENT_STORAGE,
    StorageFault: HTTPStatus.SERVICE_UNAVAILABLE,
}


class ForeignForm(Exception):
    """The form does not carry this session's token, so another site may have sent it."""


@csrf_exempt  # checked in `_check_origin`, since the middleware would read the body first
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: SignedIn) -> HttpResponse:
    """Take one file in, or say in a sentence why not."""
    if request.method != "POST":
        return _page(request, _form(request, None))
    form = _form(request, {})

    def clean(fields: QueryDict, subtitles: bytes) -> Details:
        nonlocal form
        _check_origin(request, fields)
        form = _form(request, fields)
        return _details(form, subtitles)

    try:
        recording = handler.receive(request, owner=request.user, clean=clean)
    except ForeignForm as error:
        return csrf_failure(request, reason=str(error))
    except (ValidationError, UploadRefused, LedgerError) as error:
        return _refusal(request, form, error)
    messages.success(request, _("Uploaded."))
    return redirect("recording", pk=recording.pk)


def _form(request: SignedIn, data: Any) -> UploadForm:
    return UploadForm(data, accepted=request.headers.get("Accept-Language", ""))


def _check_origin(request: SignedIn, fields: QueryDict) -> None:
    request.META[settings.CSRF_HEADER_NAME] = fields.get("csrfmiddlewaretoken", "")
    check = CSRFCheck(_passed)
    check.process_request(request)
    if reason := check.process_view(request, _passed, (), {}):
        raise ForeignForm(reason)


def _passed(request: HttpRequest) -> HttpResponse:
    """Stand for a view in a check whose answer alone is wanted."""
    return HttpResponse()


def _details(form: UploadForm, subtitles: bytes) -> Details:
    """Raises ValidationError when a field is wrong; the form then says which."""
    given = ""
    if form.is_valid() and subtitles:
        try:
            given = captions.write_srt(captions.parse(subtitles))
        except captions.CaptionError as error:
            form.add_error("subtitles", str(error))
    if form.errors:
        raise ValidationError(_("Nothing was uploaded: look at what is marked below."))
    said = form.cleaned_data
    return Details(
        title=said["title"],
        language=said["language"],
        trim_start=said["trim_start"],
        trim_end=said["trim_end"],
        captions=given,
    )


def _refusal(request: SignedIn, form: UploadForm, error: Exception) -> HttpResponse:
    if isinstance(error, ValidationError):
        form.add_error(None, error)
    elif isinstance(error, NoFile):
        form.add_error(None, _("Choose a video or audio file first."))
    else:
        form.add_error(None, str(error))
    return _page(request, form, status=_status(error))


def _status(error: Exception) -> int:
    if isinstance(error, UploadRefused):
        return int(error.status)
    return STATUS.get(type(error), HTTPStatus.BAD_REQUEST)


def _page(request: SignedIn, form: UploadForm, *, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "account": Account.objects.of(request.user.pk),
        "api_url": reverse("api-uploads"),
        "period": spans.period(int(resumable.period().total_seconds())),
        "place": "upload",
    }
    return render(request, "recordings/upload.html", context, status=status)

"""The editor of thumbnails: saving, and the pictures that its preview is made of."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST, require_safe

from recordings.ledger.exceptions import LedgerError
from recordings.models import Recording
from recordings.views import SignedIn, visible
from thumbnails import derive, editing, frames
from thumbnails.exceptions import OF_THE_SITE
from thumbnails.gallery import FORM
from thumbnails.models import Thumbnail, ThumbnailTemplate
from thumbnails.requests import TITLE_LENGTH, EditorForm, check
from thumbnails.resolve import SIZES
from thumbnails.sandbox import pieces, render

FOR_A_WHILE = "private, max-age=600"


@csrf_exempt  # `_save` asks for the token, once the body is known to be worth reading
@login_required
@require_POST
def save(request: SignedIn, pk: int) -> HttpResponseBase:
    """Carry out what a button of the editor says, and go back to the recording."""
    try:
        check(request.META)
    except RequestDataTooBig as error:
        messages.error(request, str(error))
        return _back_to(pk)
    return _save(request, pk)


@csrf_protect
def _save(request: HttpRequest, pk: int) -> HttpResponseBase:
    recording = get_object_or_404(visible(request), pk=pk)  # type: ignore[arg-type]
    by = request.user.get_username()
    try:
        if request.POST.get("do") == "back":
            editing.back(pk, by=by)
        elif request.POST.get("do") == "template":
            _back_to_template(recording, by=by)
        else:
            _carry_out(request, recording, by=by)
    except LedgerError as error:
        messages.error(request, str(error))
    return _back_to(pk)


def _back_to(pk: int) -> HttpResponseBase:
    return redirect(reverse("recording", args=[pk]) + "#thumbnail")


def _back_to_template(recording: Recording, *, by: str) -> None:
    row = Thumbnail.objects.filter(recording=recording, template__isnull=False).first()
    if row and row.template:
        editing.choose(recording.pk, row.template, by=by)


def _carry_out(request: HttpRequest, recording: Recording, *, by: str) -> None:
    """Choose, or make one picture of what the form says. Raises LedgerError."""
    form = EditorForm(request.POST, request.FILES)
    if not form.is_valid():
        for sentences in form.errors.values():
            messages.error(request, " ".join(str(sentence) for sentence in sentences))
        return
    source = form.cleaned_data["source"]
    template = source if isinstance(source, ThumbnailTemplate) else None
    if template and request.POST.get("do") == "default":
        editing.set_default(recording.owner_id, template)
        messages.success(request, _("Your recordings without a picture show this one from now on."))
        return
    if template and form.is_plain:
        editing.choose(recording.pk, template, by=by)
    else:
        editing.set_own(recording.pk, _made(form, recording), by=by, template=template)
    messages.success(request, _("The picture is saved."))


def _made(form: EditorForm, recording: Recording) -> bytes:
    """Compose one PNG. Raises PictureRefused, Busy, CannotEdit, StorageFault."""
    given = form.cleaned_data
    source = given["source"]
    if isinstance(source, ThumbnailTemplate):
        picture = derive.chunks(source.stored)
    elif source == "frame":
        picture = pieces(frames.frame(recording, given["seconds"]))
    else:
        picture = given["image"].chunks()
    return render({**FORM, "crop": form.crop, "title": given["title"].strip()}, picture)


@login_required
@require_safe
def frame(request: SignedIn, pk: int) -> HttpResponseBase:
    """Answer with the frame at `t` seconds, for the preview."""
    recording = get_object_or_404(visible(request), pk=pk)
    try:
        still = frames.frame(recording, _seconds(request.GET.get("t", "")))
    except LedgerError as error:
        return _refused(error)
    return HttpResponse(still, content_type="image/jpeg", headers={"Cache-Control": FOR_A_WHILE})


def _seconds(text: str) -> float:
    """Read a moment; what is none is the beginning."""
    try:
        return min(max(0.0, float(text)), 360_000.0)  # 0 for NaN
    except ValueError:
        return 0.0


@login_required
@require_safe
def title(request: SignedIn, pk: int) -> HttpResponseBase:
    """Answer with a title on nothing, for the preview to lay over a picture."""
    get_object_or_404(visible(request), pk=pk)
    words = request.GET.get("text", "").strip()[:TITLE_LENGTH].replace("\0", "")
    if not words:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    try:
        layer = render({"size": SIZES["player"], "title": words, "format": "PNG"})
    except LedgerError as error:
        return _refused(error)
    return HttpResponse(layer, content_type="image/png", headers={"Cache-Control": FOR_A_WHILE})


def _refused(error: LedgerError) -> HttpResponseBase:
    status, code = HTTPStatus.UNPROCESSABLE_ENTITY, "refused"
    headers = {"Cache-Control": "no-store"}
    if isinstance(error, OF_THE_SITE):
        status, code = HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"
        headers["Retry-After"] = "2"
    return JsonResponse({"detail": str(error), "code": code}, status=status, headers=headers)

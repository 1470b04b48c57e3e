"""The editor of thumbnails: saving, and the pictures that its preview is made of."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_safe

from recordings.ledger.exceptions import LedgerError, StorageFault, StorageFull
from recordings.models import Recording
from recordings.views import SignedIn, recording_page, visible
from thumbnails import derive, editing, frames
from thumbnails.exceptions import OF_THE_SITE, CannotEdit, NotTheirs
from thumbnails.gallery import AS_STORED
from thumbnails.lettering import cleaned
from thumbnails.models import Thumbnail, ThumbnailTemplate
from thumbnails.requests import TITLE_LENGTH, EditorForm, check, put_aside
from thumbnails.resolve import SIZES
from thumbnails.sandbox import render

FOR_A_WHILE = "private, max-age=600"


@csrf_exempt  # `_save` asks for the token, once the body is known to be worth reading
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def save(request: SignedIn, pk: int) -> HttpResponseBase:
    """Carry out what a button of the editor says; where that is refused, show the form again."""
    if request.method != "POST":  # the address of a refused form, or where a sign-in leads
        return redirect("recording", pk=pk)
    try:
        check(request.META)
        with put_aside():
            _ = request.POST  # reads it
    except (RequestDataTooBig, StorageFull) as error:
        messages.error(request, str(error))
        return redirect("recording", pk=pk)
    return _save(request, pk)


@csrf_protect
def _save(request: Any, pk: int) -> HttpResponseBase:
    recording = get_object_or_404(visible(request), pk=pk)
    form = EditorForm(request.POST, request.FILES)
    act = BUTTONS.get(request.POST.get("do", ""), _unknown)
    try:
        said = act(request, form, recording)
    except NotTheirs as error:
        raise Http404 from error
    except LedgerError as error:
        return _again(request, pk, form, str(error))
    messages.success(request, said)
    return redirect("recording", pk=pk)


def _again(request: SignedIn, pk: int, form: EditorForm, sentence: str) -> HttpResponseBase:
    """Show the recording with its editor open, as it was filled in, and why nothing was done."""
    if not visible(request).live().filter(pk=pk).exists():  # its page has no editor
        messages.error(request, sentence)
        return redirect("recording", pk=pk)
    if request.FILES:  # no page can give a browser its file back
        sentence = f"{sentence} {_('Choose the file again.')}"
    context = {"thumbnail_form": form, "thumbnail_refusal": sentence}
    return recording_page(request, pk, status=HTTPStatus.BAD_REQUEST, **context)


# What the buttons do: each returns what it did in a sentence, or raises a LedgerError.


def _save_picture(request: SignedIn, form: EditorForm, recording: Recording) -> str:
    if not form.is_valid():
        raise CannotEdit(form.sentences)
    by, source = request.user.get_username(), form.cleaned_data["source"]
    template = source if isinstance(source, ThumbnailTemplate) else None
    if template and form.is_plain:
        editing.choose(recording, template, by=by)
    else:
        editing.set_own(recording, _made(form, recording), by=by, template=template)
    return _("The picture is saved.")


def _back_to_template(request: SignedIn, form: EditorForm, recording: Recording) -> str:
    row = Thumbnail.objects.filter(recording=recording).select_related("template").first()
    if row is None or row.template is None:
        raise CannotEdit(_("There is no template to go back to."))
    editing.choose(recording, row.template, by=request.user.get_username())
    return _("The template is shown again.")


def _back(request: SignedIn, form: EditorForm, recording: Recording) -> str:
    editing.back(recording, by=request.user.get_username())
    return _("The recording shows its frame or the default again.")


def _make_default(request: SignedIn, form: EditorForm, recording: Recording) -> str:
    form.is_valid()  # only the template counts
    template = form.cleaned_data.get("source")
    if not isinstance(template, ThumbnailTemplate):
        raise CannotEdit(_("Choose a template from the gallery first."))
    editing.set_default(request.user.pk, template)
    return _("Your recordings without a picture show this one from now on.")


def _forget_default(request: SignedIn, form: EditorForm, recording: Recording) -> str:
    editing.set_default(request.user.pk, None)
    return _("Your recordings without a picture show the site's default again.")


def _unknown(request: SignedIn, form: EditorForm, recording: Recording) -> str:
    raise CannotEdit(_("Press one of the editor's buttons."))


BUTTONS: Final = {
    "save": _save_picture,
    "template": _back_to_template,
    "back": _back,
    "default": _make_default,
    "forget": _forget_default,
}


def _made(form: EditorForm, recording: Recording) -> bytes:
    """Compose one PNG. Raises PictureRefused, Busy, DecoderFault, CannotEdit, StorageFault."""
    given = form.cleaned_data
    order = {**AS_STORED, "crop": form.crop, "title": given["title"]}
    if isinstance(given["source"], ThumbnailTemplate):
        return _written_on(given["source"], order)
    if given["source"] == "frame":
        return render(order, [frames.frame(recording, given["seconds"])])
    return render(order, given["image"].chunks())


def _written_on(template: ThumbnailTemplate, order: dict[str, Any]) -> bytes:
    try:
        return render(order, derive.chunks(template.stored))
    except FileNotFoundError as error:
        if derive.is_released(template.stored):
            raise CannotEdit(_("This template was replaced a moment ago: save again.")) from error
        raise StorageFault(_("This template is missing in storage: choose another one.")) from error


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
    words = cleaned(request.GET.get("text", "")[:TITLE_LENGTH])
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

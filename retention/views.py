"""Owners' pages of retention: asking to keep recordings, and which mails they want."""

from __future__ import annotations

from datetime import datetime

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from recordings.models import Recording
from recordings.views import MOST_SENTENCES, SignedIn, ticked
from retention import keeping
from retention.exceptions import RetentionError
from retention.models import Correspondent, KeepRequest


class AskForm(forms.Form):
    """Why recordings should stay, and until when."""

    reason = forms.CharField(
        label=gettext_lazy("Why it should stay"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    until = forms.DateTimeField(
        label=gettext_lazy("Until"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=gettext_lazy("Empty: for good."),
    )

    def clean_until(self) -> datetime | None:
        until: datetime | None = self.cleaned_data["until"]
        if until and until <= timezone.now():
            raise ValidationError(_("This moment has passed: choose a later one."))
        return until


@login_required
@require_POST
def ask_to_keep(request: SignedIn) -> HttpResponse:
    """Ask why the ticked recordings should stay, then pass it on to the administrators."""
    found = list(ticked(request).order_by("title", "id"))
    form = AskForm(request.POST if "reason" in request.POST else None)
    if not found:
        messages.info(request, _("Nothing was changed: tick at least one recording first."))
        return redirect("library")
    if not form.is_valid():
        context = {"form": form, "recordings": found, "place": "library"}
        status = 400 if form.errors else 200
        return render(request, "retention/ask.html", context, status=status)
    by = request.user.get_username()
    made, refused = keeping.ask_for_many(found, by=by, **form.cleaned_data)
    _tell(request, found, made, refused)
    return redirect("recording", found[0].pk) if len(found) == 1 else redirect("library")


def _tell(
    request: SignedIn, found: list[Recording], made: list[KeepRequest], refused: dict[int, str]
) -> None:
    if made:
        said = ngettext(
            "The administrators are asked to keep %d recording.",
            "The administrators are asked to keep %d recordings.",
            len(made),
        )
        messages.success(request, said % len(made))
    titles = {recording.pk: recording.title for recording in found}
    for pk, why in list(refused.items())[:MOST_SENTENCES]:
        messages.warning(request, f"“{titles[pk]}”: {why}")
    if (more := len(refused) - MOST_SENTENCES) > 0:
        said = ngettext(
            "%d more is kept or asked for already.", "%d more are kept or asked for already.", more
        )
        messages.warning(request, said % more)


@login_required
@require_POST
def withdraw(request: SignedIn, pk: int) -> HttpResponse:
    """Take back one's own request."""
    asked = get_object_or_404(KeepRequest, pk=pk, owner_id=request.user.pk)
    try:
        keeping.withdraw(asked, by=request.user.get_username())
        messages.success(request, _("The request is taken back."))
    except RetentionError as error:
        messages.error(request, str(error))
    if Recording.objects.filter(pk=asked.recording_id, owner=request.user).exists():
        return redirect("recording", asked.recording_id)
    return redirect("account")


@login_required
@require_POST
def mails(request: SignedIn) -> HttpResponse:
    """Turn notices by mail on or off."""
    wanted = request.POST.get("wanted") == "yes"
    Correspondent.objects.update_or_create(
        owner_id=request.user.pk, defaults={"wants_mail": wanted}
    )
    said = _("Notices are mailed to you.") if wanted else _("No notices are mailed to you.")
    messages.success(request, said)
    return redirect("account")

"""The imports page: an address to fetch from, and how the owner's imports of late are going."""

from __future__ import annotations

from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from recordings.ledger.exceptions import LedgerError
from recordings.ledger.models import Account
from recordings.models import TITLE_LENGTH, Job
from recordings.processing import jobs
from recordings.uploads import imports
from recordings.uploads.addresses import LONGEST, AddressRefused
from recordings.uploads.exceptions import ImportsDisabled, UploadRefused
from recordings.views import SignedIn, fragment

MOST_SHOWN = 20


class ImportForm(forms.Form):
    """Where the file is, and what the recording is to be called."""

    url = forms.CharField(
        label=gettext_lazy("Address of the file"),
        max_length=LONGEST,
        widget=forms.URLInput(attrs={"placeholder": "https://", "autocomplete": "off"}),
        help_text=gettext_lazy("It begins with https:// or http:// and leads to the file itself."),
    )
    title = forms.CharField(
        label=gettext_lazy("Title"),
        required=False,
        max_length=TITLE_LENGTH,
        help_text=gettext_lazy("Empty: the name of the file."),
    )

    def clean_title(self) -> str:
        return " ".join(str(self.cleaned_data["title"]).split())


@dataclass(frozen=True, slots=True)
class Row:
    """One import as the list shows it."""

    job: Job
    name: str  # its title, else where it comes from

    @property
    def is_open(self) -> bool:
        return self.job.state in Job.OPEN

    @property
    def is_spoilt(self) -> bool:
        """Whether its recording is spoilt and still in the library."""
        found = self.job.recording
        return found is not None and found.trashed_at is None and found.is_spoilt


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def imports_page(request: SignedIn) -> HttpResponse:
    """Show the form and the list, or have an address fetched."""
    _refuse_when_off()
    form = ImportForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and _asked(request, form):
        return redirect("imports")
    context = {
        "form": form,
        "account": Account.objects.of(request.user.pk),
        "place": "upload",
        **_list(request),
    }
    return render(request, "recordings/imports.html", context, status=400 if form.errors else 200)


def _refuse_when_off() -> None:
    try:
        imports.refuse_when_off()
    except ImportsDisabled as error:
        raise Http404 from error


def _asked(request: SignedIn, form: ImportForm) -> bool:
    said = form.cleaned_data
    try:
        imports.ask(request.user, url=said["url"], title=said["title"])
    except AddressRefused as error:
        form.add_error("url", error.sentence)
        return False
    except (UploadRefused, LedgerError) as error:
        form.add_error(None, str(error))
        return False
    return True


@fragment
@never_cache
@require_safe
def imports_list(request: SignedIn) -> HttpResponse:
    """Show the list alone: a fragment the open page asks for every two seconds."""
    _refuse_when_off()
    return render(request, "recordings/_imports.html", _list(request))


def _list(request: SignedIn) -> dict[str, object]:
    """List all that are under way, which are few, and some that have ended."""
    newest = imports.of_owner(request.user.pk).select_related("recording").order_by("-pk")
    ended = newest.finished()[:MOST_SHOWN]
    found = {job.pk: job for job in [*newest.open(), *ended]}  # one may end in between
    rows = [Row(job, imports.name_of(job)) for job in found.values()]
    return {"rows": rows, "busy": any(row.is_open for row in rows)}


@login_required
@require_POST
def cancel_import(request: SignedIn, pk: int) -> HttpResponse:
    """Stop an import that waits or runs."""
    if not jobs.cancel(_find(request, pk)):
        messages.info(request, _("This import had ended already, so there was nothing to stop."))
    return redirect("imports")


@login_required
@require_POST
def import_again(request: SignedIn, pk: int) -> HttpResponse:
    """Ask once more for what failed or was stopped."""
    try:
        imports.ask_again(request.user, _find(request, pk))
    except AddressRefused as error:
        messages.error(request, error.sentence)
    except (UploadRefused, LedgerError) as error:
        messages.error(request, str(error))
    return redirect("imports")


@login_required
@require_POST
def remove_import(request: SignedIn, pk: int) -> HttpResponse:
    """Take what failed or was stopped off the list."""
    job = _find(request, pk)
    try:
        imports.forget(job)
        messages.success(request, _("“%s” is off the list.") % imports.name_of(job))
    except LedgerError as error:
        messages.error(request, str(error))
    return redirect("imports")


def _find(request: SignedIn, pk: int) -> Job:
    job: Job = get_object_or_404(imports.of_owner(request.user.pk), pk=pk)
    return job

"""The owners' pages: library, recording, trash. Thin: what they do is done by use cases below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial, wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from recordings import listing, reading, tasks, trash
from recordings.forms import EditForm, LibraryForm, ProcessForm, SelectionForm
from recordings.ledger.exceptions import LedgerError
from recordings.ledger.names import Kind
from recordings.ledger.permissions import ADMINISTER
from recordings.ledger.transactions import retried
from recordings.models import Recording
from recordings.processing import jobs, outcome
from recordings.querysets import RecordingQuerySet, bound_to
from recordings.uploads import intake

MOST_SENTENCES = 3  # about single recordings, after one press of a button


class SignedIn(HttpRequest):
    """A request that `login_required` has let through."""

    user: User


def fragment(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Guard a part of a page: who was signed out meanwhile has the page loaded anew, and asked."""

    @wraps(view)
    def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated and request.headers.get("HX-Request"):
            return HttpResponse(headers={"HX-Refresh": "true"})
        return login_required(view)(request, *args, **kwargs)

    return shown


@login_required
@require_safe
def library(request: SignedIn) -> HttpResponse:
    """Show the live recordings, filtered and sorted as the address says."""
    return _list(request, "library")


@login_required
@require_safe
def trash_page(request: SignedIn) -> HttpResponse:
    """Show what can still be restored, last trashed first."""
    return _list(request, "trash")


def _list(request: SignedIn, place: str) -> HttpResponse:
    administrator = request.user.has_perm(ADMINISTER)
    form = LibraryForm(request.GET, owner=request.user, administrator=administrator)
    page = _page(request, form, place)
    if place == "trash":
        trash.set_sizes(page.recordings)
    context = {
        "place": place,
        "form": form,
        "page": page,
        "narrowed": form.is_narrowed,
        "in_trash": Recording.objects.filter(owner=request.user).trashed().count,  # where asked
    }
    status = 400 if form.errors else 200
    return render(request, f"recordings/{place}.html", context, status=status)


def _page(request: SignedIn, form: LibraryForm, place: str) -> listing.Page:
    """Find what the form asks for; nothing where it cannot be, and the form says why."""
    if not form.is_valid():
        return listing.Page([], "")
    asked = form.cleaned_data
    within = visible(request)
    rows = within if asked.get("whose") == "everyone" else within.filter(owner=request.user)
    rows = rows.trashed() if place == "trash" else rows.live()
    if asked["search"]:
        rows = rows.filter(listing.matching(asked["search"]))
    if asked["state"]:
        rows = rows.filter(state=asked["state"])
    if asked["label"]:
        rows = rows.filter(labels__name=asked["label"])
    order = "trashed" if place == "trash" else asked["sort"] or "newest"
    try:
        return listing.page(rows, within=within, order=order, after=asked["after"])
    except ValidationError as error:
        form.add_error(None, error)
        return listing.Page([], "")


def visible(request: SignedIn) -> RecordingQuerySet:
    return Recording.objects.visible_to(request.user)


@login_required
@never_cache
@require_safe
def recording(request: SignedIn, pk: int) -> HttpResponse:
    """Show one recording: player, words, files, and what will become of it."""
    return recording_page(request, pk)


def recording_page(
    request: SignedIn, pk: int, *, status: int = 200, **more: object
) -> HttpResponse:
    """Render the page of a recording; `more` is for the parts that upper apps put into it."""
    found = get_object_or_404(visible(request).with_files().with_held(), pk=pk)
    words = reading.words(found)
    context = {
        "recording": found,
        "words": words,
        "former_files": found.files.former(),
        "holds": found.holds() if found.is_held else [],
        "at": _moment(request.GET.get("t", "")),
        "place": "trash" if found.trashed_at else "library",
        **more,
    }
    return render(request, "recordings/recording.html", context, status=status)


def _moment(text: str) -> float:
    """Read where to start playing; what is no moment is the beginning."""
    try:
        return min(max(0.0, float(text)), timedelta(days=9).total_seconds())  # 0 for NaN
    except ValueError:
        return 0.0


@fragment
@never_cache
@require_safe
def job(request: SignedIn, pk: int) -> HttpResponse:
    """Show how far processing is: a fragment the open page asks for every two seconds."""
    found = get_object_or_404(visible(request).with_files().with_held(), pk=pk)
    response = render(request, "recordings/_job.html", {"recording": found})
    if found.newest_job is None or found.newest_job.finished_at is not None:
        response["HX-Trigger"] = "job-ended"
    return response


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: SignedIn, pk: int) -> HttpResponse:
    """Change what its owner says about a recording."""
    found = get_object_or_404(visible(request), pk=pk)
    accepted = request.headers.get("Accept-Language", "")
    form = EditForm(request.POST or None, instance=found, accepted=accepted)
    if request.method == "POST" and form.is_valid():
        retried(partial(_save, request, form))
        messages.success(request, _("Saved."))
        return redirect("recording", pk=pk)
    context = {"form": form, "recording": get_object_or_404(visible(request), pk=pk)}
    return render(request, "recordings/edit.html", context, status=400 if form.errors else 200)


def _save(request: SignedIn, form: EditForm) -> None:
    """Save what was said of a recording; raises Http404 where it has gone to somebody else."""
    with trash.locked([form.instance.pk], of=bound_to(request.user)) as found:
        if not found:
            raise Http404
        form.instance.owner_id = found[0].owner_id  # whose the labels are
        form.save()


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def process(request: SignedIn, pk: int) -> HttpResponse:
    """Process a recording again, with other in and out points if wanted."""
    found = get_object_or_404(visible(request).with_held(), pk=pk)
    source = jobs.source_of(found)
    rendition = source is not None and source.kind != Kind.ORIGINAL
    form = ProcessForm(
        request.POST if request.method == "POST" else None,
        duration=found.duration if rendition else None,
    )
    if request.method == "POST" and form.is_valid():
        try:
            jobs.start(pk, options=form.cleaned_data, of=bound_to(request.user))
        except LedgerError as error:
            messages.error(request, str(error))
        return redirect("recording", pk=pk)
    context = {"form": form, "recording": found, "source": source}
    return render(request, "recordings/process.html", context, status=400 if form.errors else 200)


@login_required
@require_POST
def cancel(request: SignedIn, pk: int) -> HttpResponse:
    """Stop the work on a recording, after asking where this costs its original."""
    found = get_object_or_404(visible(request).with_files().with_held(), pk=pk)
    rule = outcome.rule_of_cancelling(found)
    if rule is not None and request.POST.get("confirmed") != "yes":
        context = {"recording": found, "rule": rule, "place": "library"}
        return render(request, "recordings/cancel.html", context)
    open_job = found.open_job
    if open_job is None or not jobs.cancel(open_job):
        messages.info(request, _("Processing had ended already, so there was nothing to stop."))
    return redirect("recording", pk=pk)


@login_required
@require_POST
def move_to_trash(request: SignedIn) -> HttpResponse:
    """Move the ticked recordings to the trash, all but the held ones; give up what still comes."""
    chosen = list(ticked(request).live().with_held())
    held = [one for one in chosen if one.is_held]
    _refuse(request, held)
    try:
        given_up = _give_up([one for one in chosen if not one.is_held])
        free = [one.pk for one in chosen if not one.is_held and one.pk not in given_up]
        by, of = request.user.get_username(), bound_to(request.user)
        count = trash.move_to_trash(free, by=by, of=of)
    except LedgerError as error:
        messages.error(request, str(error))
    else:
        if count or not given_up:
            _tell(request, count, _moved(count))
        if given_up:
            _tell(request, len(given_up), _cancelled(len(given_up)))
    back = [one.pk for one in held] if request.POST.get("only") else []
    return redirect("recording", pk=back[0]) if back else redirect("library")


def _give_up(recordings: list[Recording]) -> set[int]:
    """Cancel the uploads among these; what arrived meanwhile is not among those returned."""
    coming = [one.pk for one in recordings if one.state == Recording.State.UPLOADING]
    gone = {pk for pk in coming if intake.cancel(pk)}
    if gone:
        tasks.purge_soon()
    return gone


def _cancelled(count: int) -> str:
    return ngettext(
        "%d upload was cancelled; nothing of it is kept.",
        "%d uploads were cancelled; nothing of them is kept.",
        count,
    )


def _moved(count: int) -> str:
    return ngettext(
        "%d recording is in the trash now; it can be restored from there.",
        "%d recordings are in the trash now; they can be restored from there.",
        count,
    )


@login_required
@require_POST
def restore(request: SignedIn) -> HttpResponse:
    """Bring the ticked recordings back from the trash."""
    pks = list(ticked(request).trashed().values_list("pk", flat=True))
    count = trash.restore(pks, of=bound_to(request.user))
    _tell(
        request,
        count,
        ngettext("%d recording is back.", "%d recordings are back.", count),
    )
    if request.POST.get("only") and pks:
        return redirect("recording", pk=pks[0])
    return redirect("trash")


@login_required
@require_POST
def erase(request: SignedIn) -> HttpResponse:
    """Delete trashed recordings for ever, after asking once more with their size."""
    rows = ticked(request).trashed()
    chosen = list(rows.with_held().order_by("title", "id"))
    held = [one for one in chosen if one.is_held]
    free = [one for one in chosen if not one.is_held]
    _refuse(request, held)
    if free and request.POST.get("confirmed") != "yes":
        context = {"recordings": free, "size": _size(free), "place": "trash"}
        return render(request, "recordings/erase.html", context)
    try:
        by, of = request.user.get_username(), bound_to(request.user)
        count = trash.erase([one.pk for one in free], by=by, of=of)
    except LedgerError as error:
        messages.error(request, str(error))
    else:
        tasks.purge_soon()
        _tell(request, count, _gone(count))
    return redirect("trash")


def _gone(count: int) -> str:
    return ngettext("%d recording is gone for ever.", "%d recordings are gone for ever.", count)


def _size(recordings: Sequence[Recording]) -> int:
    return sum(trash.sizes_of([one.pk for one in recordings]).values())


def ticked(request: SignedIn) -> RecordingQuerySet:
    """The recordings a form names, as far as this person may see them."""
    form = SelectionForm(request.POST)
    if not form.is_valid():
        return Recording.objects.none()
    return visible(request).filter(pk__in=form.cleaned_data["recordings"])


def _refuse(request: SignedIn, held: Sequence[Recording]) -> None:
    """Say of held recordings that they stay, and why."""
    for one in held[:MOST_SENTENCES]:
        reasons = " ".join(hold.sentence for hold in one.holds())
        messages.warning(request, f"“{one.title}”: {reasons}")
    if more := held[MOST_SENTENCES:]:
        words = ngettext(
            "%d more recording is on hold and stays.",
            "%d more recordings are on hold and stay.",
            len(more),
        )
        messages.warning(request, words % len(more))


def _tell(request: SignedIn, count: int, words: str) -> None:
    if count:
        messages.success(request, words % count)
    elif not messages.get_messages(request):
        messages.info(request, _("Nothing was changed: tick at least one recording first."))

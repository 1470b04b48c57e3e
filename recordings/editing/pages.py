"""The pages of the caption editor: begin or go on with a session, and the editor itself.

What is changed there goes through the API; these only show where things are, and let owners remove
what was rendered.
"""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from recordings import tasks
from recordings.editing import cues, finals, sessions
from recordings.editing.exceptions import NoSession
from recordings.editing.models import EditingSession
from recordings.editing.style import RANGES, Style
from recordings.ledger.exceptions import LedgerError
from recordings.models import Recording
from recordings.querysets import bound_to
from recordings.views import SignedIn, visible


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def captions(request: SignedIn, pk: int) -> HttpResponse:
    """Go on with the newest session of a recording, or offer to begin one.

    With `?list=1` all of them are shown, and another can be begun.
    """
    found = get_object_or_404(visible(request).with_files(), pk=pk)
    if found.trashed_at is not None:
        return _in_trash(request, found)
    if request.method == "POST":
        return _begin(request, pk)
    rows = found.sessions.defer("captions").order_by("-id")
    if "list" not in request.GET and (newest := rows.first()):
        return redirect("captions-editor", pk=newest.pk)
    context = {"recording": found, "sessions": rows, "most": sessions.MOST_OPEN, "place": "library"}
    return render(request, "recordings/captions_begin.html", context)


def _begin(request: SignedIn, pk: int) -> HttpResponse:
    try:
        session = sessions.begin(pk, of=bound_to(request.user))
    except NoSession as error:
        raise Http404 from error
    except LedgerError as error:
        messages.error(request, str(error))
        return redirect("recording", pk=pk)
    return redirect("captions-editor", pk=session.pk)


@login_required
@never_cache
@require_safe
def editor(request: SignedIn, pk: int) -> HttpResponse:
    """Show the editor of a session; it loads the captions by itself."""
    session = get_object_or_404(EditingSession.objects.defer("captions"), pk=pk)
    found = get_object_or_404(visible(request).with_files(), pk=session.recording_id)
    if found.trashed_at is not None:
        return _in_trash(request, found)
    session.recording = found
    context = {
        "recording": found,
        "session": session,
        "other_cut": sessions.OTHER_CUT if session.is_of_another_cut else "",
        "most_characters": cues.MOST_CHARACTERS,
        "ranges": RANGES,
        "usual": Style(),
        "place": "library",
    }
    return render(request, "recordings/captions.html", context)


@login_required
@require_POST
def remove_final(request: SignedIn, pk: int, file: int) -> HttpResponse:
    """Remove a final video for ever, before a policy does, after asking once more."""
    recording = get_object_or_404(visible(request), pk=pk)
    final = get_object_or_404(recording.files.select_related("recording", "stored"), pk=file)
    by, of = request.user.get_username(), bound_to(request.user)
    try:
        finals.refuse(final)
        if request.POST.get("confirmed") != "yes":
            context = {"recording": recording, "file": final, "place": "library"}
            return render(request, "recordings/remove_final.html", context)
        gone = finals.remove(final, by=by, of=of)
    except LedgerError as error:
        messages.error(request, str(error))
        return redirect("recording", pk=pk)
    if gone:
        tasks.purge_soon()
        sentence = _("The final video is gone for ever; it can be rendered again.")
        messages.success(request, sentence)
    return redirect("recording", pk=pk)


def _in_trash(request: SignedIn, recording: Recording) -> HttpResponse:
    sentence = _(
        "This recording is in the trash: restore it first, then its captions can be edited."
    )
    messages.info(request, sentence)
    return redirect("recording", pk=recording.pk)

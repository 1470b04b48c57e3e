"""recordings/admin/erasing.py: the page that deletes recordings for ever.

The one place in the admin from which bytes do not come back, so it shows first how many they are
and asks for that number in writing. If the selection has grown or shrunk meanwhile, it asks again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html

from recordings.ledger.admin_base import (
    CHANGED,
    Speaking,
    has_changed,
    mark,
    number_of,
    selection,
)
from recordings.ledger.exceptions import Held
from recordings.ledger.models import Hold
from recordings.models import Recording
from recordings.querysets import RecordingQuerySet
from recordings.tasks import purge_soon
from recordings.trash import erase, files_of, held_among

TITLES = 20  # named on the page
ONLY_FREE = "only_free"  # sent by who goes on with what of a selection is not on hold


@dataclass(frozen=True, slots=True)
class Weight:
    """How much a selection of recordings is; size in bytes."""

    recordings: int
    files: int
    size: int


def weigh(pks: Sequence[int]) -> Weight:
    """Add up what recordings keep in storage, in one query."""
    total = files_of(pks).aggregate(files=Count("pk"), size=Sum("size", default=0))
    return Weight(len(pks), total["files"], total["size"])


def refuse_held(pks: Sequence[int]) -> None:
    """Raise Held when any is on hold, so that a selection goes whole or not at all."""
    held = list(Recording.objects.filter(pk__in=pks).held().only("pk", "owner_id", "title")[:3])
    if held:
        raise Held(held_among(held))


def free(request: HttpRequest, rows: RecordingQuerySet) -> RecordingQuerySet:
    """Leave out what is on hold, where that was asked for."""
    return rows.not_held() if request.POST.get(ONLY_FREE) else rows


def stop(admin: Speaking, request: HttpRequest, pks: list[int], *, action: str) -> HttpResponse:
    """Say which of a selection are on hold, and offer to go on with the others."""
    held = Recording.objects.filter(pk__in=pks).held().select_related("owner").order_by("-id")
    rows = list(held.only("pk", "title", "owner__username")[:TITLES])
    holds, count = held_among(rows), held.count()
    others = len(pks) - count
    context = {
        "named": [(row, [hold for hold in holds if is_on(hold, row)]) for row in rows],
        "count": count,
        "all": len(pks),
        "more": count - len(rows),
        "others": others,
        "go_on": f"Go on with the other {number_of(others, 'recording')}",
        "past": "deleted" if action == "erase_selected" else "moved to the trash",
        "action": action,
        "only_free": ONLY_FREE,
        "seen": mark(Recording.objects.filter(pk__in=pks).not_held().values_list("pk", flat=True)),
        **selection(request),
    }
    return admin.page(request, "admin/recordings/recording/held.html", "On hold", **context)


def is_on(hold: Hold, recording: Recording) -> bool:
    return recording.pk == hold.recording_id or recording.owner_id == hold.owner_id


def page(admin: Speaking, request: HttpRequest, pks: list[int]) -> HttpResponse | None:
    """Ask, or do it where the answer is right; None says that the list can be shown again."""
    weight = weigh(pks)
    answer = request.POST.get("confirmation", "").strip()
    try:
        refuse_held(pks)
        if answer and has_changed(request, pks):
            return ask(admin, request, pks, weight, error=CHANGED)
        if answer == str(weight.recordings):
            return carry_out(admin, request, pks, weight)
        error = "" if not answer else f"Type {weight.recordings}, the number of recordings."
        return ask(admin, request, pks, weight, error=error)
    except Held:
        return stop(admin, request, pks, action="erase_selected")


def carry_out(
    admin: Speaking, request: HttpRequest, pks: list[int], weight: Weight
) -> HttpResponse | None:
    rows: Any = list(Recording.objects.filter(pk__in=pks).only("pk", "title"))
    username = request.user.get_username()
    erase(pks, by=username)
    admin.log_deletions(request, rows)
    purge_soon()
    receipts = f"{reverse('admin:ledger_receipt_changelist')}?released_by__exact={username}"
    sentence = format_html(
        "{} with {} ({}) deleted for ever. Each file leaves a <a href='{}'>receipt</a> "
        "when its bytes are verified gone.",
        number_of(weight.recordings, "recording"),
        number_of(weight.files, "file"),
        filesizeformat(weight.size),
        receipts,
    )
    admin.say(request, sentence)
    return None


def ask(
    admin: Speaking,
    request: HttpRequest,
    pks: list[int],
    weight: Weight,
    *,
    error: str = "",
) -> HttpResponse:
    rows: Any = Recording.objects.filter(pk__in=pks).select_related("owner").order_by("-id")
    context = {
        "weight": weight,
        "named": rows.only("pk", "title", "owner__username", "trashed_at")[:TITLES],
        "others": max(0, len(pks) - TITLES),
        "error": error,
        "seen": mark(pks),
        "only_free": ONLY_FREE if request.POST.get(ONLY_FREE) else "",
        **selection(request),
    }
    title = f"Delete {number_of(weight.recordings, 'recording')} for ever"
    return admin.page(request, "admin/recordings/recording/erase.html", title, **context)

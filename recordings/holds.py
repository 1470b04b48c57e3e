"""recordings/holds.py: place holds on recordings and owners that may be on the move.

A hold covers a recording or an owner by id and is honoured under the owner's account lock, so the
owner is read again under it: a recording that changes hands meanwhile is held with its new owner.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from recordings.archive import locked as locked_in_archive
from recordings.closing import way_of
from recordings.ledger.exceptions import LedgerError
from recordings.ledger.models import Hold
from recordings.ledger.release import place_hold
from recordings.ledger.transactions import retried
from recordings.models import ArchivedRecording, Closure, Recording, RecordingFile
from recordings.processing.outcome import REPLACED_AT_ONCE
from recordings.querysets import RecordingQuerySet
from recordings.trash import locked


def hold_recording(pk: int, *, reason: str, by: str, until: datetime | None = None) -> Hold:
    """Place a hold on a recording, in the trash, out of it or in the archive.

    Raises Recording.DoesNotExist, and LedgerError without a reason or with an end that is past.
    """
    refuse_past(until)
    archive = ArchivedRecording.objects.archived()

    def place() -> Hold | None:
        with locked([pk]) as found, locked_in_archive(archive.filter(recording_id=pk)) as archived:
            one = found[0] if found else archived
            if one is None:
                return None
            return place_hold(
                reason=reason, by=by, owner_id=one.owner_id, recording_id=pk, until=until
            )

    while True:
        if hold := retried(place):
            return hold
        if archive.filter(recording_id=pk).exists():
            continue
        Recording.objects.only("pk").get(pk=pk)  # gone; else it changed hands between two reads


def hold_owner(owner_id: int, *, reason: str, by: str, until: datetime | None = None) -> Hold:
    """Place a hold on everything an owner has and will have.

    Raises User.DoesNotExist, and LedgerError without a reason or with an end that is past.
    """
    refuse_past(until)
    get_user_model().objects.only("pk").get(pk=owner_id)
    return retried(lambda: place_hold(reason=reason, by=by, owner_id=owner_id, until=until))


def covered_alone(holds: Sequence[Hold]) -> RecordingQuerySet:
    """The recordings that nothing holds any more once these holds are released."""
    pks = [hold.pk for hold in holds]
    lifted = Hold.objects.active().filter(pk__in=pks)
    rest = Hold.objects.active().exclude(pk__in=pks)
    return Recording.objects.filter(
        Exists(lifted.filter(recording_id=OuterRef("pk")))
        | Exists(lifted.filter(owner_id=OuterRef("owner_id"))),
        ~Exists(rest.filter(recording_id=OuterRef("pk"))),
        ~Exists(rest.filter(owner_id=OuterRef("owner_id"))),
    )


def archived_alone(holds: Sequence[Hold]) -> QuerySet[ArchivedRecording]:
    """What of the archive nothing holds any more once these holds are released."""
    lifted = Hold.objects.active().filter(pk__in=[hold.pk for hold in holds])
    rest = Hold.objects.active().exclude(pk__in=[hold.pk for hold in holds])
    return ArchivedRecording.objects.archived().filter(
        Exists(lifted.filter(recording_id=OuterRef("recording_id")))
        | Exists(lifted.filter(owner_id=OuterRef("owner_id"))),
        ~Exists(rest.filter(recording_id=OuterRef("recording_id"))),
        ~Exists(rest.filter(owner_id=OuterRef("owner_id"))),
    )


def waiting_to_go(holds: Sequence[Hold]) -> list[str]:
    """Say what goes, by itself and soon, once these holds are released."""
    free = covered_alone(holds)
    files = RecordingFile.objects.filter(recording__in=free)
    originals = files.due_originals().count()
    replaced = files.superseded().filter(kind__in=REPLACED_AT_ONCE).count()
    overdue = free.trashed().filter(purge_after__lte=Now()).count()
    said = [*_going_with_the_account(free)]
    closing = Closure.objects.filter(finished_at=None).values("owner_id")
    if archived := archived_alone(holds).filter(owner_id__in=closing).count():
        said.append(f"In the archive of accounts being closed, and going with them: {archived}.")
    if overdue:
        said.append(f"Recordings in the trash past their date, and going for ever: {overdue}.")
    if originals:
        said.append(f"Originals past their date, and going for ever: {originals}.")
    if replaced:
        said.append(f"Files replaced during the hold, and going for ever: {replaced}.")
    return said


def _going_with_the_account(free: RecordingQuerySet) -> Iterator[str]:
    closures = Closure.objects.filter(finished_at=None, owner_id__in=free.values("owner_id"))
    for closure in closures.order_by("pk"):
        mine = free.filter(owner_id=closure.owner_id)
        count = (mine if closure.at_once or closure.transfer_to else mine.live()).count()
        if count:
            way = way_of(closure)
            yield f"The account of {closure.owner_name} is being closed, {way}: {count}."


def refuse_past(until: datetime | None) -> None:
    if until is not None and until <= timezone.now():
        raise LedgerError("A hold that has ended already holds nothing: give a later end, or none.")

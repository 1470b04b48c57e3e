"""recordings/uploads/resumable.py: uploads that come over several requests, however long it takes.

The recording exists from the beginning, `uploading`, with room set aside for all of it. What keeps
it safe:

- who writes holds the claim of the row and repeats it in every change; a process that died, or was
  silent for longer than the lease, is followed by another, and can change nothing any more;
- bytes count once they are durable and the row says so; what came after is cut off again;
- the first bytes lie in the row until they say what the file is, and only then has it a name;
- at the end the file is read where it stands, and must be what came in; then one transaction makes
  it a recording. Dying before that loses nothing: the tick, or the client's next question, goes on.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any, Final
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from recordings import periods
from recordings.ledger import leases, reservations, resuming
from recordings.ledger.exceptions import Damaged, Lost
from recordings.ledger.models import Reservation, StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.publish import LEASE
from recordings.ledger.purge import remove_now
from recordings.ledger.transactions import retried
from recordings.models import Recording
from recordings.processing import jobs
from recordings.processing.sniff import Container
from recordings.trash import locked
from recordings.uploads import intake
from recordings.uploads.details import Details, shown_name, title_from
from recordings.uploads.exceptions import EmptyFile, Expired, Locked
from recordings.uploads.models import ResumableUpload

LOCKED: Final = "Another request is still writing this file; wait a moment."
MARGIN: Final = timedelta(hours=1)  # by which a file at rest outlasts its upload


def period() -> timedelta:
    """Return for how long an upload may go on after its last bytes.

    A policy that takes uploads at once takes those that nobody writes; they may begin all the same.
    """
    usual: timedelta = settings.UPLOAD_PERIOD
    return periods.stay("uploads") or usual


def create(
    owner: Any, *, name: str, length: int, details: Details, metadata: str
) -> ResumableUpload:
    """Make room for a file of `length` bytes and for its processing, and a recording to be.

    Raises EmptyFile, TooLarge, QuotaExceeded, AccountClosed; then nothing is left of it.
    """
    if not length:
        raise EmptyFile("The file is empty: choose one with a recording in it.")
    intake.refuse_too_large(length)
    shown = shown_name(name)

    def begin() -> ResumableUpload:
        estimate = jobs.estimate(length) if details.process else 0
        with transaction.atomic():
            room = reservations.set_aside(owner.pk, length + estimate, purpose="upload")
            recording = Recording.objects.create(
                owner=owner,
                title=title_from(shown),
                original_name=shown,
                numbers={Kind.ORIGINAL: 1},
            )
            details.describe(recording)
            return ResumableUpload.objects.create(
                token=secrets.token_urlsafe(32),
                recording=recording,
                length=length,
                details={"process": details.process, "metadata": metadata},
                reservation=room,
                expires_at=Now() + period(),
            )

    return find(retried(begin).pk)


def find(pk: int) -> ResumableUpload:
    """Return an upload as it is now. Raises Expired where it went meanwhile."""
    found = ResumableUpload.objects.select_related("recording").filter(pk=pk).first()
    if found is None:
        raise Expired("This upload was cancelled, or nothing came for too long; begin it again.")
    return found


def refuse_expired(upload: ResumableUpload) -> None:
    """Raise Expired for an unfinished upload whose time is over, by the database's clock."""
    mine = ResumableUpload.objects.filter(pk=upload.pk, finished_at=None)
    if mine.filter(expires_at__lte=Now()).filter(free(upload)).exists():
        raise Expired("Nothing came of this file for too long; upload it again.")


def free(upload: ResumableUpload) -> Q:
    """Say when the claim of an upload may be taken: it lapsed, or its process is no more."""
    lapsed = Q(claim=None) | Q(lease_until__lt=Now())
    if upload.claim is not None and leases.is_gone(upload.claimed_by):
        lapsed |= Q(claim=upload.claim)
    return lapsed


def refuse_locked(upload: ResumableUpload) -> None:
    """Raise Locked while another writes, for who asks in order to write."""
    mine = ResumableUpload.objects.filter(pk=upload.pk, finished_at=None)
    if mine.exclude(free(upload)).exists():
        raise Locked(LOCKED)


@contextmanager
def claimed(upload: ResumableUpload) -> Iterator[ResumableUpload]:
    """Write alone on an upload; yields its row as it is then. Raises Locked, Expired.

    Nobody writes on one that is finished, so nobody holds that.
    """
    token = uuid4()
    mine = ResumableUpload.objects.filter(pk=upload.pk)
    taken = retried(
        partial(
            mine.filter(free(find(upload.pk)), finished_at=None).update,
            claim=token,
            claimed_by=leases.holder(),
            lease_until=Now() + LEASE,
        )
    )
    if not taken and find(upload.pk).finished_at is None:
        raise Locked(LOCKED)
    try:
        found = find(upload.pk)
        found.claim = token
        yield found
    finally:
        given = {"claim": None, "claimed_by": "", "lease_until": None}
        retried(partial(mine.filter(claim=token).update, **given))


def hold(upload: ResumableUpload, **values: Any) -> None:
    """Write into the row of an upload that we claimed, and keep it. Raises Lost, Expired."""
    mine = ResumableUpload.objects.filter(pk=upload.pk, claim=upload.claim, finished_at=None)
    if not retried(partial(mine.update, lease_until=Now() + LEASE, **values)):
        find(upload.pk)
        raise Lost("Another request has gone on with this upload; what this one sent is void.")


def begin_file(upload: ResumableUpload, head: bytes) -> StoredFile:
    """Give the file its name, now that its first bytes are here, or find the one it was given.

    `head` are those bytes, empty once storage has them; until then nothing there counts, and a
    file that damaged bytes began as another type is begun anew. Raises NotMedia, NameTaken,
    AccountClosed, Damaged, StorageFault, Lost.
    """
    stored = resuming.find(upload.recording_id)
    if not head:
        if stored is None:
            raise Damaged("What had come of this file is gone; upload it again.")
        return stored
    container = intake.container_of(head)
    if stored is not None and str(stored).endswith(f".{container.extension}"):
        return stored
    if stored is not None:
        _abandon(upload, stored)
    return _begin(upload, container)


def _abandon(upload: ResumableUpload, stored: StoredFile) -> None:
    """Give a file up, if the upload is still ours, with what storage said of it, and its name.

    Should the same type come again, the file is another: purge may be at the former one yet.
    """

    def allowed() -> None:
        intake.take_number(upload.recording)
        hold(upload, writer={})

    resuming.abandon(stored, budget=_room(upload), allowed=allowed)
    upload.writer = {}


def _room(upload: ResumableUpload) -> Reservation | None:
    """Return what is set aside for an upload; None where that ended, as it does with the upload."""
    pk = upload.reservation_id
    return None if pk is None else Reservation.objects.filter(pk=pk).first()


def _begin(upload: ResumableUpload, container: Container) -> StoredFile:
    """Begin the file, if the upload is still ours: whoever slept may find it finished."""
    return intake.publish(
        upload.recording,
        container,
        upload.length,
        budget=_room(upload),
        resting=period() + MARGIN,
        wanted=partial(hold, upload),
    ).stored


def give_captions(upload: ResumableUpload, srt: str) -> None:
    """Keep subtitles that came beside an unfinished upload. Raises NoLongerWanted."""

    def give() -> None:
        with locked([upload.recording_id]) as found:
            recording = intake.still_wanted(found)
            recording.given_captions = srt
            recording.save(update_fields=["given_captions"])

    retried(give)


def cancel(upload: ResumableUpload) -> bool:
    """Remove an unfinished upload with its recording and its bytes; False where it was finished."""
    stored = resuming.find(upload.recording_id)
    if upload.finished_at is not None or not intake.cancel(upload.recording_id):
        return False
    if stored is not None:
        remove_now(stored.pk)
    return True

"""recordings/uploads/intake.py: one upload, from its first bytes to a recording, or to nothing.

Before the bytes are known to be media and room is made for them nothing exists; after that the row
is `uploading` until one transaction makes file and recording stand together. What goes wrong in
between removes both; what a crash leaves is found by `recover`. A live upload is never taken for a
dead one: it has a file in state `writing`, or is younger than the lease of one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import chain
from typing import Any, Self

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from recordings.ledger import names, reservations
from recordings.ledger.exceptions import AccountClosed, QuotaExceeded
from recordings.ledger.models import Account, Reservation, StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.publish import LEASE, Publication, always, first_free
from recordings.ledger.storages import storage
from recordings.ledger.transactions import retried
from recordings.models import Recording, RecordingFile, ResumableUpload
from recordings.processing import jobs
from recordings.processing.sniff import HEAD_SIZE, Container, sniff
from recordings.trash import BATCH_SIZE, erase_locked, locked
from recordings.uploads.details import Details, shown_name, title_from
from recordings.uploads.exceptions import EmptyFile, NoLongerWanted, NotMedia, TooLarge

# A body this small is held in memory until its size and fields are known, so that room for exactly
# so many uploads takes exactly so many, whatever the order of the fields.
HELD_BYTES = 4 * 1024 * 1024


def _nothing(recording: Recording) -> None:
    """Close no job: most uploads come without one."""


class Intake:
    """Take one file of `owner` in. Leaving the block without `finish` leaves nothing behind."""

    def __init__(self, owner: Any, *, name: str) -> None:
        self._owner, self._name = owner, shown_name(name)
        self._expected: int | None = None
        self._process: bool | None = None
        self._held: list[bytes] = []
        self._size = 0
        self._recording: Recording | None = None
        self._publication: Publication | None = None

    @property
    def publication(self) -> Publication | None:
        """The file being written; None until its first bytes say that it is media."""
        return self._publication

    @property
    def recording_id(self) -> int | None:
        """The row that shows the file as coming in; None before there is one, and after."""
        return None if self._recording is None else self._recording.pk

    def expect(self, size: int, *, process: bool | None) -> None:
        """Say how many bytes will come, as well as is known, and whether they are processed."""
        largest = settings.UPLOAD_MAX_BYTES
        if largest is not None and size > largest + settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise _too_large(largest)
        self._expected, self._process = size, process

    def write(self, chunk: bytes) -> None:
        """Take bytes in. Raises NotMedia, TooLarge, QuotaExceeded and what publishing raises."""
        self._size += len(chunk)
        refuse_too_large(self._size)
        if self._publication is not None:
            self._publication.write(chunk)
            return
        self._held.append(chunk)
        if self._size > HELD_BYTES:
            self._begin(max(self._expected or 0, self._size), self._process)

    def finish(
        self, details: Details, *, close: Callable[[Recording], object] = _nothing
    ) -> Recording:
        """Make the recording of what came in; `close` is done in the same transaction, first.

        Raises EmptyFile and what `write` and `close` raise.
        """
        if not self._size:
            raise EmptyFile("The file is empty: choose one with a recording in it.")
        if self._publication is None:
            self._begin(self._size, details.process)
        assert self._publication is not None
        self._publication.finish()
        recording = retried(partial(self._settle, self._publication, details, close))
        self._recording = self._publication = None
        return recording

    def _begin(self, size: int, process: bool | None) -> None:
        head = b"".join(self._held)
        container = container_of(head)
        self._recording = Recording.objects.create(
            owner=self._owner,
            title=title_from(self._name),
            original_name=self._name,
            numbers={Kind.ORIGINAL: 1},
        )
        self._publication = self._make_room(self._recording, container, size, process)
        self._held.clear()
        self._publication.write(head)

    def _make_room(
        self, recording: Recording, container: Container, size: int, process: bool | None
    ) -> Publication:
        """Reserve for the file and, unless it is not to be processed, for what that adds.

        Where nobody has said yet, the file alone may go first; `_settle` asks again.
        """
        estimate = 0 if process is False else jobs.estimate(size)
        try:
            return publish(recording, container, size + estimate)
        except QuotaExceeded:
            if process is not None or not estimate:
                raise
            return publish(recording, container, size)

    def _settle(
        self, publication: Publication, details: Details, close: Callable[[Recording], object]
    ) -> Recording:
        assert self._recording is not None
        with locked([self._recording.pk]) as found:
            recording = still_wanted(found)
            close(recording)
            estimate = jobs.estimate(publication.size) if details.process else 0
            purpose = f"recording {recording.pk}"
            # A file of unknown length grew into what was reserved for its processing.
            is_room = publication.stored.reserved - publication.size >= estimate
            stored = publication.settle(keep=estimate if is_room else 0, purpose=purpose)
            details.describe(recording)
            room = publication.kept
            if estimate and room is None:
                room = reservations.set_aside(recording.owner_id, estimate, purpose=purpose)
            arrive(recording, stored, room, process=details.process)
        return recording

    def abandon(self) -> None:
        """Remove what was made, at once; nothing happens after `finish`."""
        self._held.clear()
        if self._publication is not None:
            self._publication.abandon()
        if self._recording is not None:
            _remove([self._recording.pk])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.abandon()


def container_of(head: bytes) -> Container:
    """Tell what a file is by its first bytes. Raises NotMedia."""
    container = sniff(head[:HEAD_SIZE])
    if container is None:
        raise NotMedia(
            "This is no video or audio file that can be opened here. "
            "MP4, MOV, MKV, WebM, AVI, MPEG-TS, MP3, M4A, AAC, OGG, FLAC and WAV can."
        )
    return container


def refuse_too_large(size: int) -> None:
    """Raise TooLarge for a file of so many bytes."""
    largest = largest_file()
    if size > largest:
        raise _too_large(largest)


def largest_file() -> int:
    """Return the most bytes that a file may have, by the site's limit and what storage can hold."""
    most = storage(settings.MEDIA_STORAGE).most_bytes
    return most if settings.UPLOAD_MAX_BYTES is None else min(most, settings.UPLOAD_MAX_BYTES)


def _too_large(largest: int) -> TooLarge:
    return TooLarge(f"A file may have at most {largest:,} bytes here: cut it, or compress it more.")


def publish(
    recording: Recording,
    container: Container,
    size: int,
    *,
    budget: Reservation | None = None,
    resting: timedelta | None = None,
    wanted: Callable[[], object] = always,
) -> Publication:
    """Begin under the first number whose name storage does not know yet."""

    def begin(number: int) -> Publication:
        return Publication.begin(
            name=names.original(recording.owner_id, recording.pk, container.extension, number),
            kind=Kind.ORIGINAL,
            owner_id=recording.owner_id,
            recording_id=recording.pk,
            size=size,
            budget=budget,
            resting=resting,
            wanted=wanted,
        )

    def take() -> int:
        with transaction.atomic():
            number = take_number(recording)
            wanted()
        return number

    further = iter(partial(retried, take), None)
    return first_free(chain([recording.numbers[Kind.ORIGINAL]], further), begin)[0]


def take_number(recording: Recording) -> int:
    """Take the next number of an original, in the caller's transaction. Raises NoLongerWanted.

    From the row as it is now: whoever slept would set the numbers of all kinds back.
    """
    found = Recording.objects.select_for_update(of=("self",)).filter(pk=recording.pk).first()
    if found is None:
        raise NoLongerWanted("This recording was deleted while it was being uploaded.")
    number = found.take_number(Kind.ORIGINAL)
    recording.numbers = found.numbers
    return number


def still_wanted(found: list[Recording]) -> Recording:
    """Return the locked row of an upload unless it, or its account, went meanwhile."""
    if not found or found[0].trashed_at or found[0].state != Recording.State.UPLOADING:
        raise NoLongerWanted("This recording was deleted while it was being uploaded.")
    if Account.objects.filter(owner_id=found[0].owner_id, closing_since__isnull=False).exists():
        raise AccountClosed("This account is being closed and takes nothing new.")
    return found[0]


def arrive(
    recording: Recording, stored: StoredFile, room: Reservation | None, *, process: bool
) -> None:
    """Give a locked recording its original, verified and paid for, and send it on."""
    RecordingFile.objects.create(
        recording=recording,
        kind=Kind.ORIGINAL,
        version=recording.numbers[Kind.ORIGINAL],
        stored=stored,
    )
    if process:
        jobs.enqueue(recording, reservation=room)
        return
    recording.state = Recording.State.READY
    recording.save(update_fields=["state"])


def cancel(pk: int) -> bool:
    """Remove a recording whose file is still coming in; False when it has arrived or is gone.

    Asks for no hold: there is no file yet that one could keep. The upload itself notices when it
    comes to its end, and leaves nothing.
    """
    return bool(_remove([pk]))


def _remove(pks: list[int]) -> int:
    def remove() -> int:
        with locked(pks) as found:
            waiting = [one for one in found if one.state == Recording.State.UPLOADING]
            if waiting:
                erase_locked(waiting, by="upload", reason=StoredFile.Reason.ABANDONED)
            return len(waiting)

    return retried(remove)


def recover() -> int:
    """Remove recordings whose upload died with its process; return how many.

    Those that can be resumed are looked after by resumable.py.
    """
    writing = StoredFile.objects.filter(recording_id=OuterRef("pk"), state=StoredFile.State.WRITING)
    resumable = ResumableUpload.objects.filter(recording=OuterRef("pk"))
    dead = Recording.objects.filter(
        ~Exists(writing),
        ~Exists(resumable),
        state=Recording.State.UPLOADING,
        created_at__lt=Now() - LEASE,
    )
    return _remove(list(dead.values_list("pk", flat=True)[:BATCH_SIZE]))

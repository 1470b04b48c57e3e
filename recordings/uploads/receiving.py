"""recordings/uploads/receiving.py: requests and the tick, each going on with a resumable upload."""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now

from recordings.ledger import resuming
from recordings.ledger.exceptions import AccountClosed, Busy, Damaged, Lost, NameTaken, StorageFault
from recordings.ledger.models import StoredFile
from recordings.ledger.transactions import retried
from recordings.uploads import resumable
from recordings.uploads.exceptions import (
    Expired,
    Locked,
    NoLongerWanted,
    NotMedia,
    TooLarge,
    UploadRefused,
    WrongChecksum,
    WrongOffset,
)
from recordings.uploads.models import ResumableUpload
from recordings.uploads.writing import Turn

logger = logging.getLogger(__name__)

MOST = 100  # looked after at one tick


class Crc32:
    """CRC-32 in the shape of hashlib's."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


ALGORITHMS: Final[dict[str, Callable[[], Any]]] = {
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "crc32": Crc32,
}


@dataclass(slots=True)
class Checksum:
    """What the bytes of one request must add up to."""

    wanted: bytes
    found: Any

    @classmethod
    def of(cls, header: str) -> Checksum:
        """Read `sha1 BASE64`. Raises UploadRefused."""
        name, _, said = header.strip().partition(" ")
        if name not in ALGORITHMS:
            raise UploadRefused(f"Upload-Checksum can be {', '.join(ALGORITHMS)}, not {name!r}.")
        try:
            wanted = base64.b64decode(said.strip(), validate=True)
        except (ValueError, binascii.Error) as error:
            raise UploadRefused("The checksum in Upload-Checksum is not base64.") from error
        return cls(wanted, ALGORITHMS[name]())

    def check(self) -> None:
        """Raises WrongChecksum."""
        if self.found.digest() != self.wanted:
            raise WrongChecksum("The bytes do not match their Upload-Checksum; send them again.")


def receive(
    upload: ResumableUpload,
    chunks: Iterable[bytes],
    *,
    offset: int,
    size: int,
    checksum: Checksum | None = None,
) -> ResumableUpload:
    """Take the bytes of one request in, `size` if all come; return the upload as it is then.

    What comes before the connection breaks counts, unless there is a checksum for the whole. Raises
    Locked, Expired, WrongOffset, TooLarge, WrongChecksum, NotMedia and what the ledger raises.
    """
    resumable.refuse_expired(upload)
    with resumable.claimed(upload) as mine:
        if mine.offset != offset:
            raise WrongOffset(f"{mine.offset} bytes are here: go on from there.")
        if offset + size > mine.length:
            raise TooLarge(f"This is more than the {mine.length} bytes that were announced.")
        if mine.finished_at is None:
            carry_on(mine, chunks, checksum)
    return resumable.find(upload.pk)


def carry_on(
    upload: ResumableUpload, chunks: Iterable[bytes], checksum: Checksum | None = None
) -> None:
    """Write on an upload that we hold, and end it where it is whole or can never be.

    Raises as `receive` does, and Lost where it is another's by now, whatever we found wrong.
    """
    try:
        with Turn(upload, whole=checksum is not None) as turn:
            _write(turn, chunks, checksum)
            if turn.offset == upload.length:
                turn.complete()
    except Damaged as error:
        _end(upload)
        raise Expired(str(error)) from error
    except (NotMedia, NameTaken, NoLongerWanted, AccountClosed):
        _end(upload)
        raise


def _end(upload: ResumableUpload) -> None:
    """Remove an upload, if it is ours to judge: who slept knows only what once was."""
    resumable.hold(upload)
    resumable.cancel(upload)


def _write(turn: Turn, chunks: Iterable[bytes], checksum: Checksum | None) -> None:
    refusal: NotMedia | None = None
    for chunk in chunks:
        if checksum is not None:
            checksum.found.update(chunk)
        if refusal is not None:
            continue
        try:
            turn.write(chunk)
        except NotMedia as error:
            refusal = error
            if checksum is None:
                break
    if checksum is not None:
        checksum.check()
    if refusal is not None:
        raise refusal
    if turn.offset != turn.upload.offset:
        turn.save()


def go_on(upload: ResumableUpload) -> ResumableUpload:
    """Finish an upload whose bytes are all here, if nobody is at it; return it as it is then."""
    if upload.finished_at is not None or upload.offset < upload.length:
        return upload
    with suppress(Locked), resumable.claimed(upload) as mine:
        if mine.finished_at is None:
            carry_on(mine, ())
    return resumable.find(upload.pk)


def recover() -> int:
    """Finish what died before its end, and remove what nobody went on with; return how many."""
    due = Q(expires_at__lte=Now()) | Q(offset=F("length"))
    rows = ResumableUpload.objects.filter(due, finished_at=None).order_by("pk")
    count = 0
    for upload in rows[:MOST]:
        try:
            count += _look_after(upload)
        except (UploadRefused, Busy, Lost) as error:
            logger.warning("%s: %s", upload, error)
        except Exception:
            logger.exception("%s: the next tick tries again", upload)
    forget_finished()
    return count + let_go_strays()


def let_go_strays() -> int:
    """Condemn files at rest that no unfinished upload goes on with; return how many."""
    coming = ResumableUpload.objects.filter(recording=OuterRef("recording_id"), finished_at=None)
    strays = StoredFile.objects.filter(
        ~Exists(coming), state=StoredFile.State.WRITING, claimed_by=""
    )
    ids = [pk for pk in strays.values_list("recording_id", flat=True)[:MOST] if pk is not None]
    return retried(partial(resuming.let_go, ids)) if ids else 0


def forget_finished() -> None:
    """Drop rows that no client asks about any more; their recordings have long been shown."""
    old = ResumableUpload.objects.filter(finished_at__lt=Now() - resumable.period())
    pks = list(old.order_by("pk").values_list("pk", flat=True)[:MOST])
    if pks:
        ResumableUpload.objects.filter(pk__in=pks).delete()


def _look_after(upload: ResumableUpload) -> bool:
    late = ResumableUpload.objects.filter(pk=upload.pk, finished_at=None, expires_at__lte=Now())
    if upload.offset == upload.length:
        try:
            return go_on(upload).finished_at is not None
        except StorageFault:
            if not late.exists():
                raise
            logger.exception("%s: it could not be completed in its time, and goes", upload)
    with suppress(Locked), resumable.claimed(upload) as mine:
        return late.exists() and resumable.cancel(mine)
    return False

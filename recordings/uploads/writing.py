"""recordings/uploads/writing.py: one turn at writing a resumable upload, and its end."""

from __future__ import annotations

import time
import zlib
from functools import partial
from typing import Any, Self

from django.db import transaction
from django.db.models.functions import Now

from recordings.ledger import reservations, resuming
from recordings.ledger.publish import RENEW_SECONDS
from recordings.ledger.resuming import Rest, ResumableWriter, Resumption
from recordings.ledger.transactions import retried
from recordings.models import Recording
from recordings.processing.sniff import HEAD_SIZE
from recordings.trash import locked
from recordings.uploads import intake, resumable
from recordings.uploads.models import ResumableUpload


class Turn:
    """Take bytes in, behind those that are safe. The caller holds the claim of `upload`.

    With `whole` nothing counts before `save`. Leaving the block closes the file.
    """

    def __init__(self, upload: ResumableUpload, *, whole: bool = False) -> None:
        self.upload, self._whole = upload, whole
        self.offset, self._crc = upload.offset, upload.crc
        self._head = bytearray(upload.head)
        self._need = min(HEAD_SIZE, upload.length)
        self._file: Resumption | None = None
        self._writer: ResumableWriter | None = None
        self._saved = time.monotonic()

    def write(self, chunk: bytes) -> None:
        """Raises NotMedia, Lost, Busy, Damaged, and what storages raise."""
        self._beat()
        if self._writer is None and self.offset < self._need:
            self._take_head(chunk)
            return
        writer = self.opened()
        view = memoryview(chunk)
        while view:
            piece, view = view[: writer.room], view[writer.room :]
            full = len(piece) == writer.room
            self._count(piece)
            writer.write(bytes(piece))
            if full and not self._whole:
                self.save()

    def _count(self, piece: bytes | memoryview) -> None:
        self._crc = zlib.crc32(piece, self._crc)
        self.offset += len(piece)

    def _take_head(self, chunk: bytes) -> None:
        self._count(chunk)
        self._head += chunk
        if self.offset < self._need:
            return
        if not self._whole:
            self.save()  # so that whoever goes on decides by the same bytes
        self.opened()

    def opened(self) -> ResumableWriter:
        """Open the file, which begins with what the row still holds of it."""
        if self._writer is None:
            stored = resumable.begin_file(self.upload, bytes(self._head))
            self._file = Resumption(stored, self.upload.length)
            at = 0 if self._head else self.offset
            self._writer = self._file.open(Rest(at, self.upload.writer, self._note))
            self._writer.write(bytes(self._head))
        return self._writer

    def _note(self, state: dict[str, Any]) -> None:
        resumable.hold(self.upload, writer=state)

    def renew(self) -> None:
        """Say that we still write. Raises Lost, Expired."""
        resumable.hold(self.upload)
        if self._file is not None:
            self._file.rest(resumable.period() + resumable.MARGIN)
        self._saved = time.monotonic()

    def _beat(self) -> None:
        if time.monotonic() - self._saved < RENEW_SECONDS:
            return
        if self._whole:
            self.renew()
        else:
            self.save()

    def save(self) -> None:
        """Make durable what came in, and count it. Raises Lost, Expired, what storages raise."""
        period = resumable.period()
        values: dict[str, Any] = {"offset": self.offset, "crc": self._crc, "touched_at": Now()}
        values["expires_at"] = Now() + period
        if self._writer is None:
            values["head"] = bytes(self._head)
        else:
            values["head"] = b""
            values["writer"] = self._writer.rest(complete=self.offset == self.upload.length)

        def write_down() -> None:
            with transaction.atomic():
                resumable.hold(self.upload, **values)
                if self._file is not None:
                    self._file.rest(period + resumable.MARGIN)
                else:  # damaged bytes may have begun one, of which nothing counts
                    resuming.let_rest([self.upload.recording_id], period + resumable.MARGIN)

        retried(write_down)
        if self._writer is not None:
            self._head.clear()
            self._writer.rested()
        self._saved = time.monotonic()

    def complete(self) -> Recording:
        """Make the recording of what came in, once all of it did. Raises Lost, Damaged and more."""
        writer = self.opened()
        if self._head:
            self.save()
        assert self._file is not None
        self._file.complete(writer, crc=self._crc, alive=self.renew)
        return retried(partial(self._settle, self._file))

    def _settle(self, file: Resumption) -> Recording:
        upload, process = self.upload, bool(self.upload.details["process"])
        with locked([upload.recording_id]) as found:
            recording = intake.still_wanted(found)
            resumable.hold(self.upload, finished_at=Now(), reservation=None, head=b"", writer={})
            stored = file.settle()
            if not process and upload.reservation_id is not None:
                reservations.give_back([upload.reservation_id])
            intake.arrive(
                recording, stored, upload.reservation if process else None, process=process
            )
        return recording

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

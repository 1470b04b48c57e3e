"""recordings/ledger/resuming.py: files that come in over several requests, by several processes.

Between requests such a file is at rest: `writing`, with the claim it was begun with, of no process
and with a lease that ends when nobody may go on with it any more; `publish.recover` then condemns
it like any other. The right to write is not the file's but its upload's, whose row says how many
bytes are safe and what the storage needs to go on from there. What keeps it safe:

- a writer is fenced: on a disk by a lock on the part, in a bucket by numbers and names of parts
  that are written down before they are used;
- the final name is taken only from what is written down as complete, so that doing it twice, or
  by one who woke up late, comes to the same;
- what stands under the name is read there before it is `ready`, and must be what came in.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from recordings.ledger import reservations
from recordings.ledger.exceptions import Damaged
from recordings.ledger.hashing import Hasher
from recordings.ledger.models import Account, Reservation, StoredFile
from recordings.ledger.publish import RENEW_SECONDS, Publication, condemn
from recordings.ledger.purge import remove_now
from recordings.ledger.storages import Writer
from recordings.ledger.transactions import retried


def _nothing(state: dict[str, Any]) -> None:
    """Stand for `note` where nothing has to be written down beforehand."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Where a file was left: so many bytes are safe, and `state` is what the storage said then.

    `note` writes a state down at once, for the same bytes; it raises Lost where the right to write
    went to another.
    """

    offset: int = 0
    state: dict[str, Any] = field(default_factory=dict)
    note: Callable[[dict[str, Any]], None] = _nothing


class ResumableWriter(Writer, Protocol):
    """A writer that can be left and gone on with by another process."""

    @property
    def room(self) -> int:
        """Bytes, at least one, until the next moment at which leaving it costs least."""

    def rest(self, *, complete: bool) -> dict[str, Any]:
        """Make what was written durable and return what `resume` goes on from."""

    def rested(self) -> None:
        """Remove what the state that is written down now has replaced."""


class Resumption(Publication):
    """One file that rests between the requests that bring it."""

    def __init__(self, stored: StoredFile, length: int) -> None:
        super().__init__(stored)
        self._length = length

    @property
    def size(self) -> int:
        return self._length

    def open(self, rest: Rest) -> ResumableWriter:
        """Go on behind the bytes that are safe. Raises Busy, Damaged, StorageFault, StorageFull."""
        return self._place.resume(str(self.stored.file.name), self._part, rest)

    def rest(self, period: timedelta) -> None:
        """Let it wait that long from now. Raises Lost."""
        self._change(lease_until=Now() + period)

    def complete(self, writer: ResumableWriter, *, crc: int, alive: Callable[[], None]) -> None:
        """Give the bytes their name and read them there. Outside any transaction, safe to repeat.

        `alive` is called before and now and then. Raises what it raises, NameTaken, StorageFault,
        and Damaged where they are not those whose CRC-32 was taken while they came.
        """
        with transaction.atomic(durable=True):  # a RuntimeError inside another transaction
            alive()
        writer.commit()
        hasher, check, beaten = Hasher(), 0, time.monotonic()
        try:
            for chunk in self._place.chunks(str(self.stored.file.name)):
                hasher.update(chunk)
                check = zlib.crc32(chunk, check)
                if time.monotonic() - beaten > RENEW_SECONDS:
                    alive()
                    beaten = time.monotonic()
        finally:
            digest = hasher.hexdigest()
        if (hasher.size, check) != (self._length, crc):
            raise Damaged(f"{self.stored} does not read as it came in; upload it again.")
        self._digest = digest


def at_rest(recording_ids: Any) -> Q:
    """Say which files these are: of recordings, and of no process."""
    return Q(recording_id__among=recording_ids, state=StoredFile.State.WRITING, claimed_by="")


def find(recording_id: int) -> StoredFile | None:
    """Return the file of a recording that is at rest."""
    return StoredFile.objects.filter(at_rest([recording_id])).first()


def let_rest(recording_ids: Any, period: timedelta) -> None:
    """Let what is at rest of recordings wait that long from now, whoever began it."""
    StoredFile.objects.filter(at_rest(recording_ids)).update(lease_until=Now() + period)


def let_go(recording_ids: Any) -> int:
    """Condemn what is at rest of recordings, and give its room back, in the caller's transaction.

    Who writes finds his file gone with the next thing he writes down.
    """
    return condemn(at_rest(recording_ids))


def abandon(
    stored: StoredFile, *, budget: Reservation | None, allowed: Callable[[], object]
) -> None:
    """Remove a file at rest of which nothing counts, and put its room back into `budget`.

    `allowed` raises, in the transaction that condemns it, where it is another's by now. What the
    account has set aside stays the same, so a full one has room for the file that comes instead.
    """

    def give_up() -> None:
        with transaction.atomic():
            if stored.owner_id is not None:
                Account.objects.lock([stored.owner_id])  # before the upload, as everybody does
            allowed()
            mine = Q(pk=stored.pk, claim=stored.claim)
            room = StoredFile.objects.filter(mine).values_list("reserved", flat=True).first()
            if condemn(mine) and room and budget is not None:
                reservations.put_back(budget.pk, room)

    retried(give_up)
    remove_now(stored.pk)

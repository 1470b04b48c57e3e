"""recordings/ledger/publish.py: how bytes come in, whole and verified, or not at all.

Room is reserved and the name recorded first; the bytes go into a part, hashed on the way; the part
takes its final name exclusively; the caller's transaction then makes it `ready` together with the
row that owns it. Each step repeats the claim, so a writer who was stopped and taken for dead can
do nothing when it wakes. Whatever does not reach `ready` is condemned and its room given back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import Any, Self
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from recordings.ledger import leases, quarantine
from recordings.ledger.exceptions import LedgerError, Lost, NameTaken, StorageFault
from recordings.ledger.hashing import Hasher
from recordings.ledger.models import Account, Receipt, Reservation, StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.purge import remove_now
from recordings.ledger.storages import LedgerStorage, Leftover, Writer, places, storage
from recordings.ledger.transactions import retried

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)
RENEW_SECONDS = 30  # a quarter of the lease
MOST_LEFTOVERS = 5000  # looked at at a time
NAME_TRIES = 5  # names found taken in storage before giving up


def always() -> None:
    """Stand for `wanted` where nobody can take back what asked for the file."""


class Publication:
    """One file on its way in: begin, write, finish, settle; or abandoned.

    Use as a context manager: leaving the block without a committed `settle` abandons the file.
    """

    def __init__(self, stored: StoredFile) -> None:
        self.stored = stored
        self.kept: Reservation | None = None  # made by settle()
        self._hasher = Hasher()
        self._writer: Writer | None = None
        self._renewed = time.monotonic()
        self._digest = ""

    @classmethod
    def begin(
        cls,
        *,
        name: str,
        kind: Kind,
        owner_id: int | None,
        recording_id: int | None,
        size: int,
        budget: Reservation | None = None,
        alias: str = "",
        resting: timedelta | None = None,
        wanted: Callable[[], object] = always,
    ) -> Publication:
        """Reserve `size` bytes, from `budget` first, and record the name.

        `alias` names the storage, if not the one for new media; `resting` is for how long the file
        may wait for more bytes without a process that writes it (see resuming.py). `wanted` raises,
        in the transaction that records the name, where it is not to be.

        Raises QuotaExceeded, AccountClosed, or NameTaken where storage, a row or a receipt knows
        the name already.
        """
        alias = alias or settings.MEDIA_STORAGE
        if storage(alias).size_of(name) is not None:
            raise NameTaken(f"{name} is in storage already, though no row says so.")
        values = {
            "storage": alias,
            "file": name,
            "kind": kind,
            "owner_id": owner_id,
            "recording_id": recording_id,
            "reserved": size,
            "claimed_by": "" if resting else leases.holder(),
            "lease_until": Now() + (resting or LEASE),
        }
        return cls(_recorded(values, budget, wanted))

    @property
    def size(self) -> int:
        """Bytes taken in so far."""
        return self._hasher.size

    @property
    def sha256(self) -> str:
        """Of what was taken in; empty until it is finished."""
        return self._digest

    def write(self, chunk: bytes) -> None:
        """Take bytes in, asking for more room where they outgrow what was reserved.

        Raises QuotaExceeded, Lost, StorageFull, StorageFault.
        """
        writer = self._opened()
        if self.size + len(chunk) > self.stored.reserved:
            self._grow(self.size + len(chunk) - self.stored.reserved)
        if time.monotonic() - self._renewed > RENEW_SECONDS:
            self.renew()
        self._hasher.update(chunk)
        writer.write(chunk)

    def _opened(self) -> Writer:
        if self._writer is None:
            self._writer = self._place.writer(str(self.stored.file.name), self._part)
        return self._writer

    def _mine(self) -> Q:
        return Q(pk=self.stored.pk, state=StoredFile.State.WRITING, claim=self.stored.claim)

    def _grow(self, size: int) -> None:
        def grow() -> None:
            with transaction.atomic():
                if self.stored.owner_id is not None:
                    Account.objects.lock([self.stored.owner_id])[self.stored.owner_id].reserve(size)
                self._change(reserved=F("reserved") + size)

        retried(grow)
        self.stored.reserved += size

    def renew(self) -> None:
        """Hold the lease for another `LEASE`. Raises Lost."""
        self._change(lease_until=Now() + LEASE)
        self._renewed = time.monotonic()

    def _change(self, **values: object) -> None:
        if not StoredFile.objects.filter(self._mine()).update(**values):
            raise Lost("This upload or job was taken over; what it wrote is void.")

    def finish(self) -> None:
        """Make the bytes durable under their name and verify them. Outside any transaction.

        Raises Lost, NameTaken, StorageFull, StorageFault.
        """
        writer = self._opened()
        self._digest = self._hasher.hexdigest()
        with transaction.atomic(durable=True):  # a RuntimeError inside another transaction
            self.renew()
        try:
            writer.commit()
        finally:
            writer.close()
        found = self._place.size_of(str(self.stored.file.name))
        if found != self.size:
            raise StorageFault(f"{found} bytes are in storage where {self.size} were written.")

    def settle(self, *, keep: int = 0, purpose: str = "") -> StoredFile:
        """Make the file `ready` and pay for it, in the caller's transaction. Raises Lost.

        Of what was reserved beyond the file up to `keep` bytes stay set aside, as `self.kept`;
        the rest goes back.
        """
        stored = self.stored
        if not self._digest:
            raise LedgerError("A file is finished before it is settled.")
        if stored.owner_id is not None:
            Account.objects.lock([stored.owner_id])  # before the file, as everybody does
        self._change(
            state=StoredFile.State.READY,
            size=self.size,
            reserved=0,
            sha256=self._digest,
            ready_at=Now(),
            claim=None,
            claimed_by="",
            lease_until=None,
        )
        kept = self._keep(min(keep, stored.reserved - self.size), purpose)
        if stored.owner_id is not None:
            Account.objects.filter(owner_id=stored.owner_id).update(
                used=F("used") + self.size, reserved=F("reserved") - stored.reserved + kept
            )
        transaction.on_commit(lambda: self._place.settled(self._part), robust=True)
        return StoredFile.objects.get(pk=stored.pk)

    def _keep(self, size: int, purpose: str) -> int:
        """Turn part of what is reserved into a reservation of its own; return its size."""
        self.kept = None
        if size <= 0 or self.stored.owner_id is None:
            return 0
        self.kept = Reservation.objects.create(
            owner_id=self.stored.owner_id, size=size, purpose=purpose
        )
        return size

    def abandon(self) -> None:
        """Give the room back and remove what was written; nothing happens once it is ready."""
        self._hasher.close()
        if self._writer is not None:
            self._writer.close()
        if retried(lambda: condemn(self._mine())):
            remove_now(self.stored.pk)
        elif self._writer is not None and not self._row().exists():  # purge came before our part
            self._place.forget(str(self.stored.file.name), self._part)

    def _row(self) -> QuerySet[StoredFile]:
        return StoredFile.objects.filter(pk=self.stored.pk)

    @property
    def _place(self) -> LedgerStorage:
        return storage(self.stored.storage)

    @property
    def _part(self) -> UUID:
        assert self.stored.part is not None
        return self.stored.part

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.abandon()


def _recorded(
    values: Mapping[str, Any], budget: Reservation | None, wanted: Callable[[], object]
) -> StoredFile:
    """Make the row of a file with these values. Raises what `begin` and `wanted` raise."""
    try:
        return retried(partial(_record, values, budget, wanted))
    except IntegrityError:
        if StoredFile.objects.filter(storage=values["storage"], file=values["file"]).exists():
            raise NameTaken(f"{values['file']} has a row already.") from None
        raise


def _record(
    values: Mapping[str, Any], budget: Reservation | None, wanted: Callable[[], object]
) -> StoredFile:
    name, owner_id, size = values["file"], values["owner_id"], values["reserved"]
    token = uuid4()
    if Receipt.objects.filter(storage=values["storage"], name=name).exists():
        raise NameTaken(f"{name} was in use before, and no name is used twice.")
    with transaction.atomic():
        account = None if owner_id is None else Account.objects.lock([owner_id])[owner_id]
        wanted()
        if account is not None:
            account.reserve(size - _draw(budget, size))
        return StoredFile.objects.create(**values, part=token, claim=token)


def _draw(budget: Reservation | None, size: int) -> int:
    """Move up to `size` bytes out of a job's reservation; the sum set aside stays as it is."""
    if budget is None:
        return 0
    left = Reservation.objects.filter(pk=budget.pk).values_list("size", flat=True).first() or 0
    drawn = min(left, size)
    Reservation.objects.filter(pk=budget.pk).update(size=F("size") - drawn)
    return drawn


def condemn(which: Q) -> int:
    """Condemn files that were never ready and give their room back; return how many."""
    with transaction.atomic():
        rows = StoredFile.objects.filter(which, state=StoredFile.State.WRITING)
        Account.objects.lock(
            owner for owner in rows.values_list("owner_id", flat=True) if owner is not None
        )
        found = list(rows.select_for_update())
        for stored in found:
            if stored.owner_id is not None:
                Account.objects.filter(owner_id=stored.owner_id).update(
                    reserved=F("reserved") - stored.reserved
                )
        StoredFile.objects.filter(pk__in=[stored.pk for stored in found]).update(
            state=StoredFile.State.CONDEMNED,
            reason=StoredFile.Reason.ABANDONED,
            reserved=0,
            not_before=Now(),
            condemned_at=Now(),
            claim=None,
            claimed_by="",
            lease_until=None,
        )
    return len(found)


def recover() -> int:
    """Condemn writes whose lease is over or whose process died; return how many."""
    writing = StoredFile.objects.filter(state=StoredFile.State.WRITING)
    late = set(writing.filter(lease_until__lt=Now()).values_list("pk", flat=True))
    count = 0
    for pk, claim, holder in writing.values_list("pk", "claim", "claimed_by"):
        dead = leases.is_gone(holder)
        if dead or pk in late:  # a live writer's account is not even locked
            lapsed = Q() if dead else Q(lease_until__lt=Now())
            count += retried(partial(condemn, lapsed & Q(pk=pk, claim=claim)))
    return count


def sweep_parts() -> int:
    """Remove what crashes left in the upload area and no unfinished file knows; return how much.

    A row is committed before its part is made, so what is listed first and not known then has
    none any more.
    """
    return sum(_sweep_parts(storage(alias)) for alias in places())


def _sweep_parts(place: LedgerStorage) -> int:
    left, count = iter(place.leftovers()), 0
    while found := list(islice(left, MOST_LEFTOVERS)):
        count += _forget_strays(place, found)
    return count


def _forget_strays(place: LedgerStorage, found: list[Leftover]) -> int:
    states = (StoredFile.State.WRITING, StoredFile.State.CONDEMNED)
    known = StoredFile.objects.filter(
        Q(part__in=[left.part for left in found if left.part])
        | Q(file__in=[left.name for left in found if not left.part]),
        state__in=states,
    )
    parts, names = set(), set()
    for part, name in known.values_list("part", "file"):
        parts.add(part)
        names.add(name)
    names |= quarantine.destinations()
    strays = [left for left in found if left.part not in parts and left.name not in names]
    for left in strays:
        place.forget("" if left.part else left.name, left.part)
    return len(strays)


def first_free(
    numbers: Iterable[int], begin: Callable[[int], Publication]
) -> tuple[Publication, int]:
    """Begin under the first of `numbers` whose name is free; return it with the publication.

    Raises StorageFault after NAME_TRIES names that were taken, and what `begin` does.
    """
    for number in islice(numbers, NAME_TRIES):
        try:
            return begin(number), number
        except NameTaken as error:
            logger.error("%s", error)
    raise StorageFault("Storage holds files that this site has no rows for.")

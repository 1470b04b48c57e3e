"""recordings/ledger/purge.py: remove the bytes of condemned files.

The only module that deletes stored media, so a mistake here is final. What keeps it safe:

- a file is condemned in the transaction that removes its owner row, so a rollback leaves it ready;
- a file that anything still points at is not touched, whatever its state;
- names are never used twice, so a late purge cannot hit a newer file;
- deleting what is gone is success, so a crash between bytes and bookkeeping heals by running again;
- a row is dropped only by the holder of its claim, and only for keys the storage says are gone.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import OuterRef, Subquery, Value
from django.db.models.functions import Coalesce, Now

from recordings.ledger import leases
from recordings.ledger.exceptions import StorageFault
from recordings.ledger.models import Account, Receipt, StoredFile
from recordings.ledger.storages import storage
from recordings.ledger.transactions import retried

logger = logging.getLogger(__name__)
maintenance = logging.getLogger("mediasite.maintenance")

BATCH_SIZE = 1000  # the most keys S3 takes in one DeleteObjects request
LEASE = timedelta(minutes=5)  # longer than the slowest batch; then another worker may take it
FIRST_WAIT = timedelta(seconds=30)  # doubled with every failure, up to a day
LONGEST_WAIT = timedelta(days=1)

# Where each column of a receipt comes from.
COPIED: dict[str, Any] = {
    "storage": "storage",
    "name": "file",
    "kind": "kind",
    "owner_id": "owner_id",
    "owner_name": Coalesce(
        Subquery(Account.objects.filter(owner_id=OuterRef("owner_id")).values("name")), Value("")
    ),
    "recording_id": "recording_id",
    "size": "size",
    "sha256": "sha256",
    "reason": "reason",
    "released_by": "released_by",
    "released_at": "condemned_at",
    "previous_hash": Value(""),
    "hash": Value(""),
}


@dataclass(frozen=True, slots=True)
class Condemned:
    """What purge needs to know of a file; whole rows would cost more than the deletion."""

    pk: int
    storage: str
    name: str
    size: int
    part: UUID | None
    ready_at: datetime | None
    reason: str
    released_by: str
    attempts: int

    @classmethod
    def columns(cls) -> list[str]:
        return ["file" if field.name == "name" else field.name for field in fields(cls)]


@dataclass(frozen=True, slots=True)
class PurgeReport:
    """How many files went or would not, and the bytes freed."""

    deleted: int = 0
    failed: int = 0
    bytes_freed: int = 0

    def __add__(self, other: PurgeReport) -> PurgeReport:
        return PurgeReport(
            self.deleted + other.deleted,
            self.failed + other.failed,
            self.bytes_freed + other.bytes_freed,
        )


def purge(*, batch_size: int = BATCH_SIZE) -> PurgeReport:
    """Remove everything that is due, batch by batch, and report what was done."""
    take_back()
    report = PurgeReport()
    token = uuid4()
    while batch := retried(partial(claim, token, batch_size=batch_size)):
        report += remove(token, batch)
    if report.failed:
        logger.warning("purge: %s deleted, %s failed", report.deleted, report.failed)
    return report


def take_back() -> int:
    """End the leases of purging processes of this host that are no more; return how many."""
    claimed = StoredFile.objects.filter(
        state=StoredFile.State.CONDEMNED, claim__isnull=False, lease_until__gt=Now()
    )
    holders = claimed.exclude(claimed_by="").values_list("claimed_by", flat=True).distinct()
    gone = [holder for holder in holders if leases.is_gone(holder)]
    if not gone:
        return 0
    return claimed.filter(claimed_by__in=gone).update(claim=None, claimed_by="", lease_until=None)


def claim(token: UUID, *, batch_size: int) -> list[Condemned]:
    """Take up to `batch_size` files of one storage for `LEASE`."""
    with transaction.atomic():
        due = StoredFile.objects.due_for_purge().unowned().order_by("not_before", "id")
        alias = due.values_list("storage", flat=True).first()
        if alias is None:
            return []
        locked = due.filter(storage=alias).select_for_update(skip_locked=True, of=("self",))
        batch = [Condemned(*row) for row in locked.values_list(*Condemned.columns())[:batch_size]]
        StoredFile.objects.filter(pk__in=[one.pk for one in batch]).update(
            claim=token, claimed_by=leases.holder(), lease_until=Now() + LEASE
        )
    return batch


def remove(token: UUID, batch: Sequence[Condemned]) -> PurgeReport:
    """Delete the bytes of files claimed under `token`, then write down what went.

    The bytes go outside any transaction.
    """
    errors = _delete_bytes(batch)
    for one in batch:
        if error := errors.get(one.name):
            postpone(token, one, error)
    gone = [one for one in batch if one.name not in errors]
    dropped = retried(partial(drop, token, [one.pk for one in gone])) if gone else set()
    went = [one for one in gone if one.pk in dropped and one.ready_at is not None]
    for one in went:
        maintenance.info(
            "purge deleted %s (%s bytes) reason=%s by=%s",
            one.name, one.size, one.reason, one.released_by or "-",
        )  # fmt: skip
    return PurgeReport(len(went), len(errors), sum(one.size for one in went))


def remove_now(pk: int, token: UUID | None) -> PurgeReport:
    """Remove one condemned file that the caller holds under `token`, without waiting for a tick."""
    mine = StoredFile.objects.filter(pk=pk, claim=token, state=StoredFile.State.CONDEMNED)
    batch = [Condemned(*row) for row in mine.values_list(*Condemned.columns())]
    return remove(token, batch) if token and batch else PurgeReport()


def _delete_bytes(batch: Sequence[Condemned]) -> dict[str, str]:
    """Remove parts first, so that a writer who wakes cannot take the name; then the objects."""
    place = storage(batch[0].storage)
    try:
        for one in batch:
            if one.ready_at is None and one.part is not None:
                place.discard(one.name, one.part)
        return place.bulk_delete([one.name for one in batch])
    except (StorageFault, OSError) as error:
        logger.warning("purge: %s", error)
        return {one.name: str(error) for one in batch}


def drop(token: UUID, pks: Sequence[int]) -> set[int]:
    """Drop rows still under our claim, each verified file leaving a receipt; return which.

    Receipts are copied by the database itself: through objects a batch takes ten times as long.
    """
    with transaction.atomic():
        mine = StoredFile.objects.filter(pk__in=pks, claim=token, state=StoredFile.State.CONDEMNED)
        dropped = set(mine.select_for_update().values_list("pk", flat=True))
        verified = mine.exclude(ready_at=None).values_list(*(source for source in COPIED.values()))
        select, parameters = verified.query.sql_with_params()
        columns = ", ".join(connection.ops.quote_name(column) for column in COPIED)
        table = connection.ops.quote_name(Receipt._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO {table} ({columns}) {select}", parameters)
        mine._raw_delete(mine.db)  # nothing points at them: claim() left the owned ones out
    return dropped


def postpone(token: UUID, one: Condemned, error: str) -> None:
    """Try again later, doubling the wait; park what fails for days, out of the others' way."""
    attempts = one.attempts + 1
    mine = StoredFile.objects.filter(pk=one.pk, claim=token, state=StoredFile.State.CONDEMNED)
    mine.update(
        attempts=attempts,
        last_error=error[:2000],
        not_before=Now() + min(FIRST_WAIT * 2**one.attempts, LONGEST_WAIT),
        parked_at=Now() if attempts >= StoredFile.PARK_AFTER else None,
        claim=None,
        claimed_by="",
        lease_until=None,
    )
    maintenance.warning("purge could not delete %s: %s", one.name, error)

"""recordings/ledger/purge.py: remove the bytes of condemned files.

The only module that deletes stored media, so a mistake here is final. What keeps it safe:

- a file is condemned in the transaction that removes its owner row, so a rollback leaves it ready;
- a file that anything still points at is not touched, whatever its state;
- names are never used twice, so a late purge cannot hit a newer file;
- deleting what is gone is success, so a crash between bytes and bookkeeping heals by running again;
- a condemned file never comes back, so a process that slept for a week may go on where it was;
- a row is dropped only for a key the storage says is gone, and its receipt with the same commit.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.db.models.functions import Now

from recordings.ledger import clock, leases
from recordings.ledger.exceptions import StorageFault
from recordings.ledger.lookups import array
from recordings.ledger.models import Account, Receipt, StoredFile
from recordings.ledger.storages import LedgerStorage, storage
from recordings.ledger.transactions import retried

logger = logging.getLogger(__name__)
maintenance = logging.getLogger("mediasite.maintenance")

BATCH_SIZE = 5000  # five full DeleteObjects requests on S3
LEASE = timedelta(minutes=5)  # longer than the slowest batch; then another worker may take over
TURN = "purge"  # the name of the lease
FIRST_WAIT = timedelta(seconds=30)  # doubled with every failure, up to a day
LONGEST_WAIT = timedelta(days=1)

# Where each column of a receipt comes from: `f` the file that went, `a` its owner's account.
COPIED = {
    "storage": "f.storage",
    "name": "f.file",
    "kind": "f.kind",
    "owner_id": "f.owner_id",
    "owner_name": "COALESCE(a.name, '')",
    "recording_id": "f.recording_id",
    "size": "f.size",
    "sha256": "f.sha256",
    "reason": "f.reason",
    "released_by": "f.released_by",
    "released_at": "f.condemned_at",
    "previous_hash": "''",
    "hash": "''",
}
WRITE_RECEIPTS = f"""
    INSERT INTO {Receipt._meta.db_table} ({", ".join(COPIED)})
    SELECT {", ".join(COPIED.values())}
    FROM {{gone}} f LEFT JOIN {Account._meta.db_table} a ON a.owner_id = f.owner_id
    WHERE f.ready_at IS NOT NULL
"""  # noqa: S608
FILE_COLUMNS = [field.attname for field in StoredFile._meta.concrete_fields]
RETURNED = ", ".join(["f.id", "f.ready_at", *(c for c in COPIED.values() if c.startswith("f."))])
# On PostgreSQL what went and what was written down are one statement, so they cannot differ.
DROP_AT_ONCE = f"""
    WITH gone AS (
        DELETE FROM {StoredFile._meta.db_table} f USING unnest(%s::bigint[]) AS wanted (id)
        WHERE f.id = wanted.id AND f.state = %s RETURNING {RETURNED}
    ), written AS ({WRITE_RECEIPTS.format(gone="gone")})
    SELECT id FROM gone
"""  # noqa: S608


class Condemned(NamedTuple):
    """What purge needs to know of a file; whole rows would cost more than the deletion."""

    pk: int
    storage: str
    name: str
    size: int
    part: UUID | None
    was_ready: bool  # verified once, so its going leaves a receipt
    reason: str
    released_by: str

    @classmethod
    def of(cls, rows: QuerySet[StoredFile]) -> list[Condemned]:
        was_ready = ExpressionWrapper(Q(ready_at__isnull=False), output_field=BooleanField())
        return [
            cls(*row)
            for row in rows.values_list(
                "pk", "storage", "file", "size", "part", was_ready, "reason", "released_by"
            )
        ]


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


def purge(*, batch_size: int = BATCH_SIZE, patience: float = 0) -> PurgeReport:
    """Remove everything that is due, batch by batch, and report what was done.

    One process at a time, by a lease: two would be harmless, but do the same work twice. While
    another is at it, wait up to `patience` seconds for the turn; what it leaves is done then.
    While the clock is in doubt nothing goes.
    """
    report = PurgeReport()
    if clock.look():
        return report
    token = _turn(patience)
    if token is None:
        return report
    try:
        report = _purge_all(batch_size, token)
    finally:
        leases.give(TURN, token)
    if report.failed:
        logger.warning("purge: %s deleted, %s failed", report.deleted, report.failed)
    return report


def _purge_all(batch_size: int, token: UUID) -> PurgeReport:
    """Delete the bytes of one batch while the database writes down the batch before."""
    report, last = PurgeReport(), 0
    under_way: tuple[list[Condemned], Future[dict[int, str]]] | None = None
    with ThreadPoolExecutor(1, "purge") as hand:
        while leases.renew(TURN, token, LEASE) and not clock.look():
            # `last` is carried along: a new look from the start would wade through what just went.
            batch = due(batch_size, after=last)
            deleting = hand.submit(_delete_bytes, batch)
            if under_way:
                report += _write_down(under_way[0], under_way[1].result())
            if not batch:
                break
            under_way, last = (batch, deleting), batch[-1].pk
    return report


def _turn(patience: float) -> UUID | None:
    until = time.monotonic() + patience
    while (token := leases.take(TURN, LEASE)) is None and time.monotonic() < until:
        time.sleep(0.2)
    return token


def due(batch_size: int, *, after: int = 0) -> list[Condemned]:
    """Return the next files to remove: due, not in another's hands, and owned by nothing."""
    rows = StoredFile.objects.due_for_purge().unowned().filter(pk__gt=after).order_by("pk")
    return Condemned.of(rows[:batch_size])


def remove(batch: Sequence[Condemned]) -> PurgeReport:
    """Delete the bytes of condemned files outside any transaction, then write down what went."""
    return _write_down(batch, _delete_bytes(batch))


def _write_down(batch: Sequence[Condemned], errors: Mapping[int, str]) -> PurgeReport:
    for one in batch:
        if error := errors.get(one.pk):
            postpone(one, error)
    gone = [one for one in batch if one.pk not in errors]
    dropped = retried(partial(drop, [one.pk for one in gone])) if gone else set()
    for one in gone:
        if not one.was_ready:
            _forget(one)
    went = [one for one in gone if one.pk in dropped and one.was_ready]
    for one in went:
        maintenance.info(
            "purge deleted %s (%s bytes) reason=%s by=%s",
            one.name, one.size, one.reason, one.released_by or "-",
        )  # fmt: skip
    return PurgeReport(len(went), len(errors), sum(one.size for one in went))


def remove_now(pk: int) -> PurgeReport:
    """Remove one condemned file without waiting for a tick."""
    rows = StoredFile.objects.filter(pk=pk, state=StoredFile.State.CONDEMNED).unowned()
    batch = Condemned.of(rows)
    return remove(batch) if batch else PurgeReport()


def _delete_bytes(batch: Sequence[Condemned]) -> dict[int, str]:
    """Delete storage by storage; return what went wrong by row."""
    errors: dict[int, str] = {}
    for alias in sorted({one.storage for one in batch}):
        here = [one for one in batch if one.storage == alias]
        try:
            said = _delete_from(storage(alias), here)
        except (StorageFault, OSError) as error:
            logger.warning("purge of %s: %s", alias, error)
            said = {one.name: str(error) for one in here}
        errors |= {one.pk: said[one.name] for one in here if one.name in said}
    return errors


def _delete_from(place: LedgerStorage, batch: Sequence[Condemned]) -> dict[str, str]:
    """Delete what is ours; of a file that was never ready, that is what its part proves."""
    ours, errors = [], {}
    for one in batch:
        try:
            if one.was_ready or one.part is None or place.take_back(one.name, one.part):
                ours.append(one.name)
        except (StorageFault, OSError) as error:  # of this one alone, so the others go on
            errors[one.name] = str(error)
    errors |= place.bulk_delete(ours)
    place.forget_all([one.part for one in batch if one.was_ready and one.part is not None])
    return errors


def _forget(one: Condemned) -> None:
    """Remove the proof, now that no row needs it; where that fails it is a leftover."""
    try:
        storage(one.storage).forget(one.name, one.part)
    except (StorageFault, OSError) as error:
        logger.warning("purge: the part of %s stays for now: %s", one.name, error)


def drop(pks: Sequence[int]) -> set[int]:
    """Drop rows whose bytes are verified gone, each leaving a receipt; return which were left.

    Of two that come to the same row one finds it gone. The database copies the receipts itself:
    through objects a batch takes ten times as long.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(DROP_AT_ONCE, [array(pks), StoredFile.State.CONDEMNED])
            return {pk for (pk,) in cursor.fetchall()}
        rows = StoredFile.objects.filter(pk__in=pks, state=StoredFile.State.CONDEMNED)
        dropped = set(rows.values_list("pk", flat=True))  # nobody else writes in this transaction
        chosen, parameters = rows.values(*FILE_COLUMNS).query.sql_with_params()
        cursor.execute(WRITE_RECEIPTS.format(gone=f"({chosen})"), parameters)
        rows._raw_delete(rows.db)  # nothing points at them: due() left the owned ones out
    return dropped


def unpark() -> int:
    """Give files that failed for days another try, now; return how many."""
    parked = StoredFile.objects.filter(state=StoredFile.State.CONDEMNED, parked_at__isnull=False)
    return parked.update(parked_at=None, attempts=0, not_before=Now())


def postpone(one: Condemned, error: str) -> None:
    """Try again later, doubling the wait; park what fails for days, out of the others' way."""
    rows = StoredFile.objects.filter(pk=one.pk, state=StoredFile.State.CONDEMNED)
    failures = rows.values_list("attempts", flat=True).first() or 0
    rows.update(
        attempts=failures + 1,
        last_error=error[:2000],
        not_before=Now() + min(FIRST_WAIT * 2**failures, LONGEST_WAIT),
        parked_at=Now() if failures + 1 >= StoredFile.PARK_AFTER else None,
        claim=None,
        claimed_by="",
        lease_until=None,
    )
    maintenance.warning("purge could not delete %s: %s", one.name, error)

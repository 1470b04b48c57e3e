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
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

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
    while batch := retried(lambda: claim(uuid4(), batch_size=batch_size)):
        report += remove(batch)
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


def claim(token: UUID, *, batch_size: int) -> list[StoredFile]:
    """Take up to `batch_size` files of one storage for `LEASE`."""
    with transaction.atomic():
        due = StoredFile.objects.due_for_purge().unowned().order_by("not_before", "id")
        alias = due.values_list("storage", flat=True).first()
        if alias is None:
            return []
        locked = due.filter(storage=alias).select_for_update(skip_locked=True, of=("self",))
        batch = list(locked[:batch_size])
        StoredFile.objects.filter(pk__in=[stored.pk for stored in batch]).update(
            claim=token, claimed_by=leases.holder(), lease_until=Now() + LEASE
        )
    for stored in batch:
        stored.claim = token
    return batch


def remove(batch: Sequence[StoredFile]) -> PurgeReport:
    """Delete the bytes of claimed files outside any transaction, then write down what went."""
    names = {stored.pk: str(stored.file.name) for stored in batch}
    errors = _delete_bytes(batch, names)
    gone = [stored for stored in batch if names[stored.pk] not in errors]
    dropped = retried(lambda: _drop(gone, batch[0].claim))
    for stored in batch:
        if error := errors.get(names[stored.pk]):
            postpone(stored, error)
    _log(dropped)
    return PurgeReport(len(dropped), len(errors), sum(stored.size for stored in dropped))


def _delete_bytes(batch: Sequence[StoredFile], names: dict[int, str]) -> dict[str, str]:
    """Remove parts first, so that a writer who wakes cannot take the name; then the objects."""
    place = storage(batch[0].storage)
    errors: dict[str, str] = {}
    try:
        for stored in batch:
            if stored.ready_at is None and stored.part is not None:
                place.discard(names[stored.pk], stored.part)
        errors = place.bulk_delete(list(names.values()))
    except (StorageFault, OSError) as error:
        logger.warning("purge: %s", error)
        return dict.fromkeys(names.values(), str(error))
    return errors


def _drop(gone: Sequence[StoredFile], token: UUID | None) -> list[StoredFile]:
    """Drop rows still under our claim, each verified file leaving a receipt."""
    with transaction.atomic():
        mine = StoredFile.objects.filter(
            pk__in=[stored.pk for stored in gone], claim=token, state=StoredFile.State.CONDEMNED
        )
        kept = set(mine.select_for_update().values_list("pk", flat=True))
        dropped = [stored for stored in gone if stored.pk in kept]
        owners = {stored.owner_id for stored in dropped if stored.owner_id is not None}
        accounts = Account.objects.filter(owner_id__in=owners)
        owner_names = dict(accounts.values_list("owner_id", "name"))
        Receipt.objects.bulk_create(
            Receipt.of(stored, owner_name=owner_names.get(stored.owner_id or 0, ""))
            for stored in dropped
            if stored.ready_at is not None
        )
        mine._raw_delete(mine.db)  # nothing points at them: claim() left the owned ones out
    return [stored for stored in dropped if stored.ready_at is not None]


def postpone(stored: StoredFile, error: str) -> None:
    """Try again later, doubling the wait; park what fails for days, out of the others' way."""
    wait = min(FIRST_WAIT * 2**stored.attempts, LONGEST_WAIT)
    attempts = stored.attempts + 1
    mine = Q(pk=stored.pk, claim=stored.claim, state=StoredFile.State.CONDEMNED)
    StoredFile.objects.filter(mine).update(
        attempts=F("attempts") + 1,
        last_error=error[:2000],
        not_before=Now() + wait,
        parked_at=Now() if attempts >= StoredFile.PARK_AFTER else None,
        claim=None,
        claimed_by="",
        lease_until=None,
    )
    maintenance.warning("purge could not delete %s: %s", stored.file.name, error)


def _log(dropped: Sequence[StoredFile]) -> None:
    for stored in dropped:
        maintenance.info(
            "purge deleted %s (%s bytes) reason=%s by=%s",
            stored.file.name,
            stored.size,
            stored.reason,
            stored.released_by or "-",
        )

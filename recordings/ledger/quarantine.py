"""recordings/ledger/quarantine.py: orphans are set aside, and can be put back for a while.

What nobody has a row for may still be what somebody needs, so it is moved, never deleted at once.
A row is made first and says what is meant; the object then gets a second name, and loses its
former one only when nobody has made a row for that meanwhile. A crash at any step is finished, or
taken back, by `recover` from what stands under the two names.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from recordings.ledger import leases
from recordings.ledger.entries import Entry
from recordings.ledger.exceptions import LedgerError, NameTaken
from recordings.ledger.models import Account, Hold, Sighting, StorageBond, StoredFile
from recordings.ledger.names import Parsed, former_name, parse, quarantined
from recordings.ledger.storages import LedgerStorage, storage
from recordings.ledger.transactions import retried

maintenance = logging.getLogger("mediasite.maintenance")

LEASE: Final = timedelta(hours=1)  # longer than a store takes to copy its largest object
CHANGED: Final = "It has changed since it was seen."
HAS_ROW: Final = "It has a row by now, or is being moved."
QUARANTINED: Final = StoredFile.State.QUARANTINED


def settled() -> QuerySet[StoredFile]:
    """Files that are in quarantine, with no move under way."""
    return StoredFile.objects.filter(state=QUARANTINED, ready_at__isnull=False, claim=None)


def set_aside(sighting: Sighting, *, at: datetime, by: str) -> str:
    """Move an orphan to quarantine; return why not, empty when it was.

    `at` names its folder. Raises StorageFault; then `recover` finishes it or takes it back.
    """
    place = storage(sighting.storage)
    entry = place.entry(sighting.name)
    if entry is None:
        return "It is gone, or no regular file."
    if (entry.size, entry.modified) != (sighting.size, sighting.modified):
        return CHANGED
    row = retried(partial(_intend, sighting, at, by))
    if row is None:
        return HAS_ROW
    try:
        return _move(place, row, entry)
    except (LedgerError, OSError):
        with suppress(LedgerError, OSError):
            if place.size_of(str(row.file.name)) is not None:
                _recover_arrival(place, row)
        raise  # what may still land in a bucket keeps its row until the lease has ended


def _move(place: LedgerStorage, row: StoredFile, entry: Entry) -> str:
    to = str(row.file.name)
    try:
        copied = place.copy_to(entry, to)
    except NameTaken:
        copied = False
    if not copied:
        _drop(row)
        return CHANGED
    if _has_row(row.storage, entry.name):
        _take_back(place, row)
        return HAS_ROW
    place.finish_move(entry.name, to)
    retried(partial(_arrive, row))
    return ""


def _take_back(place: LedgerStorage, row: StoredFile) -> None:
    """Give the second name up, unless it is the only one that these bytes have left."""
    name = str(row.file.name)
    if place.finish_move(name, former_name(name)).left:
        retried(partial(_arrive, row))
    else:
        _drop(row)


def _intend(sighting: Sighting, at: datetime, by: str) -> StoredFile | None:
    """Make the row that says what is meant; None where the orphan is none any more."""
    parsed = parse(sighting.name)
    with transaction.atomic():
        if parsed is None or _has_row(sighting.storage, sighting.name):
            return None
        try:
            with transaction.atomic():
                return StoredFile.objects.create(
                    storage=sighting.storage,
                    file=quarantined(sighting.name, at),
                    kind=parsed.kind,
                    size=sighting.size,
                    state=QUARANTINED,
                    released_by=by,
                    **_claimed(),
                )
        except IntegrityError:  # another process is at the same, or was and waits for its lease
            return None


def _claimed() -> dict[str, Any]:
    return {"claim": uuid4(), "claimed_by": leases.holder(), "lease_until": Now() + LEASE}


def _has_row(alias: str, name: str) -> bool:
    return StoredFile.objects.filter(storage=alias, file=name).exists()


def _mine(row: StoredFile) -> QuerySet[StoredFile]:
    return StoredFile.objects.filter(pk=row.pk, state=QUARANTINED, claim=row.claim)


def _arrive(row: StoredFile) -> None:
    """Note that the move is done; from now on its time in quarantine counts."""
    with transaction.atomic():
        if _mine(row).update(ready_at=Now(), claim=None, claimed_by="", lease_until=None):
            former = former_name(str(row.file.name))
            Sighting.objects.filter(storage=row.storage, name=former).delete()
            maintenance.info(
                "quarantine took %s (%s bytes) by=%s", former, row.size, row.released_by or "-"
            )


def _drop(row: StoredFile) -> None:
    rows = _mine(row)
    retried(partial(rows._raw_delete, rows.db))  # nothing points at a quarantined file


def restore(pk: int, *, by: str) -> str:
    """Put a quarantined file back under its former name, without a row; return that name.

    Raises NameTaken where something has the name by now, LedgerError where it cannot be restored.
    """
    row = _take(pk)
    name, to = str(row.file.name), former_name(str(row.file.name))
    try:
        _put_back(storage(row.storage), row, name, to)
    except (LedgerError, OSError):
        with suppress(LedgerError, OSError):
            _recover_return(storage(row.storage), row)
        raise
    maintenance.info("quarantine gave %s (%s bytes) back by=%s", to, row.size, by)
    return to


def _take(pk: int) -> StoredFile:
    token = _claimed()
    if not settled().filter(pk=pk).update(**token):
        raise LedgerError("This file is not in quarantine any more, or is being moved just now.")
    return StoredFile.objects.get(pk=pk, claim=token["claim"])


def _put_back(place: LedgerStorage, row: StoredFile, name: str, to: str) -> None:
    taken = NameTaken(f"Something stands at {to} by now, so this stays in quarantine.")
    if _has_row(row.storage, to):
        raise taken
    entry = place.entry(name)
    if entry is None:
        raise LedgerError("Its bytes are not in storage any more.")
    try:
        copied = place.copy_to(entry, to)
    except NameTaken:
        raise taken from None
    if not copied:
        raise LedgerError("Its bytes changed while they were put back: try again.")
    place.finish_move(name, to)
    retried(partial(_leave, row))


def _leave(row: StoredFile) -> None:
    """Drop the row of a file that is back; the next scan counts one name less for it."""
    with transaction.atomic():
        rows = _mine(row)
        if rows._raw_delete(rows.db):
            bonds = StorageBond.objects.filter(storage=row.storage, names__gt=0)
            bonds.update(names=F("names") - 1)


def _settle(row: StoredFile) -> None:
    _mine(row).update(claim=None, claimed_by="", lease_until=None)


def condemn(pks: Collection[int], *, by: str) -> int:
    """Let go of quarantined files for ever; return how many. Purge removes them, with receipts."""
    rows = settled().filter(pk__in=pks)
    return rows.update(
        state=StoredFile.State.CONDEMNED,
        reason=StoredFile.Reason.POLICY,
        released_by=by,
        not_before=Now(),
        condemned_at=Now(),
    )


def holds_on(found: Collection[Parsed]) -> list[Hold]:
    """Find holds on what names say they belong to: an orphan of a held recording stays as well.

    Inside a transaction no hold can be placed meanwhile: placing one takes the same locks.
    """
    owners = {one.owner_id for one in found if one.owner_id}
    recordings = {one.recording_id for one in found if one.recording_id}
    if transaction.get_connection().in_atomic_block:
        known = Account.objects.filter(owner_id__among=owners).order_by("owner_id")
        list(known.select_for_update())
    return list(Hold.objects.active().covering(owner_ids=owners, recording_ids=recordings))


def destinations() -> set[str]:
    """Names that a move is under way to; an upload to one of them is nobody's leftover."""
    moving = StoredFile.objects.filter(state=QUARANTINED, claim__isnull=False)
    names = set(map(str, moving.values_list("file", flat=True)))
    return names | {former_name(name) for name in names}


def recover() -> int:
    """Finish, or take back, moves whose process died; return how many."""
    moving = StoredFile.objects.filter(state=QUARANTINED, claim__isnull=False)
    late = set(moving.filter(lease_until__lt=Now()).values_list("pk", flat=True))
    count = 0
    for row in moving.order_by("pk"):
        if row.pk in late or leases.is_gone(row.claimed_by):
            count += _recover(row)
    return count


def _recover(row: StoredFile) -> bool:
    token = _claimed()
    lapsed = Q() if leases.is_gone(row.claimed_by) else Q(lease_until__lt=Now())
    if not _mine(row).filter(lapsed).update(**token):
        return False
    row.claim = token["claim"]
    if row.ready_at is None:
        _recover_arrival(storage(row.storage), row)
    else:
        _recover_return(storage(row.storage), row)
    return True


def _recover_arrival(place: LedgerStorage, row: StoredFile) -> None:
    """It arrived if anything stands in quarantine, since nobody else writes there."""
    name = str(row.file.name)
    place.stop_copies(name)
    if place.size_of(name) is None:
        _drop(row)
    elif _has_row(row.storage, former_name(name)):
        _take_back(place, row)
    else:
        place.finish_move(former_name(name), name)
        retried(partial(_arrive, row))


def _recover_return(place: LedgerStorage, row: StoredFile) -> None:
    """It is back if it left quarantine; what stands at its former name may be somebody else's."""
    name = str(row.file.name)
    if not _has_row(row.storage, former_name(name)):  # whose uploads are under way there
        place.stop_copies(former_name(name))
    moved = place.finish_move(name, former_name(name))
    retried(partial(_leave if moved.arrived and not moved.left else _settle, row))

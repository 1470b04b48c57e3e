"""recordings/restoring.py: recordings that are asked back from the archive, by workers, one by one.

Asking writes the wish down; a worker claims a row by one conditional update and keeps it by a
lease. Whoever dies in the middle leaves the recording whole in the archive, and the next one begins
it anew under other names; a message that comes twice finds the row claimed, or gone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Now

from recordings.archive_models import ArchivedRecording
from recordings.archive_restore import restore
from recordings.ledger import leases
from recordings.ledger.exceptions import LedgerError, Lost
from recordings.ledger.transactions import retried

maintenance = logging.getLogger("mediasite.maintenance")

LEASE: Final = timedelta(minutes=5)  # renewed every half minute while bytes move
AT_ONCE: Final = 20  # messages sent at one tick
FREE: Final = {"restore_claim": None, "restore_claimed_by": "", "restore_until": None}


def ask(rows: QuerySet[ArchivedRecording], *, by: str) -> int:
    """Have recordings brought back; return how many were not asked for before."""
    new = ArchivedRecording.objects.archived().filter(pk__in=rows.values("pk"))
    count = retried(
        partial(
            new.filter(restore_asked_at=None).update,
            restore_asked_at=Now(),
            restore_asked_by=by,
            restored_bytes=0,
            restore_error="",
        )
    )
    if count:
        maintenance.info("%s archived recordings are asked back by=%s", count, by)
    transaction.on_commit(ring, robust=True)
    return count


def ring() -> None:
    """Tell workers of the first that wait; the tick tells of the others."""
    from recordings import tasks

    for pk in waiting():
        tasks.restore_archived.delay(pk)


def call_off(rows: QuerySet[ArchivedRecording]) -> int:
    """Leave in the archive what no worker has begun; return how many."""
    waits = ArchivedRecording.objects.restoring().filter(restore_claim=None)
    return waits.filter(pk__in=rows.values("pk")).update(restore_asked_at=None)


def waiting() -> list[int]:
    """Return what no living worker is at, longest waiting first."""
    rows = ArchivedRecording.objects.restoring().filter(_free())
    return list(rows.order_by("restore_asked_at", "pk").values_list("pk", flat=True)[:AT_ONCE])


def _free() -> Q:
    claimed = ArchivedRecording.objects.restoring().exclude(restore_claimed_by="")
    holders = claimed.values_list("restore_claimed_by", flat=True).distinct()
    gone = [holder for holder in holders if leases.is_gone(holder)]
    lapsed = Q(restore_until__lt=Now()) | Q(restore_claimed_by__in=gone)
    return Q(restore_claim=None) | lapsed


def carry_out(pk: int) -> bool:
    """Bring one recording back if it waits for that; False when it is not ours to do, or stays.

    What stands in the way is written down, and nobody tries again before somebody asks again.
    """
    token = uuid4()
    free = ArchivedRecording.objects.restoring().filter(_free(), pk=pk)
    claim = {"restore_claim": token, "restore_claimed_by": leases.holder()}
    if not retried(partial(free.update, **claim, restore_until=Now() + LEASE, restored_bytes=0)):
        return False
    mine = ArchivedRecording.objects.filter(pk=pk, restore_claim=token)
    by = mine.values_list("restore_asked_by", flat=True).first() or ""
    try:
        restore(pk, by=by, alive=partial(_renew, mine), told=_counting(mine))
    except (LedgerError, OSError) as error:
        _give_up(mine, token, str(error))
        return False
    except ArchivedRecording.DoesNotExist:
        return False
    return True


def _renew(mine: QuerySet[ArchivedRecording]) -> None:
    if not mine.update(restore_until=Now() + LEASE):
        raise Lost("Somebody else restores this by now, or it is gone.")


def _counting(mine: QuerySet[ArchivedRecording]) -> Callable[[int], Any]:
    return lambda size: mine.update(restored_bytes=F("restored_bytes") + size)


def _give_up(mine: QuerySet[ArchivedRecording], token: UUID, error: str) -> None:
    values = {**FREE, "restore_asked_at": None, "restore_error": error}
    if retried(partial(mine.update, **values)):
        maintenance.warning("an archived recording stays in the archive: %s", error)


def progress() -> dict[str, int]:
    """Count what is asked back: all, how many are under way, and their bytes."""
    rows = ArchivedRecording.objects.restoring()
    found: dict[str, int] = rows.aggregate(
        all=Count("pk"),
        under_way=Count("restore_claim"),
        size=Sum("size", default=0),
        done=Sum("restored_bytes", default=0),
    )
    return found

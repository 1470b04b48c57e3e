"""recordings/transfer.py: give recordings to another owner, with what they cost.

Bytes and names stay where they are; rows and quota move in one transaction a batch, under both
accounts' locks, so no byte is counted twice or by nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

from django.db import transaction

from recordings.ledger.exceptions import Held, LedgerError
from recordings.ledger.models import Hold
from recordings.ledger.release import transfer as transfer_files
from recordings.ledger.transactions import retried
from recordings.models import Job, Label, Recording
from recordings.trash import BATCH_SIZE, locked

maintenance = logging.getLogger("mediasite.maintenance")

# Upper layers do here, in the transaction of a transfer, what concerns them: ids and new owner in.
followers: list[Callable[[Sequence[int], int], object]] = []


class CannotTransfer(LedgerError):
    """These recordings cannot change hands now; says why."""


def transfer(pks: Collection[int], *, to: Any, by: str) -> int:
    """Make `to` the owner of recordings, trashed ones too, and return how many changed hands.

    A hold on a recording goes with it. Raises Held where the former owner is on hold,
    CannotTransfer while one is uploaded or processed, QuotaExceeded and AccountClosed from the
    receiver's account; the batches before it stand.
    """
    ordered = sorted(pks)
    return sum(
        retried(partial(_transfer, ordered[start : start + BATCH_SIZE], to, by))
        for start in range(0, len(ordered), BATCH_SIZE)
    )


def _transfer(pks: Sequence[int], to: Any, by: str) -> int:
    with locked(pks, also=[to.pk]) as found:
        moving = [recording for recording in found if recording.owner_id != to.pk]
        refuse(moving)
        ids = [recording.pk for recording in moving]
        transfer_files(ids, to_owner_id=to.pk)
        take_labels_along(ids, to)
        count = Recording.objects.filter(pk__in=ids).update(owner=to)
        for follow in followers:
            follow(ids, to.pk)
    said = partial(maintenance.info, "%s recordings were given to %s by=%s", count, to, by)
    transaction.on_commit(lambda: said())
    return count


def refuse(moving: Sequence[Recording]) -> None:
    owners = {recording.owner_id for recording in moving}
    if holds := list(Hold.objects.active().filter(owner_id__in=owners)):
        raise Held(holds)
    busy = Job.objects.open().filter(recording__in=moving).exists()
    if busy or any(recording.state == Recording.State.UPLOADING for recording in moving):
        raise CannotTransfer(
            "A recording that is being uploaded or processed stays with its owner: wait or cancel."
        )


def take_labels_along(ids: Sequence[int], to: Any) -> None:
    """Replace the former owners' labels by the receiver's of the same names."""
    links = Recording.labels.through.objects.filter(recording__in=ids)
    wanted = set(links.values_list("label__name", flat=True))
    Label.objects.bulk_create(
        [Label(owner=to, name=name) for name in sorted(wanted)], ignore_conflicts=True
    )
    own = dict(Label.objects.filter(owner=to, name__in=wanted).values_list("name", "pk"))
    pairs = list(links.values_list("recording_id", "label__name").distinct())
    links.delete()
    Recording.labels.through.objects.bulk_create(
        [Recording.labels.through(recording_id=pk, label_id=own[name]) for pk, name in pairs]
    )

"""Room set aside for jobs: made with the job, drawn on by its files, given back at its end."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.db.models import F, Sum

from recordings.ledger.models import Account, Reservation


def set_aside(owner_id: int, size: int, *, purpose: str) -> Reservation:
    """Reserve `size` bytes in the account. Raises QuotaExceeded, AccountClosed."""
    with transaction.atomic():
        Account.objects.lock([owner_id])[owner_id].reserve(size)
        return Reservation.objects.create(owner_id=owner_id, size=size, purpose=purpose)


def put_back(pk: int, size: int) -> None:
    """Return to a reservation what a file drew from it and gave back; one that ended takes none.

    Asks for no room: the caller holds the account's lock, and freed as much in the same moment.
    """
    rows = Reservation.objects.filter(pk=pk)
    if rows.update(size=F("size") + size):
        owner = Account.objects.filter(owner_id__in=rows.values("owner_id"))
        owner.update(reserved=F("reserved") + size)


def give_back(pks: Collection[int]) -> int:
    """End reservations and return how many those were; ending one twice does nothing."""
    with transaction.atomic():
        rows = Reservation.objects.filter(pk__in=pks)
        Account.objects.lock(rows.values_list("owner_id", flat=True))
        sums = list(rows.order_by().values_list("owner_id").annotate(total=Sum("size")))
        count, _ = rows.delete()
        for owner_id, total in sums:
            Account.objects.filter(owner_id=owner_id).update(reserved=F("reserved") - total)
    return count

"""recordings/holds.py: place holds on recordings and owners that may be on the move.

A hold covers a recording or an owner by id and is honoured under the owner's account lock, so the
owner is read again under it: a recording that changes hands meanwhile is held with its new owner.
"""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth import get_user_model
from django.utils import timezone

from recordings.ledger.exceptions import LedgerError
from recordings.ledger.models import Hold
from recordings.ledger.release import place_hold
from recordings.ledger.transactions import retried
from recordings.models import Recording
from recordings.trash import locked


def hold_recording(pk: int, *, reason: str, by: str, until: datetime | None = None) -> Hold:
    """Place a hold on a recording, in the trash or out of it.

    Raises Recording.DoesNotExist, and LedgerError without a reason or with an end that is past.
    """
    refuse_past(until)

    def place() -> Hold | None:
        with locked([pk]) as found:
            if not found:
                return None
            owner_id = found[0].owner_id
            return place_hold(reason=reason, by=by, owner_id=owner_id, recording_id=pk, until=until)

    while True:
        if hold := retried(place):
            return hold
        Recording.objects.only("pk").get(pk=pk)  # gone; else it changed hands between two reads


def hold_owner(owner_id: int, *, reason: str, by: str, until: datetime | None = None) -> Hold:
    """Place a hold on everything an owner has and will have.

    Raises User.DoesNotExist, and LedgerError without a reason or with an end that is past.
    """
    refuse_past(until)
    get_user_model().objects.only("pk").get(pk=owner_id)
    return retried(lambda: place_hold(reason=reason, by=by, owner_id=owner_id, until=until))


def refuse_past(until: datetime | None) -> None:
    if until is not None and until <= timezone.now():
        raise LedgerError("A hold that has ended already holds nothing: give a later end, or none.")

"""recordings/ledger/release.py: let go of files, free their quota, leave the bytes to purge.

Every deletion in the product passes here: `post_delete`, bulk paths, policies, replacements. It is
the one place that asks about holds, and it asks under the same lock that placing a hold takes, so
neither can slip past the other.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q, Sum
from django.db.models.functions import Now

from recordings.ledger.exceptions import Held, LedgerError
from recordings.ledger.models import Account, Hold, StoredFile
from recordings.ledger.names import Kind

REASON_LENGTH = 500  # of Hold.reason
CHUNK = 10_000  # ids in one statement; SQLite takes 32,766 parameters


def release(pks: Collection[int], *, reason: StoredFile.Reason, by: str = "") -> int:
    """Condemn the files that are still ready and return how many those were.

    Idempotent: the quota moves by the rows that change state, so calling it twice, or for files
    that a bulk path has released before, changes nothing. Raises Held, and changes nothing, when
    an active hold covers any of them.
    """
    ids = list(pks)
    chunks = [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)]
    return _release([Q(pk__among=chunk) for chunk in chunks], reason, by)


def release_recordings(
    recording_ids: Collection[int],
    *,
    reason: StoredFile.Reason,
    by: str = "",
    locked: Collection[int] = (),
) -> int:
    """Condemn every ready file of recordings, whichever row points at it, as `release` does.

    `locked` are owners whose accounts the caller's transaction has locked already.
    """
    return _release([Q(recording_id__among=recording_ids)], reason, by, locked)


def _release(
    selections: Sequence[Q], reason: StoredFile.Reason, by: str, locked: Collection[int] = ()
) -> int:
    with transaction.atomic():
        lock_owners(selections, but=locked)
        for selection in selections:
            refuse_held(selection)
        return sum(_condemn(selection, reason, by) for selection in selections)


def lock_owners(selections: Sequence[Q], *, but: Collection[int]) -> None:
    """Lock the accounts of the ready files, then of those that were given away meanwhile."""
    locked = set(but)
    while missing := _owners(selections) - locked:
        Account.objects.lock(missing)
        locked |= missing


def _owners(selections: Sequence[Q]) -> set[int]:
    owners: set[int] = set()
    for selection in selections:
        found = StoredFile.objects.ready().filter(selection, owner_id__isnull=False)
        owners.update(found.values_list("owner_id", flat=True).distinct())  # type: ignore[arg-type]
    return owners


def refuse_held(selection: Q) -> None:
    """Raise Held when an active hold covers any ready file; session audio is never held."""
    files = StoredFile.objects.ready().filter(selection).exclude(kind=Kind.SESSION_AUDIO)
    holds = Hold.objects.active().filter(
        Q(owner_id__in=files.values("owner_id")) | Q(recording_id__in=files.values("recording_id"))
    )
    if found := list(holds):
        raise Held(found)


def _condemn(selection: Q, reason: StoredFile.Reason, by: str) -> int:
    ready = StoredFile.objects.ready().filter(selection)
    # Exact, not a guess: files of an account change state only under its lock.
    sums = (
        ready.order_by()
        .values_list("owner_id")
        .annotate(all=Sum("size"), trash=Sum("size", filter=Q(trashed=True), default=0))
    )
    freed = list(sums)
    count = ready.update(
        state=StoredFile.State.CONDEMNED,
        reason=reason,
        released_by=by,
        not_before=Now(),
        condemned_at=Now(),
        claim=None,
        lease_until=None,
    )
    for owner_id, total, trash in freed:
        Account.objects.filter(owner_id=owner_id).update(
            used=F("used") - total, in_trash=F("in_trash") - trash
        )
    return count


def mark_trashed(recording_ids: Collection[int], *, trashed: bool) -> int:
    """Count the ready files of recordings as trash, or no longer; return how many changed.

    The caller holds the owners' locks (`Account.objects.lock`).
    """
    rows = StoredFile.objects.ready().filter(recording_id__among=recording_ids, trashed=not trashed)
    sums = list(rows.order_by().values_list("owner_id").annotate(all=Sum("size")))
    count = rows.update(trashed=trashed)
    sign = 1 if trashed else -1
    for owner_id, total in sums:
        Account.objects.filter(owner_id=owner_id).update(in_trash=F("in_trash") + sign * total)
    return count


def place_hold(
    *,
    reason: str,
    by: str,
    owner_id: int,
    recording_id: int | None = None,
    until: datetime | None = None,
) -> Hold:
    """Place a hold on a recording of `owner_id`, or on all that owner has.

    Takes the account's lock first, as release does: when this returns and its transaction is
    committed, no release that was under way can still take a file.
    """
    if not reason.strip():
        raise LedgerError("A hold needs a reason that the owner can be told.")
    if len(reason.strip()) > REASON_LENGTH:
        raise LedgerError(f"Give the reason for a hold in {REASON_LENGTH} characters or less.")
    with transaction.atomic():
        Account.objects.lock([owner_id])
        hold = Hold.objects.create(
            owner_id=None if recording_id else owner_id,
            recording_id=recording_id,
            reason=reason.strip(),
            until=until,
            placed_by=by,
        )
        hold.log("placed", by=by)
    return hold


def transfer(recording_ids: Collection[int], *, to_owner_id: int) -> int:
    """Move the files of recordings, and what they cost, to another account; return how many.

    The caller holds the locks of every account involved. Raises QuotaExceeded. Names stay.
    """
    rows = StoredFile.objects.ready().filter(recording_id__among=recording_ids)
    sums = (
        rows.exclude(owner_id=to_owner_id)
        .order_by()
        .values_list("owner_id")
        .annotate(all=Sum("size"), trash=Sum("size", filter=Q(trashed=True), default=0))
    )
    for owner_id, total, trash in list(sums):
        receiver = Account.objects.get(owner_id=to_owner_id)
        receiver.reserve(total)
        Account.objects.filter(owner_id=owner_id).update(
            used=F("used") - total, in_trash=F("in_trash") - trash
        )
        Account.objects.filter(owner_id=to_owner_id).update(
            used=F("used") + total, in_trash=F("in_trash") + trash, reserved=F("reserved") - total
        )
    return rows.update(owner_id=to_owner_id)

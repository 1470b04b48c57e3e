"""recordings/trash.py: into the trash, back out of it, and away for ever.

Recordings leave only through here, in bounded batches of one transaction each. What keeps it safe:

- accounts are locked first, then recordings, so a hold placed meanwhile is seen or waits;
- what is decided about a recording is decided while its row is locked;
- files are released before their rows go, so a rollback leaves both and quota is freed once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, QuerySet, Sum
from django.db.models.deletion import CASCADE
from django.db.models.functions import Now

from recordings import periods
from recordings.ledger import reservations, resuming
from recordings.ledger.exceptions import Held
from recordings.ledger.models import Account, Hold, StoredFile
from recordings.ledger.release import mark_trashed, release_recordings
from recordings.ledger.transactions import retried
from recordings.models import Job, Recording, ResumableUpload

BATCH_SIZE = 1000


def period() -> timedelta:
    """Return how long what is trashed now can be restored; settings.TRASH_PERIOD by default."""
    usual: timedelta = settings.TRASH_PERIOD
    said = periods.stay("trash")
    return usual if said is None else said


@contextmanager
def locked(
    pks: Collection[int],
    *,
    of: int | None = None,
    also: Collection[int] = (),
    only: Collection[str] = (),
) -> Iterator[list[Recording]]:
    """Lock the accounts of recordings and then the rows themselves, in one transaction.

    Yields those that still exist; one that changed hands in between is left out. With `of`, those
    of this owner alone: what a person may touch is asked here again, since a request can take long.
    `also` are more owners whose accounts are wanted, such as a receiver's; `only` the fields that
    are, if not all.
    """
    with transaction.atomic():
        rows = Recording.objects.filter(pk__among=pks)
        if of is not None:
            rows = rows.filter(owner_id=of)
        owners = set(rows.values_list("owner_id", flat=True))
        Account.objects.lock(owners.union(also))
        found = rows.filter(owner_id__in=owners).order_by("pk").select_for_update(of=("self",))
        yield list(found.only(*only) if only else found)


def held_among(recordings: Sequence[Recording]) -> list[Hold]:
    """Return the holds in force on any of these, while they are locked."""
    covering = Hold.objects.active().covering(
        owner_ids={recording.owner_id for recording in recordings},
        recording_ids=[recording.pk for recording in recordings],
    )
    return list(covering)


def files_of(pks: Collection[int]) -> QuerySet[StoredFile]:
    """What goes for ever with recordings, and counts until then: former files and pictures too."""
    return StoredFile.objects.ready().filter(recording_id__in=pks)


def sizes_of(pks: Collection[int]) -> dict[int, int]:
    """Add up in one query the bytes that each of these recordings has."""
    files = files_of(pks).order_by().values_list("recording_id").annotate(Sum("size"))
    sizes = dict(files.values_list("recording_id", "size__sum"))
    return {pk: sizes.get(pk, 0) for pk in pks}


def set_sizes(recordings: Collection[Recording]) -> None:
    """Set `stored_size` of those on a page, in one query."""
    sizes = sizes_of([recording.pk for recording in recordings])
    for recording in recordings:
        recording.stored_size = sizes[recording.pk]


def move_to_trash(pks: Collection[int], *, by: str, of: int | None = None) -> int:
    """Move live recordings out of their owners' sight and return how many moved.

    `of` as for `locked`. Raises Held, the batches before it standing.
    """
    return _in_batches(pks, lambda found: trash_locked(unheld(found), by=by), of=of)


def trash_locked(recordings: Sequence[Recording], *, by: str) -> int:
    """Trash recordings that the caller has locked and found free of holds."""
    live = [recording.pk for recording in recordings if recording.trashed_at is None]
    count = Recording.objects.filter(pk__among=live, trashed_at=None).update(
        trashed_at=Now(), trashed_by=by, purge_after=Now() + period()
    )
    mark_trashed(live, trashed=True)
    running = Job.objects.open().filter(recording__among=live, cancel_requested_at=None)
    running.update(cancel_requested_at=Now())
    return count


def restore(pks: Collection[int], *, of: int | None = None) -> int:
    """Bring recordings back from the trash as they were; return how many came."""
    return _in_batches(pks, restore_locked, of=of)


def restore_locked(recordings: Sequence[Recording]) -> int:
    """Bring recordings back that the caller has locked."""
    back = [recording.pk for recording in recordings if recording.trashed_at is not None]
    mark_trashed(back, trashed=False)
    # A job that has not noticed yet goes on, unless its owner had stopped it before.
    by_trash = Job.objects.open().filter(
        recording__among=back, cancel_requested_at__gte=F("recording__trashed_at")
    )
    by_trash.update(cancel_requested_at=None)
    return Recording.objects.filter(pk__among=back).update(
        trashed_at=None, trashed_by="", purge_after=None
    )


def erase(
    pks: Collection[int],
    *,
    by: str,
    reason: StoredFile.Reason = StoredFile.Reason.DELETED,
    of: int | None = None,
) -> int:
    """Release recordings and their files for ever and return how many went. Raises Held."""
    return _in_batches(
        pks,
        lambda found: erase_locked(unheld(found), by=by, reason=reason),
        of=of,
        only=["owner_id"],
    )


def erase_locked(recordings: Sequence[Recording], *, by: str, reason: StoredFile.Reason) -> int:
    """Erase recordings that the caller has locked: a few set statements, whatever their number."""
    ids = [recording.pk for recording in recordings]
    owners = {recording.owner_id for recording in recordings}
    uploads = ResumableUpload.objects.filter(recording__among=ids).order_by("pk")
    rooms = list(uploads.select_for_update().values_list("reservation_id", flat=True))
    release_recordings(ids, reason=reason, by=by, locked=owners)
    resuming.let_go(ids)  # after the rows of uploads, as who writes them does
    jobs = Job.objects.filter(recording__among=ids, reservation__isnull=False)
    rooms += jobs.values_list("reservation_id", flat=True)
    reservations.give_back([room for room in rooms if room is not None])
    return delete_rows(Recording, ids)


def delete_rows(model: type[models.Model], pks: Collection[int]) -> int:
    """Delete rows and what cascades from them, a statement a table, without loading any.

    Signals do not fire, so files are released before. Rows that protect themselves stay: the
    database refuses.
    """
    for related in _cascading(model):
        child = related.related_model
        children = child._base_manager.filter(**{f"{related.field.name}__among": pks})
        if _cascading(child):
            delete_rows(child, list(children.values_list("pk", flat=True)))
        else:
            children._raw_delete(children.db)
    for field in model._meta.many_to_many:
        through = field.remote_field.through._base_manager  # type: ignore[union-attr]
        links = through.filter(**{f"{field.m2m_field_name()}__among": pks})
        links._raw_delete(links.db)
    rows = model._base_manager.filter(pk__among=pks)
    return rows._raw_delete(rows.db) or 0  # None for a set that is empty before it is asked for


def _cascading(model: type[models.Model]) -> list[Any]:
    """Return the relations from rows that go with a row of this model."""
    found = model._meta.related_objects
    return [one for one in found if getattr(one, "on_delete", None) is CASCADE]


def unheld(recordings: list[Recording]) -> list[Recording]:
    """Pass on recordings that the caller has locked. Raises Held when one of them is."""
    if holds := held_among(recordings):
        raise Held(holds)
    return recordings


def _in_batches(
    pks: Collection[int],
    work: Callable[[list[Recording]], int],
    *,
    of: int | None = None,
    only: Collection[str] = (),
) -> int:
    def batch(ids: list[int]) -> int:
        with locked(ids, of=of, only=only) as found:
            return work(found)

    ordered = sorted(pks)
    return sum(
        retried(partial(batch, ordered[start : start + BATCH_SIZE]))
        for start in range(0, len(ordered), BATCH_SIZE)
    )

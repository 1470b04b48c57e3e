"""recordings/archive.py: recordings out of the library into the archive.

A recording leaves the library for a copy, so a copy that is not whole would be a lost recording.
What keeps it safe:

- the copy is made, hashed, read again and recorded before anything of the recording goes;
- it is erased under the locks of any erasing, and only while its files are those that were copied;
- what its rows said is written down in the transaction that deletes them;
- a crash in between leaves the recording as it was, and a copy that the next try takes over;
- a hold on the recording or its owner keeps what is in the archive, too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from django.db import IntegrityError, models, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from recordings import trash
from recordings.archive_models import ArchivedFile, ArchivedRecording
from recordings.ledger import names
from recordings.ledger.copies import Order, are_intact, copied
from recordings.ledger.exceptions import Held, LedgerError
from recordings.ledger.models import Account, Hold, StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.publish import Publication
from recordings.ledger.release import release
from recordings.ledger.storages import ARCHIVE, has_archive
from recordings.ledger.transactions import retried
from recordings.models import EditingSession, Recording

logger = logging.getLogger(__name__)
maintenance = logging.getLogger("mediasite.maintenance")

JSON = (str, int, float, bool, dict, list)
# What finds rows of upper apps that say something of a recording and show no file of it; the apps
# add to this. They go to the archive and come back with it, unless what they point at is gone.
beside: list[Callable[[Recording], Iterable[models.Model]]] = []
UNUSED_AFTER = timedelta(days=2)  # a daily policy has come again by then, and took it over


class CannotArchive(LedgerError):
    """This recording cannot be archived now; says why."""


def files_of(pks: Collection[int]) -> models.QuerySet[StoredFile]:
    """The files that make recordings up; session audio is made anew when it is wanted."""
    ready = StoredFile.objects.ready().filter(recording_id__among=pks)
    return ready.exclude(kind=Kind.SESSION_AUDIO)


def copy(pk: int, *, alive: Callable[[], None]) -> bool:
    """See that the archive holds a whole copy of a recording as it is now; False when it is gone.

    Outside any transaction; `alive` is called now and then, since this may take hours. Raises
    Held, CannotArchive, and what `copied` does.
    """
    if not has_archive():
        raise CannotArchive("There is no archive: set ARCHIVE_ROOT or ARCHIVE_BUCKET_NAME.")
    _refuse_unpublished([pk])
    for former in ArchivedRecording.objects.copies().filter(recording_id=pk):
        kept = [file.stored for file in former.files.select_related("stored")]
        if pk in whole([pk]) and are_intact(kept, alive=alive):
            return True
        let_go_copy(former.pk, reason=StoredFile.Reason.REPLACED, by="a newer copy")
    sources = list(files_of([pk]).order_by("pk"))
    with copied(_orders(sources), alive=alive) as publications:
        return retried(partial(_record, pk, sources, publications))


def _orders(sources: Sequence[StoredFile]) -> list[Order]:
    token = uuid4()
    for source in sources:
        try:  # before hours of copying, not when someone wants it back
            names.anew(str(source), owner_id=1, recording_id=1, number=2)
        except ValueError as error:
            raise CannotArchive(f"It could not be restored: {error}") from error
    return [
        Order(source=source, name=names.archived(str(source), token), alias=ARCHIVE)
        for source in sources
    ]


def _record(pk: int, sources: Sequence[StoredFile], publications: Sequence[Publication]) -> bool:
    """Write the copy down, if the recording is still what was copied."""
    with trash.locked([pk]) as found:
        if not found:
            return False
        if _ids(files_of([pk])) != {source.pk for source in sources}:
            raise CannotArchive("Its files changed while they were copied: the next run takes it.")
        recording = found[0]
        try:
            with transaction.atomic():
                archived = ArchivedRecording.objects.create(
                    recording_id=pk,
                    owner_id=recording.owner_id,
                    owner_name=recording.owner.get_username(),
                    title=recording.title,
                    size=sum(source.size for source in sources),
                )
        except IntegrityError as error:
            raise CannotArchive("Another run is archiving it at this moment.") from error
        ArchivedFile.objects.bulk_create(
            [
                ArchivedFile(
                    archived=archived,
                    stored=publication.settle(),
                    source_id=source.pk,
                    kind=source.kind,
                    former_name=str(source),
                )
                for source, publication in zip(sources, publications, strict=True)
            ]
        )
    return True


def _ids(files: models.QuerySet[StoredFile]) -> set[int]:
    return set(files.values_list("pk", flat=True))


def whole(pks: Collection[int]) -> set[int]:
    """Return which recordings have a copy in the archive of exactly the files they have now."""
    has: dict[int | None, set[int]] = {pk: set() for pk in pks}
    for pk, recording_id in files_of(pks).values_list("pk", "recording_id"):
        has[recording_id].add(pk)
    copies: dict[int, set[int]] = {}
    rows = ArchivedRecording.objects.copies().filter(recording_id__in=pks)
    kept = Q(files=None) | Q(files__stored__state=StoredFile.State.READY)
    for recording_id, source_id in rows.filter(kept).values_list(
        "recording_id", "files__source_id"
    ):
        copies.setdefault(recording_id, set()).update([source_id] if source_id else [])
    return {pk for pk in pks if copies.get(pk) == has[pk]}


def archive_locked(recordings: Sequence[Recording], *, by: str) -> int:
    """Erase recordings that the caller has locked and found free of holds, for their copies.

    Raises CannotArchive, and erases nothing, when one of them has no copy of what it is now.
    """
    ids = [recording.pk for recording in recordings]
    copies = ArchivedRecording.objects.copies().filter(recording_id__in=ids).select_for_update()
    by_id = {archived.recording_id: archived for archived in copies}
    if whole(ids) != set(ids) or by_id.keys() != set(ids):
        raise CannotArchive("Its copy in the archive is not whole, or not of what it is now.")
    _refuse_unpublished(ids)
    for recording in recordings:
        _write_down(recording, by_id[recording.pk], by=by)
    return trash.erase_locked(recordings, by=by, reason=StoredFile.Reason.POLICY)


def _refuse_unpublished(pks: Collection[int]) -> None:
    """Raise CannotArchive where somebody's edited captions would go with their session."""
    wanted = Q(changed=True) | Q(used_until__gt=Now())
    if EditingSession.objects.filter(wanted, recording__among=pks).exists():
        raise CannotArchive("Its captions are being edited: it waits until they are published.")


def _write_down(recording: Recording, archived: ArchivedRecording, *, by: str) -> None:
    """Keep what the rows say, the moment before they go."""
    for file in archived.files.all():
        if (row := _shown_by(file.source_id)) is not None:
            file.model = row._meta.label
            file.columns = _columns(row)
            file.save(update_fields=["model", "columns"])
    ArchivedRecording.objects.filter(pk=archived.pk).update(
        owner_id=recording.owner_id,
        owner_name=recording.owner.get_username(),
        title=recording.title,
        columns={**_columns(recording), "rows": _beside(recording)},
        labels=sorted(recording.labels.values_list("name", flat=True)),
        archived_at=Now(),
        archived_by=by,
    )


def _shown_by(stored_id: int) -> models.Model | None:
    """Return the row of the library, or of an app above it, that shows a file."""
    for relation in StoredFile._meta.related_objects:
        rows = relation.related_model._base_manager
        if row := rows.filter(**{relation.field.name: stored_id}).first():
            return row
    return None


def _beside(recording: Recording) -> list[dict[str, Any]]:
    return [
        {"model": row._meta.label, "columns": _columns(row)}
        for find in beside
        for row in find(recording)
    ]


def _columns(row: models.Model) -> dict[str, Any]:
    """Return what a row says, exactly, in what JSON knows."""
    return {
        field.attname: _plain(field.value_from_object(row)) for field in row._meta.concrete_fields
    }


def _plain(value: Any) -> Any:
    return value if isinstance(value, JSON) or value is None else str(value)


def let_go(pk: int, *, by: str) -> bool:
    """Remove an archived recording for ever; False when it is gone. Raises Held."""
    archived = ArchivedRecording.objects.archived().filter(pk=pk)
    return retried(partial(_let_go, archived, reason=StoredFile.Reason.DELETED, by=by))


def give(pk: int, *, to: Any, by: str) -> bool:
    """Make `to` the one that an archived recording comes back to; False when it is gone.

    Nobody is charged for the archive. A hold on the recording goes along. Raises Held where the
    former owner is on hold.
    """
    return retried(partial(_give, ArchivedRecording.objects.archived().filter(pk=pk), to, by))


def _give(rows: models.QuerySet[ArchivedRecording], to: Any, by: str) -> bool:
    with locked(rows) as archived:
        if archived is None:
            return False
        if holds := list(Hold.objects.active().filter(owner_id=archived.owner_id)):
            raise Held(holds)
        ArchivedRecording.objects.filter(pk=archived.pk).update(
            owner_id=to.pk,
            owner_name=to.get_username(),
            columns={**archived.columns, "owner_id": to.pk},
        )
    maintenance.info(
        "archive gave recording %s of %s to %s by=%s",
        archived.recording_id, archived.owner_name, to, by,
    )  # fmt: skip
    return True


def let_go_copy(pk: int, *, reason: StoredFile.Reason, by: str) -> bool:
    """Remove a copy while its recording does not depend on it. Raises Held."""
    return retried(
        partial(_let_go, ArchivedRecording.objects.copies().filter(pk=pk), reason=reason, by=by)
    )


def _let_go(
    rows: models.QuerySet[ArchivedRecording], *, reason: StoredFile.Reason, by: str
) -> bool:
    with locked(rows) as archived:
        if archived is not None:
            drop_locked(archived, reason=reason, by=by)
    return archived is not None


@contextmanager
def locked(rows: models.QuerySet[ArchivedRecording]) -> Iterator[ArchivedRecording | None]:
    """Lock the one thing of the archive in `rows`, behind its owner's account, as holds are placed.

    Yields None where it is gone, or is by now what `rows` does not ask for.
    """
    with transaction.atomic():
        owners = list(rows.values_list("owner_id", flat=True))
        Account.objects.lock(owners)
        yield rows.filter(owner_id__in=owners).select_for_update().first()


def refuse_held(archived: ArchivedRecording | None) -> None:
    """Raise Held while a hold covers what the caller has locked."""
    if archived is not None and (holds := list(archived.holds())):
        raise Held(holds)


def refuse_held_in_archive(pk: int) -> None:
    """Raise Held while a hold covers a thing of the archive, for those who delete its rows."""
    with locked(ArchivedRecording.objects.filter(pk=pk)) as archived:
        refuse_held(archived)


def drop_locked(archived: ArchivedRecording, *, reason: StoredFile.Reason, by: str) -> None:
    """Let go of what the caller has locked. Raises Held."""
    refuse_held(archived)
    title = f"{by}, of {archived.owner_name}, recording {archived.recording_id}"
    release(archived.files.values_list("stored_id", flat=True), reason=reason, by=title[:200])
    archived.delete()
    maintenance.info(
        "archive let go of recording %s of %s: %s by=%s",
        archived.recording_id, archived.owner_name, reason, by,
    )  # fmt: skip


def let_go_unused() -> int:
    """Let go of copies whose recordings were erased otherwise, or stay after all."""
    there = Recording.objects.filter(pk=OuterRef("recording_id"))
    unused = ArchivedRecording.objects.copies().filter(
        ~Exists(there) | Q(copied_at__lt=Now() - UNUSED_AFTER)
    )
    count = 0
    for pk in list(unused.order_by("pk").values_list("pk", flat=True)):
        try:
            count += let_go_copy(
                pk, reason=StoredFile.Reason.ABANDONED, by="an archiving that ended"
            )
        except Held as held:
            logger.info("the archive keeps copy %s: %s", pk, held)
    return count

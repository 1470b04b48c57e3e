"""recordings/archive_restore.py: recordings back from the archive, as they were.

The files are copied back whole and verified, under names of their own, before anything shows them;
one transaction then makes the rows, pays for the bytes and lets the archive's copy go. Whatever
happens, the recording is in the library or in the archive, or for a moment's sake in both.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import models

from recordings.archive import drop_locked, locked, refuse_held
from recordings.archive_models import ArchivedFile, ArchivedRecording
from recordings.ledger import names
from recordings.ledger.copies import Order, copied
from recordings.ledger.exceptions import LedgerError, NameTaken, QuotaExceeded
from recordings.ledger.models import Account, StoredFile
from recordings.ledger.publish import Publication
from recordings.ledger.transactions import retried
from recordings.models import Label, Recording

maintenance = logging.getLogger("mediasite.maintenance")

# Of the trash it may have been in it comes out; policies that took it once would take it again.
AS_RESTORED: Mapping[str, Any] = {
    "trashed_at": None,
    "trashed_by": "",
    "purge_after": None,
    "keep": True,
}


class CannotRestore(LedgerError):
    """This recording cannot come back now; says why."""


def restore(
    pk: int,
    *,
    by: str,
    alive: Callable[[], None] = lambda: None,
    told: Callable[[int], None] = lambda size: None,
) -> Recording:
    """Bring a recording back to its owner's library, marked to be kept, under the id it had.

    `alive` is called now and then, `told` with the bytes of each file that is copied.
    Outside any transaction; large ones take long. Raises ArchivedRecording.DoesNotExist,
    CannotRestore, Held, QuotaExceeded, AccountClosed, and what `copied` does.
    """
    archived = ArchivedRecording.objects.archived().get(pk=pk)
    refuse(archived)
    refuse_over_quota(archived)
    files = list(archived.files.exclude(model="").select_related("stored").order_by("pk"))
    columns = {**archived.columns, **AS_RESTORED}
    orders = _orders(archived, files, columns)
    # Before a byte is written, so that a try after this one takes other names.
    taken = {**archived.columns, "numbers": columns["numbers"]}
    ArchivedRecording.objects.filter(pk=pk).update(columns=taken)
    try:
        with copied(orders, alive=alive, told=told) as publications:
            recording = retried(partial(_bring_back, archived.pk, files, columns, publications, by))
    except NameTaken as error:
        raise CannotRestore(
            "It is being restored already, or what a broken try left is not cleared away yet: "
            "try again in a minute."
        ) from error
    maintenance.info("recording %s came back from the archive by=%s", recording.pk, by)
    return recording


def refuse(archived: ArchivedRecording) -> None:
    """Raise CannotRestore or Held where something stands in the way."""
    if not get_user_model().objects.filter(pk=archived.owner_id).exists():
        raise CannotRestore(f"{archived.owner_name} has no account any more to restore it to.")
    if Recording.objects.filter(pk=archived.recording_id).exists():
        raise CannotRestore(f"There is a recording {archived.recording_id} in the library again.")
    refuse_held(archived)


def refuse_over_quota(archived: ArchivedRecording) -> None:
    account = Account.objects.of(archived.owner_id)
    if account.available is not None and archived.size > account.available:
        raise QuotaExceeded(
            used=account.used + account.reserved,
            limit=account.limit_bytes or 0,
            needed=archived.size,
        )


def _orders(
    archived: ArchivedRecording, files: Sequence[ArchivedFile], columns: dict[str, Any]
) -> list[Order]:
    """Take the next numbers for the names, in `columns` too: no name is used twice."""
    numbers = columns["numbers"] = dict(columns["numbers"])
    orders = []
    for file in files:
        numbers[file.kind] = int(numbers.get(file.kind, 0)) + 1
        name = names.anew(
            file.former_name,
            owner_id=archived.owner_id,
            recording_id=archived.recording_id,
            number=numbers[file.kind],
        )
        orders.append(
            Order(
                source=file.stored,
                name=name,
                owner_id=archived.owner_id,
                recording_id=archived.recording_id,
            )
        )
    return orders


def _bring_back(
    pk: int,
    files: Sequence[ArchivedFile],
    columns: dict[str, Any],
    publications: Sequence[Publication],
    by: str,
) -> Recording:
    with locked(ArchivedRecording.objects.archived().filter(pk=pk)) as archived:
        if archived is None:
            raise CannotRestore("It left the archive a moment ago.")
        refuse(archived)
        recording: Recording = _make(Recording, columns)
        recording.labels.set(_labels(archived))
        for file, publication in zip(files, publications, strict=True):
            stored = publication.settle()
            _make(apps.get_model(file.model), _columns(file, stored))
        _make_beside(columns.get("rows", []))
        drop_locked(archived, reason=StoredFile.Reason.RESTORED, by=by)
    return recording


def _columns(file: ArchivedFile, stored: StoredFile) -> dict[str, Any]:
    """What the row that owns the file said; a source rule's deadline has long passed its sense."""
    unstamped = {"leaves_at": None, "leaves_because": ""} if "leaves_at" in file.columns else {}
    return {**file.columns, **unstamped, "stored_id": stored.pk}


def _make_beside(rows: Sequence[Mapping[str, Any]]) -> None:
    """Make the rows that show no file; one that pointed at what is no more says nothing now."""
    for row in rows:
        model, columns = apps.get_model(row["model"]), row["columns"]
        fields = [field for field in model._meta.concrete_fields if field.attname in columns]
        if all(_stands(field, field.to_python(columns[field.attname])) for field in fields):
            _make(model, columns)


def _make(model: type[models.Model], columns: Mapping[str, Any]) -> Any:
    """Make a row of what one said; a recording keeps its id, nothing else needs to.

    What it pointed at and is no more is left empty.
    """
    values = {}
    for field in model._meta.concrete_fields:
        if field.attname in columns and (model is Recording or not field.primary_key):
            value = field.to_python(columns[field.attname])
            values[field.attname] = value if _stands(field, value) else None
    return model._base_manager.create(**values)


def _stands(field: Any, value: Any) -> bool:
    if value is None or not field.is_relation:
        return True
    return bool(field.related_model._base_manager.filter(pk=value).exists())


def _labels(archived: ArchivedRecording) -> list[Label]:
    return [
        Label.objects.get_or_create(owner_id=archived.owner_id, name=name)[0]
        for name in archived.labels
    ]

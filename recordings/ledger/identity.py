"""recordings/ledger/identity.py: whether a storage and this database belong together.

To a database restored from last week's backup everything since looks like an orphan; so it does to
an empty one, and to one that was pointed at another site's bucket. What tells them apart:

- each storage carries a marker with the identity and generation that this database knows too;
- the generation rises whenever files came or went, in the database first, so a marker that is
  ahead has seen a later state of this database than is here now;
- verified names that are fewer than a scan once counted must have left receipts.

Whoever finds a storage that is not his own says so and touches nothing; a person can adopt it.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max, QuerySet
from django.db.models.functions import Now

from recordings.ledger.exceptions import NotOurs, StorageFault
from recordings.ledger.models import Receipt, Scan, Sighting, StorageBond, StoredFile
from recordings.ledger.storages import storage

maintenance = logging.getLogger("mediasite.maintenance")

RAISE_AFTER: Final = timedelta(minutes=1)  # files come all the time; the marker follows this late
LOST_PERCENT: Final = 20  # of the names that the last scan counted
ADOPT: Final = (
    "If storage and database do belong together, say so with `manage.py adopt_storage --confirm`."
)


@dataclass(frozen=True, slots=True)
class Marker:
    """What the object in the storage says."""

    identity: UUID
    generation: int

    @classmethod
    def read(cls, alias: str) -> Marker | None:
        """Raises StorageFault where the storage is not there, or the marker is damaged."""
        content = storage(alias).read_marker()
        if content is None:
            return None
        try:
            said = json.loads(content)
            return cls(UUID(said["identity"]), int(said["generation"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StorageFault(f"The identity marker of {alias} is damaged. {ADOPT}") from error

    def write(self, alias: str) -> None:
        said = {"identity": str(self.identity), "generation": self.generation}
        storage(alias).write_marker(json.dumps(said).encode())


def refusal(alias: str) -> str:
    """Say why storage and database may not belong together; empty when they do."""
    try:
        return _stranger(alias) or _fallen(alias)
    except StorageFault as error:
        return str(error)


def refuse(alias: str) -> None:
    """Raise NotOurs with the sentence of `refusal`."""
    if sentence := refusal(alias):
        raise NotOurs(sentence)


def _stranger(alias: str) -> str:
    marker, bond = Marker.read(alias), _bond(alias)
    if marker is None and bond is None and not _has_objects(alias):
        if not _verified(alias).exists():
            return ""
        return f"The storage {alias} is empty, and files should be in it: is its disk mounted?"
    if marker is None:
        return f"The storage {alias} has no identity marker. {ADOPT}"
    if bond is None or bond.identity != marker.identity:
        return f"The storage {alias} carries the marker of another database. {ADOPT}"
    if marker.generation > bond.generation:
        return (
            f"The storage {alias} has seen a later state of this database (generation "
            f"{marker.generation}, here {bond.generation}): it was restored from a backup. {ADOPT}"
        )
    if not _had_files(alias) and _has_objects(alias):
        return f"The database knows no file, and the storage {alias} has some. {ADOPT}"
    return ""


def _fallen(alias: str) -> str:
    bond = _bond(alias)
    if bond is None:
        return ""
    went = Receipt.objects.filter(storage=alias, pk__gt=bond.names_receipt_id).count()
    known = _count(alias)
    if (known + went) * 100 >= bond.names * (100 - LOST_PERCENT):
        return ""
    return (
        f"The database knows {known} files in the storage {alias}; at the last scan it knew "
        f"{bond.names}, and only {went} have receipts. {ADOPT}"
    )


def _bond(alias: str) -> StorageBond | None:
    return StorageBond.objects.filter(storage=alias).first()


def _verified(alias: str) -> QuerySet[StoredFile]:
    return StoredFile.objects.filter(storage=alias, ready_at__isnull=False)


def _count(alias: str) -> int:
    """Count verified files by indexes alone: all names less the few that were never verified."""
    files = StoredFile.objects.filter(storage=alias)
    states = (
        StoredFile.State.WRITING,
        StoredFile.State.CONDEMNED,
        StoredFile.State.QUARANTINED,
    )
    never = (files.filter(state=state, ready_at=None).count() for state in states)
    return files.count() - sum(never)


def _had_files(alias: str) -> bool:
    return _verified(alias).exists() or Receipt.objects.filter(storage=alias).exists()


def _has_objects(alias: str) -> bool:
    return next(iter(storage(alias).pages()), None) is not None


def bind(alias: str) -> StorageBond:
    """Make storage and database one pair, with a new identity that no other database has."""
    with transaction.atomic():
        bond, _ = StorageBond.objects.update_or_create(
            storage=alias, defaults={"identity": uuid4(), "generation": 1, **_newest()}
        )
        note_names(alias)
    Marker(bond.identity, bond.generation).write(alias)
    return bond


def adopt(alias: str) -> StorageBond:
    """Bind anew on a person's word; what was sighted before counts no more."""
    Sighting.objects.filter(storage=alias).delete()
    Scan.objects.filter(storage=alias, finished_at=None).delete()
    bond = bind(alias)
    maintenance.warning("storage %s was adopted by this database as %s", alias, bond.identity)
    return bond


def is_unmarked(alias: str) -> bool:
    """Whether neither side has ever heard of the other, as on sites from before the marker."""
    return _bond(alias) is None and Marker.read(alias) is None


def raise_generation(alias: str) -> bool:
    """Note in the database, then in the marker, that things have moved on; False if unbound."""
    raised = StorageBond.objects.filter(storage=alias).update(
        generation=F("generation") + 1, raised_at=Now(), **_newest()
    )
    if raised:
        bond = StorageBond.objects.get(storage=alias)
        Marker(bond.identity, bond.generation).write(alias)
    return bool(raised)


def _newest() -> dict[str, int]:
    files = StoredFile.objects.aggregate(pk=Max("pk"))["pk"] or 0
    receipts = Receipt.objects.aggregate(pk=Max("pk"))["pk"] or 0
    return {"newest_file_id": files, "newest_receipt_id": receipts}


def note_names(alias: str) -> None:
    """Remember how many names there are now, for the next scan to compare with."""
    newest = Receipt.objects.aggregate(pk=Max("pk"))["pk"] or 0
    StorageBond.objects.filter(storage=alias).update(names=_count(alias), names_receipt_id=newest)


def keep() -> bool:
    """Bind an empty site to its empty storage, and let the marker follow what came and went.

    Part of the tick. Never touches the marker of a storage that may not be ours: a restored
    database must stay behind it.
    """
    alias = settings.MEDIA_STORAGE
    bond = _bond(alias)
    if bond is None:
        if StoredFile.objects.exists() or Marker.read(alias) or _has_objects(alias):
            return False
        bind(alias)
        return True
    late = StorageBond.objects.filter(storage=alias, raised_at__lt=Now() - RAISE_AFTER)
    newest = _newest()
    if all(getattr(bond, name) == pk for name, pk in newest.items()) or not late.exists():
        return False
    return not _stranger(alias) and raise_generation(alias)

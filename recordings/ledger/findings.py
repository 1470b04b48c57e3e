"""What looking at a storage left in the database: whose it is, how far a scan came, what it saw."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Self
from uuid import uuid4

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

APART: Final = timedelta(hours=24)  # the two sightings that make an orphan due


class StorageBond(models.Model):
    """That this database and a storage belong together; the storage's marker says the same.

    The generation is raised in the database first, then in the marker, so a marker that is ahead
    has seen a later state of this database than the database itself: it was restored.
    """

    storage = models.CharField(max_length=32, primary_key=True)
    identity = models.UUIDField(default=uuid4)
    generation = models.BigIntegerField(default=1)
    raised_at = models.DateTimeField(db_default=Now())
    newest_file_id = models.BigIntegerField(default=0)  # of StoredFile, when it was raised
    newest_receipt_id = models.BigIntegerField(default=0)
    names = models.BigIntegerField(default=0)  # verified files when a scan last went through
    names_receipt_id = models.BigIntegerField(default=0)  # the newest receipt then

    def __str__(self) -> str:
        return f"{self.storage}, generation {self.generation}"


class ScanQuerySet(models.QuerySet["Scan"]):
    def finished(self) -> Self:
        return self.filter(finished_at__isnull=False)

    def newest(self, storage: str) -> Scan | None:
        """The last scan that went through, whose counts health and metrics show."""
        return self.finished().filter(storage=storage).order_by("-pk").first()


class Scan(models.Model):
    """One comparison of a storage with the rows; after a crash it goes on behind `position`.

    Counts are of objects, `missing` of rows; `strays` have no row and are `young` (not yet old
    enough to tell), `orphans` (of a shape we make) or `unknown` (reported, and always left).
    """

    storage = models.CharField(max_length=32)
    position = models.TextField(blank=True)  # the last name compared
    objects_seen = models.BigIntegerField(default=0)
    young = models.BigIntegerField(default=0)
    orphans = models.BigIntegerField(default=0)
    orphan_bytes = models.BigIntegerField(default=0)
    unknown = models.BigIntegerField(default=0)
    missing = models.BigIntegerField(default=0)
    samples = models.JSONField(default=dict)  # a few names of unknown and missing
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    objects = ScanQuerySet.as_manager()

    class Meta:
        constraints = [
            # One at a time; also what finds the one to go on with.
            models.UniqueConstraint(
                fields=["storage"], condition=Q(finished_at=None), name="scan_one_unfinished"
            ),
        ]
        indexes = [
            # Read by ScanQuerySet.newest().
            models.Index(fields=["storage", "-id"], name="scan_of_storage"),
        ]

    def __str__(self) -> str:
        return f"scan {self.pk} of {self.storage}"


class SightingQuerySet(models.QuerySet["Sighting"]):
    def unsure(self) -> Self:
        """Those that another scan has to see again."""
        return self.filter(Q(scans__lt=2) | Q(last_seen__lt=F("first_seen") + APART))


class Sighting(models.Model):
    """An orphan as scans saw it; a change of the object begins its time anew."""

    storage = models.CharField(max_length=32)
    name = models.CharField(max_length=255)
    size = models.BigIntegerField()  # bytes
    modified = models.DateTimeField()  # the later of the object's clocks
    first_seen = models.DateTimeField(db_default=Now())
    last_seen = models.DateTimeField(db_default=Now())
    scans = models.PositiveIntegerField(default=1)
    scan_id = models.BigIntegerField()  # the last that saw it

    objects = SightingQuerySet.as_manager()

    class Meta:
        constraints = [
            # Also what a scan finds the former sightings of a page by.
            models.UniqueConstraint(fields=["storage", "name"], name="sighting_once_per_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_sure(self) -> bool:
        """Whether two scans far enough apart saw it."""
        return self.scans >= 2 and self.last_seen - self.first_seen >= APART

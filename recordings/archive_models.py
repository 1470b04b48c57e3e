"""What is in the archive: recordings that left the library whole, and their files.

Nothing here points at users or recordings: what is archived outlives both. The bytes are files of
the ledger that nobody is charged for; whose they were is said here.
"""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import CASCADE, PROTECT, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from recordings.ledger.models import Hold, StoredFile
from recordings.ledger.names import Kind


class ArchivedRecordingQuerySet(models.QuerySet["ArchivedRecording"]):
    def archived(self) -> Self:
        """Those that have left the library."""
        return self.filter(archived_at__isnull=False)

    def copies(self) -> Self:
        """Whole copies of recordings that are in the library still."""
        return self.filter(archived_at=None)

    def not_held(self) -> Self:
        holds = Hold.objects.active()
        return self.filter(
            ~Exists(holds.filter(owner_id=OuterRef("owner_id"))),
            ~Exists(holds.filter(recording_id=OuterRef("recording_id"))),
        )

    def restoring(self) -> Self:
        """Those that somebody wants back and that are not back yet."""
        return self.filter(restore_asked_at__isnull=False)


class ArchivedRecording(models.Model):
    """A whole copy of a recording, from the moment it is verified.

    copy (`archived_at` empty) -> archived, in the transaction that erases the recording, which is
    also when what the rows said is written down -> the row is dropped, once restored or let go.
    """

    recording_id = models.BigIntegerField()
    owner_id = models.BigIntegerField()
    owner_name = models.CharField(max_length=150)
    title = models.CharField(max_length=300)
    size = models.BigIntegerField()  # bytes of all files
    # Of the recording's row; under `rows` the model and columns of rows that show no file of it.
    columns = models.JSONField(default=dict)
    labels = models.JSONField(default=list)  # names
    copied_at = models.DateTimeField(db_default=Now())
    archived_at = models.DateTimeField(null=True)
    archived_by = models.CharField(max_length=200, blank=True)  # policy and version
    # Asked back -> claimed by a worker -> the row is dropped, or `restore_error` says why it stays.
    restore_asked_at = models.DateTimeField(null=True)
    restore_asked_by = models.CharField(max_length=150, blank=True)
    restore_claim = models.UUIDField(null=True)
    restore_claimed_by = models.CharField(max_length=255, blank=True)  # leases.holder()
    restore_until = models.DateTimeField(null=True)  # end of the worker's lease
    restored_bytes = models.BigIntegerField(default=0)  # so far, of `size`
    restore_error = models.TextField(blank=True)

    objects = ArchivedRecordingQuerySet.as_manager()

    class Meta:
        verbose_name = "archived recording"
        verbose_name_plural = "archived recordings"
        constraints = [
            # Of two that copy the same recording at once, one is late.
            models.UniqueConstraint(
                fields=["recording_id"], condition=Q(archived_at=None), name="archive_one_copy"
            ),
            # A recording is erased only together with what its rows said.
            models.CheckConstraint(
                condition=Q(archived_at=None) | ~Q(columns={}), name="archive_knows_its_columns"
            ),
        ]
        indexes = [
            # Holds and restoring ask for a recording by its id.
            models.Index(fields=["recording_id"], name="archive_recording"),
            # Closing an account asks for all that is the owner's.
            models.Index(fields=["owner_id", "id"], name="archive_owner"),
            # Read by restoring.waiting() on every tick.
            models.Index(
                fields=["restore_asked_at", "id"],
                condition=Q(restore_asked_at__isnull=False),
                name="archive_restoring",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def holds(self) -> QuerySet[Hold]:
        """The holds in force on the recording it was, or on its owner."""
        return Hold.objects.active().covering(
            owner_ids=[self.owner_id], recording_ids=[self.recording_id]
        )


class ArchivedFile(models.Model):
    """One file of an archived recording. Deleting the row releases the bytes."""

    archived = models.ForeignKey(ArchivedRecording, on_delete=CASCADE, related_name="files")
    stored = models.OneToOneField(StoredFile, on_delete=PROTECT, related_name="archived_file")
    source_id = models.BigIntegerField()  # of the StoredFile it was copied from
    kind = models.CharField(max_length=16, choices=Kind)
    former_name = models.CharField(max_length=255)
    # The row that showed it in the library: its model and what its columns said.
    model = models.CharField(max_length=100, blank=True)
    columns = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["archived", "source_id"], name="archive_file_once"),
        ]

    def __str__(self) -> str:
        return self.former_name

"""Uploads that come over several requests, one row each, from their creation to their end."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import CASCADE, SET_NULL, F, Q
from django.db.models.functions import Now

from recordings.ledger.models import Reservation


class ResumableUpload(models.Model):
    """One file on its way in, at rest between the requests that bring it.

    waiting for its first bytes -> coming in (a StoredFile in state `writing` with no lease of a
    process) -> finished; or gone with its recording, which exists from the beginning and is
    `uploading` until then. Whoever writes holds `claim`, and repeats it in every change.
    """

    token = models.CharField(max_length=43, unique=True)  # in its address; cannot be guessed
    recording = models.OneToOneField(
        "recordings.Recording", on_delete=CASCADE, related_name="upload"
    )
    length = models.BigIntegerField()  # bytes of the whole file
    offset = models.BigIntegerField(default=0)  # bytes that are safe
    head = models.BinaryField(default=bytes)  # the first ones, until they say what the file is
    crc = models.BigIntegerField(default=0)  # CRC-32 of what came in, compared in place at the end
    writer: models.JSONField[Any, Any] = models.JSONField(default=dict)  # what storage goes on from
    details: models.JSONField[Any, Any] = models.JSONField(default=dict)  # `process`, `metadata`
    reservation = models.ForeignKey(
        Reservation, on_delete=SET_NULL, null=True, related_name="+"
    )  # the room for the file and its processing
    claim = models.UUIDField(null=True)
    claimed_by = models.CharField(max_length=255, blank=True)  # leases.holder()
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    touched_at = models.DateTimeField(db_default=Now())  # when bytes last came
    expires_at = models.DateTimeField()  # stamped then: the promise made to the client
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(offset__gte=0, offset__lte=F("length")),
                name="resumable_upload_offset_within_length",
            ),
        ]
        indexes = [
            # Read by recover() on every tick; finished uploads, the many, are not in it.
            models.Index(
                fields=["expires_at"], condition=Q(finished_at=None), name="resumable_upload_open"
            ),
        ]

    def __str__(self) -> str:
        return f"upload of recording {self.recording_id}: {self.offset} of {self.length} bytes"

"""Editing sessions: captions and their style, being worked on beside the player."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import CASCADE, SET_NULL
from django.db.models.functions import Now

from recordings.spans import same_cut


class EditingSession(models.Model):
    """Captions of one recording in the hands of an editor, kept with every change.

    Gone once they are rendered, when its owner ends it, or when nobody went on with it. Every
    change repeats `revision`, so two tabs cannot overwrite each other unseen.
    """

    recording = models.ForeignKey(
        "recordings.Recording", on_delete=CASCADE, related_name="sessions"
    )
    captions: models.JSONField[Any, Any] = models.JSONField(default=list)  # [{start, end, text}]
    style: models.JSONField[Any, Any] = models.JSONField(default=dict)  # see style.Style
    revision = models.PositiveIntegerField(default=1)
    cut_length = models.FloatField(null=True)  # seconds of the rendition that it was begun on
    changed = models.BooleanField(default=False)  # the captions, since the session began
    # The sound of the recording, extracted for the waveform. No constraint, so that files of a
    # recording can be deleted as a set; a session without it makes another.
    audio = models.OneToOneField(
        "recordings.RecordingFile",
        on_delete=SET_NULL,
        null=True,
        related_name="session",
        db_constraint=False,
    )
    # Who is making that sound now.
    claim = models.UUIDField(null=True)
    claimed_by = models.CharField(max_length=255, blank=True)  # leases.holder()
    lease_until = models.DateTimeField(null=True)
    audio_error = models.TextField(blank=True)  # why there is none, for the owner
    used_until = models.DateTimeField(null=True)  # an open editor renews this
    created_at = models.DateTimeField(db_default=Now())
    written_at = models.DateTimeField(db_default=Now())  # when its captions last changed
    touched_at = models.DateTimeField(db_default=Now())  # when it last changed or was in use

    class Meta:
        indexes = [
            # Read by the sweep of idle sessions.
            models.Index(fields=["touched_at", "id"], name="editing_session_touched"),
        ]

    @property
    def is_of_another_cut(self) -> bool:
        """Whether the recording was cut anew since, so that the times here are wrong for it."""
        before, now = self.cut_length, self.recording.duration
        return before is not None and now is not None and not same_cut(before, now)

    def __str__(self) -> str:
        return f"session {self.pk} of recording {self.recording_id}"

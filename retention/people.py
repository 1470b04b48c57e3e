"""What owners ask and are told: requests to keep, and the notices that went out.

Plain ids, since both outlive the recordings and users that they are about.
"""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from recordings.models import TITLE_LENGTH, Recording


class KeepRequestQuerySet(models.QuerySet["KeepRequest"]):
    def open(self) -> Self:
        return self.filter(state=KeepRequest.State.OPEN)

    def without_recording(self) -> Self:
        """Requests about what is gone for ever."""
        return self.filter(~Exists(Recording.objects.filter(pk=OuterRef("recording_id"))))


class KeepRequest(models.Model):
    """An owner's wish that a recording stays, and what an administrator made of it.

    open -> granted | declined by an administrator, withdrawn by its owner, gone with the recording.
    Granted without `granted_until` means marked to be kept; with it, that no policy removes the
    recording before.
    """

    class State(models.TextChoices):
        OPEN = "open", _("open")
        GRANTED = "granted", _("granted")
        DECLINED = "declined", _("declined")
        WITHDRAWN = "withdrawn", _("withdrawn")
        GONE = "gone", _("the recording is gone")

    recording_id = models.BigIntegerField()
    title = models.CharField(max_length=TITLE_LENGTH)  # of the recording, as it was then
    owner_id = models.BigIntegerField()
    asked_by = models.CharField(max_length=150)
    asked_at = models.DateTimeField(db_default=Now())
    reason = models.CharField(_("reason"), max_length=500)
    until = models.DateTimeField(null=True)  # asked for; null: for good
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    granted_until = models.DateTimeField(null=True)
    answer = models.CharField(_("answer"), max_length=500, blank=True)
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True)

    objects = KeepRequestQuerySet.as_manager()

    class Meta:
        verbose_name = _("request to keep")
        verbose_name_plural = _("requests to keep")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["recording_id"], condition=Q(state="open"), name="keep_request_one_open"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="keep_request_has_a_reason"),
            models.CheckConstraint(
                condition=Q(state="open", decided_at=None)
                | ~Q(state="open") & Q(decided_at__isnull=False),
                name="keep_request_decided_or_open",
            ),
        ]
        indexes = [
            # Administrators' lists by state, newest first.
            models.Index(fields=["state", "-id"], name="keep_request_state"),
            # The newest one of a recording, on its page.
            models.Index(fields=["recording_id", "-id"], name="keep_request_recording"),
            # An owner's, on his account page.
            models.Index(fields=["owner_id", "-id"], name="keep_request_owner"),
        ]

    def __str__(self) -> str:
        return f"request {self.pk} to keep “{self.title}”"

    @property
    def is_open(self) -> bool:
        return self.state == self.State.OPEN

    def close(
        self, state: State, *, by: str, answer: str = "", granted_until: datetime | None = None
    ) -> bool:
        """Answer the request; False when somebody did before."""
        mine = KeepRequest.objects.open().filter(pk=self.pk)
        closed = mine.update(
            state=state,
            answer=answer,
            granted_until=granted_until,
            decided_by=by,
            decided_at=Now(),
        )
        self.refresh_from_db()
        return bool(closed)


class Correspondent(models.Model):
    """Whether an owner wants mail, and the day his recordings were last looked through for it."""

    owner_id = models.BigIntegerField(primary_key=True)
    wants_mail = models.BooleanField(default=True)
    looked_on = models.DateField(null=True)

    def __str__(self) -> str:
        return f"mail to owner {self.owner_id}"


class NoticeSent(models.Model):
    """That an owner was told, so many days ahead, when a policy removes a recording.

    `due_at` is when the rules let it go, `leaves_at` the run of the policy that was promised. Kept
    until the promise is long past.
    """

    recording_id = models.BigIntegerField()
    policy_id = models.BigIntegerField()
    horizon = models.PositiveSmallIntegerField()  # days
    due_at = models.DateTimeField()
    leaves_at = models.DateTimeField()
    sent_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            # Each notice once; also the index that finds those of a batch of recordings.
            models.UniqueConstraint(
                fields=["recording_id", "policy_id", "horizon", "leaves_at"], name="notice_once"
            ),
        ]
        indexes = [
            # Read by notices.forget().
            models.Index(fields=["sent_at"], name="notice_sent_at"),
        ]

    def __str__(self) -> str:
        return f"{self.horizon} days before recording {self.recording_id} leaves"

"""The words that policies, runs and their items are made of."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Clock(models.TextChoices):
    """What an age is counted from."""

    UPLOADED = "uploaded", _("upload")
    RECORDED = "recorded", _("recording date")
    PROCESSED = "processed", _("end of processing")
    WATCHED = "watched", _("last time watched")
    TRASHED = "trashed", _("move to the trash")
    MODIFIED = "modified", _("last change")
    EXPIRE_AT = "expire_at", _("date set on the recording")


class Action(models.TextChoices):
    REPORT = "report", _("report only")
    TRASH = "trash", _("move to the trash")
    DELETE = "delete", _("delete for ever")
    ARCHIVE = "archive", _("archive, then delete")


class Rule(models.TextChoices):
    """The ways a policy can choose; each target knows some of them."""

    AGE = "age", _("age")
    KEEP_NEWEST = "keep_newest", _("keep the newest")
    TOTAL_SIZE = "max_total_bytes", _("total size")
    DISK = "disk", _("disk pressure")


class Mode(models.TextChoices):
    PLAN = "plan", _("preview")
    EXECUTE = "execute", _("run")


class State(models.TextChoices):
    QUEUED = "queued", _("queued")
    RUNNING = "running", _("running")
    PLANNED = "planned", _("planned")
    WAITING = "waiting", _("waits for approval")
    SUCCEEDED = "succeeded", _("succeeded")
    PARTIAL = "partial", _("done in part")
    REFUSED = "refused", _("refused")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")
    UNDOING = "undoing", _("being undone")
    UNDONE = "undone", _("undone")


class Outcome(models.TextChoices):
    WOULD = "would", _("would go")
    DELETED = "deleted", _("deleted")
    TRASHED = "trashed", _("moved to the trash")
    SKIPPED = "skipped", _("skipped")
    FAILED = "failed", _("failed")

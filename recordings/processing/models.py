"""Jobs and source rules."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import CASCADE, SET_NULL, Q
from django.db.models.functions import Now
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from recordings.ledger.models import Reservation
from recordings.querysets import JobQuerySet
from recordings.spans import LONGEST_SECONDS, period


class Job(models.Model):
    """Work on one recording: claimed by token, alive by heartbeat, ended once.

    queued -> running -> succeeded | failed | cancelled; running -> queued again when its worker
    died or stopped and attempts are left. Every change repeats `claim` in its WHERE.
    """

    class Kind(models.TextChoices):
        PROCESS = "process", _("processing")
        IMPORT = "import", _("import")
        RENDER = "render", _("rendering")

    class State(models.TextChoices):
        QUEUED = "queued", _("waiting")
        RUNNING = "running", _("running")
        SUCCEEDED = "succeeded", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    OPEN: ClassVar[tuple[str, ...]] = (State.QUEUED, State.RUNNING)

    kind = models.CharField(max_length=8, choices=Kind, default=Kind.PROCESS)
    recording = models.ForeignKey(
        "recordings.Recording", on_delete=CASCADE, null=True, related_name="jobs"
    )
    owner_id = models.BigIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    step = models.CharField(max_length=32, blank=True)
    progress = models.PositiveSmallIntegerField(default=0)  # percent
    received = models.BigIntegerField(null=True)  # bytes that an import has brought so far
    error = models.TextField(blank=True)  # for the owner
    log = models.TextField(blank=True)  # for administrators
    site_fault = models.BooleanField(default=False)  # the site's failure starts no deletion clock
    first = models.BooleanField(default=True)  # no rendition stood before it
    former_state = models.CharField(max_length=12, blank=True)  # returns when it is cancelled
    options = models.JSONField(default=dict)
    reservation = models.ForeignKey(Reservation, on_delete=SET_NULL, null=True, related_name="+")
    attempts = models.PositiveSmallIntegerField(default=0)
    claim = models.UUIDField(null=True)
    claimed_by = models.CharField(max_length=255, blank=True)  # leases.holder()
    lease_until = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    not_before = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["recording"],
                condition=Q(state__in=("queued", "running")),
                name="job_one_open_per_recording",
            ),
            models.CheckConstraint(condition=Q(progress__lte=100), name="job_progress_percent"),
        ]
        indexes = [
            # The tick: what waits, and what has lost its worker.
            models.Index(
                fields=["state", "not_before"],
                condition=Q(state__in=("queued", "running")),
                name="job_open",
            ),
            # The jobs policy.
            models.Index(
                fields=["finished_at", "id"],
                condition=Q(finished_at__isnull=False),
                name="job_finished",
            ),
            # An owner's imports: the page's list, and how many are open.
            models.Index(
                fields=["owner_id", "-id"], condition=Q(kind="import"), name="job_imports"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}: {self.state}"

    def request_cancel(self) -> bool:
        """Ask a waiting or running job to stop; False when it has ended."""
        mine = Job.objects.open().filter(pk=self.pk)
        return bool(mine.update(cancel_requested_at=Now()))


class SourceRule(models.Model):
    """What happens to the original when processing ends one way or another.

    Shipped: succeeded -> at once, but after 7 days when trimming took more than 30 s or 5 %;
    cancelled -> at once, for a first processing only; failed -> after 24 h.
    """

    class Event(models.TextChoices):
        SUCCEEDED = "processing_succeeded", _("processing succeeded")
        CANCELLED = "processing_cancelled", _("processing was cancelled")
        FAILED = "processing_failed", _("processing failed")

    class Action(models.TextChoices):
        KEEP = "keep", _("keep the original")
        DELETE = "delete", _("delete the original at once")
        DELAY = "delay", _("delete the original after a delay")

    REASON: ClassVar[str] = "source rule "  # what rows give as the reason, before the event

    event = models.CharField(max_length=24, choices=Event, unique=True)
    action = models.CharField(max_length=8, choices=Action)
    delay = models.DurationField(
        default=timedelta(0), help_text=_("Counted from the end of processing.")
    )
    # A long cut may have been a mistake, so the original waits.
    cut_seconds = models.FloatField(
        null=True, blank=True, help_text=_("When trimming removed more seconds than this…")
    )
    cut_percent = models.FloatField(
        null=True, blank=True, help_text=_("…or more percent than this…")
    )
    cut_delay = models.DurationField(
        default=timedelta(days=7), help_text=_("…the original stays for this long instead.")
    )
    enabled = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(delay__gte=timedelta(0), cut_delay__gte=timedelta(0)),
                name="source_rule_delay_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_event_display()}: {self.get_action_display()}"

    def clean(self) -> None:
        """Raise ValidationError where a rule waits for nothing, or for a cut that cannot be."""
        wrong = {}
        if self.action == self.Action.DELAY and not self.delay:
            wrong["delay"] = _(
                "Say how long it stays, such as 7 days, or let the original go at once."
            )
        if not 0 <= (self.cut_seconds or 0) <= LONGEST_SECONDS:
            wrong["cut_seconds"] = _("Give seconds from 0 to 360000.")
        if not 0 <= (self.cut_percent or 0) <= 100:
            wrong["cut_percent"] = _("Give a share from 0 to 100 percent.")
        if wrong:
            raise ValidationError(wrong)

    @property
    def removes(self) -> bool:
        """Whether it takes originals at all."""
        return self.enabled and self.action != self.Action.KEEP

    @property
    def when(self) -> str:
        """Say when it takes an original, counted from the end of processing."""
        return f"{_in_words(self._delay)} later" if self._delay else str(_("at once"))

    @property
    def _delay(self) -> timedelta:
        return self.delay if self.action == self.Action.DELAY else timedelta(0)

    @property
    def sentence(self) -> str:
        """Tell an owner beforehand what becomes of an original; empty when it stays."""
        if not self.removes:
            return ""
        words = {"when": self.when, "stays": self._stays_longer(self._delay)}
        if self.event == self.Event.CANCELLED:
            return _("When it is cancelled, the original file is removed %(when)s.") % words
        if self.event == self.Event.FAILED:
            return _("When processing fails, the original file is removed %(when)s.") % words
        return (
            _(
                "After processing, the original file is removed %(when)s and the trimmed version "
                "stays%(stays)s."
            )
            % words
        )

    @property
    def effect(self) -> str:
        """Tell an administrator what the rule does, also where it leaves originals alone."""
        event = capfirst(self.get_event_display())
        return self.sentence or _("%(event)s: the original file stays.") % {"event": event}

    def _stays_longer(self, delay: timedelta) -> str:
        marks = [] if self.cut_seconds is None else [f"{self.cut_seconds:g} s"]
        marks += [] if self.cut_percent is None else [f"{self.cut_percent:g} %"]
        if not marks or self.cut_delay <= delay:
            return ""
        return _("; the original stays for %(span)s when more than %(cut)s were cut off") % {
            "span": _in_words(self.cut_delay),
            "cut": _(" or ").join(marks),
        }

    def wait(self, *, duration: float, removed: float) -> timedelta | None:
        """Return how long the original stays; None is for ever. Seconds in, before trimming."""
        if not self.removes:
            return None
        cut = self.cut_seconds is not None and removed > self.cut_seconds
        share = self.cut_percent is not None and removed * 100 > self.cut_percent * duration
        return max(self._delay, self.cut_delay) if cut or share else self._delay


def event_of(because: str) -> str:
    """Name the event of the source rule that a row gives as the reason; others stay as they are."""
    event = because.removeprefix(SourceRule.REASON)
    return str(dict(SourceRule.Event.choices).get(event, because))


def rule_in_words(because: str) -> str:
    """Name a source rule as its page does, where a row says it as logs do."""
    event = event_of(because)
    return because if event == because else f"the source rule “{event}”"


def _in_words(span: timedelta) -> str:
    return period(int(span.total_seconds()))

"""What the site remembers of its own state: figures, the marks of health, and standing alerts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar, Final

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

LONGEST: Final = 3650  # days
LARGEST: Final = 2**62  # bytes


class Figure(models.Model):
    """A number that is dear to count or known to one process only, and when it was taken.

    Heartbeats are figures too: their moment is all they say.
    """

    name = models.CharField(max_length=64)
    label = models.CharField(max_length=128, blank=True)
    value = models.BigIntegerField(default=0)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "label"], name="figure_once_per_label"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.label}".rstrip()

    @classmethod
    def note(cls, name: str, label: str = "", value: int = 0) -> None:
        """Set a figure and stamp it by the database's clock."""
        cls._write(name, label, value=value)

    @classmethod
    def add(cls, name: str, label: str, number: int) -> None:
        """Count on."""
        if number:
            cls._write(name, label, value=F("value") + number)

    @classmethod
    def _write(cls, name: str, label: str, *, value: object) -> None:
        rows = cls.objects.filter(name=name, label=label)
        if not rows.update(value=value, at=Now()):
            Figure.objects.bulk_create([Figure(name=name, label=label)], ignore_conflicts=True)
            rows.update(value=value, at=Now())

    @classmethod
    def age(cls, name: str, label: str = "") -> timedelta | None:
        """Return how long ago a figure was taken; None when it never was."""
        rows = cls.objects.filter(name=name, label=label).annotate(now=Now())
        found: tuple[datetime, datetime] | None = rows.values_list("now", "at").first()
        return None if found is None else found[0] - found[1]


class HealthThresholds(models.Model):
    """The one row that says from where on the site calls itself unwell."""

    ROW: ClassVar[int] = 1

    silent_days = models.PositiveIntegerField(
        _("policy silent for, days"),
        default=7,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST)],
        help_text=_("Or for three of its periods, if that is longer."),
    )
    cleanup_days = models.PositiveIntegerField(
        _("no run of any policy for, days"),
        default=7,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST)],
    )
    scratch_bytes = models.BigIntegerField(
        _("scratch over, bytes"),
        default=1024**3,
        validators=[MinValueValidator(0), MaxValueValidator(LARGEST)],
    )
    log_bytes = models.BigIntegerField(
        _("logs over, bytes"),
        default=500 * 1024**2,
        validators=[MinValueValidator(0), MaxValueValidator(LARGEST)],
    )
    purge_hours = models.PositiveIntegerField(
        _("released bytes still there after, hours"),
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST * 24)],
    )
    free_bytes = models.BigIntegerField(
        _("free disk under, bytes"),
        default=1024**3,
        validators=[MinValueValidator(0), MaxValueValidator(LARGEST)],
    )
    beat_seconds = models.PositiveIntegerField(
        _("scheduler silent for, seconds"),
        default=60,
        validators=[MinValueValidator(20), MaxValueValidator(LONGEST)],
    )
    worker_seconds = models.PositiveIntegerField(
        _("upkeep worker silent for, seconds"),
        default=300,
        validators=[MinValueValidator(20), MaxValueValidator(86_400)],
    )

    class Meta:
        verbose_name = _("threshold of health")
        verbose_name_plural = _("thresholds of health")
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="thresholds_are_one_row")]

    def __str__(self) -> str:
        return "thresholds of health"

    @classmethod
    def current(cls) -> HealthThresholds:
        return cls.objects.get_or_create(pk=cls.ROW)[0]


class HealthAlert(models.Model):
    """How a check stood at the last look, so that a turn is told once.

    Whoever moves `status` by a conditional UPDATE tells; `turns` numbers what was told.
    """

    name = models.CharField(max_length=64, primary_key=True)
    status = models.CharField(max_length=8, default="ok")
    since = models.DateTimeField(db_default=Now())
    turns = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} is {self.status}"

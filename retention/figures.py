"""Figures of the whole site, taken once a day, so that no page has to count a million rows."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class StorageSnapshot(models.Model):
    """How much of one kind of file was stored on a day; an empty kind is all of them together."""

    day = models.DateField()
    kind = models.CharField(max_length=16, blank=True)
    files = models.BigIntegerField()
    bytes = models.BigIntegerField()
    taken_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            # Also the index of the dashboard's months.
            models.UniqueConstraint(fields=["day", "kind"], name="snapshot_once_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.kind or 'all'} on {self.day}"


class Forecast(models.Model):
    """What one policy will have removed on a coming day, as it was foreseen on another."""

    foreseen_on = models.DateField()
    day = models.DateField()
    policy_slug = models.CharField(max_length=80)
    items = models.BigIntegerField()
    bytes = models.BigIntegerField()

    class Meta:
        constraints = [
            # Also the index of the dashboard.
            models.UniqueConstraint(
                fields=["foreseen_on", "day", "policy_slug"], name="forecast_once_a_day"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.policy_slug} on {self.day}"

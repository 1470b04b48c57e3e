"""The switch that pauses all scheduled policies at once."""

from __future__ import annotations

from datetime import UTC
from typing import ClassVar

from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Now


class RetentionSwitch(models.Model):
    """The one row that says whether scheduled policies are paused. Manual runs go on."""

    ROW: ClassVar[int] = 1

    paused_at = models.DateTimeField(null=True)
    paused_by = models.CharField(max_length=150, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="switch_is_one_row")]

    def __str__(self) -> str:
        return "paused" if self.paused_at else "on"

    @classmethod
    def current(cls) -> RetentionSwitch:
        return cls.objects.get_or_create(pk=cls.ROW)[0]

    @classmethod
    def paused(cls) -> RetentionSwitch | None:
        """Return the row while it pauses them, without writing one."""
        return cls.objects.filter(paused_at__isnull=False).first()

    @property
    def sentence(self) -> str:
        """Say since when they are paused, and by whom if that is known."""
        since = f"{self.paused_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if self.paused_at else ""
        by = f", by {self.paused_by}" if self.paused_by else ""
        return f"All scheduled policies have been paused since {since}{by}."

    @classmethod
    def turn(cls, *, on: bool, by: str) -> bool:
        """Resume or pause all scheduled policies; False when it stood that way already."""
        from retention.models import RetentionPolicy, sync_after_commit

        cls.current()
        rows = cls.objects.filter(pk=cls.ROW, paused_at__isnull=on is False)
        with transaction.atomic():
            changed = rows.update(paused_at=None if on else Now(), paused_by="" if on else by)
            if changed:
                sync_after_commit(RetentionPolicy.objects.values_list("pk", flat=True))
        return bool(changed)

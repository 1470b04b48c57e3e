"""The database's clock, the one that deadlines and leases are measured by."""

from __future__ import annotations

from datetime import datetime

from django.db.models.functions import Now

from retention.models import RetentionSwitch


def database_now() -> datetime:
    """Return the moment by the database, aware and in UTC."""
    row = RetentionSwitch.objects.annotate(at=Now()).filter(pk=RetentionSwitch.current().pk)
    return row.values_list("at", flat=True).get()

"""management/commands/sync_schedules.py: an adapter; the work is in retention.schedule."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from retention.schedule import sync_all


class Command(BaseCommand):
    help = "Make celery beat's periodic tasks what the policies say."

    def handle(self, *args: Any, **options: Any) -> str:
        return f"Policies that run by themselves: {sync_all()}."

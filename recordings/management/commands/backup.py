"""An adapter; the work is in recordings.backup."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat

from recordings import backup


class Command(BaseCommand):
    help = "Write a checked copy of the database into DATA_DIR/backups and keep the newest few."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            path = backup.make()
        except backup.BackupFailed as failure:
            raise CommandError(str(failure)) from failure
        size = filesizeformat(path.stat().st_size)
        self.stdout.write(f"{path} ({size}); the newest {settings.BACKUPS_KEPT} are kept.")

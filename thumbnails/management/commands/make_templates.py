"""An adapter; the rule lives in thumbnails.gallery."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from recordings.ledger.exceptions import LedgerError
from thumbnails.gallery import ensure


class Command(BaseCommand):
    help = "Draw and store the templates of thumbnails that were never there; bin/up does it, too."

    def handle(self, *args: Any, **options: Any) -> str:
        try:
            made = ensure()
        except LedgerError as error:
            raise CommandError(f"The templates could not be stored. {error}") from error
        return f"{made} templates were drawn." if made else "All templates are there."

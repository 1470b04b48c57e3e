"""An adapter; the rule lives in recordings.ledger.identity."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from recordings.ledger import identity
from recordings.ledger.exceptions import LedgerError


class Command(BaseCommand):
    help = "Bind this database and the storage to each other anew, when scans refuse to run."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--confirm", action="store_true", help="Do it; without, say what would be done."
        )
        parser.add_argument(
            "--storage", default=settings.MEDIA_STORAGE, help="Its alias; the one of new files."
        )

    def handle(self, *args: Any, **options: Any) -> str:
        alias = options["storage"]
        try:
            if not options["confirm"]:
                return self.explain(alias)
            bond = identity.adopt(alias)
        except LedgerError as error:
            raise CommandError(f"The storage was not adopted. {error}") from error
        return f"The storage {alias} belongs to this database now, as {bond.identity}."

    def explain(self, alias: str) -> str:
        why = identity.refusal(alias) or f"The storage {alias} and this database belong together."
        return (
            f"{why}\nNothing was changed. With --confirm the storage gets a new identity that only "
            "this database knows. From then on every file in it that this database does not know "
            "counts as an orphan: after two scans a day apart it goes to quarantine, and from "
            "there away. Confirm only when this database is the right and latest one."
        )

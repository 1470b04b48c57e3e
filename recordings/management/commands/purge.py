"""An adapter; the rule lives in recordings.ledger.purge."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat

from recordings.ledger import clock, receipts
from recordings.ledger.purge import purge, unpark


class Command(BaseCommand):
    help = "Remove the bytes of all that was let go, parked files too, and seal the receipts."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print the report as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        if doubt := clock.look():
            raise CommandError(doubt)
        unpark()
        report = purge(patience=60)
        receipts.seal()
        freed = filesizeformat(report.bytes_freed)
        words = f"{report.deleted} deleted, {report.failed} failed, {freed} freed"
        self.stdout.write(json.dumps(asdict(report)) if options["json"] else words)
        if report.failed:
            raise CommandError(
                f"{report.failed} files could not be removed and are tried again later; "
                "the maintenance log says why."
            )

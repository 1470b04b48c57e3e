"""An adapter; the rule lives in recordings.ledger.clock."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from recordings.ledger import clock


class Command(BaseCommand):
    help = "Say whether the clock that deadlines go by is in doubt; with --confirm, go on with it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--confirm", action="store_true", help="The clock is right now: purge and sweep again."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        doubt = clock.look()
        if not doubt:
            self.stdout.write("The clock is believed.")
        elif not options["confirm"]:
            self.stdout.write(f"{doubt} Set it right, then confirm it with --confirm.")
        else:
            clock.confirm(by="command confirm_clock")
            self.stdout.write("The clock is believed from now on; purging and sweeping go on.")

"""management/commands/sweep.py: an adapter; the work is in retention.sweep."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rest_framework.utils.encoders import JSONEncoder

from retention import runs, sweep, words
from retention.api.serializers import RunSerializer
from retention.choices import Mode, State
from retention.exceptions import RetentionError
from retention.models import RetentionPolicy, RetentionRun


class Command(BaseCommand):
    help = "Say what a policy would remove now; with --apply, remove it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="The policy.")
        parser.add_argument("--apply", action="store_true", help="Remove instead of planning.")
        parser.add_argument("--json", action="store_true", help="Print the run as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        policy = RetentionPolicy.objects.filter(slug=options["slug"]).first()
        if policy is None:
            known = ", ".join(RetentionPolicy.objects.values_list("slug", flat=True))
            raise CommandError(f"There is no policy {options['slug']}: choose one of {known}.")
        run = carry_out(policy, Mode.EXECUTE if options["apply"] else Mode.PLAN)
        if options["json"]:
            self.stdout.write(json.dumps(RunSerializer(run).data, cls=JSONEncoder))
        else:
            self.tell(run)
        if run.is_bad:
            raise SystemExit(1)

    def tell(self, run: RetentionRun) -> None:
        if run.mode == Mode.PLAN and run.state == State.PLANNED:
            for item in run.items.order_by("pk").iterator(chunk_size=2000):
                self.stdout.write(f"{item.outcome}  {item.name}  {item.size} bytes  {item.detail}")
            found = words.going(run)
            self.stdout.write(f"{run.policy_slug}: {found}. Nothing was removed; --apply does it.")
            return
        done = f"{words.went(run)}, {run.skipped} skipped, {run.failed} failed{words.freed(run)}"
        self.stdout.write(f"{run.policy_slug}: {run.state}: {done}. {run.message}".strip())


def carry_out(policy: RetentionPolicy, mode: Mode) -> RetentionRun:
    """Do a run in this process. Raises CommandError."""
    try:
        run = runs.ask(policy, mode=mode, by="sweep command", ring_worker=False)
    except RetentionError as error:
        raise CommandError(str(error)) from error
    sweep.execute(run.pk)
    run.refresh_from_db()
    return run

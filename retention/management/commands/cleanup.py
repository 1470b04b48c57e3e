"""management/commands/cleanup.py: an adapter; the work is in retention.cleanup and .health."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from retention import alerts, cleanup, health, notify, words
from retention.screen import Screen

BY = "cleanup command"

ONLY = {
    "temp_only": ("temp", "scratch, uploads, editing sessions, final videos and managed folders"),
    "logs_only": ("logs", "logs that were rotated away"),
    "media_only": ("media", "orphans and superseded transcripts"),
    "db_only": ("db", "the database"),
    "sessions_only": ("sessions", "sign-ins that have lapsed"),
    "cache_only": ("cache", "the cache"),
}
AGGRESSIVE = (
    "This empties the cache too: the site is slower until it has filled again. Go on? [y/N] "
)


class Command(BaseCommand):
    help = (
        "Do the site's upkeep: all parts but the cache, or the one named. Recordings and the "
        "trash are left to their own policies. Exit 1 when something failed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        one = parser.add_mutually_exclusive_group()
        for flag, (_part, noun) in ONLY.items():
            one.add_argument(
                f"--{flag.replace('_', '-')}", action="store_true", help=f"Clean only {noun}."
            )
        one.add_argument(
            "--health-check",
            action="store_true",
            help="Only say how the site is; exit 1 when that is critical.",
        )
        parser.add_argument("--aggressive", action="store_true", help="Empty the cache too.")
        parser.add_argument("--dry-run", action="store_true", help="Only say what would go.")
        parser.add_argument("--yes", action="store_true", help="Do not ask.")
        parser.add_argument("--json", action="store_true", help="Print the report as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["health_check"]:
            self.check_health(as_json=options["json"])
            return
        if options["aggressive"] and not options["dry_run"] and not options["yes"]:
            self.confirm()
        with Screen(self.stderr, by=BY) as screen:
            report = cleanup.clean(
                chosen(options), dry_run=options["dry_run"], by=BY, tell=screen.show
            )
        if options["json"]:
            self.stdout.write(json.dumps(as_json(report)))
        else:
            self.tell(report)
        if not report.ok:
            raise SystemExit(1)

    def check_health(self, *, as_json: bool) -> None:
        """Say how the site is, and have administrators told: with beat down nobody else would."""
        found = alerts.watch()
        if not health.beat_is_alive():
            notify.send_due()
        if as_json:
            self.stdout.write(json.dumps({"status": found.status, "checks": shown(found)}))
        else:
            self.stdout.write("\n".join(health.lines(found)))
        if found.status == health.CRITICAL:
            raise SystemExit(1)

    def confirm(self) -> None:
        """Raise CommandError unless a person says yes."""
        self.stderr.write(AGGRESSIVE, ending="")
        self.stderr.flush()
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise CommandError("Nothing was done. --yes does it without asking.")

    def tell(self, report: cleanup.Report) -> None:
        if report.dry_run:
            for slug, name, size in cleanup.going(report):
                self.stdout.write(f"would go  {slug}  {name}  {size} bytes")
        for part in report.parts:
            self.stdout.write(line(part, dry_run=report.dry_run))
            for note in part.notes:
                self.stdout.write(f"    {note}")
        if report.unpurged:
            self.stdout.write(f"{report.unpurged} files are still to be removed from storage.")
        if report.dry_run:
            self.stdout.write("Nothing was removed.")
        else:
            freed = words.megabytes(report.bytes_freed)
            self.stdout.write(f"{freed} freed in {report.seconds:.1f} s.")


def chosen(options: dict[str, Any]) -> list[cleanup.Part]:
    only = {part for flag, (part, _noun) in ONLY.items() if options[flag]}
    parts = [part for part in cleanup.PARTS if part.name in only] or list(cleanup.BARE)
    if options["aggressive"] and cleanup.CACHE not in parts:
        parts.append(cleanup.CACHE)
    return parts


def line(part: cleanup.PartReport, *, dry_run: bool) -> str:
    size = words.megabytes(part.bytes)
    if dry_run:
        would = part.matched - part.skipped
        return f"{part.part}: {would} would go ({size}), {part.skipped} skipped"
    counts = f"{part.deleted} deleted, {part.skipped} skipped, {part.failed} failed"
    return f"{part.part}: {counts}, {size} freed"


def as_json(report: cleanup.Report) -> dict[str, Any]:
    return {
        "ok": report.ok,
        "dry_run": report.dry_run,
        "parts": [asdict(part) for part in report.parts],
        "bytes_freed": report.bytes_freed,
        "seconds": round(report.seconds, 3),
    }


def shown(found: health.Health) -> list[dict[str, Any]]:
    return [asdict(check) for check in found.checks]

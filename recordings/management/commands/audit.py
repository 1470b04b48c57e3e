"""An adapter; the checks live in recordings.ledger.audit and in what adds to it."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from recordings.audit import audited
from recordings.ledger.audit import AuditReport, Check, audit
from recordings.ledger.exceptions import LedgerError
from recordings.spans import counted

PARTS: Final = re.compile(r"\d+|\D+")
MEANINGS: Final = {
    "I1": "accounts add up",
    "I1-templates": "shared pictures are in nobody's quota",
    "I2": "everything in storage has its row",
    "I3": "every file is in storage, and whole",
    "I6-jobs": "room is set aside for open jobs only",
    "I6-states": "what waits or is processed has its job",
    "I13": "nothing waits long to be purged",
    "I15": "the chain of receipts is whole",
    "I16": "every file belongs to something",
    "I16-thumbnails": "own pictures belong to the recordings they show",
}


class Command(BaseCommand):
    help = "Count everything again and say where the books are wrong; exit 1 when they are."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print the checks as JSON.")
        parser.add_argument("--hash", action="store_true", help="Read every stored file again.")
        parser.add_argument(
            "--repair", action="store_true", help="Correct accounts by what their files add up to."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = audit(hashes=options["hash"], repair=options["repair"])
        except LedgerError as error:
            raise CommandError(f"The audit could not be made. {error}") from error
        audited.send(type(self), report=report)
        self.stdout.write(as_json(report) if options["json"] else as_text(report))
        if not report.ok:
            broken = sum(not check.ok for check in report.checks)
            raise CommandError(f"{broken} of {len(report.checks)} checks failed.")


def as_json(report: AuditReport) -> str:
    checks = [
        {"id": check.id, "ok": check.ok, "count": check.count, "samples": check.samples}
        for check in report.checks
    ]
    return json.dumps({"ok": report.ok, "checks": checks})


def as_text(report: AuditReport) -> str:
    return "\n".join(line for check in sorted(report.checks, key=natural) for line in lines(check))


def natural(check: Check) -> list[tuple[int, str]]:
    """Put I2 before I13."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in PARTS.findall(check.id)]


def lines(check: Check) -> list[str]:
    name = f"{check.id} {MEANINGS.get(check.id, '')}".rstrip()
    found = "ok" if check.ok else f"{check.count} wrong"
    young = [f"{counted(check.young, 'file')} too young to judge"] if check.young else []
    return [f"{name}: {found}", *(f"    {said}" for said in [*check.samples, *young])]

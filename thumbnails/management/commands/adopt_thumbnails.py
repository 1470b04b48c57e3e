"""An adapter; the rule lives in thumbnails.adopt."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat

from recordings.ledger.exceptions import LedgerError
from recordings.ledger.wording import printable
from thumbnails.adopt import Found, compare


class Command(BaseCommand):
    help = (
        "Say which pictures in a folder of per-user copies are copies of templates, by their bytes "
        "or by their looks. Nothing is changed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="Looked through with all in it.")
        parser.add_argument("--json", action="store_true", help="Print the list as JSON.")

    def handle(self, *args: Any, **options: Any) -> str:
        folder: Path = options["folder"]
        if not folder.is_dir():
            raise CommandError(f"There is no folder {folder}.")
        try:
            found = list(compare(folder))
        except (LedgerError, OSError) as error:
            raise CommandError(f"The pictures could not be compared. {error}") from error
        if options["json"]:
            return json.dumps([asdict(one) for one in found])
        return "\n".join([*(line(one) for one in found), summary(found)])


def line(one: Found) -> str:
    return f"{one.how:<20} {one.template or '-':<20} {one.size:>12} {printable(one.name)}"


def summary(found: list[Found]) -> str:
    copies = [one for one in found if one.is_copy]
    spared = filesizeformat(sum(one.size for one in copies))
    return f"{len(copies)} of {len(found)} files are copies of templates: {spared} could be spared."

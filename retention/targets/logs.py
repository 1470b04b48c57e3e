"""Maintenance logs of former days."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial

from django.conf import settings

from recordings.ledger import unlink
from retention import rotation, words
from retention.choices import Action, Clock
from retention.decide import Facts
from retention.models import RetentionPolicy
from retention.targets import files
from retention.targets.base import Result, Target, Work


class Logs(Target):
    slug = "logs"
    noun = "maintenance logs"
    removes = (
        "Maintenance logs that were set aside, `maintenance.log.2026-11-20` and the like; never "
        "the one that is written to, and nothing else in that folder."
    )
    clocks = (Clock.MODIFIED,)
    actions = (Action.REPORT, Action.DELETE)
    in_database = False

    def candidates(self, policy: RetentionPolicy, at: datetime) -> Iterator[list[Facts]]:
        return files.batches(files.facts(found.name, found) for found in rotation.rotated())

    def remove(self, work: Work) -> Mapping[int | str, Result]:
        rotated = {found.name: found for found in rotation.rotated()}

        def look(key: str) -> tuple[Facts, Callable[[], bool]] | None:
            if (found := rotated.get(key)) is None:
                return None
            take = partial(
                unlink.remove_file, settings.LOG_ROOT, key, modified_ns=found.modified_ns
            )
            return files.facts(key, found), take

        return files.remove_each(work, look)

    def phrase(self, policy: RetentionPolicy, of: str) -> str:
        return words.aged(policy, "maintenance logs of former days")

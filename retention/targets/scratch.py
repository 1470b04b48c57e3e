"""What crashed jobs left in the scratch area of the local disk."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial

from recordings.processing import scratch
from retention import words
from retention.choices import Action, Clock
from retention.decide import Blocker, Facts
from retention.models import RetentionPolicy
from retention.targets import files
from retention.targets.base import Result, Target, Work


class Scratch(Target):
    slug = "scratch"
    noun = "scratch files"
    removes = (
        "Folders and files in users' scratch areas below SCRATCH_ROOT that no process has "
        "locked; never anything beside those areas, and never through a link."
    )
    spares = "except those in use"
    clocks = (Clock.MODIFIED,)
    actions = (Action.REPORT, Action.DELETE)
    in_database = False

    def candidates(self, policy: RetentionPolicy, at: datetime) -> Iterator[list[Facts]]:
        old = scratch.items(at.timestamp(), older_than=policy.rules().max_age)
        return files.batches(self.facts(item, at) for item in old)

    def facts(self, item: scratch.Item, at: datetime) -> Facts:
        parts = re.match(r"user_(\d+)/video/temp_processing/(?:(\d{1,18})_temp_)?", item.name)
        return Facts(
            name=files.shown(item.name),
            owner_id=int(parts[1]) if parts else None,
            recording_id=int(parts[2]) if parts and parts[2] else None,
            size=item.size,
            counted_from=at - item.age,
            blockers=(Blocker("A process is using it.", passing=True),) if item.live else (),
        )

    def remove(self, work: Work) -> Mapping[int | str, Result]:
        def look(key: str) -> tuple[Facts, Callable[[], bool]] | None:
            for name in files.meant(key):
                if item := scratch.look(name, work.at.timestamp()):
                    return self.facts(item, work.at), partial(scratch.remove, item)
            return None

        return files.remove_each(work, look)

    def phrase(self, policy: RetentionPolicy, of: str) -> str:
        return words.aged(policy, f"scratch files{of}")

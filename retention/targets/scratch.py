"""What crashed jobs left in the scratch area of the local disk."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from recordings.ledger.unlink import Refused
from recordings.processing import scratch
from retention import words
from retention.choices import Action, Clock, Outcome
from retention.decide import Blocker, Facts, decide
from retention.models import RetentionPolicy
from retention.targets.base import BATCH_SIZE, GONE, Result, Target, Work


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
        batch: list[Facts] = []
        for item in scratch.items(at.timestamp()):
            if item.age >= policy.rules().max_age:
                batch.append(self.facts(item, at))
            if len(batch) == BATCH_SIZE:
                yield batch
                batch = []
        if batch:
            yield batch

    def facts(self, item: scratch.Item, at: datetime) -> Facts:
        parts = re.match(r"user_(\d+)/video/temp_processing/(?:(\d+)_temp_)?", item.name)
        return Facts(
            name=item.name,
            owner_id=int(parts[1]) if parts else None,
            recording_id=int(parts[2]) if parts and parts[2] else None,
            size=item.size,
            counted_from=at - item.age,
            blockers=(Blocker("A process is using it.", passing=True),) if item.live else (),
        )

    def remove(self, work: Work) -> Mapping[int | str, Result]:
        wanted = set(work.keys)
        found = {
            item.name: item for item in scratch.items(work.at.timestamp()) if item.name in wanted
        }
        return {
            key: self._remove(found[str(key)], work)
            if key in found
            else Result(Outcome.SKIPPED, GONE)
            for key in work.keys
        }

    def _remove(self, item: scratch.Item, work: Work) -> Result:
        decision = decide(work.policy.rules(), self.facts(item, work.at), work.at)
        if not decision.due:
            return Result(Outcome.SKIPPED, decision.sentence)
        try:
            if scratch.remove(item):
                return Result(Outcome.DELETED, freed=item.size, age=item.age)
        except (OSError, Refused) as error:
            return Result(Outcome.FAILED, f"It could not be removed: {error}")
        return Result(Outcome.SKIPPED, "It is gone already, or in use by now.")

    def phrase(self, policy: RetentionPolicy, of: str) -> str:
        return words.aged(policy, f"scratch files{of}")

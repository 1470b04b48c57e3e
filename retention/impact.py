"""What a policy would remove at this moment, counted up to a bound and without storing a plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from retention.clock import database_now
from retention.decide import Facts, decide
from retention.models import RetentionPolicy
from retention.targets import get

MOST: Final = 10_000  # counted; a preview run counts all
SHOWN: Final = 20


@dataclass(slots=True)
class Impact:
    """Counts and bytes; with `more` they are at least so many."""

    items: int = 0
    size: int = 0
    blocked: int = 0
    owners: set[int] = field(default_factory=set)
    samples: list[Facts] = field(default_factory=list)
    more: bool = False
    refusal: str = ""

    def add(self, facts: Facts) -> None:
        self.items += 1
        self.size += facts.size
        if facts.owner_id is not None:
            self.owners.add(facts.owner_id)
        if len(self.samples) < SHOWN:
            self.samples.append(facts)


def impact(policy: RetentionPolicy, *, at: datetime | None = None, most: int = MOST) -> Impact:
    """Say what would go now."""
    at = at or database_now()
    target = get(policy.target)
    found = Impact(refusal=target.refusal(policy, at))
    if found.refusal:
        return found
    for batch in target.candidates(policy, at):
        if found.items >= most:
            found.more = True
            break
        for facts in batch:
            decision = decide(policy.rules(), facts, at)
            if decision.due:
                found.add(facts)
            elif decision.matched:
                found.blocked += 1
    return found

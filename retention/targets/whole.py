"""What the targets that work on one thing as a whole share.

Not a target itself. They have one item, that has no age: it is due whenever the policy runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from retention.choices import Outcome
from retention.decide import Facts, decide
from retention.models import RetentionPolicy
from retention.targets.base import GONE, Result, Work


def misfits(policy: RetentionPolicy, noun: str) -> Iterator[tuple[str, str]]:
    if policy.max_age_seconds:
        yield "max_age_seconds", f"{noun.capitalize()} go whatever their age: give 0."


def item(name: str, *, size: int, at: datetime) -> Facts:
    return Facts(name=name, size=size, counted_from=at)


def remove(
    work: Work, look: Callable[[str], Facts | None], act: Callable[[str], Result]
) -> dict[int | str, Result]:
    """Do the work for each item that still has any and is due."""
    results: dict[int | str, Result] = {}
    for key in work.keys:
        facts = look(str(key))
        if facts is None:
            results[key] = Result(Outcome.SKIPPED, GONE)
            continue
        decision = decide(work.policy.rules(), facts, work.at)
        results[key] = act(str(key)) if decision.due else Result(Outcome.SKIPPED, decision.sentence)
    return results

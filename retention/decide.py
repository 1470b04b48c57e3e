"""Whether a policy removes something at a moment, and why: pure, and the same for everyone.

Preview, run, explain and the admin all ask `decide`, so what is shown beforehand is what happens.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Rules:
    """What a policy asks: `max_age` after its clock."""

    max_age: timedelta


@dataclass(frozen=True, slots=True)
class Blocker:
    """What keeps something from going, whatever the rules say.

    `until` is when it stops by itself; without one it is open-ended, unless it is `passing`: over
    soon, at a moment nobody can tell.
    """

    sentence: str
    until: datetime | None = None
    passing: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one candidate. `counted_from` is what the policy's clock shows.

    A `deadline` was promised when it was stamped, so it rules instead of clock and age. Rows have
    an `id`, files outside the database only their `name`; `size` is in bytes.
    """

    name: str
    id: int | None = None
    recording_id: int | None = None
    owner_id: int | None = None
    size: int = 0
    counted_from: datetime | None = None
    deadline: datetime | None = None
    blockers: tuple[Blocker, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether it goes now, and from when on it can; `at` is None where no date can be told.

    `met_at` is when the rules alone would have it gone, `matched` that this has come.
    """

    due: bool
    at: datetime | None
    met_at: datetime | None
    matched: bool
    blocked_by: tuple[str, ...]
    sentence: str


def decide(rules: Rules, facts: Facts, moment: datetime) -> Decision:
    """Apply rules to one candidate at a moment."""
    met = facts.deadline or after(facts.counted_from, rules.max_age)
    active = [b for b in facts.blockers if b.until is None or b.until > moment]
    matched = met is not None and met <= moment
    return Decision(
        due=matched and not active,
        at=_possible(met, active),
        met_at=met,
        matched=matched,
        blocked_by=tuple(blocker.sentence for blocker in active),
        sentence=_sentence(met, active, moment),
    )


def after(start: datetime | None, age: timedelta) -> datetime | None:
    """Return the moment `age` after `start`, or None when there is none, or never."""
    if start is None:
        return None
    try:
        return start + age
    except OverflowError:
        return None


def _possible(met: datetime | None, active: list[Blocker]) -> datetime | None:
    if met is None or any(b.until is None and not b.passing for b in active):
        return None
    return max([met, *(b.until for b in active if b.until is not None)])


def _sentence(met: datetime | None, active: list[Blocker], moment: datetime) -> str:
    if met is None:
        return "The policy's clock shows no date for it, so it stays."
    if met > moment:
        return f"It is not due before {met:%Y-%m-%d %H:%M} UTC."
    if active:
        return " ".join(blocker.sentence for blocker in active)
    return f"It is due since {met:%Y-%m-%d %H:%M} UTC."

"""Whether a policy removes something at a moment, and why: pure, and the same for everyone.

Preview, run, explain and the admin all ask `decide`, so what is shown beforehand is what happens.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from recordings.spans import size_in_words


@dataclass(frozen=True, slots=True)
class Rules:
    """What a policy asks: only what every rule of it asks for goes.

    `max_age` after its clock (0, so anything with a date, where it has no rule of age); not among
    the newest `keep_newest` of an owner; not among the newest that fit into `max_total` bytes;
    with `disk`, only as far as the disk needs it.
    """

    max_age: timedelta = timedelta(0)
    keep_newest: int | None = None
    max_total: int | None = None
    disk: bool = False

    @property
    def is_relative(self) -> bool:
        """Whether others decide as well, so that no date can be told beforehand."""
        return self.compares or self.disk

    @property
    def compares(self) -> bool:
        """Whether the newest stay, however many or much of them."""
        return self.keep_newest is not None or self.max_total is not None


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
    an `id`, files without a row of their own only their `name`; `size` is in bytes. The measures
    compare it with others in the policy's scope: `rank` among its owner's, from 1, the newest;
    `newer_bytes`, at least, of everything newer, itself included, so that what goes changes nothing
    for what stays (None where it is among those that fit); `lacking`, the bytes that the disk still
    lacks when all that goes before it has gone.
    """

    name: str
    id: int | None = None
    recording_id: int | None = None
    owner_id: int | None = None
    size: int = 0
    counted_from: datetime | None = None
    deadline: datetime | None = None
    rank: int | None = None
    newer_bytes: int | None = None
    lacking: int | None = None
    blockers: tuple[Blocker, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether it goes now, and from when on it can; `at` is None where no date can be told.

    `met_at` is when its age alone would have it gone, `matched` that every rule is met.
    """

    due: bool
    at: datetime | None
    met_at: datetime | None
    matched: bool
    blocked_by: tuple[str, ...]
    sentence: str
    reason: str  # of what matches, in a few words


def decide(rules: Rules, facts: Facts, moment: datetime) -> Decision:
    """Apply rules to one candidate at a moment."""
    met = facts.deadline or after(facts.counted_from, rules.max_age)
    active = [b for b in facts.blockers if b.until is None or b.until > moment]
    spared = tuple(_spared(rules, facts))
    matched = met is not None and met <= moment and not spared
    due = matched and not active
    return Decision(
        due=due,
        at=met if due else None if rules.is_relative else _possible(met, active),
        met_at=met,
        matched=matched,
        blocked_by=tuple(blocker.sentence for blocker in active),
        sentence=_sentence(met, spared, active, moment),
        reason=_reason(rules, met) if matched else "",
    )


def _spared(rules: Rules, facts: Facts) -> Iterator[str]:
    """Say which rules leave it for now; one that cannot be measured leaves everything."""
    newest, total = rules.keep_newest, rules.max_total
    if newest is not None and (facts.rank is None or facts.rank <= newest):
        yield f"It is among the newest {newest} of its owner, which stay."
    if total is not None and (facts.newer_bytes is None or facts.newer_bytes <= total):
        yield f"It is among the newest that fit into {size_in_words(total)}, which stay."
    if rules.disk and (facts.lacking is None or facts.lacking <= 0):
        yield "The disk does not need its room."


def after(start: datetime | None, age: timedelta) -> datetime | None:
    """Return the moment `age` after `start`, or None when there is none, or never."""
    if start is None:
        return None
    try:
        return start + age
    except OverflowError:
        return None


def _reason(rules: Rules, met: datetime | None) -> str:
    words = f"due since {met:%Y-%m-%d %H:%M} UTC"
    if rules.keep_newest is not None:
        words += f", not among the newest {rules.keep_newest} of its owner"
    if rules.max_total is not None:
        words += f", beyond the newest {size_in_words(rules.max_total)}"
    return f"{words}, while the disk needs room" if rules.disk else words


def _possible(met: datetime | None, active: list[Blocker]) -> datetime | None:
    if met is None or any(b.until is None and not b.passing for b in active):
        return None
    return max([met, *(b.until for b in active if b.until is not None)])


def _sentence(
    met: datetime | None, spared: tuple[str, ...], active: list[Blocker], moment: datetime
) -> str:
    if met is None:
        return "The policy's clock shows no date for it, so it stays."
    if met > moment:
        return f"It is not due before {met:%Y-%m-%d %H:%M} UTC."
    if spared:
        return " ".join(spared)
    if active:
        return " ".join(blocker.sentence for blocker in active)
    return f"It is due since {met:%Y-%m-%d %H:%M} UTC."

"""What the targets that can archive share: copies first, and only what is copied goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from recordings import archive
from recordings.ledger.exceptions import Lost
from retention.choices import Action
from retention.decide import Blocker, Facts, decide
from retention.targets.base import BATCH_SIZE, Work

if TYPE_CHECKING:
    from retention.models import RetentionPolicy

NOT_COPIED: Final = Blocker(
    "The archive has no copy of it as it is now: the next run makes one.", passing=True
)


def batch_size(policy: RetentionPolicy) -> int:
    """One at a time where each is copied: so what was copied goes before the next is begun."""
    return 1 if policy.action == Action.ARCHIVE else BATCH_SIZE


def prepare(work: Work, found: Iterable[Facts], alive: Callable[[], None]) -> None:
    """Copy what is due to the archive, where the policy archives."""
    if work.policy.action != Action.ARCHIVE:
        return
    for facts in found:
        if facts.id is not None and decide(work.policy.rules(), facts, work.at).due:
            _copy(facts.id, alive)


def _copy(pk: int, alive: Callable[[], None]) -> None:
    try:
        archive.copy(pk, alive=alive)
    except Lost as lost:
        alive()  # raises where it is the run that was lost; else it was a file of the copy
        raise archive.CannotArchive(
            "Its copying took too long between two chunks, so it ended."
        ) from lost


def by_id(policy: RetentionPolicy, found: Sequence[Facts]) -> dict[int | str, Facts]:
    """Return facts by id; where the policy archives, what has no whole copy yet is blocked."""
    rows: dict[int | str, Facts] = {facts.id: facts for facts in found if facts.id is not None}
    if policy.action != Action.ARCHIVE:
        return rows
    copied = archive.whole([facts.id for facts in found if facts.id is not None])
    return {
        pk: facts if pk in copied else replace(facts, blockers=(*facts.blockers, NOT_COPIED))
        for pk, facts in rows.items()
    }

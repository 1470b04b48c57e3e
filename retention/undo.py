"""retention/undo.py: bring back what a run moved to the trash.

Only what this very run trashed and what is still there by it: what its owner restored, or trashed
himself since, is no longer the run's, and what the trash has let go cannot come back.
"""

from __future__ import annotations

import logging
from functools import partial

from recordings.ledger.transactions import retried
from recordings.models import Recording
from recordings.trash import locked, restore_locked
from retention import words
from retention.choices import Outcome, State
from retention.exceptions import RetentionError
from retention.models import RetentionPolicy, RetentionRun, RunItem
from retention.targets.base import BATCH_SIZE

maintenance = logging.getLogger("mediasite.maintenance")

BACK = "It was brought back by"


def undo(run: RetentionRun, *, by: str) -> RetentionRun:
    """Restore what the run trashed, a batch at a time, and say how much came back.

    May be called again after a crash. Raises RetentionError where nothing can be brought back.
    """
    if run.state not in RetentionRun.UNDOABLE:
        raise RetentionError(f"This run is {run.get_state_display()}, so it cannot be undone.")
    came, last = 0, 0
    trashed = run.items.filter(outcome=Outcome.TRASHED).order_by("pk")
    while batch := list(trashed.filter(pk__gt=last)[:BATCH_SIZE]):
        came += retried(partial(_restore, run, batch, by))
        last = batch[-1].pk
    if not came and not trashed.filter(detail__startswith=BACK).exists():
        raise RetentionError("Nothing of this run is in the trash any more.")
    _close(run, by=by)
    maintenance.info("run %s of %s undone by=%s: %s back", run.pk, run.policy_slug, by, came)
    return run


def _restore(run: RetentionRun, items: list[RunItem], by: str) -> int:
    pks = {item.row_id: item.pk for item in items if item.row_id is not None}
    with locked(list(pks)) as found:
        mine = [recording for recording in found if is_of(run, recording)]
        restore_locked(mine)
        back = [pks[recording.pk] for recording in mine]
        RunItem.objects.filter(pk__in=back).update(detail=f"{BACK} {by}.")
    return len(mine)


def is_of(run: RetentionRun, recording: Recording) -> bool:
    """Whether a recording is in the trash by this run: its policy alone runs at that time."""
    at, began, ended = recording.trashed_at, run.started_at, run.finished_at
    if at is None or began is None or ended is None:
        return False
    return recording.trashed_by == run.title and began <= at <= ended


def _close(run: RetentionRun, *, by: str) -> None:
    items = run.items.filter(outcome=Outcome.TRASHED)
    back = items.filter(detail__startswith=BACK).count()
    rest = items.exclude(detail__startswith=BACK).count()
    message = f"It was undone by {by}: {words.counted(back, 'recording')} came back"
    message += f", {rest} were in the trash by it no longer." if rest else "."
    same = RetentionPolicy.objects.in_force().filter(version=run.policy_version)
    if same.filter(pk=run.policy_id or 0).exists():
        message += " Its policy is still in force and takes them again: change or disable it."
    RetentionRun.objects.filter(pk=run.pk).update(state=State.UNDONE, message=message)
    run.refresh_from_db()

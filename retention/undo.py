"""retention/undo.py: bring back what a run moved to the trash, in steps of one transaction each.

Only what this very run trashed and what is still there by it: what its owner restored, or trashed
himself since, is no longer the run's, and what the trash has let go cannot come back. How far it
is stands on the run, written in the transaction of each step: whoever comes next goes on there,
after a crash too, and of two at the same step one finds that it was done.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Final

from django.db import transaction
from django.db.models import F, QuerySet

from recordings.ledger.transactions import retried
from recordings.models import Recording
from recordings.trash import locked, restore_locked
from retention import words
from retention.choices import Outcome, State
from retention.exceptions import RetentionError
from retention.models import RetentionPolicy, RetentionRun, RunItem
from retention.targets.base import BATCH_SIZE

maintenance = logging.getLogger("mediasite.maintenance")

STEPS: Final = 10  # of BATCH_SIZE items at one delivery
BACK: Final = "It was brought back by"


def ask(run: RetentionRun, *, by: str) -> RetentionRun:
    """Have a worker restore what the run trashed.

    Raises RetentionError where nothing can be brought back.
    """
    if run.state not in RetentionRun.UNDOABLE:
        raise RetentionError(f"This run is {run.get_state_display()}, so it cannot be undone.")
    if not left(run).exists():
        raise RetentionError("Nothing of this run is in the trash any more.")
    mine = RetentionRun.objects.filter(pk=run.pk, state__in=RetentionRun.UNDOABLE)
    mine.update(state=State.UNDOING, undone_by=by)
    run.refresh_from_db()
    ring(run)
    return run


def ring(run: RetentionRun) -> None:
    """Tell a worker after the commit; when the broker is down the tick finds the row."""
    from retention import tasks

    transaction.on_commit(lambda: tasks.undo.delay(run.pk), robust=True)


def left(run: RetentionRun) -> QuerySet[Recording]:
    """What is in the trash by this run: its policy alone runs at that time."""
    if run.started_at is None or run.finished_at is None:
        return Recording.objects.none()
    rows = Recording.objects.filter(trashed_by=run.title, trashed_at__gte=run.started_at)
    mine = run.items.filter(outcome=Outcome.TRASHED).values("row_id")
    return rows.filter(trashed_at__lte=run.finished_at, pk__in=mine)


def waiting() -> list[int]:
    """Return the runs that are being undone."""
    rows = RetentionRun.objects.filter(state=State.UNDOING)
    return list(rows.order_by("pk").values_list("pk", flat=True)[:100])


def carry_on(pk: int, *, steps: int = STEPS) -> bool:
    """Do up to `steps` steps of an undo; False when it is done, or in another's hands."""
    for _ in range(steps):
        run = RetentionRun.objects.filter(pk=pk, state=State.UNDOING).first()
        if run is None or not retried(partial(_step, run)):
            return False
    return True


def _step(run: RetentionRun) -> bool:
    trashed = run.items.filter(outcome=Outcome.TRASHED, pk__gt=run.undo_position)
    batch = list(trashed.order_by("pk")[:BATCH_SIZE])
    if not batch:
        _close(run)
        return False
    pks = {item.row_id: item.pk for item in batch if item.row_id is not None}
    with locked(list(pks)) as found:
        mine = [recording for recording in found if is_of(run, recording)]
        restore_locked(mine)
        back = [pks[recording.pk] for recording in mine]
        RunItem.objects.filter(pk__in=back).update(detail=f"{BACK} {run.undone_by}.")
        here = RetentionRun.objects.filter(
            pk=run.pk, state=State.UNDOING, undo_position=run.undo_position
        )
        moved = here.update(undo_position=batch[-1].pk, restored=F("restored") + len(mine))
    return bool(moved)


def is_of(run: RetentionRun, recording: Recording) -> bool:
    """Whether a recording is in the trash by this run: its policy alone runs at that time."""
    at, began, ended = recording.trashed_at, run.started_at, run.finished_at
    if at is None or began is None or ended is None:
        return False
    return recording.trashed_by == run.title and began <= at <= ended


def _close(run: RetentionRun) -> None:
    items = run.items.filter(outcome=Outcome.TRASHED)
    back = items.filter(detail__startswith=BACK).count()
    rest = items.exclude(detail__startswith=BACK).count()
    message = f"It was undone by {run.undone_by}: {words.counted(back, 'recording')} came back"
    message += f", {rest} were in the trash by it no longer." if rest else "."
    same = RetentionPolicy.objects.in_force().filter(version=run.policy_version)
    if same.filter(pk=run.policy_id or 0).exists():
        message += " Its policy is still in force and takes them again: change or disable it."
    mine = RetentionRun.objects.filter(pk=run.pk, state=State.UNDOING)
    if mine.update(state=State.UNDONE, message=message):
        slug = run.policy_slug
        maintenance.info("run %s of %s undone by=%s: %s back", run.pk, slug, run.undone_by, back)

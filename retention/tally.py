"""Totals of runs by policy, counted as each ends: the history they could be added up from goes."""

from __future__ import annotations

from functools import partial
from typing import Final

from recordings.ledger.transactions import retried
from retention.choices import Mode, Outcome, State
from retention.models import Figure, RetentionRun

RUN_ITEMS: Final = "run_items"
FREED: Final = "freed_bytes"


def count(run: RetentionRun) -> None:
    """Add an ended run to the totals of its policy; one that waits for approval has not ended."""
    if run.mode != Mode.EXECUTE or run.state == State.WAITING:
        return
    for outcome in (Outcome.DELETED, Outcome.SKIPPED, Outcome.FAILED):
        label = f"{run.policy_slug} {outcome}"
        retried(partial(Figure.add, RUN_ITEMS, label, getattr(run, outcome)))
    retried(partial(Figure.add, FREED, run.policy_slug, run.bytes_freed))

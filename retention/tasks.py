"""Celery tasks of retention: doorbells, of which any may be lost, late or doubled."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task
from celery.signals import beat_init

from retention import runs, schedule, sweep

logger = logging.getLogger(__name__)


@shared_task
def ring(pk: int) -> bool:
    """Run a policy if its time has come and nobody else took the turn."""
    taken = schedule.claim(pk)
    return taken is not None and sweep.execute(taken.pk)


@shared_task
def run(pk: int) -> bool:
    """Do a queued run, if it still waits."""
    return sweep.execute(pk)


@shared_task
def tick() -> None:
    """Every 15 s: end what died, begin what was forgotten, ring for what is due."""
    try:
        runs.recover()
    except Exception:
        logger.exception("tick: runs.recover failed")
    for pk in runs.waiting():
        run.delay(pk)
    for pk in schedule.due():
        ring.delay(pk)


@beat_init.connect
def beat_started(**kwargs: Any) -> None:
    schedule.beat_started()

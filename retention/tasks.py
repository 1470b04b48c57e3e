"""Celery tasks of retention: doorbells, of which any may be lost, late or doubled."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery import shared_task
from celery.signals import after_task_publish, beat_init
from django.db import close_old_connections

from retention import (
    alerts,
    auditing,
    foretelling,
    keeping,
    metrics,
    notices,
    notify,
    rotation,
    runs,
    schedule,
    snapshots,
    sweep,
)
from retention import undo as undoing
from retention.health import HEARTBEAT
from retention.models import Figure, Notice

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
def undo(pk: int) -> bool:
    """Bring a bounded part back of what a run trashed, and have the rest done after it."""
    more = undoing.carry_on(pk)
    if more:
        undo.delay(pk)
    return more


@shared_task
def tick() -> None:
    """Every 15 s: end what died, begin what was forgotten, ring for what is due."""
    each(rotation.rotate, runs.recover)
    for pk in runs.waiting():
        run.delay(pk)
    for pk in schedule.due():
        ring.delay(pk)
    for pk in undoing.waiting():
        undo.apply_async((pk,), expires=schedule.TICK_SECONDS)
    Figure.note(HEARTBEAT, "worker")
    for after in (tick_health, tick_people):
        after.apply_async(expires=schedule.TICK_SECONDS)


@shared_task
def tick_health() -> None:
    """After every tick: look at the site's health, tell of it, count what is dear to count."""
    each(alerts.watch, metrics.measure_when_due, notify.forget)
    if Notice.objects.due().exists():
        send_notices.delay()  # by itself, since the other side may take its time
    if auditing.is_due():
        tick_audit.delay()


@shared_task
def tick_people() -> None:
    """After every tick, in nobody's way: tell owners, close what is settled, take figures."""
    each(
        keeping.close_gone,
        notices.send_due,
        foretelling.foretell_due,
        notices.forget,
        snapshots.take,
    )


def each(*parts: Callable[[], object]) -> None:
    """Do all parts; one that fails does not stop the rest."""
    for part in parts:
        try:
            part()
        except Exception:
            logger.exception("tick: %s.%s failed", part.__module__, part.__qualname__)


@shared_task
def tick_audit() -> bool:
    """Make the day's audit, unless another process does or did."""
    return auditing.audit_when_due()


@shared_task
def send_notices() -> int:
    """Send mails and webhook calls that wait."""
    return notify.send_due()


@after_task_publish.connect(sender=tick.name)
def beat_sent_a_tick(**kwargs: Any) -> None:
    """Write down in beat's own process that it lives; a failure must not stop it."""
    try:
        close_old_connections()
        Figure.note(HEARTBEAT, "beat")
    except Exception:
        logger.exception("the heartbeat of beat was not written down")


@beat_init.connect
def beat_started(**kwargs: Any) -> None:
    schedule.beat_started()

"""Celery tasks: doorbells. Each reads rows to learn what is due, so any may be lost or doubled."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down
from django.db import transaction

from recordings import archive, closing, restoring
from recordings.editing import sound
from recordings.ledger import identity, publish, quarantine, receipts, spare
from recordings.ledger import purge as ledger_purge
from recordings.models import Job
from recordings.processing import jobs, outcome, watchdog, work
from recordings.uploads import intake, receiving

logger = logging.getLogger(__name__)

TICK_SECONDS = 15

# An upper layer adds what it has to look after with every tick.
upkeep: list[Callable[[], object]] = []


@shared_task
def process(pk: int) -> str:
    """Do one job, if it waits for us."""
    return work.carry_out(pk)


@shared_task
def bring_in(pk: int) -> str:
    """Do one import, if it waits for us; in a queue of its own, since it waits for strangers."""
    return work.carry_out(pk)


@shared_task
def prepare_session(pk: int) -> str:
    """Extract the sound of one editing session, if it waits for us."""
    return sound.carry_out(pk)


@shared_task
def restore_archived(pk: int) -> bool:
    """Bring one recording back from the archive, if it waits for us."""
    return restoring.carry_out(pk)


@shared_task
def purge() -> int:
    """Remove the bytes of what was let go."""
    return ledger_purge.purge().deleted


def purge_soon() -> None:
    """Ring for the purge after the commit; when the broker is down the tick does it."""
    transaction.on_commit(purge.delay, robust=True)


@shared_task
def tick() -> None:
    """Every 15 s: find what is due, whoever forgot it. One failing part does not stop the rest."""
    parts: tuple[Callable[[], object], ...] = (
        spare.keep,
        publish.recover,
        quarantine.recover,
        publish.sweep_parts,
        intake.recover,
        receiving.recover,
        jobs.recover,
        sound.recover,
        outcome.remove_due_originals,
        outcome.remove_superseded,
        closing.continue_closures,
        archive.let_go_unused,
        ledger_purge.purge,
        receipts.seal,
        identity.keep,
        *upkeep,
    )
    for part in parts:
        try:
            part()
        except Exception:
            logger.exception("tick: %s.%s failed", part.__module__, part.__name__)
    for pk in jobs.waiting():
        process.delay(pk)
    for pk in jobs.waiting(imports=True):
        jobs.ring(pk, Job.Kind.IMPORT)
    for pk in sound.waiting():
        prepare_session.apply_async((pk,), expires=TICK_SECONDS)
    for pk in restoring.waiting():
        restore_archived.apply_async((pk,), expires=TICK_SECONDS)


@worker_shutting_down.connect
def put_jobs_back(**kwargs: Any) -> None:
    watchdog.shutting_down.set()

"""The terminal: what happens is shown, that a tick came round is not."""

from __future__ import annotations

import logging

import pytest

from mediasite.logs import WithoutTicks


def shown(name: str, level: int, message: str) -> bool:
    record = logging.LogRecord(name, level, "", 0, message, None, None)
    return bool(WithoutTicks().filter(record))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("celery.beat", "Scheduler: Sending due task library tick (recordings.tasks.tick)"),
        ("celery.worker.strategy", "Task retention.tasks.tick[7171a353] received"),
        ("celery.app.trace", "Task recordings.tasks.tick[dcd85939] succeeded in 0.07s: None"),
        ("celery.worker.strategy", "Task recordings.tasks.purge[48ce5d2d] received"),
        ("celery.app.trace", "Task recordings.tasks.purge[48ce5d2d] succeeded in 0.12s: 0"),
    ],
)
def test_routine_of_a_tick_is_left_out(name, message):
    assert not shown(name, logging.INFO, message)


def test_failed_tick_is_shown():
    message = "Task recordings.tasks.tick[dcd85939] raised unexpected: OSError()"

    assert shown("celery.app.trace", logging.ERROR, message)


def test_job_is_shown():
    message = "Task recordings.tasks.process[32baea11] received"

    assert shown("celery.worker.strategy", logging.INFO, message)


def test_what_a_tick_finds_is_shown():
    assert shown("recordings.tasks", logging.INFO, "recordings.tasks.tick: 3 jobs were resumed")

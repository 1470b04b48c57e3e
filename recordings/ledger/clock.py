"""recordings/ledger/clock.py: whether the clock that deadlines go by can be believed.

Deadlines are compared with the database's clock. Should that jump a month ahead, everything would
be due at once; so each process compares how far it went with how far a clock went that nobody sets,
and all of them with the latest moment that was seen. On a doubt nothing that goes by a deadline is
removed, until an administrator says that the clock is right.

The clock that nobody sets is CLOCK_BOOTTIME: unlike CLOCK_MONOTONIC it goes on while a machine is
suspended, as the wall clock does, so a laptop that slept raises no alarm.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar, Final

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from recordings.ledger.transactions import retried
from recordings.spans import period

maintenance = logging.getLogger("mediasite.maintenance")

TOLERANCE: Final = timedelta(minutes=1)  # what a time server may set right in one go
DRIFT: Final = 0.001  # of the time between two looks; a bad clock strays by a tenth of it
NOTED_EVERY: Final = timedelta(seconds=10)
UNTIL: Final = "Nothing is purged or swept until an administrator confirms that the clock is right."


class Clock(models.Model):
    """The one row that says what was last seen of the database's clock, and what is wrong with it.

    believed (`doubt` empty) -> doubted, by whichever process notices -> confirmed by a person,
    from when on readings of before count no more.
    """

    ROW: ClassVar[int] = 1

    seen_at = models.DateTimeField("latest moment seen", null=True)
    doubt = models.CharField("what is wrong", max_length=300, blank=True)
    doubted_at = models.DateTimeField("noticed, by that clock", null=True)
    confirmed_by = models.CharField(max_length=150, blank=True)
    confirmations = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = "clock"
        verbose_name_plural = "clock"
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="clock_is_one_row")]

    def __str__(self) -> str:
        return self.doubt or "The clock is believed."


@dataclass(frozen=True, slots=True)
class Reading:
    """What the database said, and between which two moments of the clock that nobody sets."""

    at: datetime
    before: float  # seconds
    after: float
    confirmations: int


class Watch:
    """One process's last reading."""

    def __init__(self) -> None:
        self._last: Reading | None = None

    def forget(self) -> None:
        self._last = None

    def jumped(self, reading: Reading) -> str:
        """Say how the clock went against the other since the last reading; empty when it agreed."""
        last, self._last = self._last, reading
        if last is None or last.confirmations != reading.confirmations:
            return ""
        went = (reading.at - last.at).total_seconds()
        least, most = reading.before - last.after, reading.after - last.before
        allowed = TOLERANCE.total_seconds() + DRIFT * most
        if went > most + allowed:
            return f"The database's clock jumped ahead by {period(round(went - most))}."
        if went < least - allowed:
            return f"The database's clock jumped back by {period(round(least - went))}."
        return ""


_watch = Watch()


def look() -> str:
    """Say what is wrong with the clock, and since when nothing may go; empty when it is believed.

    Costs a query. Called before anything is removed by a deadline, outside any transaction.
    """
    row, reading = _read()
    if row.doubt:
        _watch.forget()
        return row.doubt
    if sentence := _watch.jumped(reading) or _behind(row, reading.at):
        return _doubt(sentence)
    if row.seen_at is None or reading.at - row.seen_at > NOTED_EVERY:
        older = Q(seen_at=None) | Q(seen_at__lt=reading.at)
        seen = Clock.objects.filter(older, pk=Clock.ROW, doubt="")
        retried(partial(seen.update, seen_at=reading.at))
    return ""


def _read() -> tuple[Clock, Reading]:
    before = _boottime()
    row: Any = Clock.objects.annotate(at=Now()).filter(pk=Clock.ROW).first()
    after = _boottime()
    if row is None:
        retried(partial(Clock.objects.get_or_create, pk=Clock.ROW))
        return _read()
    return row, Reading(row.at, before, after, row.confirmations)


def _boottime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _behind(row: Clock, at: datetime) -> str:
    if row.seen_at is None or at >= row.seen_at - TOLERANCE:
        return ""
    late = period(round((row.seen_at - at).total_seconds()))
    return f"The database's clock stands {late} behind what it showed before."


def _doubt(sentence: str) -> str:
    """Write the doubt down, for every process to read."""
    said = f"{sentence} {UNTIL}"
    believed = Clock.objects.filter(pk=Clock.ROW, doubt="")
    if retried(partial(believed.update, doubt=said, doubted_at=Now())):
        maintenance.critical("clock: %s", said)
    return said


def confirm(*, by: str) -> bool:
    """Go on with the clock as it is now; False when nobody doubts it."""
    doubted = Clock.objects.filter(pk=Clock.ROW).exclude(doubt="")
    values = {"doubt": "", "doubted_at": None, "seen_at": Now(), "confirmed_by": by}
    if not retried(partial(doubted.update, confirmations=F("confirmations") + 1, **values)):
        return False
    maintenance.warning("clock: confirmed by=%s", by)
    return True

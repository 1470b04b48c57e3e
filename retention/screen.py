"""What a terminal shows of a run while a command does it: one line, written over every second."""

from __future__ import annotations

import logging
import threading
from typing import Any, Final, Self

from django.db import connection

from retention.choices import State
from retention.models import RetentionRun

maintenance = logging.getLogger("mediasite.maintenance")

EVERY: Final = 1.0  # seconds
CLEAR: Final = "\r\033[K"


class Screen:
    """Shows what is being done on `out` if that is a terminal; leaves the line empty at the end.

    The counts are read from the run's row by a thread of its own, as another process would. The
    line for every removal goes to maintenance.log alone meanwhile: here it would bury the rest.
    """

    def __init__(self, out: Any, *, by: str) -> None:
        self._out, self._by, self._doing = out, by, ""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._former, maintenance.propagate = maintenance.propagate, False
        if self._out.isatty():
            self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        maintenance.propagate = self._former
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        self.show("")

    def show(self, doing: str, counts: str = "") -> None:
        self._doing = doing
        if self._out.isatty():
            self._out.write(f"{CLEAR}{doing}{counts}", ending="")
            self._out.flush()

    def _watch(self) -> None:
        try:
            while not self._over.wait(EVERY):
                self.show(self._doing, counts(self._by))
        finally:
            connection.close()


def counts(by: str) -> str:
    """Say how far the run that `by` has under way is; empty when there is none."""
    running = RetentionRun.objects.filter(state=State.RUNNING, started_by=by).order_by("-id")
    run = running.first()
    if run is None:
        return ""
    return f", {run.done} of {run.matched}"

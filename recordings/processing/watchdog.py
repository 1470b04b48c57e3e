"""A thread beside each running job: it keeps the job's leases, shows its progress, and stops the
work when the job is cancelled, taken over, or the worker is asked to end.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from recordings.ledger.exceptions import Lost
from recordings.ledger.publish import Publication
from recordings.processing import jobs
from recordings.processing.models import Job

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5  # between looks for a request to cancel
BEAT_SECONDS = 2.0  # between saying that the job is alive and how far it is

# Set when this worker process is asked to stop: jobs go back to the queue.
shutting_down = threading.Event()


@dataclass
class Watchdog:
    """Sets `stop` when the work is to end; `fault` says why where the watching itself failed."""

    job: Job
    stop: threading.Event = field(default_factory=threading.Event)
    publications: list[Publication] = field(default_factory=list)
    fault: str = ""
    received: int | None = None  # bytes, for the next beat
    _step: str = ""
    _progress: int = 0
    _done: threading.Event = field(default_factory=threading.Event)
    _saying: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def on(self) -> Iterator[Watchdog]:
        thread = threading.Thread(target=self._run, name=f"watchdog-{self.job.pk}", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._done.set()
            thread.join()

    def enter(self, step: str) -> None:
        """Say at once which step begins."""
        self._step = step
        self._beat()

    def reach(self, percent: int) -> None:
        """Note progress for the next beat; it never goes back, and 100 is for the end."""
        self._progress = max(self._progress, min(percent, 99))

    def _run(self) -> None:
        try:
            self._watch()
        except Exception:
            logger.exception("the watchdog of job %s died, so its work stops", self.job.pk)
            self.fault = traceback.format_exc()
            self.stop.set()
        finally:
            connection.close()

    def _watch(self) -> None:
        """Look until the work is done; a database that is away is borne as long as the lease."""
        alive = time.monotonic()
        while not self._done.wait(LOOK_SECONDS):
            try:
                alive = self._look(alive)
            except (OperationalError, InterfaceError):
                if time.monotonic() - alive > settings.PROCESSING_LEASE.total_seconds():
                    raise
                logger.warning("job %s: the database does not answer", self.job.pk, exc_info=True)
                connection.close()

    def _look(self, alive: float) -> float:
        """Return when the job was last said to be alive."""
        if shutting_down.is_set() or self._is_unwanted():
            self.stop.set()
        if time.monotonic() - alive < BEAT_SECONDS:
            return alive
        self._beat()
        return time.monotonic()

    def _is_unwanted(self) -> bool:
        """Tell whether the job is to be cancelled, is another's by now, or is gone."""
        mine = Job.objects.filter(pk=self.job.pk, claim=self.job.claim)
        return mine.values_list("cancel_requested_at").first() != (None,)

    def _beat(self) -> None:
        with self._saying:  # in turn, or one under way would write the former step over the new
            alive = jobs.beat(
                self.job.pk,
                self.job.claim,
                step=self._step,
                progress=self._progress,
                received=self.received,
            )
        if not alive:
            self.stop.set()
            return
        for publication in list(self.publications):
            with suppress(Lost):  # settling it will say so
                publication.renew()

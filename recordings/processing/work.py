"""One job of whatever kind, from its claim to its end: watched, done, and closed as it deserves.

What a kind of job does is a function that gets the claimed job and its watchdog. It closes the job
itself when it succeeds, in the transaction that shows what it made; whatever it raises is turned
here into the end of the job, or into another try.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import close_old_connections

from recordings.editing import rendering
from recordings.ledger.exceptions import (
    AccountClosed,
    Lost,
    QuotaExceeded,
    StorageFault,
    StorageFull,
)
from recordings.processing import jobs, outcome, pipeline
from recordings.processing.exceptions import Cancelled, MediaError, SiteFault
from recordings.processing.models import Job
from recordings.processing.watchdog import Watchdog, shutting_down
from recordings.uploads import importing

logger = logging.getLogger(__name__)

RETRY_WAIT = timedelta(minutes=1)  # doubled with each attempt when the site was at fault

Work = Callable[[Job, Watchdog], None]
KINDS: Final[Mapping[str, Work]] = {
    Job.Kind.PROCESS: pipeline.process,
    Job.Kind.IMPORT: importing.fetch,
    Job.Kind.RENDER: rendering.render,
}


def carry_out(pk: int) -> str:
    """Do one job to its end, if it is ours to do; return how it ended.

    Safe to call any number of times: the claim lets one of them through.
    """
    close_old_connections()
    job = None if shutting_down.is_set() else jobs.claim(pk)
    if job is None:
        return "not ours"
    with Watchdog(job).on() as watchdog:
        return _run(job, watchdog)


def _run(job: Job, watchdog: Watchdog) -> str:
    try:
        KINDS[job.kind](job, watchdog)
    except (Lost, Cancelled):
        return _stopped(job, watchdog)
    except MediaError as error:
        return _failed(job, error.sentence, log=error.log)
    except (SiteFault, StorageFault, StorageFull) as error:
        return _site_fault(job, str(error), getattr(error, "log", ""))
    except (QuotaExceeded, AccountClosed) as error:
        return _failed(job, str(error), site_fault=True)
    except Exception:
        logger.exception("job %s", job.pk)
        return _site_fault(job, "Something went wrong on the site.", traceback.format_exc())
    return "succeeded"


def _failed(job: Job, sentence: str, *, log: str = "", site_fault: bool = False) -> str:
    ended = outcome.failed(job, sentence, log=log, site_fault=site_fault)
    return "failed" if ended else "lost"


def _stopped(job: Job, watchdog: Watchdog) -> str:
    """Tell why the work stopped: its owner, the worker's end, or somebody else's claim.

    Where none of these holds, as when the recording came back from the trash at once, it goes on
    from the queue.
    """
    if Job.objects.filter(pk=job.pk, cancel_requested_at__isnull=False).exists():
        return "cancelled" if outcome.cancelled(job) else "lost"
    if watchdog.fault:
        return _site_fault(job, "Something went wrong on the site.", watchdog.fault)
    return "put back" if jobs.put_back(job, count=False) else "lost"


def _site_fault(job: Job, sentence: str, log: str) -> str:
    if job.attempts >= settings.PROCESSING_ATTEMPTS:
        return _failed(job, sentence, log=log, site_fault=True)
    logger.warning("job %s waits and tries again: %s", job.pk, sentence)
    wait = RETRY_WAIT * 2 ** (job.attempts - 1)
    return "put back" if jobs.put_back(job, wait=wait, error=sentence, log=log) else "lost"

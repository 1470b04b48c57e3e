"""From a claimed job to a watchable recording: steps write scratch, files are published, and one
transaction at the end shows them all or none.

Files are in place and verified, but not `ready`, until that transaction; whatever stops the job
before it abandons them. A watchdog thread keeps the leases and looks for a request to cancel.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import IO

from django.conf import settings
from django.db import close_old_connections, connection, transaction
from django.utils.module_loading import import_string

from recordings.ledger import names
from recordings.ledger.exceptions import (
    AccountClosed,
    Lost,
    NameTaken,
    QuotaExceeded,
    StorageFault,
    StorageFull,
)
from recordings.ledger.names import Kind
from recordings.ledger.publish import Publication
from recordings.models import Recording, RecordingFile
from recordings.processing import captions, jobs, outcome
from recordings.processing.child import Watch
from recordings.processing.documents import Transcript
from recordings.processing.exceptions import Cancelled, MediaError, SiteFault
from recordings.processing.models import Job
from recordings.processing.outcome import Findings, Result
from recordings.processing.scratch import scratch
from recordings.processing.steps.base import Context, Options, Output, Step

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5  # how often the watchdog looks for a request to cancel
BEAT_SECONDS = 5.0  # how often it says that the job is alive, and shows progress
CHUNK = 1024 * 1024
NAME_TRIES = 5  # names found taken in storage before giving up
RETRY_WAIT = timedelta(minutes=1)  # doubled with each attempt when the site was at fault

# Set when this worker process is asked to stop: jobs go back to the queue.
shutting_down = threading.Event()


@dataclass
class Watchdog:
    """Keep one job's leases from another thread and stop its work when they are lost."""

    job: Job
    stop: threading.Event = field(default_factory=threading.Event)
    step: str = ""
    progress: int = 0
    publications: list[Publication] = field(default_factory=list)
    lost: bool = False
    cancelled: bool = False
    _done: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        try:
            self._watch()
        except Exception:
            logger.exception("the watchdog of job %s died, so its work stops", self.job.pk)
            self.lost = True
            self.stop.set()
        finally:
            connection.close()

    def _watch(self) -> None:
        beaten = time.monotonic()
        while not self._done.wait(LOOK_SECONDS):
            if shutting_down.is_set():
                self.stop.set()
            if self._cancel_requested():
                self.cancelled = True
                self.stop.set()
            if time.monotonic() - beaten > BEAT_SECONDS:
                beaten = time.monotonic()
                self._beat()

    def _cancel_requested(self) -> bool:
        row = Job.objects.filter(pk=self.job.pk, claim=self.job.claim)
        requested = row.values_list("cancel_requested_at", flat=True).first()
        return requested is not None

    def _beat(self) -> None:
        alive = jobs.beat(self.job.pk, self.job.claim, step=self.step, progress=self.progress)
        if not alive:
            self.lost = True
            self.stop.set()
            return
        for publication in list(self.publications):
            try:
                publication.renew()
            except Lost:
                self.lost = True
                self.stop.set()

    @contextmanager
    def on(self) -> Iterator[Watchdog]:
        thread = threading.Thread(target=self.run, name=f"watchdog-{self.job.pk}", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._done.set()
            thread.join()


def process(pk: int) -> str:
    """Do one job to its end, if it is ours to do; return how it ended.

    Safe to call any number of times: the claim lets one of them through.
    """
    close_old_connections()
    job = jobs.claim(pk)
    if job is None:
        return "not ours"
    with Watchdog(job).on() as watchdog:
        return _run(job, watchdog)


def _run(job: Job, watchdog: Watchdog) -> str:
    try:
        _process(job, watchdog)
    except (Lost, Cancelled):
        return _stopped(job, watchdog)
    except MediaError as error:
        outcome.failed(job, error.sentence, log=error.log)
        return "failed"
    except (SiteFault, StorageFault, StorageFull) as error:
        return _site_fault(job, str(error), getattr(error, "log", ""))
    except (QuotaExceeded, AccountClosed) as error:
        outcome.failed(job, str(error), site_fault=True)
        return "failed"
    except Exception:
        logger.exception("job %s", job.pk)
        return _site_fault(job, "Something went wrong on the site; its log says what.", "")
    return "succeeded"


def _stopped(job: Job, watchdog: Watchdog) -> str:
    """Tell why the work stopped: its owner, the worker's end, or somebody else's claim."""
    recording = Recording.objects.filter(pk=job.recording_id or 0).first()
    trashed = recording is not None and recording.trashed_at is not None
    if trashed or Job.objects.filter(pk=job.pk, cancel_requested_at__isnull=False).exists():
        outcome.cancelled(job)
        return "cancelled"
    if shutting_down.is_set() and jobs.put_back(job, count=False):
        return "put back"
    return "lost"


def _site_fault(job: Job, sentence: str, log: str) -> str:
    if job.attempts < settings.PROCESSING_ATTEMPTS:
        logger.warning("job %s waits and tries again: %s", job.pk, sentence)
        jobs.put_back(job, wait=RETRY_WAIT * 2 ** (job.attempts - 1))
        return "put back"
    outcome.failed(job, sentence, log=log, site_fault=True)
    return "failed"


def _process(job: Job, watchdog: Watchdog) -> None:
    recording = job.recording
    source = jobs.source_of(recording) if recording else None
    if recording is None or source is None:
        raise MediaError("There is no video or audio left to process.")
    extension = str(source.stored.file.name).rpartition(".")[2]
    with scratch(recording.owner_id, recording.pk, extension) as place, ExitStack() as stack:
        with source.stored.file.open("rb") as original:
            place.fill(original, stop=watchdog.stop)
        context = Context(
            source=place.source,
            workdir=place.work,
            deadline=time.monotonic() + settings.PROCESSING_TIMEOUT.total_seconds(),
            options=options_of(job, recording, source),
            watch=Watch(stop=watchdog.stop),
        )
        results = _run_steps(job, recording, context, watchdog, stack)
        outcome.succeeded(job, results, _findings(context))


def options_of(job: Job, recording: Recording, source: RecordingFile) -> Options:
    """Say what the owner asked for, on the clock of the file that is processed.

    Captions that came with the upload go with the original; where only the rendition is left,
    what was written down by a person then is on the rendition's clock already.
    """
    asked = job.options
    from_original = source.kind == Kind.ORIGINAL
    start = asked.get("trim_start", recording.trim_start if from_original else None)
    end = asked.get("trim_end", recording.trim_end if from_original else None)
    given = None
    if from_original and recording.given_captions:
        given = captions.parse(recording.given_captions.encode())
    elif not from_original:
        given = _segments_kept(recording)
    language = asked.get("language") or recording.language
    return Options(trim_start=start, trim_end=end, language=language, captions=given)


def _segments_kept(recording: Recording) -> list[captions.Segment] | None:
    transcript = recording.file(Kind.TRANSCRIPT)
    if transcript is None or transcript.draft:
        return None
    with transcript.stored.file.open("rb") as file:
        return Transcript.load(file.read()).segments or None


def _run_steps(
    job: Job,
    recording: Recording,
    context: Context,
    watchdog: Watchdog,
    stack: ExitStack,
) -> list[Result]:
    steps: list[Step] = [import_string(path)() for path in settings.PROCESSING_STEPS]
    whole, done, results = sum(step.weight for step in steps), 0, []
    for step in steps:
        _follow(context, watchdog, step, done, whole)
        for output in _outputs(step, context):
            result = _publish(job, recording, output, watchdog)
            stack.enter_context(result.publication)
            results.append(result)
        done += step.weight
    return results


def _follow(context: Context, watchdog: Watchdog, step: Step, done: int, whole: int) -> None:
    def report(percent: int) -> None:
        watchdog.progress = min(99, (done * 100 + step.weight * percent) // whole)

    watchdog.step = step.name
    context.report = report
    report(0)
    watchdog._beat()
    if watchdog.stop.is_set():
        raise Cancelled


def _outputs(step: Step, context: Context) -> list[Output]:
    """Run a step; once the rendition is verified, a failure is only a warning."""
    try:
        return step.run(context)
    except (MediaError, SiteFault) as error:
        if not context.verified:
            raise
        logger.warning("step %s: %s %s", step.name, error.sentence, error.log)
        context.warn(error.sentence, site_fault=isinstance(error, SiteFault))
        return []


def _publish(job: Job, recording: Recording, output: Output, watchdog: Watchdog) -> Result:
    """Put one result in place, verified but not yet `ready`, under the recording's next number."""
    for _ in range(NAME_TRIES):
        try:
            publication, number = _begin(job, recording, output)
            break
        except NameTaken:
            continue
    else:
        raise StorageFault("Storage holds files that this site has no rows for.")
    try:
        with output.path.open("rb") as file:
            _copy(file, publication, watchdog)
        publication.finish()
    except BaseException:
        publication.abandon()
        raise
    watchdog.publications.append(publication)
    return Result(output.kind, number, publication, output.draft)


def _begin(job: Job, recording: Recording, output: Output) -> tuple[Publication, int]:
    with transaction.atomic():
        row = Recording.objects.select_for_update().filter(pk=recording.pk).first()
        if row is None:
            raise Lost("The recording is gone.")
        number = row.take_number(output.kind)
    publication = Publication.begin(
        name=names.of_kind(output.kind, recording.owner_id, recording.pk, number),
        kind=output.kind,
        owner_id=recording.owner_id,
        recording_id=recording.pk,
        size=output.path.stat().st_size,
        budget=job.reservation,
    )
    return publication, number


def _copy(file: IO[bytes], publication: Publication, watchdog: Watchdog) -> None:
    while chunk := file.read(CHUNK):
        if watchdog.stop.is_set():
            raise Cancelled
        publication.write(chunk)


def _findings(context: Context) -> Findings:
    info = context.media
    return Findings(
        source_duration=info.duration,
        duration=context.kept.duration,
        width=info.width or None,
        height=info.height or None,
        removed=context.removed_seconds,
        warning=" ".join(context.warnings),
        verified=context.verified,
        site_fault=context.site_fault,
    )

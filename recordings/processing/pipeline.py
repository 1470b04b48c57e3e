"""From a claimed job to a watchable recording: steps write scratch, files are published, and one
transaction at the end shows them all or none.

Files are in place and verified, but not `ready`, until that transaction; whatever stops the job
before it abandons them.
"""

from __future__ import annotations

import logging
import time
import traceback
from contextlib import ExitStack
from functools import partial

from django.conf import settings
from django.utils.module_loading import import_string

from recordings.ledger import names
from recordings.ledger.names import Kind
from recordings.ledger.storages import storage
from recordings.models import Recording, RecordingFile
from recordings.processing import captions, jobs, outcome
from recordings.processing.documents import DocumentError, Transcript
from recordings.processing.exceptions import Cancelled, MediaError, ProcessingError, SiteFault
from recordings.processing.models import Job
from recordings.processing.outcome import Findings, Result
from recordings.processing.publishing import publish
from recordings.processing.scratch import scratch
from recordings.processing.steps.base import Context, Options, Output, Step
from recordings.processing.watchdog import Watchdog

logger = logging.getLogger(__name__)


def process(job: Job, watchdog: Watchdog) -> None:
    """Do a claimed job of processing. Raises what keeps it from its end; see `work`."""
    recording = job.recording
    source = jobs.source_of(recording) if recording else None
    if recording is None or source is None:
        raise MediaError("There is no video or audio left to process.")
    name = str(source.stored.file.name)
    with scratch(recording.owner_id, recording.pk, source.extension) as place, ExitStack() as stack:
        place.fill(storage(source.stored.storage).chunks(name), stop=watchdog.stop)
        context = Context(
            source=place.source,
            workdir=place.work,
            deadline=time.monotonic() + settings.PROCESSING_TIMEOUT.total_seconds(),
            options=options_of(job, recording, source),
            stop=watchdog.stop,
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
        given = _parsed(recording.given_captions.encode())
    elif not from_original:
        given = _segments_kept(recording)
    language = asked.get("language") or recording.language
    return Options(trim_start=start, trim_end=end, language=language, captions=given)


def _parsed(data: bytes) -> list[captions.Segment]:
    try:
        return captions.parse(data)
    except captions.CaptionError as error:
        raise MediaError(f"The captions of this recording cannot be read. {error}") from error


def _segments_kept(recording: Recording) -> list[captions.Segment] | None:
    """Return what a person wrote down: as he edited it last, or as it came with the upload."""
    subtitles = recording.file(Kind.SUBTITLES)
    if subtitles is not None and subtitles.edited:
        with subtitles.stored.file.open("rb") as file:
            return _parsed(file.read())
    transcript = recording.file(Kind.TRANSCRIPT)
    if transcript is None or transcript.draft:
        return None
    with transcript.stored.file.open("rb") as file:
        try:
            return Transcript.load(file.read()).segments or None
        except DocumentError as error:
            raise MediaError(f"The transcript cannot be read. {error}") from error


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
        watchdog.reach((done * 100 + step.weight * percent) // whole)

    context.report = report
    report(0)
    watchdog.enter(step.name)
    if watchdog.stop.is_set():
        raise Cancelled


def _outputs(step: Step, context: Context) -> list[Output]:
    """Run a step; once the rendition is verified, whatever fails is only a warning."""
    try:
        return step.run(context)
    except Cancelled:
        raise
    except Exception as error:
        if not context.verified:
            raise
        logger.warning("step %s failed", step.name, exc_info=True)
        _warn(context, step, error)
        return []


def _warn(context: Context, step: Step, error: Exception) -> None:
    if isinstance(error, ProcessingError):
        at_fault = isinstance(error, SiteFault)
        context.warn(error.sentence, log=error.log, site_fault=at_fault)
    else:
        sentence = f"The step “{step.name}” failed, which is the site's fault."
        context.warn(sentence, log=traceback.format_exc(), site_fault=True)


def _publish(job: Job, recording: Recording, output: Output, watchdog: Watchdog) -> Result:
    """Put one result in place, verified but not yet `ready`, under the recording's next number."""
    with output.path.open("rb") as file:
        publication, number = publish(
            file,
            size=output.path.stat().st_size,
            recording=recording,
            kind=output.kind,
            name=partial(names.of_kind, output.kind, recording.owner_id, recording.pk),
            stop=watchdog.stop,
            budget=job.reservation,
            begun=watchdog.publications.append,
        )
    return Result(output.kind, number, publication, output.draft, output.stand_in)


def _findings(context: Context) -> Findings:
    info = context.media
    return Findings(
        source_duration=info.duration,
        duration=round(context.kept.duration, 3),
        width=info.width or None,
        height=info.height or None,
        removed=context.removed_seconds,
        warning=" ".join(context.warnings),
        log="\n".join(context.logs),
        verified=context.verified,
        site_fault=context.site_fault,
    )

"""recordings/editing/rendering.py: from a session to a final video, as a job like any other.

What could go wrong is that work of a person is lost: the session goes only in the transaction that
shows the video and publishes its captions, and only as it was rendered. Whatever stops the job
before leaves the session as it was and no byte behind. Original and rendition are only read.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import transaction

from recordings.editing import cues, film, fonts, sessions, versions
from recordings.editing.exceptions import CannotEdit, StaleRevision
from recordings.editing.models import EditingSession
from recordings.editing.style import Style
from recordings.ledger import names, reservations
from recordings.ledger.models import StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.publish import Publication
from recordings.ledger.storages import storage
from recordings.ledger.transactions import retried
from recordings.models import Job, Recording, RecordingFile
from recordings.processing import captions, jobs, outcome
from recordings.processing.exceptions import MediaError
from recordings.processing.probe import probe
from recordings.processing.publishing import publish
from recordings.processing.scratch import Scratch, scratch
from recordings.processing.steps.base import Context, Options
from recordings.processing.watchdog import Watchdog
from recordings.trash import locked

BURN, TRACK = MODES = ("burn", "track")
SOURCES: Final = (Kind.TRIMMED, Kind.ORIGINAL)
GONE: Final = "The editing session is gone, or was changed meanwhile, so nothing was rendered."


def start(pk: int, mode: str, *, revision: int | None = None, of: int | None = None) -> Job:
    """Render a session; with `revision`, only as that. `of` as for `trash.locked`.

    Raises NoSession, CannotEdit, StaleRevision, QuotaExceeded.
    """
    if mode == BURN:
        _refuse_boxes(pk)

    def begin() -> Job:
        with sessions.held_fast(pk, of=of) as session:
            if revision is not None and revision != session.revision:
                raise StaleRevision(session.revision)
            source = _refuse_pointless(session)
            room = reservations.set_aside(
                session.recording.owner_id,
                source.stored.size,
                purpose=f"rendering session {pk}",
            )
            job = Job.objects.create(
                kind=Job.Kind.RENDER,
                recording=session.recording,
                owner_id=session.recording.owner_id,
                former_state=session.recording.state,
                first=False,
                reservation=room,
                options={"session": pk, "mode": mode, "revision": session.revision},
            )
            transaction.on_commit(lambda: jobs.ring(job.pk), robust=True)
            return job

    return retried(begin)


def _refuse_boxes(pk: int) -> None:
    """Raise CannotEdit where there is no font for what is said, before anybody waits for it."""
    captions_of = EditingSession.objects.filter(pk=pk).values_list("captions", flat=True).first()
    if lacking := fonts.missing("".join(cue["text"] for cue in captions_of or ())):
        raise CannotEdit(
            f"This site has no font for “{lacking}”, so these captions cannot be burned "
            "in: render them as a track, which the player has fonts for."
        )


def _refuse_pointless(session: EditingSession) -> RecordingFile:
    """Return the video to render onto. Raises CannotEdit with the reason where there is none."""
    recording = session.recording
    sessions.refuse_unready(recording)
    if recording.open_job is not None:
        raise CannotEdit("Something is being done with this recording: wait for it, or cancel it.")
    sessions.refuse_recut(session)
    if not cues.segments(session.captions):
        raise CannotEdit("There are no captions to render yet.")
    source = recording.first_file(SOURCES)
    if source is None or recording.is_sound_alone:
        raise CannotEdit("This recording has no picture to render captions onto.")
    return source


def render(job: Job, watchdog: Watchdog) -> None:
    """Do a claimed job of rendering. Raises what keeps it from its end; see `work`."""
    recording, asked = job.recording, job.options
    rows = EditingSession.objects.filter(pk=asked["session"], revision=asked["revision"])
    session = rows.filter(recording=recording).first()
    source = recording.first_file(SOURCES) if recording else None
    if recording is None or session is None or source is None:
        raise MediaError(GONE)
    with scratch(recording.owner_id, recording.pk, source.extension) as place, ExitStack() as stack:
        watchdog.enter("reading")
        stored = source.stored
        place.fill(storage(stored.storage).chunks(str(stored.file.name)), stop=watchdog.stop)
        context = _context(place, recording, watchdog)
        result = _make(context, session, asked["mode"], watchdog)
        watchdog.enter("storing")
        video, number = _store(result, job, session, watchdog)
        stack.enter_context(video)
        said, version = versions.store(
            recording,
            cues.segments(session.captions),
            stop=watchdog.stop,
            budget=job.reservation,
            begun=watchdog.publications.append,
        )
        stack.enter_context(said)
        retried(partial(_finish, job, session, (video, number), (said, version)))


def _context(place: Scratch, recording: Recording, watchdog: Watchdog) -> Context:
    return Context(
        source=place.source,
        workdir=place.work,
        deadline=time.monotonic() + settings.PROCESSING_TIMEOUT.total_seconds(),
        options=Options(language=recording.language),
        stop=watchdog.stop,
        report=watchdog.reach,
        info=probe(place.source, stop=watchdog.stop),
    )


def _make(context: Context, session: EditingSession, mode: str, watchdog: Watchdog) -> Path:
    """Render what is said while the video lasts, and prove it."""
    said = cues.segments(session.captions)
    inside = captions.cut(said, start=0.0, end=context.media.duration)
    if not inside:
        raise MediaError("All of the captions come after the end of this recording.")
    shown = film.one_at_a_time(inside)
    if not shown:
        raise MediaError("None of the captions lasts long enough to be seen.")
    watchdog.enter("rendering")
    if mode == TRACK:
        result = film.with_track(context, shown)
    else:
        result = film.burn(context, shown, Style.stored(session.style))
    watchdog.enter("checking")
    film.check(context, result, track=shown if mode == TRACK else ())
    return result


def _store(
    result: Path, job: Job, session: EditingSession, watchdog: Watchdog
) -> tuple[Publication, int]:
    recording = session.recording
    with result.open("rb") as file:
        return publish(
            file,
            size=result.stat().st_size,
            recording=recording,
            kind=Kind.FINAL,
            name=partial(_name, recording, session),
            stop=watchdog.stop,
            budget=job.reservation,
            begun=watchdog.publications.append,
        )


def _name(recording: Recording, session: EditingSession, number: int) -> str:
    return names.final(recording.owner_id, recording.pk, session.pk, number)


def _finish(
    job: Job,
    session: EditingSession,
    video: tuple[Publication, int],
    said: tuple[Publication, int],
) -> None:
    """Show the video, publish the captions, end session and job. Raises Lost, MediaError.

    Nobody can give the recording away or cut it anew meanwhile: the job is open.
    """
    with locked([job.recording_id or 0]) as found:
        recording = outcome.still_ours(job, found)
        rows = EditingSession.objects.filter(pk=session.pk, revision=session.revision)
        current = rows.select_for_update(of=("self",)).first()
        if current is None:
            raise MediaError(GONE)
        RecordingFile.objects.create(
            recording=recording, kind=Kind.FINAL, version=video[1], stored=video[0].settle()
        )
        versions.show(recording, *said)
        sessions.remove_locked(current, reason=StoredFile.Reason.REPLACED, by="rendering")
        outcome.close(job, Job.State.SUCCEEDED, step="", progress=100)

"""Editing sessions as rows: opened, changed by one tab at a time, kept in use, discarded.

The account and the recording are locked before a session is touched, since whose it is, and whether
the recording stands in the trash or is being worked on, is decided there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from recordings.editing import cues
from recordings.editing.cues import Cue
from recordings.editing.exceptions import CannotEdit, NoSession, StaleRevision
from recordings.editing.models import EditingSession
from recordings.editing.style import Style
from recordings.ledger.exceptions import StorageFault
from recordings.ledger.models import StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.release import release
from recordings.ledger.storages import content
from recordings.ledger.transactions import retried
from recordings.models import Job, Recording, RecordingFile
from recordings.processing import captions
from recordings.processing.documents import DocumentError, Transcript
from recordings.trash import locked

TRIES: Final = 3  # to read captions that are replaced meanwhile
MOST_OPEN: Final = 5  # sessions of one recording
LEASE: Final = timedelta(minutes=2)  # an open editor says more often that it is there
OTHER_CUT: Final = (
    "This recording was cut anew after this session began, so the times of its captions are those "
    "of another cut: export them, begin a new session, and import and shift them there."
)
MOST_BYTES: Final = 20 * 1024**2  # of a stored document


@dataclass(frozen=True, slots=True)
class Change:
    """What a save brings; None leaves a thing as it is. `style` has passed `Style.changed`."""

    captions: list[Cue] | None = None
    style: dict[str, Any] | None = None


def begin(pk: int, *, of: int | None = None) -> EditingSession:
    """Open a session on a recording, with the captions it has now. `of` as for `trash.locked`.

    Raises NoSession where there is no such recording, CannotEdit, StorageFault.
    """
    recording = Recording.objects.filter(pk=pk).first()
    if recording is None:
        raise NoSession
    for _ in range(TRIES):
        source = captions_file(recording)
        begun = retried(partial(_begin, pk, of, source, captions_in(source)))
        if begun is not None:
            return begun
    raise CannotEdit("The captions of this recording are changing at this moment: try again.")


def _begin(
    pk: int, of: int | None, source: RecordingFile | None, found: list[Cue]
) -> EditingSession | None:
    """Open a session on the captions of `source`; None where that is not the current file."""
    with locked([pk], of=of) as recordings:
        if not recordings:
            raise NoSession
        refuse_unready(recordings[0])
        if captions_file(recordings[0]) != source:
            return None
        if EditingSession.objects.filter(recording=pk).count() >= MOST_OPEN:
            raise CannotEdit(
                f"This recording has {MOST_OPEN} editing sessions already: go on with one of them, "
                "or end one."
            )
        session = EditingSession.objects.create(
            recording=recordings[0],
            captions=found,
            style=Style().as_dict(),
            cut_length=recordings[0].duration,
        )
        transaction.on_commit(partial(ring, session.pk), robust=True)
        return EditingSession.objects.get(pk=session.pk)


def ring(pk: int) -> None:
    """Tell the workers to extract the sound; a tick finds the row too."""
    from recordings.tasks import prepare_session

    prepare_session.delay(pk)


def refuse_unready(recording: Recording) -> None:
    """Raise CannotEdit where the recording is in the trash, or not (yet) to be watched."""
    if recording.trashed_at is not None:
        raise CannotEdit("This recording is in the trash: restore it first.")
    if recording.state != Recording.State.READY:
        raise CannotEdit("This recording is not ready: its captions can be edited once it is.")


def refuse_recut(session: EditingSession) -> None:
    """Raise CannotEdit where the recording was cut anew since, so that all times are wrong."""
    if session.is_of_another_cut:
        raise CannotEdit(OTHER_CUT)


def captions_file(recording: Recording) -> RecordingFile | None:
    """Return the file that has the captions of a recording: its subtitles, or its transcript."""
    return recording.file(Kind.SUBTITLES) or recording.file(Kind.TRANSCRIPT)


def captions_in(file: RecordingFile | None) -> list[Cue]:
    """Read the captions of a file. Raises CannotEdit where they cannot be edited, StorageFault."""
    if file is None:
        return []
    try:
        if file.kind == Kind.SUBTITLES:
            return cues.of_segments(_subtitles(file))
        return cues.of_segments(Transcript.load(_read(file)).segments)
    except (DocumentError, captions.CaptionError, cues.BadCaptions) as error:
        raise CannotEdit(f"The captions of this recording cannot be edited. {error}") from error
    except OSError as error:
        raise StorageFault("The captions of this recording cannot be read now.") from error


def _subtitles(file: RecordingFile) -> list[captions.Segment]:
    data = _read(file)
    return captions.parse(data) if data.strip() else []


def _read(file: RecordingFile) -> bytes:
    return content(file.stored.storage, str(file.stored.file.name), most=MOST_BYTES)


@contextmanager
def held_fast(pk: int, *, of: int | None = None) -> Iterator[EditingSession]:
    """Lock a session's recording, then the session. Raises NoSession."""
    recording_id = EditingSession.objects.filter(pk=pk).values_list("recording", flat=True).first()
    with locked([recording_id or 0], of=of) as found:
        mine = EditingSession.objects.filter(pk=pk, recording__in=[one.pk for one in found])
        session = mine.select_for_update(of=("self",)).first()
        if session is None:
            raise NoSession
        session.recording = found[0]
        yield session


def save(pk: int, change: Change, *, revision: int, of: int | None = None) -> EditingSession:
    """Change a session, or only say that it is in use; return it as it is then.

    Raises NoSession, CannotEdit, and StaleRevision where it was changed from elsewhere.
    """
    return retried(partial(_save, pk, change, revision, of))


def _save(pk: int, change: Change, revision: int, of: int | None) -> EditingSession:
    with held_fast(pk, of=of) as session:
        values = _changes(session, change)
        if values:
            refuse_busy(session)
            values["revision"] = F("revision") + 1
        mine = EditingSession.objects.filter(pk=pk, revision=revision)
        if not mine.update(touched_at=Now(), used_until=Now() + LEASE, **values):
            raise StaleRevision(session.revision)
        return EditingSession.objects.get(pk=pk)


def _changes(session: EditingSession, change: Change) -> dict[str, Any]:
    """Return the columns that really change: a save of the same is a sign of life alone."""
    values: dict[str, Any] = {}
    if change.captions is not None and change.captions != session.captions:
        values |= {"captions": change.captions, "changed": True, "written_at": Now()}
    if change.style is not None:
        style = Style.stored(session.style).changed(change.style).as_dict()
        if style != session.style:
            values["style"] = style
    return values


def refuse_busy(session: EditingSession) -> None:
    """Raise CannotEdit where the recording is not ready, or these captions are being rendered."""
    refuse_unready(session.recording)
    if is_rendered_now(session):
        raise CannotEdit("These captions are being rendered: wait for the video, or cancel it.")


def is_rendered_now(session: EditingSession) -> bool:
    jobs = Job.objects.open().filter(recording=session.recording_id, kind=Job.Kind.RENDER)
    return jobs.filter(options__session=session.pk).exists()


def discard(pk: int, *, by: str, of: int | None = None) -> None:
    """End a session without publishing anything: its owner wants it gone.

    Raises NoSession, and CannotEdit while it is being rendered.
    """

    def end() -> None:
        with held_fast(pk, of=of) as session:
            if is_rendered_now(session):
                raise CannotEdit("This session is being rendered: cancel that first.")
            remove_locked(session, reason=StoredFile.Reason.DELETED, by=by)

    retried(end)


def remove_locked(session: EditingSession, *, reason: StoredFile.Reason, by: str) -> int:
    """Remove a session that the caller holds fast, with its sound; return the bytes let go."""
    freed = release_sound(session, reason=reason, by=by)
    EditingSession.objects.filter(pk=session.pk).delete()
    return freed


def release_sound(session: EditingSession, *, reason: StoredFile.Reason, by: str) -> int:
    """Let go of the sound of a session that the caller holds fast; return its bytes."""
    audio = RecordingFile.objects.filter(pk=session.audio_id or 0).select_related("stored").first()
    if audio is None:
        return 0
    released = release([audio.stored_id], reason=reason, by=by)
    audio.delete()
    return audio.stored.size if released else 0

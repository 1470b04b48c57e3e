"""recordings/editing/cleaning.py: sessions that nobody goes on with, and all that is theirs, go.

What could go wrong is that somebody's work is lost. What prevents it: captions that were changed
become a draft version of the subtitles in the transaction that removes their session, behind what
was published since; a session in use, being rendered or of a recording in the trash stays; and one
that was touched since it was looked at stays too. Discarding one's own session on purpose is in
sessions.py, and publishes nothing.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db.models.functions import Now

from recordings.editing import cues, sessions, versions
from recordings.editing.exceptions import CannotEdit, NoSession
from recordings.editing.models import EditingSession
from recordings.ledger import names
from recordings.ledger.exceptions import LedgerError
from recordings.ledger.models import StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.publish import Publication
from recordings.ledger.release import release
from recordings.ledger.transactions import retried
from recordings.models import RecordingFile
from recordings.trash import locked, unheld

logger = logging.getLogger(__name__)

Draft = tuple[Publication, int]


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What went, by kind; `errors` are things that could not go, the log says why."""

    sessions: int = 0
    temp_audio: int = 0
    final_videos: int = 0
    errors: int = 0
    bytes_freed: int = 0


def clean_session(pk: int, *, by: str) -> Cleaned:
    """Remove one session by its id, with its sound and with what was rendered from it.

    Safe to repeat. A session in use stays, which counts as an error.
    """
    counts = {"sessions": 0, "temp_audio": 0, "final_videos": 0, "errors": 0, "bytes_freed": 0}
    session = EditingSession.objects.filter(pk=pk).select_related("recording").first()
    try:
        if session is not None:
            freed = remove(session, by=by)
            counts |= {"sessions": 1, "temp_audio": int(bool(freed)), "bytes_freed": freed}
        videos, freed = retried(partial(_remove_finals, pk, by))
        counts["final_videos"] = videos
        counts["bytes_freed"] += freed
    except NoSession:  # somebody else removed it at this moment
        pass
    except LedgerError:
        logger.warning("session %s could not be removed", pk, exc_info=True)
        counts["errors"] = 1
    return Cleaned(**counts)


def remove(session: EditingSession, *, by: str) -> int:
    """Remove a session as it was seen, its changes saved as a draft; return the bytes let go.

    Outside any transaction. Raises NoSession, CannotEdit where it is in use or has been since,
    and what keeps the draft from being stored: QuotaExceeded, AccountClosed, StorageFault.
    """
    with ExitStack() as stack:
        draft = None
        said = cues.segments(session.captions)
        if session.changed and said and not _is_published(session):
            draft = versions.store(session.recording, said)
            stack.enter_context(draft[0])
        return retried(partial(_remove, session.pk, session.touched_at, draft, by))


def _is_published(session: EditingSession) -> bool:
    """Tell whether the captions say again what the recording's say."""
    try:
        current = sessions.captions_in(sessions.captions_file(session.recording))
    except CannotEdit:  # they cannot even be read
        return False
    return bool(current == session.captions)


def _remove(pk: int, seen: datetime, draft: Draft | None, by: str) -> int:
    with sessions.held_fast(pk) as session:
        if session.touched_at != seen or is_in_use(session):
            raise CannotEdit("This session is in use, so it stays.")
        if session.recording.trashed_at is not None:
            raise CannotEdit("This session's recording is in the trash, and it stays with it.")
        if draft is not None:
            versions.show_draft(session, *draft)
        return sessions.remove_locked(session, reason=StoredFile.Reason.POLICY, by=by)


def is_in_use(session: EditingSession) -> bool:
    """Tell whether an editor is open on it, by the database's clock, or it is being rendered."""
    open_now = EditingSession.objects.filter(pk=session.pk, used_until__gt=Now()).exists()
    return open_now or session.recording.open_job is not None


def remove_sound(pk: int, *, by: str) -> int:
    """Let go of a session's sound alone, which is made anew if it is wanted; return its bytes.

    Raises NoSession, and CannotEdit where it is in use.
    """

    def let_go() -> int:
        with sessions.held_fast(pk) as session:
            if is_in_use(session):
                raise CannotEdit("This session is in use, so it stays.")
            return sessions.release_sound(session, reason=StoredFile.Reason.POLICY, by=by)

    return retried(let_go)


def _remove_finals(pk: int, by: str) -> tuple[int, int]:
    """Release what was rendered from a session, as long as no hold keeps it. Raises Held."""
    named = RecordingFile.objects.filter(kind=Kind.FINAL, stored__file__contains=f"_final_{pk}")
    files = [file for file in named.select_related("stored") if _session_of(file) == pk]
    with locked({file.recording_id for file in files}) as found:
        live = {one.pk for one in unheld(found) if one.trashed_at is None}  # the trash stays whole
        files = [file for file in files if file.recording_id in live]
        ids = [file.stored_id for file in files]
        count = release(ids, reason=StoredFile.Reason.POLICY, by=by)
        RecordingFile.objects.filter(pk__in=[file.pk for file in files]).delete()
        return count, sum(file.stored.size for file in files) if count else 0


def _session_of(file: RecordingFile) -> int | None:
    found = names.parse(str(file.stored.file.name))
    return found.session_id if found else None

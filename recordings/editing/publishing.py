"""Captions of a session as those of its recording, without a video: its owner is done with them."""

from __future__ import annotations

from functools import partial

from recordings.editing import cues, sessions, versions
from recordings.editing.exceptions import CannotEdit, NoSession, StaleRevision
from recordings.editing.models import EditingSession
from recordings.ledger.models import StoredFile
from recordings.ledger.publish import Publication
from recordings.ledger.transactions import retried


def publish(pk: int, *, revision: int, by: str, of: int | None = None) -> None:
    """Make the captions of a revision the recording's current subtitles, and end the session.

    Outside any transaction; `of` as for `trash.locked`. Raises NoSession, StaleRevision and
    CannotEdit, and what keeps them from being stored: QuotaExceeded, AccountClosed, StorageFault.
    """
    session = EditingSession.objects.filter(pk=pk).select_related("recording").first()
    if session is None:
        raise NoSession
    if session.revision != revision:
        raise StaleRevision(session.revision)
    sessions.refuse_busy(session)
    sessions.refuse_recut(session)
    said = cues.segments(session.captions)
    if not said:
        raise CannotEdit("There are no captions to publish yet.")
    stored, number = versions.store(session.recording, said)
    with stored:
        retried(partial(_publish, session, stored, number, by, of))


def _publish(
    seen: EditingSession, stored: Publication, number: int, by: str, of: int | None
) -> None:
    with sessions.held_fast(seen.pk, of=of) as session:
        if session.revision != seen.revision:
            raise StaleRevision(session.revision)
        sessions.refuse_busy(session)
        sessions.refuse_recut(session)
        versions.show(session.recording, stored, number)
        sessions.remove_locked(session, reason=StoredFile.Reason.DELETED, by=by)

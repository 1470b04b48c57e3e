"""Captions of a session as a new version of the recording's subtitles.

The file is in place before the transaction that shows it; the former version stays, superseded.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from io import BytesIO
from threading import Event

from django.db.models.functions import Now
from django.utils import timezone

from recordings.editing.exceptions import CannotEdit
from recordings.editing.models import EditingSession
from recordings.ledger import names
from recordings.ledger.models import Reservation
from recordings.ledger.names import Kind
from recordings.ledger.publish import Publication
from recordings.models import Recording, RecordingFile
from recordings.processing.captions import Segment, write_srt
from recordings.processing.publishing import publish

logger = logging.getLogger(__name__)


def store(
    recording: Recording,
    segments: Sequence[Segment],
    *,
    stop: Event | None = None,
    budget: Reservation | None = None,
    begun: Callable[[Publication], object] = lambda publication: None,
) -> tuple[Publication, int]:
    """Put captions in place, to be shown by `show`; the caller sees to the publication's end."""
    data = write_srt(segments).encode()
    return publish(
        BytesIO(data),
        size=len(data),
        recording=recording,
        kind=Kind.SUBTITLES,
        name=partial(names.of_kind, Kind.SUBTITLES, recording.owner_id, recording.pk),
        stop=stop or Event(),
        budget=budget,
        begun=begun,
    )


def show(recording: Recording, publication: Publication, number: int) -> None:
    """Make stored captions the current ones of a recording whose lock the caller holds.

    A person edited them, so no policy removes them as superseded later on. Raises Lost,
    and CannotEdit where the recording is another's by now.
    """
    recording.files.current().filter(kind=Kind.SUBTITLES).update(superseded_at=Now())
    _add(recording, publication, number, cut_length=recording.duration, draft=False)


def show_draft(session: EditingSession, publication: Publication, number: int) -> None:
    """Save the stored captions of a neglected session.

    They are the current ones, as a draft, unless a newer version has come since or the recording
    was cut anew: then the draft is kept behind what there is. The caller holds the recording's
    lock. Raises Lost, CannotEdit.
    """
    recording = session.recording
    current = recording.files.current().filter(kind=Kind.SUBTITLES)
    newer = current.filter(created_at__gt=session.written_at).exists()
    behind = newer or session.is_of_another_cut
    if not behind:
        current.update(superseded_at=Now())
    file = _add(
        recording,
        publication,
        number,
        cut_length=session.cut_length,
        draft=True,
        behind=behind,
    )
    logger.info("%s was saved as a draft%s", file, ", behind what there is" if behind else "")


def _add(
    recording: Recording,
    publication: Publication,
    number: int,
    *,
    cut_length: float | None,
    draft: bool,
    behind: bool = False,
) -> RecordingFile:
    if publication.stored.owner_id != recording.owner_id:  # who would pay for it
        raise CannotEdit("This recording changed hands at this moment.")
    return RecordingFile.objects.create(
        recording=recording,
        kind=Kind.SUBTITLES,
        version=number,
        edited=True,
        cut_length=cut_length,
        draft=draft,
        stored=publication.settle(),
        superseded_at=timezone.now() if behind else None,
    )

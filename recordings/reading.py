"""What is said in a recording, read from its stored documents for a page."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from django.utils.translation import gettext as _

from recordings.ledger.exceptions import StorageFault
from recordings.ledger.names import Kind
from recordings.ledger.storages import content
from recordings.models import Recording, RecordingFile
from recordings.processing import captions
from recordings.processing.documents import DocumentError, Topic, Topics, Transcript

logger = logging.getLogger(__name__)

MOST_BYTES: Final = 20 * 1024**2  # of one document
MOST_SEGMENTS: Final = 20_000  # about a day of speech

Document = TypeVar("Document")


@dataclass(slots=True)
class Words:
    """Transcript and topics as far as they exist; `problems` says what could not be read."""

    transcript: Transcript | None = None
    draft: bool = False
    topics: list[Topic] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    empty: set[str] = field(default_factory=set)  # kinds of documents in which nothing is said
    has_sound: bool = False  # an audio file stands
    warned: bool = False  # a note on the page says what went wrong

    @property
    def unwritten(self) -> bool:
        """Whether nobody wrote down what is said: there was no sound, or nobody who could."""
        return self.transcript is not None and self.transcript.source == "none"

    @property
    def absence(self) -> str:
        """Say that nobody wrote it down, and why, as far as that is known."""
        if self.has_sound and self.warned:
            return _("There is no transcript; the note above says why.")
        if self.has_sound or self.warned:
            return _("There is no transcript.")
        return _("There is no transcript: the recording has no sound.")


def words(recording: Recording) -> Words:
    """Read the documents of a recording that came from `with_files()`."""
    files = {file.kind: file for file in recording.current_files}
    found = Words(has_sound=Kind.AUDIO in files, warned=bool(recording.warning))
    if file := files.get(Kind.TRANSCRIPT):
        found.draft = file.draft
        found.transcript = _read(file, Transcript.load, found)
    if (file := files.get(Kind.SUBTITLES)) and file.edited:
        found.transcript, found.draft = _read(file, _as_edited, found), False
    if file := files.get(Kind.TOPICS):
        topics = _read(file, Topics.load, found)
        found.topics = topics.topics if topics else []
        found.empty |= {Kind.TOPICS} if topics and not topics.topics else set()
    if found.transcript and not found.transcript.segments:
        found.empty |= {Kind.TRANSCRIPT, Kind.SUBTITLES}
    if found.transcript and len(found.transcript.segments) > MOST_SEGMENTS:
        del found.transcript.segments[MOST_SEGMENTS:]
        found.problems.append(_("The transcript is very long: its end is in the file only."))
    return found


def _as_edited(srt: bytes) -> Transcript:
    """What a person made of the captions stands above what was written down before."""
    return Transcript(language="", source="owner", segments=captions.parse(srt))


def _read(file: RecordingFile, load: Callable[[bytes], Document], found: Words) -> Document | None:
    try:
        return load(content(file.stored.storage, str(file.stored), most=MOST_BYTES))
    except (OSError, StorageFault, DocumentError, captions.CaptionError):
        logger.warning("file %s of recording %s", file.pk, file.recording_id, exc_info=True)
        found.problems.append(_("The %s cannot be read now.") % file.get_kind_display())
        return None

"""Names of stored files: made of ids, kind and number, never of a title, and parsed back.

A name is relative, so another disk or bucket changes no row. It is never used twice: the first
file of a kind has no number, the next is `142_trimmed_v2.mp4` (topics count from `v1`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import models


class Kind(models.TextChoices):
    ORIGINAL = "original", "original"
    TRIMMED = "trimmed", "trimmed video"
    AUDIO = "audio", "audio"
    TRANSCRIPT = "transcript", "transcript"
    TOPICS = "topics", "topics"
    SUBTITLES = "subtitles", "subtitles"
    SESSION_AUDIO = "session_audio", "session audio"
    FINAL = "final", "final video"
    POSTER = "poster", "poster frame"
    THUMBNAIL = "thumbnail", "own thumbnail"
    TEMPLATE = "template", "thumbnail template"


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a name says: whose, which kind, of which recording (None for session audio)."""

    kind: Kind
    owner_id: int | None
    recording_id: int | None
    number: int = 1
    session_id: int | None = None


def _numbered(number: int) -> str:
    return "" if number == 1 else f"_v{number}"


def original(owner_id: int, recording_id: int, extension: str, number: int = 1) -> str:
    """`extension` comes from the bytes (sniff), without a dot."""
    return (
        f"user_{owner_id}/video/unprocessed/{recording_id}_original{_numbered(number)}.{extension}"
    )


def of_kind(kind: Kind, owner_id: int, recording_id: int, number: int = 1) -> str:
    """Name a file whose extension follows from its kind. Raises KeyError for the others."""
    return _PATTERNS[kind].format(o=owner_id, r=recording_id, v=_numbered(number), n=number)


def session_audio(owner_id: int, session_id: int, number: int = 1) -> str:
    return f"user_{owner_id}/sessions/{session_id}/temp_audio_{session_id}{_numbered(number)}.wav"


def final(owner_id: int, recording_id: int, session_id: int, number: int = 1) -> str:
    return f"user_{owner_id}/video/final/{recording_id}_final_{session_id}{_numbered(number)}.mp4"


def template(slug: str, number: int = 1) -> str:
    return f"templates/thumbnails/{slug}{_numbered(number)}.png"


QUARANTINE = "quarantine"


def quarantined(name: str, at: datetime) -> str:
    """Name an orphan in quarantine by the day it came there."""
    return f"{QUARANTINE}/{at:%Y-%m-%d}/{name}"


def former_name(name: str) -> str:
    """Return the name that a quarantined file had before."""
    return name.split("/", 2)[2]


_PATTERNS = {
    Kind.TRIMMED: "user_{o}/video/processed/{r}_trimmed{v}.mp4",
    Kind.AUDIO: "user_{o}/audio/{r}_processed{v}.mp3",
    Kind.TRANSCRIPT: "user_{o}/transcriptions/{r}/master{v}.json",
    Kind.TOPICS: "user_{o}/transcriptions/{r}/topics_v{n}.json",
    Kind.SUBTITLES: "user_{o}/transcriptions/{r}/subtitles{v}.srt",
    Kind.POSTER: "user_{o}/thumbnails/poster_{r}{v}.jpg",
    Kind.THUMBNAIL: "user_{o}/thumbnails/custom_thumb_{r}{v}.png",
}

# No zeros in front, no `_v1`: two names must not mean the same file.
_ID = r"[1-9][0-9]{0,18}"
_LARGEST = 2**63 - 1  # of the ids and numbers that a database takes
_V = r"(?:_v(?P<number>[2-9]|[1-9][0-9]+))?"
_OWNER = rf"user_(?P<owner>{_ID})"
_SHAPES = [
    (kind, re.compile(pattern))
    for kind, pattern in (
        (
            Kind.ORIGINAL,
            rf"{_OWNER}/video/unprocessed/(?P<recording>{_ID})_original{_V}\.[a-z0-9]+",
        ),
        (Kind.TRIMMED, rf"{_OWNER}/video/processed/(?P<recording>{_ID})_trimmed{_V}\.mp4"),
        (Kind.AUDIO, rf"{_OWNER}/audio/(?P<recording>{_ID})_processed{_V}\.mp3"),
        (Kind.TRANSCRIPT, rf"{_OWNER}/transcriptions/(?P<recording>{_ID})/master{_V}\.json"),
        (
            Kind.TOPICS,
            rf"{_OWNER}/transcriptions/(?P<recording>{_ID})/topics_v(?P<number>{_ID})\.json",
        ),
        (Kind.SUBTITLES, rf"{_OWNER}/transcriptions/(?P<recording>{_ID})/subtitles{_V}\.srt"),
        (
            Kind.SESSION_AUDIO,
            rf"{_OWNER}/sessions/(?P<session>{_ID})/temp_audio_(?P=session){_V}\.wav",
        ),
        (
            Kind.FINAL,
            rf"{_OWNER}/video/final/(?P<recording>{_ID})_final_(?P<session>{_ID}){_V}\.mp4",
        ),
        (Kind.POSTER, rf"{_OWNER}/thumbnails/poster_(?P<recording>{_ID}){_V}\.jpg"),
        (Kind.THUMBNAIL, rf"{_OWNER}/thumbnails/custom_thumb_(?P<recording>{_ID}){_V}\.png"),
        (Kind.TEMPLATE, rf"templates/thumbnails/[-a-z0-9]+?{_V}\.png"),
    )
]
_NUMBERS = ("owner", "recording", "number", "session")

_ARCHIVED = re.compile(r"archive/[0-9a-f]{32}/(?P<former>.+)")


def archived(former: str, copy: UUID) -> str:
    """Name a file's place in the archive; `copy` is one copying of a whole recording."""
    return f"archive/{copy.hex}/{former}"


def anew(former: str, *, owner_id: int, recording_id: int, number: int) -> str:
    """Name a file that comes back as it was named, but for whose it is and its number.

    Raises ValueError for a shape we do not make, and for kinds that are of no recording.
    """
    found = parse(former)
    if found is None or found.kind in {Kind.SESSION_AUDIO, Kind.TEMPLATE}:
        raise ValueError(f"{former} is not named as files of recordings are.")
    if found.kind == Kind.ORIGINAL:
        return original(owner_id, recording_id, former.rpartition(".")[2], number)
    if found.kind == Kind.FINAL:
        return final(owner_id, recording_id, found.session_id or 0, number)
    return of_kind(found.kind, owner_id, recording_id, number)


def parse(name: str) -> Parsed | None:
    """Say what a stored name means, or None for a shape we do not make.

    A name in the archive means what the former name did.
    """
    if inside := _ARCHIVED.fullmatch(name):
        name = inside["former"]
    for kind, shape in _SHAPES:
        if match := shape.fullmatch(name):
            found = match.groupdict()
            if any((_number(found.get(part)) or 0) > _LARGEST for part in _NUMBERS):
                return None
            return Parsed(
                kind=kind,
                owner_id=_number(found.get("owner")),
                recording_id=_number(found.get("recording")),
                number=_number(found.get("number")) or 1,
                session_id=_number(found.get("session")),
            )
    return None


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)

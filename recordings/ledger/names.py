"""Names of stored files: made of ids, kind and number, never of a title, and parsed back.

A name is relative, so another disk or bucket changes no row. It is never used twice: the first
file of a kind has no number, the next is `142_trimmed_v2.mp4` (topics count from `v1`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

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
_ID = r"[1-9][0-9]*"
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


def parse(name: str) -> Parsed | None:
    """Say what a stored name means, or None for a shape we do not make."""
    for kind, shape in _SHAPES:
        if match := shape.fullmatch(name):
            found = match.groupdict()
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

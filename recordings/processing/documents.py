"""The JSON documents beside a recording: `master.json` (the transcript) and `topics_v1.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from recordings.processing.captions import Segment

VERSION: Final = 1  # of the shapes below, not of a recording's files


class DocumentError(ValueError):
    """A stored document that does not have the shape it should have; str() is a sentence."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What is said: `source` is who wrote it down (owner, pocketsphinx, whisper ...)."""

    language: str
    source: str
    draft: bool = False
    segments: list[Segment] = field(default_factory=list)

    def dump(self) -> bytes:
        return _dump({"version": VERSION, **asdict(self)})

    @classmethod
    def load(cls, data: bytes) -> Transcript:
        """Read what `dump` wrote. Raises DocumentError."""
        found = _load(data, "transcript")
        try:
            return cls(
                language=str(found["language"]),
                source=str(found["source"]),
                draft=bool(found["draft"]),
                segments=[_segment(one) for one in found["segments"]],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DocumentError(f"The transcript is damaged: {error!r}.") from error


@dataclass(frozen=True, slots=True)
class Topic:
    """A stretch of a recording, in seconds, and what it is about."""

    start: float
    end: float
    title: str
    keywords: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Topics:
    language: str
    source: str
    topics: list[Topic] = field(default_factory=list)

    def dump(self) -> bytes:
        return _dump({"version": VERSION, **asdict(self)})

    @classmethod
    def load(cls, data: bytes) -> Topics:
        """Read what `dump` wrote. Raises DocumentError."""
        found = _load(data, "list of topics")
        try:
            topics = [
                Topic(
                    start=float(one["start"]),
                    end=float(one["end"]),
                    title=str(one["title"]),
                    keywords=[str(word) for word in one["keywords"]],
                )
                for one in found["topics"]
            ]
            return cls(str(found["language"]), str(found["source"]), topics)
        except (KeyError, TypeError, ValueError) as error:
            raise DocumentError(f"The list of topics is damaged: {error!r}.") from error


def _segment(found: Mapping[str, Any]) -> Segment:
    return Segment(float(found["start"]), float(found["end"]), str(found["text"]))


def _dump(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=1).encode(errors="replace")


def _load(data: bytes, what: str) -> Mapping[str, Any]:
    try:
        found = json.loads(data)
    except ValueError as error:
        raise DocumentError(f"The {what} is no JSON.") from error
    if not isinstance(found, dict) or found.get("version") != VERSION:
        raise DocumentError(f"The {what} has another shape than version {VERSION}.")
    return found

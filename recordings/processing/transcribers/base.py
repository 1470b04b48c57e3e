"""What a transcriber is, and how words become lines that can be read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any, Final, Protocol

from recordings.processing.captions import Segment
from recordings.processing.documents import Transcript

LONGEST_LINE: Final = 84  # characters; two lines of a subtitle
LONGEST_TIME: Final = 6.0  # seconds one line stays


@dataclass(frozen=True, slots=True)
class Heard:
    """A transcript, and a sentence for the owner where something should be known about it."""

    transcript: Transcript
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """Sound to be written down, `duration` seconds of it; `language` may be empty."""

    audio: Path
    duration: float
    language: str
    stop: Event
    timeout: float
    on_progress: Callable[[float], None]


class Transcriber(Protocol):
    """Who knows only some languages says so in `languages`, a tuple of codes."""

    def transcribe(self, task: Task) -> Heard:
        """Write down what is said. Raises MediaError, SiteFault, Cancelled."""
        ...


@dataclass(frozen=True, slots=True)
class Word:
    start: float
    end: float
    text: str


@dataclass(slots=True)
class Listener:
    """Takes a child's JSON lines: segments, single words, and the seconds it is through with."""

    on_progress: Callable[[float], None]
    segments: list[Segment] = field(default_factory=list)
    language: str = ""

    def __call__(self, line: str) -> None:
        said: dict[str, Any] = json.loads(line)
        if "words" in said:
            self.segments += in_lines(Word(*word) for word in said["words"])
        if "segment" in said and said["segment"][1] > said["segment"][0]:
            self.segments.append(Segment(*said["segment"]))
        self.language = said.get("language", self.language)
        if "at" in said:
            self.on_progress(said["at"])


def in_lines(words: Iterable[Word]) -> list[Segment]:
    """Gather words into lines, none too long to read or to stay on screen."""
    lines: list[list[Word]] = []
    for word in words:
        if lines and _fits(lines[-1], word):
            lines[-1].append(word)
        else:
            lines.append([word])
    return [
        Segment(line[0].start, line[-1].end, " ".join(word.text for word in line))
        for line in lines
        if line[-1].end > line[0].start
    ]


def _fits(line: list[Word], word: Word) -> bool:
    length = sum(len(one.text) + 1 for one in line) + len(word.text)
    return length <= LONGEST_LINE and word.end - line[0].start <= LONGEST_TIME

"""Find out what a media file holds, in a child process that may crash in our place."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, Final

from recordings.processing import child, ffmpeg
from recordings.processing.exceptions import MediaError
from recordings.processing.sniff import HEAD_SIZE, sniff

PATIENCE: Final = 60  # seconds, and one more for every SLOW_DISK bytes, since all is read
SLOW_DISK: Final = 10 * 1024**2
LONGEST: Final = 48 * 3600.0  # seconds; a longer one is a forged timestamp


@dataclass(frozen=True, slots=True)
class Video:
    """A moving picture; `width` and `height` as shown, `rate` in frames a second on average."""

    index: int
    codec: str
    pixels: str
    width: int
    height: int
    rate: float


@dataclass(frozen=True, slots=True)
class Audio:
    index: int
    codec: str
    channels: int


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What was really found: streams with packets, and the second at which the last one ends."""

    duration: float
    video: Video | None
    audio: Audio | None

    @property
    def width(self) -> int | None:
        return self.video.width if self.video else None

    @property
    def height(self) -> int | None:
        return self.video.height if self.video else None


def probe(path: Path, *, stop: Event | None = None) -> MediaInfo:
    """Read the file through and say what it holds; cover art is no video.

    Raises MediaError for what is no recording, SiteFault and Cancelled.
    """
    with path.open("rb") as file:
        if sniff(file.read(HEAD_SIZE)) is None:
            raise MediaError("This is no video or audio file of a kind the site can read.")
    facts = read_facts(path, stop or Event())
    if not facts["video"] and not facts["audio"]:
        raise MediaError("This file has neither pictures nor sound in it.")
    if not 0 < facts["duration"] <= LONGEST:
        raise MediaError("This recording has no length, or one beyond two days.")
    return MediaInfo(
        duration=facts["duration"],
        video=Video(**facts["video"]) if facts["video"] else None,
        audio=Audio(**facts["audio"]) if facts["audio"] else None,
    )


def read_facts(path: Path, stop: Event) -> dict[str, Any]:
    """Run `children/probe.py`; raises what `probe` does."""
    timeout = PATIENCE + os.path.getsize(path) / SLOW_DISK
    lines: list[str] = []
    ended = child.run(
        [*child.python("probe"), str(path), "file", ffmpeg.FORMATS],
        stop=stop,
        timeout=timeout,
        limits=ffmpeg.limits(timeout, output=0),
        on_line=lines.append,
    )
    ffmpeg.judge(ended, strict=False)
    facts: dict[str, Any] = json.loads(lines[-1])
    return facts

"""What a processing step is: a small object that reads a context and makes files.

Until `Context.verified` is set a recording has nothing to show for its source, so a step that
fails before fails the job; one that fails after leaves a warning. Steps raise MediaError,
SiteFault and Cancelled, and touch neither database nor storage.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Protocol

from recordings.ledger.names import Kind
from recordings.processing.captions import Segment
from recordings.processing.documents import Topics, Transcript
from recordings.processing.exceptions import SiteFault
from recordings.processing.probe import MediaInfo


@dataclass(frozen=True, slots=True)
class Options:
    """What the owner asked for; trim points in seconds of the source, captions on its clock.

    `language` is a code such as `ru` or `pt-br`, empty where nobody said.
    """

    trim_start: float | None = None
    trim_end: float | None = None
    language: str = ""
    captions: Sequence[Segment] | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """A file for the library, to be published under the recording's name for its kind."""

    kind: Kind
    path: Path
    draft: bool = False
    stand_in: bool = False  # empty since the step failed; a former version is better


@dataclass(frozen=True, slots=True)
class Cut:
    """The part of the source that stays, in seconds."""

    start: float
    end: float

    @property
    def duration(self) -> float:
        return self.end - self.start


@dataclass(slots=True)
class Context:
    """One job's material. What steps find out stands below the line, for the steps after them.

    `deadline` is by the monotonic clock. `verified` says that the rendition (trimmed video, or
    audio where there is no video) was decoded whole and has the length that was asked for.
    """

    source: Path
    workdir: Path
    deadline: float
    options: Options = field(default_factory=Options)
    stop: Event = field(default_factory=Event)
    report: Callable[[int], None] = lambda percent: None

    info: MediaInfo | None = None
    cut: Cut | None = None
    rendition: Path | None = None
    audio: Path | None = None
    verified: bool = False
    transcript: Transcript | None = None
    topics: Topics | None = None
    warnings: list[str] = field(default_factory=list)  # for the owner
    logs: list[str] = field(default_factory=list)  # for administrators
    site_fault: bool = False  # a warning is the site's fault, so the source should stay

    @property
    def media(self) -> MediaInfo:
        """What the probe found; the first step sets it."""
        assert self.info, "Probe comes first in PROCESSING_STEPS"
        return self.info

    @property
    def kept(self) -> Cut:
        """The part that stays, all of it unless something was cut off."""
        return self.cut or Cut(0.0, self.media.duration)

    @property
    def removed_seconds(self) -> float:
        return self.media.duration - self.kept.duration

    @property
    def unheard(self) -> bool:
        """There is sound, but nobody could write down what is said."""
        transcript = self.transcript
        return self.audio is not None and (transcript is None or transcript.source == "none")

    def remaining(self) -> float:
        """Seconds left for this job. Raises SiteFault when there are none."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise SiteFault("This took longer than the site allows, so it was stopped.")
        return left

    def progress(self, first: int, last: int, duration: float) -> Callable[[float], None]:
        """Report seconds of media done, out of `duration`, as `first` to `last` percent."""

        def tell(seconds: float) -> None:
            share = min(seconds / duration, 1.0) if duration else 1.0
            self.report(first + round(share * (last - first)))

        return tell

    def warn(self, sentence: str, *, log: str = "", site_fault: bool = False) -> None:
        self.warnings.append(sentence)
        self.logs.append(f"{sentence} {log}".strip())
        self.site_fault |= site_fault


class Step(Protocol):
    """`weight` is the step's share of a job's progress, beside the weights of the others."""

    name: str
    weight: int

    def run(self, context: Context) -> list[Output]: ...

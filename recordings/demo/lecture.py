"""What the demo recording shows and says: slides, and under each what is said while it stands."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from recordings.processing.captions import Segment

TITLE: Final = "How this site keeps your recordings"
DESCRIPTION: Final = (
    "A short lecture that the site made for you on its first start. It went through everything "
    "that your own uploads go through; delete it whenever you like."
)
LANGUAGE: Final = "en"

HERE: Final = Path(__file__).parent
VOICE: Final = HERE / "voice.ogg"
TIMINGS: Final = HERE / "voice.json"

HEAD: Final = 2.5  # seconds of silence before the first word, for trimming to find
TAIL: Final = 3.0  # and after the last
BETWEEN_SENTENCES: Final = 0.45
BETWEEN_SLIDES: Final = 0.9


@dataclass(frozen=True, slots=True)
class Slide:
    title: str
    points: tuple[str, ...]
    said: tuple[str, ...]  # sentences, short enough for a subtitle of two lines


SLIDES: Final = (
    Slide(
        TITLE,
        ("A short lecture",),
        (
            "Welcome. This lecture shows how this site keeps your recordings in order.",
            "Every byte is counted, from its arrival until the moment it is gone.",
        ),
    ),
    Slide(
        "Upload",
        ("Counted byte by byte", "Stored whole, or not at all"),
        (
            "An upload is checked and counted while it arrives.",
            "It is stored whole and verified, or nothing of it is kept.",
        ),
    ),
    Slide(
        "Processing",
        (
            "Silence trimmed at both ends",
            "Sound, transcript, topics",
            "Subtitles, made here or brought along",
        ),
        (
            "Then processing trims the silence at both ends of the video.",
            "It extracts the sound and writes a transcript with topics and subtitles.",
        ),
    ),
    Slide(
        "Quota",
        ("Used, in the trash, available",),
        (
            "Your quota shows how much space is used, and how much is still available.",
            "Files in the trash count towards the quota, until they are purged.",
        ),
    ),
    Slide(
        "Retention",
        ("Every page says what leaves, when and why", "A hold stops every removal"),
        (
            "Retention policies say how long recordings stay.",
            "Each page tells you when a recording leaves, because of which policy.",
            "A hold on a recording stops every policy, and every other removal.",
        ),
    ),
    Slide(
        "Trash",
        ("Thirty days to change your mind", "Back with every file"),
        (
            "What you delete stays in the trash for thirty days, and can be restored.",
            "Thank you for watching.",
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Script:
    """The committed voice's length and, for each sentence in order, when it is said; seconds."""

    duration: float
    said: list[Segment]

    @classmethod
    def load(cls) -> Script:
        found = json.loads(TIMINGS.read_text())
        return cls(found["duration"], [Segment(*one) for one in found["said"]])

    def slide_lengths(self) -> list[float]:
        """How long each slide stands: until half-way through the pause before the next."""
        ends, first = [], 0
        for slide in SLIDES[:-1]:
            first += len(slide.said)
            ends.append((self.said[first - 1].end + self.said[first].start) / 2)
        return [
            end - start for start, end in zip([0.0, *ends], [*ends, self.duration], strict=True)
        ]

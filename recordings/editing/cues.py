"""Captions of a session as they come in and go out: `[{"start", "end", "text"}]` in seconds.

What is stored has passed `checked`: finite times in order, clean text, all of it bounded, so that
whatever reads it later (a page, a player, libass) meets nothing it was not told of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from recordings.processing.captions import LONGEST, Segment, clean

MOST_CAPTIONS: Final = 20_000  # about a day of speech; every save sends them all
MOST_CHARACTERS: Final = 2000  # of one caption
MOST_BYTES: Final = 3 * 1024**2  # of all texts
TOO_MANY: Final = f"There are more than {MOST_CAPTIONS} captions, which is too many to edit."
TOO_MUCH: Final = f"There are more than {MOST_BYTES // 1024**2} MB of text in these captions."

Cue = dict[str, Any]


class BadCaptions(ValueError):
    """Captions that cannot be taken; str() is a sentence that names the first wrong one."""


def checked(given: Any) -> list[Cue]:
    """Return clean captions in order of time. Raises BadCaptions."""
    if not isinstance(given, list):
        raise BadCaptions("Give captions as a list of objects with start, end and text.")
    if len(given) > MOST_CAPTIONS:
        raise BadCaptions(TOO_MANY)
    cues = [_cue(number, one) for number, one in enumerate(given, start=1)]
    if sum(len(cue["text"].encode()) for cue in cues) > MOST_BYTES:
        raise BadCaptions(TOO_MUCH)
    return sorted(cues, key=lambda cue: (cue["start"], cue["end"]))


def _cue(number: int, given: Any) -> Cue:
    if not isinstance(given, Mapping) or not {"start", "end", "text"} <= given.keys():
        raise BadCaptions(f"Caption {number}: give start, end and text.")
    start, end = (_seconds(number, name, given[name]) for name in ("start", "end"))
    if end <= start:
        raise BadCaptions(
            f"Caption {number}: the end ({end} s) is not after the start ({start} s)."
        )
    return {"start": start, "end": end, "text": _text(number, given["text"])}


def _seconds(number: int, name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadCaptions(f"Caption {number}: give {name} in seconds as a number, such as 90.5.")
    # Compared before it becomes a float, which the largest whole numbers cannot; NaN is not within.
    if not 0 <= value <= LONGEST:
        raise BadCaptions(f"Caption {number}: {name} is not from 0 to {LONGEST} seconds.")
    return round(float(value), 3)


def _text(number: int, value: Any) -> str:
    if not isinstance(value, str):
        raise BadCaptions(f"Caption {number}: the text is no text.")
    text = clean(value)
    if len(text) > MOST_CHARACTERS:
        raise BadCaptions(f"Caption {number}: the text has more than {MOST_CHARACTERS} characters.")
    return text


def segments(cues: Iterable[Cue]) -> list[Segment]:
    """Return what is said in stored captions; one without words says nothing."""
    return [Segment(cue["start"], cue["end"], cue["text"]) for cue in cues if cue["text"]]


def of_segments(found: Iterable[Segment]) -> list[Cue]:
    """Return segments as captions to store. Raises BadCaptions."""
    return checked([{"start": one.start, "end": one.end, "text": one.text} for one in found])

"""Make a rendition and prove it: what trim and audio have in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from recordings.processing import ffmpeg
from recordings.processing.exceptions import MediaError
from recordings.processing.probe import probe
from recordings.processing.steps.base import Context, Cut

TOLERANCE: Final = 0.5  # seconds a rendition may be off: codecs round to frames and packets
SILENCE: Final = "silencedetect=noise=-35dB:duration=1"
AIR: Final = 0.25  # seconds of silence left around what is heard
LARGEST_FACTOR, LARGEST_EXTRA = 8, 512 * 1024**2  # most that an encode may grow to
_MARK: Final = re.compile(r"lavfi\.silence_(start|end)=(-?[0-9.]+)")


def encode(
    context: Context,
    arguments: list[str],
    result: Path,
    *,
    of: Path,
    cut: Cut | None = None,
    on_progress: Callable[[float], None] | None = None,
    cwd: Path | None = None,
) -> None:
    """Make `result` from one input, or from a cut of it, and trust it only without complaints.

    Raises MediaError, SiteFault, Cancelled.
    """
    before = ["-ss", f"{cut.start:.3f}", "-t", f"{cut.duration:.3f}"] if cut else []
    bare = ["-map_metadata", "-1", "-map_chapters", "-1", "-threads", str(ffmpeg.THREADS)]
    ffmpeg.run(
        [*ffmpeg.source(of, *before), *arguments, *bare, f"file:{result}"],
        stop=context.stop,
        timeout=context.remaining(),
        on_progress=on_progress,
        output_limit=of.stat().st_size * LARGEST_FACTOR + LARGEST_EXTRA,
        cwd=cwd,
    )


def verify(
    context: Context,
    result: Path,
    *,
    on_progress: Callable[[float], None] | None = None,
    what: Sequence[str] = ("-map", "0"),
) -> None:
    """Decode `result` whole and compare streams and length with what was asked for.

    The length may be off by TOLERANCE, or by two frames where those last longer (slides at a
    frame a second). Raises MediaError, SiteFault, Cancelled.
    """
    ffmpeg.run(
        [*ffmpeg.source(result), *what, "-f", "null", "-"],
        stop=context.stop,
        timeout=context.remaining(),
        on_progress=on_progress,
    )
    made, asked = probe(result, stop=context.stop), context.kept.duration
    video = context.media.video
    slack = max(TOLERANCE, 2 / video.rate if video and video.rate else 0.0)
    if abs(made.duration - asked) > slack:
        raise MediaError(
            f"The result is {made.duration:.1f} s long where {asked:.1f} s were expected, so "
            "this recording is damaged."
        )
    if (made.audio is None) != (context.media.audio is None):
        raise MediaError("The sound of this recording was lost on the way, so it is damaged.")


def sounding(context: Context, *, on_progress: Callable[[float], None]) -> Cut | None:
    """Find what lies between leading and trailing silence; None when there is nothing to cut.

    That is also so where all is silent.
    """
    assert context.media.audio
    marks = context.workdir / "silence.txt"
    ffmpeg.run(
        [
            *ffmpeg.source(context.source),
            *("-map", f"0:{context.media.audio.index}"),
            *("-af", f"{SILENCE},ametadata=mode=print:file={marks.name}"),
            *("-f", "null", "-"),
        ],
        stop=context.stop,
        timeout=context.remaining(),
        on_progress=on_progress,
        cwd=context.workdir,  # so that no path needs escaping in the filter
    )
    text = marks.read_text() if marks.exists() else ""
    return between(silences(text, context.media.duration), context.media.duration)


def silences(marks: str, duration: float) -> list[Cut]:
    """Pair silencedetect's marks; a silence without an end lasts until the end."""
    found: list[Cut] = []
    start: float | None = None
    for which, value in _MARK.findall(marks):
        if which == "start":
            start = max(float(value), 0.0)
        elif start is not None:
            found.append(Cut(start, float(value)))
            start = None
    return found if start is None else [*found, Cut(start, duration)]


def between(quiet: list[Cut], duration: float) -> Cut | None:
    """Leave out a silence at the very beginning and one at the very end, but for AIR."""
    start, end = 0.0, duration
    if quiet and quiet[0].start < AIR:
        start = max(quiet[0].end - AIR, 0.0)
    if quiet and quiet[-1].end > duration - AIR:
        end = min(quiet[-1].start + AIR, duration)
    if end <= start or (start, end) == (0.0, duration):
        return None
    return Cut(round(start, 3), round(end, 3))

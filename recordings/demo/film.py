"""Join slides and voice into a video, in a few seconds on any machine."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Final

from recordings.demo.lecture import VOICE, Script
from recordings.demo.slides import BAR, HEIGHT, WIDTH, draw_all
from recordings.processing import child, ffmpeg

RATE: Final = 10  # frames a second
PATIENCE: Final = 120.0  # seconds
LARGEST: Final = 64 * 1024**2  # bytes
X264: Final = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "26", "-pix_fmt", "yuv420p")


def make(folder: Path) -> Path:
    """Make `lecture.mp4` in an empty folder. Raises SiteFault, MediaError."""
    script = Script.load()
    lengths = [*script.slide_lengths(), script.duration]
    pictures = [*draw_all(folder), folder / "bar.png"]
    arguments: list[str] = []
    for picture in pictures:
        arguments += ["-framerate", str(RATE), "-i", str(picture)]
    arguments += ["-i", str(VOICE)]
    result = folder / "lecture.mp4"
    arguments += ["-filter_complex", moving(lengths)]
    arguments += ["-map", "[film]", "-map", f"{len(pictures)}:a"]
    arguments += [*X264, "-c:a", "aac", "-b:a", "96k"]
    arguments += ["-t", f"{script.duration:.3f}", "-movflags", "+faststart", str(result)]
    ended = child.run(
        ffmpeg.command(arguments),
        stop=Event(),
        timeout=PATIENCE,
        limits=ffmpeg.limits(PATIENCE, LARGEST),
    )
    ffmpeg.judge(ended)
    return result


def moving(lengths: list[float]) -> str:
    """Put the slides one behind the other; the last picture, the bar, grows along with the time.

    Each picture is decoded and converted once and then repeated, which is most of the time saved.
    """
    *slides, whole = lengths
    shown = [
        f"[{number}:v]format=yuv420p,loop=loop={round(seconds * RATE) - 1}:size=1[shown{number}]"
        for number, seconds in enumerate(lengths)
    ]
    row = "".join(f"[shown{number}]" for number in range(len(slides)))
    across = f"overlay=x='-{WIDTH}+{WIDTH}*t/{whole:.3f}':y={HEIGHT - BAR}:eval=frame"
    joined = f"{row}concat=n={len(slides)}:v=1:a=0[slides]"
    return ";".join([*shown, joined, f"[slides][shown{len(slides)}]{across}[film]"])

"""Take a still that stands for the recording."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

from PIL import Image, ImageStat

from recordings.ledger.names import Kind
from recordings.processing import ffmpeg
from recordings.processing.exceptions import MediaError
from recordings.processing.steps.base import Context, Output

WIDEST: Final = 1280  # pixels
LARGEST: Final = 64 * 1024**2  # bytes
MOMENTS: Final = (0.1, 0.35, 0.7)  # of the duration, tried until one is not dark
DARK: Final = 24  # mean brightness of 255
# Square pixels within the bounds; the most typical of 50 frames is seldom a transition.
PICTURE: Final = (
    f"scale=w='min({WIDEST},iw*sar)':h='min({WIDEST},ih)':force_original_aspect_ratio=decrease,"
    "setsar=1,thumbnail=50,format=yuvj420p"
)


class Poster:
    name = "poster"
    weight = 2

    def run(self, context: Context) -> list[Output]:
        """Make a JPEG of a typical frame; none for sound alone."""
        if context.rendition is None:
            return []
        result = context.workdir / "poster.jpg"
        for share in MOMENTS:
            if self._took(context, result, at=context.kept.duration * share) and not is_dark(
                result
            ):
                return [Output(Kind.POSTER, result)]
        if self._took(context, result, at=0.0):
            return [Output(Kind.POSTER, result)]
        raise MediaError("No still could be taken from this recording.")

    def _took(self, context: Context, result: Path, *, at: float) -> bool:
        """Take a frame; False where there is none, as behind the last of a few slides."""
        assert context.rendition
        arguments = [
            *ffmpeg.source(context.rendition, "-ss", f"{at:.3f}"),
            *("-map", "0:v:0", "-vf", PICTURE, "-frames:v", "1"),
            *("-q:v", "3", "-map_metadata", "-1", "-f", "mjpeg", f"file:{result}"),
        ]
        with suppress(MediaError):
            ffmpeg.run(
                arguments,
                stop=context.stop,
                timeout=context.remaining(),
                output_limit=LARGEST,
                strict=False,
            )
        return result.exists() and result.stat().st_size > 0


def is_dark(path: Path) -> bool:
    """Tell whether a picture of our own making is nearly black."""
    with Image.open(path, formats=["JPEG"]) as image:
        return ImageStat.Stat(image.convert("L")).mean[0] < DARK

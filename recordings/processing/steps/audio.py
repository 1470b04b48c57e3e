"""Extract the sound as MP3, from the rendition, or from the source where there is no video."""

from __future__ import annotations

from typing import Final

from recordings.ledger.names import Kind
from recordings.processing.steps.base import Context, Output
from recordings.processing.steps.render import encode, verify

MONO: Final = ["-b:a", "96k", "-ac", "1"]
STEREO: Final = ["-b:a", "128k", "-ac", "2"]


class Audio:
    name = "audio"
    weight = 8

    def run(self, context: Context) -> list[Output]:
        """Make, decode and measure the MP3; without an audio stream there is none."""
        audio = context.media.audio
        if audio is None:
            return []
        result = context.workdir / "processed.mp3"
        video = context.rendition
        where = ["-map", "0:a:0" if video else f"0:{audio.index}", "-vn"]
        rate = MONO if audio.channels == 1 else STEREO
        duration = context.kept.duration
        encode(
            context,
            [*where, "-c:a", "libmp3lame", *rate, "-f", "mp3"],
            result,
            of=video or context.source,
            cut=None if video else context.cut,
            on_progress=context.progress(0, 70, duration),
        )
        if video is None:
            verify(context, result, on_progress=context.progress(70, 100, duration))
            context.verified = True
        context.audio = result
        return [Output(Kind.AUDIO, result)]

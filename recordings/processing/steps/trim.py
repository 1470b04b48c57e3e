"""Make the rendition that people watch: one MP4 of the part that stays."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from recordings.ledger.names import Kind
from recordings.processing.exceptions import MediaError
from recordings.processing.probe import Audio, Video
from recordings.processing.steps.base import Context, Cut, Output
from recordings.processing.steps.render import encode, sounding, verify

# Every browser plays these as they are; anything else is encoded anew.
PLAYS_EVERYWHERE: Final = {"yuv420p", "yuvj420p"}
X264: Final = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-pix_fmt", "yuv420p"]
EVEN: Final = ["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2"]  # 4:2:0 has no odd sides
AAC: Final = ["-c:a", "aac", "-b:a", "128k"]
MP4: Final = ["-sn", "-dn", "-movflags", "+faststart", "-f", "mp4"]


class Trim:
    name = "trim"
    weight = 40

    def run(self, context: Context) -> list[Output]:
        """Decide what stays, and for a video make, decode and measure the rendition.

        With sound alone only the decision is made; the audio step is the rendition then.
        """
        context.cut = decide(context)
        if not context.media.video:
            return []
        result = context.workdir / "trimmed.mp4"
        if not (context.cut is None and remuxed(context, result)):
            transcode(context, result)
        context.rendition, context.verified = result, True
        return [Output(Kind.TRIMMED, result)]


def decide(context: Context) -> Cut | None:
    """Take the owner's points, else what lies between silences; None to keep everything."""
    options, duration = context.options, context.media.duration
    if options.trim_start is not None or options.trim_end is not None:
        end = duration if options.trim_end is None else min(options.trim_end, duration)
        cut = Cut(options.trim_start or 0.0, end)
        return None if (cut.start, cut.end) == (0.0, duration) else cut
    if not context.media.audio:
        return None
    return sounding(context, on_progress=context.progress(0, 10, duration))


def remuxed(context: Context, result: Path) -> bool:
    """Copy what browsers play already; False when that does not hold, so it has to be encoded."""
    video, audio = context.media.video, context.media.audio
    assert video
    if video.codec != "h264" or video.pixels not in PLAYS_EVERYWHERE:
        return False
    if audio and audio.codec != "aac":
        return False
    duration = context.kept.duration
    tell = context.progress(10, 20, duration)
    try:
        copy = [*streams(video, audio), "-c", "copy", *MP4]
        encode(context, copy, result, of=context.source, on_progress=tell)
        verify(context, result, on_progress=context.progress(20, 100, duration))
    except MediaError:  # such as AVI, whose timestamps MP4 does not take
        return False
    return True


def transcode(context: Context, result: Path) -> None:
    """Encode anew: cuts are exact to the frame, where a copy begins at a key frame."""
    video, audio = context.media.video, context.media.audio
    assert video
    arguments = [*streams(video, audio), *X264, *EVEN]
    if audio:
        arguments += [*AAC, "-ac", str(min(audio.channels, 2) or 1)]
    duration = context.kept.duration
    tell = context.progress(10, 80, duration)
    encode(
        context, [*arguments, *MP4], result, of=context.source, cut=context.cut, on_progress=tell
    )
    verify(context, result, on_progress=context.progress(80, 100, duration))


def streams(video: Video, audio: Audio | None) -> list[str]:
    """Choose the streams that the probe found; ffmpeg's own choice may be the cover art."""
    chosen = ["-map", f"0:{video.index}"]
    return [*chosen, "-map", f"0:{audio.index}"] if audio else chosen

"""The final video itself: captions burned into the picture, or beside it as a track.

What comes out is decoded whole and measured before anybody is shown it, and a track is read back.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from recordings.editing import ass, fonts
from recordings.editing.style import Style
from recordings.processing import captions, ffmpeg
from recordings.processing.captions import Segment
from recordings.processing.exceptions import MediaError
from recordings.processing.probe import Audio, Video
from recordings.processing.steps.base import Context
from recordings.processing.steps.render import encode, verify
from recordings.processing.steps.trim import AAC, EVEN, PLAYS_EVERYWHERE, X264, streams

SCRIPT: Final = "captions.ass"
FONTS: Final = "fonts"
# The `ass` filter, since that of any text has no say in shaping, and an older ffmpeg then writes
# Bengali letter by letter.
BURN: Final = f"ass=filename={SCRIPT}:fontsdir={FONTS}:shaping=complex"
MP4: Final = ["-dn", "-movflags", "+faststart", "-f", "mp4"]
PICTURE_AND_SOUND: Final = ("-map", "0:v", "-map", "0:a?")
# MP4 says a language in three letters.
LANGUAGES: Final = {
    "ar": "ara", "bn": "ben", "de": "deu", "en": "eng", "es": "spa", "fr": "fra", "he": "heb",
    "hi": "hin", "it": "ita", "ja": "jpn", "ko": "kor", "nl": "nld", "pl": "pol", "pt": "por",
    "ru": "rus", "sv": "swe", "tr": "tur", "uk": "ukr", "zh": "zho",
}  # fmt: skip
MOST_OPEN: Final = 100  # captions that overlap; a film of more is nobody's wish but an attacker's
MOST_AT_ONCE: Final = 10  # captions that overlap; more would cover the picture
ENCODED, CHECKED = 75, 95  # percent of the job
OFF: Final = 0.006  # seconds a time may differ when a track is read back


def picture(context: Context) -> Video:
    """Return the video to render onto. Raises MediaError where there is sound alone."""
    if context.media.video is None:
        raise MediaError("This recording has no picture, so there is nothing to render.")
    return context.media.video


def burn(context: Context, segments: Sequence[Segment], style: Style) -> Path:
    """Write the captions into the picture. Raises MediaError, SiteFault, Cancelled."""
    video, audio = picture(context), context.media.audio
    _put_fonts(context.workdir / FONTS)
    size = {"width": video.width + video.width % 2, "height": video.height + video.height % 2}
    text = ass.script(segments, style, **size)
    (context.workdir / SCRIPT).write_text(text, encoding="utf-8")
    result = context.workdir / "final.mp4"
    duration = context.media.duration
    encode(
        context,
        [*streams(video, audio), *X264, EVEN[0], f"{EVEN[1]},{BURN}", *_sound(audio), "-sn", *MP4],
        result,
        of=context.source,
        on_progress=context.progress(2, ENCODED, duration),
        cwd=context.workdir,  # so that no path needs escaping in the filter
    )
    return result


def _put_fonts(folder: Path) -> None:
    folder.mkdir()
    for font in fonts.all_fonts():
        shutil.copyfile(font.path, folder / font.path.name)


def _sound(audio: Audio | None) -> list[str]:
    if audio is None:
        return []
    return ["-c:a", "copy"] if audio.codec == "aac" else AAC


def with_track(context: Context, segments: Sequence[Segment]) -> Path:
    """Put the captions beside the picture, which is copied where players take it as it is.

    Raises MediaError, SiteFault, Cancelled.
    """
    video, audio = picture(context), context.media.audio
    given = context.workdir / SCRIPT
    given.write_text(ass.plain(segments), encoding="utf-8")
    plays = video.codec == "h264" and video.pixels in PLAYS_EVERYWHERE
    result = context.workdir / "final.mp4"
    duration = context.media.duration
    track = [
        "-map",
        "1:s:0",
        "-c:s",
        "mov_text",
        "-metadata:s:s:0",
        f"language={_language(context)}",
    ]
    encode(
        context,
        [
            *("-f", "ass", "-i", f"file:{given}"),
            *(*streams(video, audio), *track),
            *(["-c:v", "copy"] if plays else [*X264, *EVEN]),
            *(*_sound(audio), *MP4),
        ],
        result,
        of=context.source,
        on_progress=context.progress(2, ENCODED, duration),
    )
    return result


def check(context: Context, result: Path, *, track: Sequence[Segment] = ()) -> None:
    """Decode a final video whole and measure it; read its track of captions back.

    Raises MediaError, SiteFault, Cancelled.
    """
    tell = context.progress(ENCODED, CHECKED, context.media.duration)
    verify(context, result, on_progress=tell, what=PICTURE_AND_SOUND)
    if track:
        _compare(context, result, track)


def _language(context: Context) -> str:
    language = context.options.language.lower().partition("-")[0]
    return LANGUAGES.get(language, language if len(language) == 3 else "und")


def one_at_a_time(segments: Sequence[Segment]) -> list[Segment]:
    """Part captions where they overlap: a track of an MP4 shows one text at any moment.

    What lasts less than a hundredth of a second goes, since nobody would see it. Raises MediaError
    where so many overlap that work and text would grow out of hand.
    """
    moments = sorted({moment for one in segments for moment in (one.start, one.end)})
    following = iter(sorted(segments, key=lambda one: one.start))
    waiting = next(following, None)
    open_ones: list[Segment] = []
    found: list[Segment] = []
    letters = 0
    for start, end in pairwise(moments):
        open_ones = [one for one in open_ones if one.end > start]
        while waiting is not None and waiting.start <= start:
            open_ones.append(waiting)
            waiting = next(following, None)
        if len(open_ones) > MOST_OPEN:
            raise MediaError(f"More than {MOST_OPEN} of the captions overlap at one moment.")
        if open_ones:
            text = "\n".join(one.text for one in open_ones[:MOST_AT_ONCE])
            if found and (found[-1].end, found[-1].text) == (start, text):
                found[-1] = Segment(found[-1].start, end, text)
            else:
                letters += len(text)
                if letters > captions.MOST_BYTES:
                    raise MediaError("The captions overlap so much that they make too much text.")
                found.append(Segment(start, end, text))
    return [one for one in found if round(one.end * 100) > round(one.start * 100)]


def _compare(context: Context, result: Path, shown: Sequence[Segment]) -> None:
    """Read the track back. Raises MediaError where a caption is missing or moved."""
    back = context.workdir / "back.vtt"
    ffmpeg.run(
        [*ffmpeg.source(result), "-map", "0:s:0", "-f", "webvtt", f"file:{back}"],
        stop=context.stop,
        timeout=context.remaining(),
        output_limit=captions.MOST_BYTES,
    )
    try:
        found = captions.parse(back.read_bytes())
    except captions.CaptionError as error:
        raise MediaError("The track of captions did not come out as it was written.") from error
    same = len(found) == len(shown) and all(
        abs(one.start - other.start) <= OFF and abs(one.end - other.end) <= OFF
        for one, other in zip(found, shown, strict=True)
    )
    if not same:
        raise MediaError("The track of captions did not come out as it was written.")

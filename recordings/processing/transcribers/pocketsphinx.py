"""The offline default: rough, English only, and so always a draft that people edit."""

from __future__ import annotations

from typing import Final

from recordings.processing import child, ffmpeg
from recordings.processing.documents import Transcript
from recordings.processing.transcribers.base import Heard, Listener, Task

RATE: Final = 16_000  # Hz, mono, 16 bit: what the model was trained on


class PocketSphinx:
    languages = ("en",)

    def transcribe(self, task: Task) -> Heard:
        """Write down English; for any other language nothing, and say so."""
        language = task.language or "en"
        if not language.lower().startswith("en"):
            return Heard(
                Transcript(language, "none", draft=True),
                "There is no transcript: the site's offline transcriber knows only English. "
                "Upload subtitles, or ask an administrator for the Whisper transcriber.",
            )
        listener = Listener(task.on_progress)
        decode = [*ffmpeg.source(task.audio), "-map", "0:a:0", "-ac", "1", "-ar", str(RATE)]
        ended = child.run(
            [
                *child.python("pocketsphinx"),
                str(RATE),
                *ffmpeg.command([*decode, "-f", "s16le", "pipe:1"]),
            ],
            stop=task.stop,
            timeout=task.timeout,
            limits=ffmpeg.limits(task.timeout, output=0),
            on_line=listener,
        )
        ffmpeg.judge(ended)
        return Heard(Transcript(language, "pocketsphinx", draft=True, segments=listener.segments))

"""Write the transcript as SRT."""

from __future__ import annotations

from recordings.ledger.names import Kind
from recordings.processing.captions import write_srt
from recordings.processing.steps.base import Context, Output


class Subtitles:
    name = "subtitles"
    weight = 1

    def run(self, context: Context) -> list[Output]:
        transcript = context.transcript
        result = context.workdir / "subtitles.srt"
        text = write_srt(transcript.segments if transcript else [])
        result.write_text(text, encoding="utf-8", newline="")
        draft = bool(transcript and transcript.draft)
        return [Output(Kind.SUBTITLES, result, draft=draft, stand_in=context.unheard)]

"""Write down what is said: the owner's captions, else what the configured transcriber hears."""

from __future__ import annotations

from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string

from recordings.ledger.names import Kind
from recordings.processing.captions import cut
from recordings.processing.documents import Transcript
from recordings.processing.exceptions import MediaError, SiteFault
from recordings.processing.steps.base import Context, Output
from recordings.processing.transcribers.base import Task, Transcriber


class Transcribe:
    name = "transcribe"
    weight = 40

    def run(self, context: Context) -> list[Output]:
        """Write master.json, without segments where nothing was said or could be heard."""
        transcript = given(context) or heard(context)
        result = context.workdir / "master.json"
        result.write_bytes(transcript.dump())
        context.transcript = transcript
        return [Output(Kind.TRANSCRIPT, result, draft=transcript.draft, stand_in=context.unheard)]


def given(context: Context) -> Transcript | None:
    """Take captions that the owner gave, moved onto the clock of the rendition."""
    if context.options.captions is None:
        return None
    kept = context.kept
    segments = cut(context.options.captions, start=kept.start, end=kept.end)
    return Transcript(context.options.language, "owner", segments=segments)


def heard(context: Context) -> Transcript:
    """Ask the transcriber; when it fails, the transcript is empty and a warning says why."""
    silent = Transcript(context.options.language, "none")
    if context.audio is None:
        return silent
    transcriber = cast(type[Transcriber], import_string(settings.TRANSCRIBER))()
    duration = context.kept.duration
    task = Task(
        audio=context.audio,
        duration=duration,
        language=context.options.language,
        stop=context.stop,
        timeout=context.remaining(),
        on_progress=context.progress(0, 100, duration),
    )
    try:
        found = transcriber.transcribe(task)
    except (MediaError, SiteFault) as error:
        context.warn(
            f"There is no transcript. {error.sentence}",
            log=error.log,
            site_fault=isinstance(error, SiteFault),
        )
        return silent
    if found.warning:
        context.warn(found.warning)
    return found.transcript

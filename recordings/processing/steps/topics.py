"""Find out what a recording is about, stretch by stretch."""

from __future__ import annotations

from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string

from recordings.ledger.names import Kind
from recordings.processing.analysers.base import Analyser
from recordings.processing.documents import Topics as Document
from recordings.processing.exceptions import SiteFault
from recordings.processing.steps.base import Context, Output


class Topics:
    name = "topics"
    weight = 4

    def run(self, context: Context) -> list[Output]:
        """Write the topics, none where nothing was said or the analyser failed."""
        found = analysed(context)
        result = context.workdir / "topics_v1.json"
        result.write_bytes(found.dump())
        context.topics = found
        draft = bool(context.transcript and context.transcript.draft)
        return [Output(Kind.TOPICS, result, draft=draft, stand_in=context.unheard)]


def analysed(context: Context) -> Document:
    transcript = context.transcript
    if transcript is None or not transcript.segments:
        return Document(context.options.language, "none")
    analyser = cast(type[Analyser], import_string(settings.ANALYSER))()
    try:
        return analyser.analyse(transcript, stop=context.stop, timeout=context.remaining())
    except SiteFault as error:
        context.warn(f"There are no topics. {error.sentence}", log=error.log, site_fault=True)
        return Document(transcript.language, "none")

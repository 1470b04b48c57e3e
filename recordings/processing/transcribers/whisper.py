"""faster-whisper, the extra for real transcripts: needs its package and a model on disk."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from django.conf import settings

from recordings.processing import child
from recordings.processing.child import Limits
from recordings.processing.documents import Transcript
from recordings.processing.exceptions import SiteFault
from recordings.processing.transcribers.base import Heard, Listener, Task


class Whisper:
    def transcribe(self, task: Task) -> Heard:
        """Write down any language, found out where nobody said it."""
        listener = Listener(task.on_progress)
        ended = child.run(
            [*child.python("whisper"), model(), str(task.audio), primary(task.language)],
            stop=task.stop,
            timeout=task.timeout,
            limits=Limits(output=0),  # models map more memory than media may; the MP3 is our own
            on_line=listener,
        )
        if ended.code:
            raise SiteFault("The site's transcriber does not work at the moment.", ended.log)
        language = task.language or listener.language
        return Heard(Transcript(language, "whisper", segments=listener.segments))


def model() -> str:
    """Return the folder of the model. Raises SiteFault where something is not installed."""
    if find_spec("faster_whisper") is None:
        raise SiteFault(
            "The site's transcriber is not installed; an administrator has to install "
            "requirements/whisper.txt or choose another TRANSCRIBER."
        )
    folder = Path(settings.WHISPER_MODEL)
    if not settings.WHISPER_MODEL or not folder.is_dir():
        raise SiteFault(
            "The site's transcriber has no model; an administrator has to set WHISPER_MODEL to a "
            "folder with one."
        )
    return str(folder)


def primary(language: str) -> str:
    """Cut `pt-br` to the `pt` that models know."""
    return language.lower().replace("_", "-").partition("-")[0]

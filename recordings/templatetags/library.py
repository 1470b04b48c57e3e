"""How the pages write durations, sizes and addresses of media."""

from __future__ import annotations

import re
from urllib.parse import quote

from django import template
from django.conf import settings
from django.utils.translation import gettext_lazy

from recordings.ledger.names import Kind
from recordings.models import Recording, RecordingFile

register = template.Library()

STEPS = {
    "probe": gettext_lazy("looking at the file"),
    "trim": gettext_lazy("cutting and encoding"),
    "audio": gettext_lazy("extracting the audio"),
    "transcribe": gettext_lazy("writing down what is said"),
    "topics": gettext_lazy("finding topics"),
    "subtitles": gettext_lazy("making subtitles"),
    "poster": gettext_lazy("taking a still"),
}
# What is played: the first that stands.
PLAYED = (Kind.TRIMMED, Kind.AUDIO, Kind.ORIGINAL)


@register.filter
def clock(seconds: float | None) -> str:
    """Write seconds as 4:05 or 1:02:03."""
    minutes, second = divmod(int(seconds or 0), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


@register.filter
def step_words(step: str) -> str:
    """Say what a step does; one we do not know by its name."""
    return str(STEPS.get(step, step))


@register.filter
def media_url(file: RecordingFile) -> str:
    return settings.MEDIA_URL + quote(str(file.stored.file.name))


@register.filter
def captions_url(file: RecordingFile) -> str:
    """The WebVTT that stored SRT subtitles are served as."""
    return f"{media_url(file)}.vtt"


@register.filter
def download_name(file: RecordingFile, title: str) -> str:
    """Name a download after the recording, as far as file names allow."""
    extension = str(file.stored.file.name).rpartition(".")[2]
    words = re.sub(r'[\x00-\x1f/\\:*?"<>|]', " ", title)
    return f"{words.strip(' .')[:80] or 'recording'} - {file.kind}.{extension}"


@register.filter
def current(recording: Recording, kind: str) -> RecordingFile | None:
    """The current file of a kind, of a recording that came from `with_files()`."""
    return next((file for file in recording.current_files if file.kind == kind), None)


@register.filter
def played(recording: Recording) -> RecordingFile | None:
    """The file that the page plays."""
    files = {file.kind: file for file in recording.current_files}
    if recording.width is None and Kind.AUDIO in files:
        return files[Kind.AUDIO]
    return next((files[kind] for kind in PLAYED if kind in files), None)


@register.filter
def total_size(recording: Recording) -> int:
    return sum(file.stored.size for file in recording.current_files)


@register.filter
def newest_job(recording: Recording) -> object:
    return recording.newest_jobs[0] if recording.newest_jobs else None

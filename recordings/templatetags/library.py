"""How the pages write durations and steps, and which file they show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django import template
from django.conf import settings
from django.utils.timezone import now
from django.utils.translation import gettext, gettext_lazy

from recordings import periods
from recordings.ledger.names import Kind
from recordings.ledger.wording import moment
from recordings.models import Recording, RecordingFile, SourceRule
from recordings.processing import jobs, outcome
from recordings.processing.models import event_of, rule_in_words

register = template.Library()

STEPS = {
    "connect": gettext_lazy("asking the server"),
    "download": gettext_lazy("fetching the file"),
    "store": gettext_lazy("storing the file"),
    "probe": gettext_lazy("looking at the file"),
    "trim": gettext_lazy("cutting and encoding"),
    "audio": gettext_lazy("extracting the audio"),
    "transcribe": gettext_lazy("writing down what is said"),
    "topics": gettext_lazy("finding topics"),
    "subtitles": gettext_lazy("making subtitles"),
    "poster": gettext_lazy("taking a still"),
    "reading": gettext_lazy("reading the video"),
    "rendering": gettext_lazy("writing the captions into the video"),
    "checking": gettext_lazy("checking the video"),
    "storing": gettext_lazy("storing the video"),
}
# What is played: the first that stands, an original with pictures before the audio if it plays.
PLAYED = (Kind.TRIMMED, Kind.AUDIO, Kind.ORIGINAL)
# Containers that all browsers open; what codecs are inside is known only once one tries.
PLAYABLE = frozenset({"mp4", "m4v", "webm"})


@register.simple_tag
def imports_allowed() -> bool:
    """Whether the site fetches from addresses."""
    return bool(settings.IMPORT_BY_URL)


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
def current(recording: Recording, kind: str) -> RecordingFile | None:
    """The current file of a kind, of a recording that came from `with_files()`."""
    return next((file for file in recording.current_files if file.kind == kind), None)


@register.filter
def played(recording: Recording) -> RecordingFile | None:
    """The file that the page plays."""
    files = {file.kind: file for file in recording.current_files}
    if recording.width is None and Kind.AUDIO in files:
        return files[Kind.AUDIO]
    original = files.get(Kind.ORIGINAL)
    if original and Kind.TRIMMED not in files and original.extension in PLAYABLE:
        return original
    return next((files[kind] for kind in PLAYED if kind in files), None)


@register.simple_tag
def source_rule(event: str) -> str:
    """What the rule in force does to originals, in a sentence; empty when they stay."""
    rule = SourceRule.objects.filter(event=event).first()
    return rule.sentence if rule else ""


@register.simple_tag
def cancelling_rule(recording: Recording) -> SourceRule | None:
    """The rule by which cancelling costs the original; see `outcome.rule_of_cancelling`."""
    return outcome.rule_of_cancelling(recording)


register.filter("has_source", jobs.has_source)
register.filter("rule_in_words", rule_in_words)
register.filter("may_be_processed", jobs.may_be_processed)


@dataclass(frozen=True, slots=True)
class FinalVideo:
    """A final video; `goes_at` is when a policy may take it, None where none will."""

    file: RecordingFile
    goes_at: datetime | None

    @property
    def is_overdue(self) -> bool:
        return self.goes_at is not None and self.goes_at <= now()


@register.simple_tag
def finals(recording: Recording) -> list[FinalVideo]:
    """The final videos of a recording that came `with_files().with_held()`, newest first."""
    found = [file for file in recording.current_files if file.kind == Kind.FINAL]
    period = periods.stay("finals") if found else None
    return [FinalVideo(file, periods.final_leaves_at(file, period)) for file in reversed(found)]


@register.filter
def others(files: list[RecordingFile]) -> list[RecordingFile]:
    """The files but the final videos, which have a list of their own."""
    return [file for file in files if file.kind != Kind.FINAL]


@register.simple_tag
def leaving(file: RecordingFile, recording: Recording) -> str:
    """When a file goes, and why; of a recording that came `with_files().with_held()`."""
    if file.kind == Kind.SESSION_AUDIO:  # no hold covers it
        return gettext("until the editing session ends")
    if recording.is_held:
        return gettext("on hold")
    if file.leaves_at:
        event = event_of(file.leaves_because)
        return gettext("%(date)s, because %(event)s") % {
            "date": moment(file.leaves_at),
            "event": event,
        }
    going = file.kind == Kind.ORIGINAL and is_being_processed(recording)
    if going and (sentence := source_rule(SourceRule.Event.SUCCEEDED)):
        return gettext("when processing ends. %(sentence)s") % {"sentence": sentence}
    return gettext("with the recording")


def is_being_processed(recording: Recording) -> bool:
    """Whether its first or a further processing waits or is under way."""
    job = recording.newest_job
    return job is not None and job.finished_at is None and job.kind != job.Kind.RENDER

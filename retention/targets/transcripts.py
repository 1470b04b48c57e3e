"""Transcripts, topics and subtitles that newer versions took the place of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from django.db.models import Exists, OuterRef

from recordings.ledger.models import StoredFile
from recordings.ledger.names import Kind
from recordings.models import RecordingFile
from retention import words
from retention.choices import Action, Clock
from retention.decide import Facts
from retention.models import RetentionPolicy
from retention.targets import library, stored
from retention.targets.base import Result, Target, Work

KINDS: Final = (Kind.TRANSCRIPT, Kind.TOPICS, Kind.SUBTITLES)
COLUMN: Final = "superseded_at"


class Transcripts(Target):
    slug = "transcripts"
    noun = "superseded transcripts"
    removes = (
        "Versions of a transcript, its topics or subtitles that a newer one, which stands, took "
        "the place of; never the one in use, one that a person edited, or one of a recording "
        "that is held, marked to be kept, being processed or in the trash."
    )
    spares = "except held, kept and edited"
    clocks = (Clock.MODIFIED,)
    actions = (Action.REPORT, Action.DELETE)
    scopes = library.SCOPES

    def candidates(self, policy: RetentionPolicy, at: datetime) -> Iterator[list[Facts]]:
        return stored.candidates(policy, superseded(), at, column=COLUMN)

    def remove(self, work: Work) -> Mapping[int | str, Result]:
        return stored.remove(work, superseded(), column=COLUMN)

    def phrase(self, policy: RetentionPolicy, of: str) -> str:
        named = f"former versions of transcripts, topics and subtitles{of}"
        if not policy.max_age_seconds:
            return f"all {named}"
        return f"{named} replaced more than {words.period(policy.max_age_seconds)} ago"


def superseded() -> stored.Files:
    in_use = RecordingFile.objects.current().filter(
        recording=OuterRef("recording"),
        kind=OuterRef("kind"),
        stored__state=StoredFile.State.READY,
    )
    former = RecordingFile.objects.superseded().filter(kind__in=KINDS, edited=False)
    return former.filter(Exists(in_use))

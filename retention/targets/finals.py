"""Videos rendered with their subtitles, to be downloaded soon."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from recordings.ledger.names import Kind
from recordings.models import RecordingFile
from retention import words
from retention.choices import Action, Clock
from retention.decide import Facts
from retention.models import RetentionPolicy
from retention.targets import library, stored
from retention.targets.base import Result, Target, Work

COLUMN: Final = "created_at"


class Finals(Target):
    slug = "finals"
    noun = "final videos"
    removes = (
        "Videos rendered from an editing session, counted from when they were finished; never "
        "the recording they were made from, nor one of a recording that is held, marked to be "
        "kept, being processed or in the trash."
    )
    spares = "except held and kept"
    clocks = (Clock.PROCESSED,)
    actions = (Action.REPORT, Action.DELETE)
    scopes = library.SCOPES

    def candidates(self, policy: RetentionPolicy, at: datetime) -> Iterator[list[Facts]]:
        return stored.candidates(policy, finals(), at, column=COLUMN)

    def remove(self, work: Work) -> Mapping[int | str, Result]:
        return stored.remove(work, finals(), column=COLUMN)

    def phrase(self, policy: RetentionPolicy, of: str) -> str:
        if not policy.max_age_seconds:
            return f"all final videos{of}"
        return f"final videos{of} rendered more than {words.period(policy.max_age_seconds)} ago"


def finals() -> stored.Files:
    return RecordingFile.objects.filter(kind=Kind.FINAL)

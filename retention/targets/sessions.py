"""Editing sessions that nobody went on with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from retention import words
from retention.choices import Action, Clock, Outcome
from retention.decide import Facts
from retention.models import RetentionPolicy
from retention.targets.base import GONE, Result, Target, Work


class Sessions(Target):
    """There is no editor in this version and so no session; its policy is ready for both."""

    slug = "sessions"
    noun = "editing sessions"
    removes = (
        "Editing sessions idle for so long, with the audio extracted for them; never the "
        "recording. This version has no editor, so there is nothing to find."
    )
    spares = "except those in use"
    clocks = (Clock.MODIFIED,)
    actions = (Action.REPORT, Action.DELETE)
    scopes = frozenset({"owners", "groups"})

    def candidates(self, policy: RetentionPolicy, at: datetime) -> Iterator[list[Facts]]:
        return iter(())

    def remove(self, work: Work) -> Mapping[int | str, Result]:
        return {key: Result(Outcome.SKIPPED, GONE) for key in work.keys}

    def phrase(self, policy: RetentionPolicy, of: str) -> str:
        return words.aged(policy, f"editing sessions{of}")

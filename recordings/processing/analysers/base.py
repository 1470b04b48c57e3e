"""What an analyser is."""

from __future__ import annotations

from threading import Event
from typing import Protocol

from recordings.processing.documents import Topics, Transcript


class Analyser(Protocol):
    def analyse(self, transcript: Transcript, *, stop: Event, timeout: float) -> Topics:
        """Part a transcript that says something into topics. Raises SiteFault, Cancelled."""
        ...

"""How processing ends when it does not succeed; who is to blame decides what happens next."""

from __future__ import annotations


class ProcessingError(Exception):
    """A step that could not do its work: a sentence for the owner, a log for the administrator."""

    def __init__(self, sentence: str, log: str = "") -> None:
        self.sentence, self.log = sentence, log
        super().__init__(sentence)


class MediaError(ProcessingError):
    """The media, or what was asked of it, is at fault; trying again will not help."""


class SiteFault(ProcessingError):
    """The site is at fault (disk full, out of time, transcriber down): never starts a clock."""


class Cancelled(Exception):
    """The stop event was set, and everything that was started is gone."""

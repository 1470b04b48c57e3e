"""What listings are made of, on any storage."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

INCOMING = ".incoming"  # the upload area below the media root; never listed
MARKER = ".mediasite-identity"  # which database the storage belongs to; never listed
PAGE = 5000  # names


@dataclass(frozen=True, slots=True)
class Entry:
    """One object in a storage: its name, size in bytes and the later of its two clocks."""

    name: str
    size: int
    modified: datetime


class Page(Protocol):
    """Some neighbours of a listing; an entry costs more than its name, so it is made when asked."""

    @property
    def names(self) -> list[str]: ...

    def entry(self, name: str) -> Entry | None:
        """Say more of one of them; None when it is gone since."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What stands after a move: something under the former name, something under the new one."""

    left: bool
    arrived: bool

"""A disk that is full as soon as the sound of a recording is written to it."""

from __future__ import annotations

from uuid import UUID

from recordings.ledger.exceptions import StorageFull
from recordings.ledger.storages import DiskStorage, Writer


class FullWriter:
    """Takes the first hundred bytes."""

    def __init__(self, inner: Writer) -> None:
        self._inner = inner
        self.commit, self.close = inner.commit, inner.close

    def write(self, chunk: bytes) -> None:
        self._inner.write(chunk[:100])
        raise StorageFull("The disk is full; nothing was kept of this file.")


class FullStorage(DiskStorage):
    def writer(self, name: str, part: UUID) -> Writer:
        inner = super().writer(name, part)
        return FullWriter(inner) if "/audio/" in name else inner

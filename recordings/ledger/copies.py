"""recordings/ledger/copies.py: copy stored files whole, verified, all of them or none.

Copies are made to let go of what they were made from, so a bad one would be a lost file. Each is
hashed on its way and read again from where it stands, and both must be the hash in the row; what
does not reach the caller's `settle` is abandoned, as any publication.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from recordings.ledger.exceptions import StorageFault
from recordings.ledger.models import StoredFile
from recordings.ledger.publish import RENEW_SECONDS, Publication
from recordings.ledger.storages import storage


@dataclass(frozen=True, slots=True)
class Order:
    """One file to be copied: where to, and whose the copy is."""

    source: StoredFile
    name: str
    alias: str = ""  # of the storage, if not the one for new media
    owner_id: int | None = None
    recording_id: int | None = None


class Pulse:
    """Keeps everything under way alive while bytes are moved, at most every RENEW_SECONDS."""

    def __init__(self, beats: Sequence[Callable[[], None]]) -> None:
        self._beats, self._last = beats, time.monotonic()

    def __call__(self) -> None:
        if time.monotonic() - self._last > RENEW_SECONDS:
            for beat in self._beats:
                beat()
            self._last = time.monotonic()


@contextmanager
def copied(
    orders: Sequence[Order],
    *,
    alive: Callable[[], None],
    told: Callable[[int], None] = lambda size: None,
) -> Iterator[list[Publication]]:
    """Copy files, room for all of them first; yield what waits for `settle`, in the same order.

    `alive` is called now and then, `told` with the bytes of each file that is copied. Raises
    QuotaExceeded, AccountClosed, NameTaken, Lost, StorageFull, and StorageFault also where a source
    is not what its row says.
    """
    with ExitStack() as stack:
        under_way = [stack.enter_context(_begin(order)) for order in orders]
        pulse = Pulse([alive, *(publication.renew for publication in under_way)])
        for order, publication in zip(orders, under_way, strict=True):
            _copy(order.source, publication, pulse)
            told(order.source.size)
        yield under_way


def _begin(order: Order) -> Publication:
    return Publication.begin(
        name=order.name,
        kind=order.source.kind,  # type: ignore[arg-type]
        owner_id=order.owner_id,
        recording_id=order.recording_id,
        size=order.source.size,
        alias=order.alias,
    )


def _copy(source: StoredFile, publication: Publication, pulse: Pulse) -> None:
    for chunk in _chunks(source, pulse):
        publication.write(chunk)
    publication.finish()
    if publication.sha256 != source.sha256:
        raise StorageFault(f"{source} is not what was stored: its hash differs.")
    if _hash(publication.stored, pulse) != source.sha256:
        raise StorageFault(f"The copy of {source} does not read as it was written.")


def are_intact(files: Iterable[StoredFile], *, alive: Callable[[], None]) -> bool:
    """Read files again and tell whether all are what their rows say."""
    pulse = Pulse([alive])
    try:
        return all(_hash(stored, pulse) == stored.sha256 for stored in files)
    except StorageFault:
        return False


def _hash(stored: StoredFile, pulse: Pulse) -> str:
    digest = hashlib.sha256()
    for chunk in _chunks(stored, pulse):
        digest.update(chunk)
    return digest.hexdigest()


def _chunks(stored: StoredFile, pulse: Pulse) -> Iterator[bytes]:
    try:
        for chunk in storage(stored.storage).chunks(str(stored)):
            pulse()
            yield chunk
    except FileNotFoundError as error:
        raise StorageFault(f"{stored} is not in storage.") from error

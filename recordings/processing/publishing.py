"""One result put in place: verified, but not `ready` until the transaction that shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from threading import Event
from typing import IO, Final

from django.db import transaction

from recordings.ledger.exceptions import Lost
from recordings.ledger.models import Reservation
from recordings.ledger.names import Kind
from recordings.ledger.publish import Publication, first_free
from recordings.ledger.transactions import retried
from recordings.models import Recording
from recordings.processing.exceptions import Cancelled

CHUNK: Final = 1024 * 1024


def publish(
    content: IO[bytes],
    *,
    size: int,
    recording: Recording,
    kind: Kind,
    name: Callable[[int], str],
    stop: Event,
    budget: Reservation | None = None,
    begun: Callable[[Publication], object] = lambda publication: None,
) -> tuple[Publication, int]:
    """Store bytes under the recording's next number for their kind, which `name` makes a name of.

    `begun` gets the publication when its lease has to be kept. Raises Cancelled when `stop` is
    set, and what publications raise; nothing is left then.
    """

    def begin(number: int) -> Publication:
        return Publication.begin(
            name=name(number),
            kind=kind,
            owner_id=recording.owner_id,
            recording_id=recording.pk,
            size=size,
            budget=budget,
        )

    publication, number = first_free(_numbers(recording, kind), begin)
    begun(publication)
    try:
        _copy(content, publication, stop)
        publication.finish()
    except BaseException:
        publication.abandon()
        raise
    return publication, number


def _numbers(recording: Recording, kind: Kind) -> Iterator[int]:
    while True:
        yield retried(partial(_take_number, recording, kind))


def _take_number(recording: Recording, kind: Kind) -> int:
    with transaction.atomic():
        row = Recording.objects.select_for_update().filter(pk=recording.pk).first()
        if row is None:
            raise Lost("The recording is gone.")
        return row.take_number(kind)


def _copy(content: IO[bytes], publication: Publication, stop: Event) -> None:
    while chunk := content.read(CHUNK):
        if stop.is_set():
            raise Cancelled
        publication.write(chunk)

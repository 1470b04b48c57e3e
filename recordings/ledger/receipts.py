"""Sealing receipts into a chain, and checking it."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from django.db import transaction

from recordings.ledger.models import Lease, Receipt

maintenance = logging.getLogger("mediasite.maintenance")

BATCH_SIZE = 1000
TURN = "seal receipts"  # the name of the lock


def seal() -> int:
    """Chain what purge wrote since the last time, and log the new head; return how many."""
    count = 0
    while sealed := _seal_batch():
        count += sealed
    return count


def _seal_batch() -> int:
    with transaction.atomic():
        Lease.objects.get_or_create(name=TURN)
        # One sealer at a time, each seeing the last one's work.
        Lease.objects.select_for_update().get(name=TURN)
        head = Receipt.objects.exclude(sequence=None).order_by("-sequence").first()
        waiting = list(Receipt.objects.filter(sequence=None).order_by("id")[:BATCH_SIZE])
        previous, last = (head.hash, head.sequence or 0) if head else ("", 0)
        for receipt in waiting:
            last += 1
            receipt.sequence, receipt.previous_hash = last, previous
            previous = receipt.hash = receipt.digest()
        Receipt.objects.bulk_update(waiting, ["sequence", "previous_hash", "hash"], 200)
    if waiting:
        maintenance.info("receipts sealed up to %s, head %s", last, previous)
    return len(waiting)


def broken() -> Iterator[str]:
    """Yield a sentence for each place where the chain does not hold."""
    previous, number = "", 0
    sealed = Receipt.objects.exclude(sequence=None).order_by("sequence")
    for receipt in sealed.iterator(chunk_size=2000):
        if receipt.sequence != number + 1:
            yield f"receipt {number + 1} is missing"
        elif receipt.previous_hash != previous:
            yield f"receipt {receipt.sequence} does not follow the one before"
        if receipt.hash != receipt.digest():
            yield f"receipt {receipt.sequence} ({receipt.name}) was changed"
        previous, number = receipt.hash, receipt.sequence or 0

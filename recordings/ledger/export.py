"""Receipts as CSV and JSON, a line at a time, so that a million of them need no memory."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet

from recordings.ledger.models import Receipt

COLUMNS = (
    "sequence", "name", "storage", "kind", "owner_id", "owner_name", "recording_id", "size",
    "sha256", "reason", "released_by", "released_at", "gone_at", "previous_hash", "hash",
)  # fmt: skip
CHUNK = 2000


def rows(receipts: QuerySet[Receipt]) -> Iterator[dict[str, Any]]:
    """Yield receipts in the order they were written, times in ISO-8601 UTC."""
    wanted = receipts.order_by("id").values_list(*COLUMNS)
    for values in wanted.iterator(chunk_size=CHUNK):
        yield {name: _plain(value) for name, value in zip(COLUMNS, values, strict=True)}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value


def as_csv(receipts: QuerySet[Receipt]) -> Iterator[str]:
    """Yield the lines of a CSV file with a header."""
    line = io.StringIO()
    writer = csv.DictWriter(line, COLUMNS)
    writer.writeheader()
    for row in rows(receipts):
        writer.writerow(row)
        if line.tell() > CHUNK:
            yield line.getvalue()
            line.seek(0)
            line.truncate()
    yield line.getvalue()


def as_json(receipts: QuerySet[Receipt]) -> Iterator[str]:
    """Yield one JSON object with the list `results`, a receipt a line."""
    yield '{"results": ['
    separator = "\n"
    for row in rows(receipts):
        yield separator + json.dumps(row)
        separator = ",\n"
    yield '\n], "next": null}\n'

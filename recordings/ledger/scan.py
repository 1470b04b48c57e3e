"""Compare a storage with the rows: one sorted listing beside one sorted run of names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from recordings.ledger.exceptions import StorageFault
from recordings.ledger.models import StoredFile
from recordings.ledger.storages import Entry, storage

PAGE = 5000  # names in a keyset page


@dataclass(frozen=True, slots=True)
class Pair:
    """A name with the object in storage, the row, or both."""

    name: str
    entry: Entry | None
    stored: StoredFile | None


def rows(alias: str) -> Iterator[StoredFile]:
    """Yield every row of a storage in byte order of names, page by page."""
    after = ""
    wanted = StoredFile.objects.filter(storage=alias).order_by("file")
    while page := list(wanted.filter(file__gt=after)[:PAGE]):
        yield from page
        after = str(page[-1].file.name)


def compare(alias: str) -> Iterator[Pair]:
    """Merge listing and rows in constant memory.

    Rows are read after the objects beside them, so a file published meanwhile has its row. Raises
    StorageFault when the listing is not in order, since then live files would look like orphans.
    """
    entries = _ordered(storage(alias).listing())
    entry, stored_rows = next(entries, None), rows(alias)
    stored = next(stored_rows, None)
    while entry or stored:
        if stored is None or (entry and entry.name < str(stored.file.name)):
            assert entry is not None
            yield Pair(entry.name, entry, None)
            entry = next(entries, None)
        elif entry is None or str(stored.file.name) < entry.name:
            yield Pair(str(stored.file.name), None, stored)
            stored = next(stored_rows, None)
        else:
            yield Pair(entry.name, entry, stored)
            entry, stored = next(entries, None), next(stored_rows, None)


def _ordered(entries: Iterator[Entry]) -> Iterator[Entry]:
    previous = b""
    for entry in entries:
        name = entry.name.encode(errors="surrogateescape")
        if name <= previous:
            raise StorageFault(f"The listing is out of order at {entry.name!r}.")
        previous = name
        yield entry

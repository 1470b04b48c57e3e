"""recordings/ledger/scan.py: compare a storage with the rows, both ways in one pass.

A sorted listing beside keyset pages of names, one set difference a page, so memory stays flat. The
scan only looks: it writes down what has no row (sightings) and counts rows without an object, and
changes neither. What keeps it from calling a live file an orphan:

- names are read after the objects beside them, so a file published meanwhile has its row;
- every row protects its file, whatever its state;
- a listing out of order, broken off or empty where rows say otherwise ends the scan;
- it does not begin where `identity` says that storage and database may not belong together.
"""

from __future__ import annotations

import logging
import os
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from operator import lt
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F
from django.db.models.functions import Now

from recordings.ledger import identity, leases
from recordings.ledger.entries import PAGE, Entry, Page
from recordings.ledger.exceptions import Lost, StorageFault
from recordings.ledger.lookups import Lines
from recordings.ledger.models import Scan, Sighting, StoredFile
from recordings.ledger.names import parse
from recordings.ledger.storages import storage
from recordings.ledger.transactions import retried
from recordings.ledger.wording import printable

maintenance = logging.getLogger("mediasite.maintenance")

GRACE: Final = timedelta(hours=1)  # an object younger than this may still get its row
STALE: Final = timedelta(days=1)  # an unfinished scan older than this is begun anew
LEASE: Final = timedelta(minutes=5)
BREATH = 1.0  # seconds between two notes of how far it is
SAMPLES: Final = 20
MOST: Final = 2 * PAGE  # rows in a stretch
KEPT: Final = 30  # finished scans of a storage
LONGEST: Final = 255  # characters of a name that a row could have


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of names, up to and with `last`: what is listed in it, and what has rows.

    `strays` are objects without a row, `absent` are rows without an object.
    """

    page: Page | None
    names: list[str]
    rows: list[tuple[Any, ...]]  # the asked-for columns, the name first; or none, if none are
    strays: list[str]
    absent: list[str]
    last: str


def compare(alias: str, *, after: str = "", columns: Sequence[str] = ()) -> Iterator[Block]:
    """Merge listing and rows in constant memory, from behind `after`. Raises StorageFault."""
    previous = os.fsencode(after)
    for page in storage(alias).pages(after=after):
        previous = _in_order(page.names, previous)
        if not columns and _has_these(alias, after, page.names):
            after = page.names[-1]
            yield Block(page, page.names, [], [], [], after)
            continue
        possible = _possible(page.names)
        upto, start = possible[-1] if possible else after, 0
        for rows, last in _stretches(alias, after, upto, columns):
            stop = len(page.names) if last == upto else _behind(page.names, last)
            yield _block(page, page.names[start:stop], rows, last)
            after, start = last, stop
    for rows, last in _stretches(alias, after, None, columns):
        if rows:
            yield _block(None, [], rows, last)


def _has_these(alias: str, after: str, names: list[str]) -> bool:
    """Tell whether rows and listing agree, as nearly always, by one text instead of many rows."""
    text = "\n".join(names)
    if not _is_plain(names) or text.count("\n") >= len(names):  # a line feed within a name
        return False
    rows = StoredFile._base_manager.filter(storage=alias, file__gt=after, file__lte=names[-1])
    some = rows.order_by("file").values("file")[: len(names) + 1]
    found = some.aggregate(text=Lines("file"), count=Count("file"))
    return found == {"text": text, "count": len(names)}


def _block(page: Page | None, names: list[str], rows: list[tuple[Any, ...]], last: str) -> Block:
    if names == [row[0] for row in rows]:  # as nearly always, and told without hashing
        return Block(page, names, rows, [], [], last)
    listed, known = set(names), {row[0] for row in rows}
    strays = [name for name in names if name not in known]
    absent = [row[0] for row in rows if row[0] not in listed]
    return Block(page, names, rows, strays, absent, last)


def _behind(names: list[str], last: str) -> int:
    return bisect_right(_keys(names), last if _is_plain(names) else os.fsencode(last))


def _stretches(
    alias: str, after: str, upto: str | None, columns: Sequence[str]
) -> Iterator[tuple[list[tuple[Any, ...]], str]]:
    """Yield rows in byte order of names, whatever their state, and the name that each page ends at.

    A storage that is in order takes one query for a page of its listing.
    """
    wanted = StoredFile._base_manager.filter(storage=alias).order_by("file")
    if upto is not None:
        wanted = wanted.filter(file__lte=upto)
    while True:
        rows = list(wanted.filter(file__gt=after).values_list("file", *columns)[:MOST])
        if len(rows) < MOST:
            yield rows, (upto if upto is not None else rows[-1][0] if rows else after)
            return
        after = rows[-1][0]
        yield rows, after


def _keys(names: list[str]) -> list[Any]:
    """What names are ordered by: bytes, which for plain ones is the order of the text."""
    return names if _is_plain(names) else [os.fsencode(name) for name in names]


def _is_plain(names: list[str]) -> bool:
    joined = "".join(names)
    return joined.isascii() and "\0" not in joined


def _in_order(names: list[str], previous: bytes) -> bytes:
    """Return the last name; a wrong order would make orphans of live files."""
    keys = _keys(names)
    if os.fsencode(names[0]) <= previous or not all(map(lt, keys, keys[1:])):
        raise StorageFault(f"The listing is out of order about {printable(names[0])}.")
    return os.fsencode(names[-1])


def _possible(names: list[str]) -> list[str]:
    """Leave out names that no row can have: bytes that are no text, and zeros."""
    if _is_plain(names):
        return names
    return [name for name in names if "\0" not in name and _is_text(name)]


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def scan(alias: str, at: datetime) -> Iterator[Scan]:
    """Scan a storage, or go on where a killed scan stopped; yield after every page, though
    progress is written down once a second.

    `at` is the moment by the database's clock. Raises StorageFault, NotOurs where storage and
    database may not belong together, and Lost when another process is at it.
    """
    token = leases.take(_turn(alias), LEASE)
    if token is None:
        raise Lost(f"Another process is scanning {alias}.")
    try:
        prepare(alias, at)
        found = _begin(alias, at)
        yield found
        yield from _go_on(found, token, at)
        retried(partial(_finish, found))
        yield found
    finally:
        leases.give(_turn(alias), token)


def _go_on(found: Scan, token: UUID, at: datetime) -> Iterator[Scan]:
    """Compare from where the scan stands, writing down now and then what was seen.

    Not after every page: a commit that waits for the disk costs more than a page of names.
    """
    alias, tally, written = found.storage, Tally(), time.monotonic()
    for block in compare(alias, after=found.position):
        _look(block, at, tally)
        if len(tally.orphans) + len(tally.absent) > PAGE or time.monotonic() - written > BREATH:
            _write_down(found, token, tally, at)
            tally, written = Tally(), time.monotonic()
        yield found
    _write_down(found, token, tally, at)


def _write_down(found: Scan, token: UUID, tally: Tally, at: datetime) -> None:
    if not leases.renew(_turn(found.storage), token, LEASE):
        raise Lost(f"Another process is scanning {found.storage}.")
    retried(partial(_note, found, tally, at))


def prepare(alias: str, at: datetime) -> None:
    """Let a scan begin, and the marker know of it. Raises NotOurs, StorageFault."""
    if identity.is_unmarked(alias) and _agrees(alias, at):
        identity.bind(alias)
    identity.refuse(alias)
    if not identity.raise_generation(alias):
        identity.bind(alias)


def _agrees(alias: str, at: datetime) -> bool:
    """Whether there are files, each has its row and each row its file, but for the young.

    A site from before the marker is bound once this has been seen; else a person has to.
    """
    if not StoredFile.objects.ready().filter(storage=alias).exists():
        return False
    for block in compare(alias):
        tally = Tally()
        _look(block, at, tally)
        if tally.orphans or _missing(alias, tally.absent, at):
            return False
    return True


def _turn(alias: str) -> str:
    return f"scan {alias}"


def _begin(alias: str, at: datetime) -> Scan:
    unfinished = Scan.objects.filter(storage=alias, finished_at=None)
    unfinished.filter(started_at__lt=at - STALE).delete()
    return unfinished.first() or Scan.objects.create(storage=alias, started_at=at)


@dataclass
class Tally:
    """What a scan has seen since it last wrote down how far it is."""

    position: str = ""
    objects_seen: int = 0
    young: int = 0
    orphans: list[Entry] = field(default_factory=list)
    unknown: int = 0
    unknown_names: list[str] = field(default_factory=list)  # a few
    absent: list[str] = field(default_factory=list)


def _look(block: Block, at: datetime, tally: Tally) -> None:
    """Look closer at what has no counterpart; only of this is anything more than a name asked."""
    tally.position = block.last
    tally.objects_seen += len(block.names)
    tally.absent += block.absent
    for name in block.strays:
        entry = block.page.entry(name) if block.page else None
        if entry is None:  # gone since the listing
            continue
        if entry.modified > at - GRACE:
            tally.young += 1
        elif is_ours(name):
            tally.orphans.append(entry)
        else:
            tally.unknown += 1
            tally.unknown_names += [name] if len(tally.unknown_names) < SAMPLES else []


def is_ours(name: str) -> bool:
    """Whether a name has a shape that the product makes."""
    return len(name) <= LONGEST and parse(name) is not None


def _missing(alias: str, absent: Sequence[str], at: datetime) -> list[str]:
    """Keep rows that are ready still; the listing may be older than young ones, so look again."""
    place, found = storage(alias), []
    for start in range(0, len(absent), 500):
        wanted = absent[start : start + 500]
        rows = StoredFile.objects.ready().filter(storage=alias, file__in=wanted)
        found += [
            name
            for name, ready_at in rows.values_list("file", "ready_at")
            if (ready_at and ready_at < at - GRACE) or place.size_of(name) is None
        ]
    return sorted(found)


def _note(found: Scan, tally: Tally, at: datetime) -> None:
    """Write down what was seen, position and all, in one transaction."""
    missing = _missing(found.storage, tally.absent, at)
    added = {
        "objects_seen": tally.objects_seen,
        "young": tally.young,
        "orphans": len(tally.orphans),
        "orphan_bytes": sum(entry.size for entry in tally.orphans),
        "unknown": tally.unknown,
        "missing": len(missing),
    }
    samples = dict(found.samples)
    for what, names in (("unknown", tally.unknown_names), ("missing", missing)):
        known = samples.get(what, [])
        samples[what] = known + [printable(name) for name in names[: SAMPLES - len(known)]]
    rows = Scan.objects.filter(pk=found.pk)
    with transaction.atomic():
        _sight(found, tally.orphans, at)
        rows.update(
            **{column: F(column) + number for column, number in added.items()},
            samples=samples,
            position=tally.position or found.position,
        )
    found.refresh_from_db()


def _sight(found: Scan, entries: Sequence[Entry], at: datetime) -> None:
    """Note orphans as seen by this scan; one that changed is seen for the first time."""
    if not entries:
        return
    names = [entry.name for entry in entries]
    former = {
        sighting.name: sighting
        for sighting in Sighting.objects.filter(storage=found.storage, name__in=names)
    }
    seen, changed, new = [], [], []
    for entry in entries:
        sighting = former.get(entry.name)
        if sighting and (sighting.size, sighting.modified) == (entry.size, entry.modified):
            seen.append(sighting.pk)
            continue
        if sighting:
            changed.append(sighting.pk)
        new.append(
            Sighting(
                storage=found.storage,
                name=entry.name,
                size=entry.size,
                modified=entry.modified,
                first_seen=at,
                last_seen=at,
                scan_id=found.pk,
            )
        )
    Sighting.objects.filter(pk__in=changed).delete()
    Sighting.objects.filter(pk__in=seen).exclude(scan_id=found.pk).update(
        last_seen=at, scans=F("scans") + 1, scan_id=found.pk
    )
    Sighting.objects.bulk_create(new)


def _finish(found: Scan) -> None:
    """Close a scan; what it did not see any more is no orphan any more."""
    with transaction.atomic():
        Sighting.objects.filter(storage=found.storage).exclude(scan_id=found.pk).delete()
        Scan.objects.filter(pk=found.pk).update(finished_at=Now())
        identity.note_names(found.storage)
        finished = Scan.objects.finished().filter(storage=found.storage)
        kept = finished.order_by("-pk").values_list("pk", flat=True)[:KEPT]
        finished.exclude(pk__in=list(kept)).delete()
    found.refresh_from_db()
    maintenance.info(
        "scan %s: %s objects, %s orphans (%s bytes), %s unknown, %s missing",
        found.storage, found.objects_seen, found.orphans, found.orphan_bytes, found.unknown,
        found.missing,
    )  # fmt: skip

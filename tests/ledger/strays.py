"""Bytes in storage that nobody entered in the books, and disks on which they are old."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from recordings.ledger.entries import Entry
from recordings.ledger.exceptions import StorageFault
from recordings.ledger.models import Sighting
from recordings.ledger.moving import DiskPage
from recordings.ledger.storages import DiskStorage, storage

AGED = timedelta(days=60)


def put(name: str, content: bytes = b"lost") -> None:
    """Store past the product."""
    if settings.MEDIA_STORAGE == "s3":
        storages["s3"].client.put_object(Bucket="media", Key=name, Body=content)
    else:
        storages["disk"].save(name, ContentFile(content))


def seen(name: str) -> Sighting:
    """Note what stands at a name as two scans would that found no row for it."""
    entry = storage(settings.MEDIA_STORAGE).entry(name)
    assert entry is not None
    return Sighting.objects.create(
        storage=settings.MEDIA_STORAGE,
        name=name,
        size=entry.size,
        modified=entry.modified,
        scans=2,
        scan_id=1,
    )


def dig(folder: Path) -> None:
    """Make folders below each other until no path leads to the last."""
    folder.mkdir()
    at = os.open(folder, os.O_DIRECTORY)
    for _ in range(20):
        os.mkdir("z" * 250, dir_fd=at)
        below = os.open("z" * 250, os.O_DIRECTORY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)


def aged(entry: Entry | None) -> Entry | None:
    return entry and replace(entry, modified=entry.modified - AGED)


class AgedPage(DiskPage):
    def entry(self, name: str) -> Entry | None:
        return aged(super().entry(name))


class AgedDisk(DiskStorage):
    """A disk whose files have been there for two months: nobody can set a file's ctime."""

    def pages(self, *, after: str = ""):
        for page in super().pages(after=after):
            yield AgedPage(page.root, page.names)

    def entry(self, name: str) -> Entry | None:
        return aged(super().entry(name))

    def copy_to(self, entry: Entry, to: str) -> bool:
        return super().copy_to(replace(entry, modified=entry.modified + AGED), to)


class SmallPages(DiskStorage):
    """A disk that lists two names at a time."""

    def pages(self, *, after: str = ""):
        for page in super().pages(after=after):
            for start in range(0, len(page.names), 2):
                yield DiskPage(page.root, page.names[start : start + 2])


class Backwards(DiskStorage):
    """A disk whose listing is not in order."""

    def pages(self, *, after: str = ""):
        for page in super().pages(after=after):
            yield DiskPage(page.root, page.names[::-1])


class BreaksOff(DiskStorage):
    """A disk that fails in the middle of its listing."""

    def pages(self, *, after: str = ""):
        for page in super().pages(after=after):
            yield DiskPage(page.root, page.names[: len(page.names) // 2])
            raise StorageFault("The disk went away.")


class Slipping(DiskStorage):
    """A disk on which something happens between the second name and the loss of the first."""

    slip: Callable[[], object] = staticmethod(lambda: None)

    def copy_to(self, entry: Entry, to: str) -> bool:
        done = super().copy_to(entry, to)
        type(self).slip()
        return done


def use(disk: type[DiskStorage], options: object) -> None:
    place = {
        "BACKEND": f"{disk.__module__}.{disk.__qualname__}",
        "OPTIONS": {"location": options.MEDIA_ROOT},  # type: ignore[attr-defined]
    }
    options.STORAGES = {**options.STORAGES, "disk": place}  # type: ignore[attr-defined]

"""Resized pictures: made when first asked for, kept in the cache, never rows and in no quota.

They are the entries of the cache `thumbnails`, which the policy `cache` empties; what is missing
is made anew. A key holds the hash of what it was made from, so nothing here goes stale.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.core.cache import caches

from recordings.ledger.exceptions import StorageFault
from recordings.ledger.models import StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.storages import storage
from thumbnails.resolve import DIGITS, SIZES
from thumbnails.sandbox import render

CONTENT_TYPE: Final = "image/webp"
PUBLIC: Final = "public"


def kept(space: str, version: str, size: str) -> bytes | None:
    """Return a resized picture that was made before.

    `space` keeps what all may see apart from what belongs to one recording: see `space_of`.
    """
    found: bytes | None = caches["thumbnails"].get(f"{space}:{version}:{size}")
    return found


def space_of(recording_id: int | None) -> str:
    return PUBLIC if recording_id is None else f"recording-{recording_id}"


def forget(stored: StoredFile) -> None:
    """Drop what was made of a picture that goes; no one could find it, but it was somebody's."""
    space, version = space_of(stored.recording_id), stored.sha256[:DIGITS]
    caches["thumbnails"].delete_many([f"{space}:{version}:{size}" for size in SIZES])


def resized(stored: StoredFile, size: str) -> bytes:
    """Return a stored picture in one of `SIZES`, as WebP.

    Raises PictureRefused for a poster that cannot be read, Busy, and FileNotFoundError or
    StorageFault where storage does not give it.
    """
    space, version = space_of(stored.recording_id), stored.sha256[:DIGITS]
    made = kept(space, version, size)
    if made is None:
        whole = stored.kind == Kind.POSTER and size == "player"  # it may be upright
        order = {"size": SIZES[size], "fit": "inside" if whole else "cover", "format": "WEBP"}
        made = render(order, chunks(stored))
        caches["thumbnails"].set(f"{space}:{version}:{size}", made)
    return made


def chunks(stored: StoredFile) -> Iterable[bytes]:
    return storage(stored.storage).chunks(str(stored.file.name))


def content(stored: StoredFile) -> bytes:
    """Read a stored picture. Raises FileNotFoundError, StorageFault."""
    read = b"".join(chunks(stored))
    if len(read) != stored.size:
        raise StorageFault("A picture in storage is not what was put there.")
    return read

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


def key(space: str, version: str, size: str) -> str:
    """`space` keeps what all may see apart from what they may not."""
    return f"{space}:{version}:{size}"


def kept(space: str, version: str, size: str) -> bytes | None:
    """Return a resized picture that was made before."""
    found: bytes | None = caches["thumbnails"].get(key(space, version, size))
    return found


def resized(stored: StoredFile, size: str, *, space: str) -> bytes:
    """Return a stored picture in one of `SIZES`, as WebP.

    Raises PictureRefused for a poster that cannot be read, Busy, and FileNotFoundError or
    StorageFault where storage does not give it.
    """
    version = stored.sha256[:DIGITS]
    made = kept(space, version, size)
    if made is None:
        whole = stored.kind == Kind.POSTER and size == "player"  # it may be upright
        order = {"size": SIZES[size], "fit": "inside" if whole else "cover", "format": "WEBP"}
        made = render(order, chunks(stored))
        caches["thumbnails"].set(key(space, version, size), made, timeout=None)
    return made


def chunks(stored: StoredFile) -> Iterable[bytes]:
    return storage(stored.storage).chunks(str(stored.file.name))


def content(stored: StoredFile) -> bytes:
    """Read a stored picture. Raises FileNotFoundError, StorageFault."""
    read = b"".join(chunks(stored))
    if len(read) != stored.size:
        raise StorageFault("A picture in storage is not what was put there.")
    return read

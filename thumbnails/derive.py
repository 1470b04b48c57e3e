"""Resized pictures: made when first asked for, kept in the cache, never rows and in no quota.

They are the entries of the cache `thumbnails`, where they expire, and which the policy `cache`
empties; what is missing is made anew. A key holds the hash of what it was made from, so nothing
here goes stale.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Final, cast

from django.core.cache import caches

from recordings.ledger.exceptions import StorageFault
from recordings.ledger.models import StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.storages import storage
from recordings.models import Recording
from thumbnails.cache import PictureCache
from thumbnails.exceptions import PictureRefused
from thumbnails.resolve import DIGITS, SIZES
from thumbnails.sandbox import render

CONTENT_TYPE: Final = "image/webp"
WAIT: Final = 1.5  # seconds for a free slot: who waits here keeps others from pages
GIVEN_UP: Final = "given-up"  # in the place of a size
GIVEN_UP_FOR: Final = 3600  # seconds; then it is tried again
_OF_RECORDING: Final = "recording-"


def pictures() -> PictureCache:
    return cast(PictureCache, caches["thumbnails"])


def of_template(slug: str) -> str:
    """Name the space of what all may see; what belongs to one recording is apart from it."""
    return f"public:{slug}"


def of_recording(pk: int) -> str:
    return f"{_OF_RECORDING}{pk}"


def kept(space: str, version: str, what: str) -> bytes | None:
    """Return what was made of a version before: `what` is a size, or a moment of a video."""
    found: bytes | None = pictures().get(f"{space}:{version}:{what}")
    return found


def keep(space: str, version: str, what: str, made: bytes, *, seconds: int) -> None:
    pictures().set(f"{space}:{version}:{what}", made, seconds)


def _key(stored: StoredFile, size: str) -> str:
    if stored.recording_id is None:
        space = of_template(PurePosixPath(str(stored)).stem.partition("_")[0])
    else:
        space = of_recording(stored.recording_id)
    return f"{space}:{stored.sha256[:DIGITS]}:{size}"


def forget(stored: StoredFile) -> None:
    """Drop what was made of a picture that goes: it was somebody's, or it was replaced."""
    pictures().delete_many([_key(stored, size) for size in (*SIZES, GIVEN_UP)])


def tidy() -> None:
    """Drop what has expired or is half written, and all that was made of recordings now gone."""
    cache = pictures()
    cache.drop_expired()
    spaces = (space.partition(_OF_RECORDING)[2] for space in cache.spaces())
    pks = {int(pk) for pk in spaces if pk.isdecimal()}
    there = Recording.objects.filter(pk__among=pks).values_list("pk", flat=True)
    if gone := pks.difference(there):
        cache.drop({of_recording(pk) for pk in gone})


def resized(stored: StoredFile, size: str) -> bytes:
    """Return a stored picture in one of `SIZES`, as WebP.

    Raises PictureRefused for one that cannot be read, Busy, DecoderFault, and FileNotFoundError or
    StorageFault where storage does not give it.
    """
    made: bytes | None = pictures().get(_key(stored, size))
    if made is None:
        if is_given_up(stored):
            raise PictureRefused("This picture cannot be shown.")
        whole = stored.kind == Kind.POSTER and size == "player"  # it may be upright
        order = {"size": SIZES[size], "fit": "inside" if whole else "cover", "format": "WEBP"}
        made = render(order, chunks(stored), wait=WAIT)
        pictures().set(_key(stored, size), made)
    return made


def give_up(stored: StoredFile) -> None:
    """Remember for a while that a picture cannot be shown, so that not everybody tries it."""
    pictures().set(_key(stored, GIVEN_UP), b"!", GIVEN_UP_FOR)


def is_given_up(stored: StoredFile) -> bool:
    return pictures().get(_key(stored, GIVEN_UP)) is not None


def is_released(stored: StoredFile) -> bool:
    """Tell whether a picture was replaced or removed since it was looked up."""
    return not StoredFile.objects.ready().filter(pk=stored.pk).exists()


def chunks(stored: StoredFile) -> Iterable[bytes]:
    return storage(stored.storage).chunks(str(stored.file.name))


def content(stored: StoredFile) -> bytes:
    """Read a stored picture. Raises FileNotFoundError, StorageFault."""
    read = b"".join(chunks(stored))
    if len(read) != stored.size:
        raise StorageFault("A picture in storage is not what was put there.")
    return read

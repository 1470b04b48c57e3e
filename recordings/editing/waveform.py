"""The waveform of a session's sound: the loudest moment of every slice, from the stored WAV.

Read in chunks, so hours of sound take no memory. Of each sample only the high byte is looked at,
which is a quarter of the work and as fine as a picture needs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

from django.core.cache import cache

from recordings.ledger.models import StoredFile
from recordings.ledger.storages import storage

RATE: Final = 8000  # samples a second, of 16 bits, one channel
FINEST: Final = 50  # peaks a second
MOST_PEAKS: Final = 100_000  # beyond 33 minutes there are fewer a second
VERSION: Final = 1  # of what is computed here
CACHED_SECONDS: Final = 7 * 24 * 3600
HEADER: Final = 64 * 1024  # bytes in which the samples of a WAV begin
# The high byte of a sample, which is signed, as loudness from 0 to 255.
LOUDNESS: Final = bytes(min(2 * abs(one - 256 if one > 127 else one), 255) for one in range(256))


def document(stored: StoredFile) -> bytes:
    """Return `{"duration", "per_second", "peaks"}` of a WAV as JSON, from the cache if it is there.

    Raises FileNotFoundError, StorageFault.
    """
    found: bytes | None = cache.get(key(stored.sha256))
    if found is None:
        chunks = storage(stored.storage).chunks(str(stored.file.name))
        found = remember(stored.sha256, chunks, size=stored.size)
    return found


def remember(sha256: str, chunks: Iterable[bytes], *, size: int) -> bytes:
    """Compute the document of a WAV of `size` bytes and keep it in the cache."""
    found = compute(chunks, size=size)
    cache.set(key(sha256), found, CACHED_SECONDS)
    return found


def key(sha256: str) -> str:
    return f"waveform-{VERSION}-{sha256}"


def compute(chunks: Iterable[bytes], *, size: int) -> bytes:
    samples = size // 2
    step = max(RATE // FINEST, -(-samples // MOST_PEAKS))
    shape = {
        "duration": round(samples / RATE, 3),
        "per_second": round(RATE / step, 6),
        "peaks": list(_peaks(_loudness(chunks), step)),
    }
    return json.dumps(shape, separators=(",", ":")).encode()


def _peaks(loudness: Iterable[bytes], step: int) -> Iterator[int]:
    rest = b""
    for found in loudness:
        rest += found
        whole = len(rest) // step * step
        for start in range(0, whole, step):
            yield max(rest[start : start + step])
        rest = rest[whole:]
    if rest:
        yield max(rest)


def _loudness(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the loudness of one sample a byte; the header goes, odd bytes wait for their other."""
    rest, begun = b"", False
    for chunk in chunks:
        rest += chunk
        if not begun:
            at = rest.find(b"data", 12, HEADER)
            if not 0 <= at <= len(rest) - 8:
                continue
            rest, begun = rest[at + 8 :], True
        whole = len(rest) & ~1
        yield rest[1:whole:2].translate(LOUDNESS)
        rest = rest[whole:]

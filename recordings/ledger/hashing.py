"""SHA-256 of bytes on their way, beside the work that brings them."""

from __future__ import annotations

import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

THREAD_FROM = 1024 * 1024  # below this a hashing thread costs more than it saves
HASH_QUEUE = 8  # chunks the hash may lag behind the write


class Hasher:
    """SHA-256 beside the write: the digest runs on its own thread once a file is large."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._pool: ThreadPoolExecutor | None = None
        self._waiting: deque[Future[None]] = deque()
        self.size = 0

    def update(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if self._pool is None and self.size > THREAD_FROM:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="sha256")
        if self._pool is None:
            self._hash.update(chunk)
            return
        self._waiting.append(self._pool.submit(self._hash.update, chunk))
        if len(self._waiting) > HASH_QUEUE:
            self._waiting.popleft().result()

    def hexdigest(self) -> str:
        self.close()
        return self._hash.hexdigest()

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True)
            self._pool = None

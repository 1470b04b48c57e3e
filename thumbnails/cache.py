"""The cache of what is made of pictures and videos: a folder of files, each bytes and no more."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.filebased import FileBasedCache

from recordings.half_written import was_left

logger = logging.getLogger(__name__)


class PictureCache(FileBasedCache):
    """Keeps bytes as they are, since WebP and JPEG are compressed already.

    The name of a file begins with the space of its key, what stands before the first colon, so
    that all of one recording's can be found; its time of change is the moment it expires. A cache
    that cannot be read or written is as good as an empty one: it never fails its caller.
    """

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        try:
            with open(self._key_to_file(key, version), "rb") as file:
                if not self._is_expired(file):
                    return file.read() or default  # empty after a crash
        except FileNotFoundError:
            pass
        except OSError as error:
            logger.warning("the cache of pictures cannot be read: %s", error)
        return default

    def set(
        self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> None:
        try:
            super().set(key, value, timeout, version)
        except OSError as error:
            logger.warning("the cache of pictures cannot be written: %s", error)

    def spaces(self) -> frozenset[str]:
        """Return the spaces that there is something of."""
        return frozenset(_space(path) for path in self._files())

    def drop(self, spaces: Collection[str]) -> None:
        """Remove all that is in these spaces."""
        for path in self._files():
            if _space(path) in spaces:
                self._delete(path)

    def drop_expired(self) -> None:
        """Remove what is past its time, and what writers left that were killed."""
        at = time.time()
        for path in self._files():
            with suppress(FileNotFoundError):
                if os.stat(path).st_mtime <= at:
                    self._delete(path)
        folder: str = self._dir  # type: ignore[attr-defined]
        for left in filter(was_left, Path(folder).glob("tmp*")):
            self._delete(str(left))

    def _files(self) -> list[str]:
        found: list[str] = self._list_cache_files()  # type: ignore[attr-defined]
        return found

    def _write_content(self, file: IO[bytes], timeout: Any, value: bytes) -> None:
        expiry = self.get_backend_timeout(timeout)
        assert expiry is not None, "what is in this cache has to expire"
        file.write(value)
        file.flush()  # what is written later would change the time again
        os.utime(file.fileno(), (expiry, expiry))

    def _is_expired(self, f: IO[bytes]) -> bool:
        if os.fstat(f.fileno()).st_mtime > time.time():
            return False
        self._delete(f.name)
        return True

    def _delete(self, fname: str) -> bool:
        gone: bool = super()._delete(fname)  # type: ignore[misc]
        return gone

    def _key_to_file(self, key: Any, version: int | None = None) -> str:
        folder, name = os.path.split(super()._key_to_file(key, version))  # type: ignore[misc]
        return os.path.join(folder, f"{str(key).partition(':')[0]}.{name}")


def _space(path: str) -> str:
    return os.path.basename(path).partition(".")[0]

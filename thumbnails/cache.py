"""The cache of resized pictures: a folder of files, each the bytes of one picture and no more."""

from __future__ import annotations

from typing import IO, Any

from django.core.cache.backends.filebased import FileBasedCache


class PictureCache(FileBasedCache):
    """Keeps bytes as they are, since WebP is compressed already; nothing in it ever expires.

    What there is too much of goes by MAX_ENTRIES, and all of it by the policy `cache`.
    """

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        try:
            with open(self._key_to_file(key, version), "rb") as file:  # type: ignore[attr-defined]
                return file.read()
        except FileNotFoundError:
            return default

    def _write_content(self, file: IO[bytes], timeout: Any, value: bytes) -> None:
        file.write(value)

    def _is_expired(self, f: IO[bytes]) -> bool:
        return False

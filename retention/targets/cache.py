"""The site's cache, as a whole: what it held is made anew when somebody asks.

A cache may be shared with others, so only entries that are certainly ours go: by the prefix of
their keys, or for files by their folder, which is the site's own, and the names a cache gives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache

from recordings.half_written import was_left
from recordings.ledger import unlink
from retention.choices import Action, Clock, Outcome
from retention.decide import Facts
from retention.models import RetentionPolicy
from retention.targets import whole
from retention.targets.base import Result, Target, Work

NAME: Final = "all entries of the cache “{}”"
AT_ONCE: Final = 1000  # keys in one command to Redis


class Cache(Target):
    slug = "cache"
    noun = "cache entries"
    removes = (
        "Every entry of the site's own cache, known by its key prefix or folder, as one item; "
        "never what others keep in the same server."
    )
    clocks = (Clock.MODIFIED,)
    actions = (Action.DELETE,)
    does = {Action.DELETE: "are dropped, and made anew when needed"}
    verb = "emptied"
    in_database = False

    def candidates(self, policy: RetentionPolicy, at: datetime) -> Iterator[list[Facts]]:
        yield [whole.item(name, size=size(alias), at=at) for name, alias in _aliases().items()]

    def remove(self, work: Work) -> Mapping[int | str, Result]:
        aliases = _aliases()

        def look(name: str) -> Facts | None:
            known = name in aliases and not unsafe(aliases[name])
            return whole.item(name, size=size(aliases[name]), at=work.at) if known else None

        return whole.remove(work, look, lambda name: _emptied(aliases[name]))

    def misfits(self, policy: RetentionPolicy) -> Iterator[tuple[str, str]]:
        return whole.misfits(policy, self.noun)

    def refusal(self, policy: RetentionPolicy, at: datetime) -> str:
        if settings.SESSION_ENGINE.endswith(".cache"):
            return "Sign-ins are kept in the cache, so emptying it would sign everyone out."
        return " ".join(filter(None, map(unsafe, settings.CACHES)))

    def phrase(self, policy: RetentionPolicy, of: str) -> str:
        return "all entries of the site's cache"


def _aliases() -> dict[str, str]:
    return {NAME.format(alias): alias for alias in settings.CACHES}


def unsafe(alias: str) -> str:
    """Say why entries of a cache cannot be told from those of others; empty when they can."""
    cache: Any = caches[alias]
    if isinstance(cache, FileBasedCache):
        own = Path(settings.CACHE_ROOT).resolve()
        if _folder(cache).resolve().is_relative_to(own):
            return ""
        return f"The cache “{alias}” lies in a folder that is not the site's own, so it is left."
    if isinstance(cache, RedisCache):
        return "" if cache.key_prefix else f"The cache “{alias}” has no KEY_PREFIX, so it is left."
    if isinstance(cache, LocMemCache | DummyCache):
        return ""
    return f"The cache “{alias}” cannot be emptied by key prefix, so it is left."


def size(alias: str) -> int:
    """Add up the bytes of a cache of files; others do not tell."""
    cache: Any = caches[alias]
    return sum(one.size for one in _files(cache)) if isinstance(cache, FileBasedCache) else 0


def _emptied(alias: str) -> Result:
    cache: Any = caches[alias]
    empty: Callable[[Any], tuple[int, int]] = next(
        (way for kind, way in WAYS.items() if isinstance(cache, kind)), lambda cache: (0, 0)
    )
    count, freed = empty(cache)
    return Result(Outcome.DELETED, f"{count} entries", freed=freed)


def _empty_files(cache: Any) -> tuple[int, int]:
    gone = [one for one in _files(cache) if unlink.remove_file(_folder(cache), one.name)]
    return len(gone), sum(one.size for one in gone)


def _files(cache: Any) -> Iterator[unlink.Found]:
    """Yield entries, and what killed writers left."""
    for one in unlink.walk(_folder(cache), recursive=False):
        if one.name.endswith(cache.cache_suffix) or was_left(_folder(cache) / one.name):
            yield one


def _folder(cache: Any) -> Path:
    return Path(cache._dir)


def _empty_redis(cache: Any) -> tuple[int, int]:
    """Look through the keys by and by, so that the server goes on serving others."""
    client = cache._cache.get_client(None, write=True)
    ours = re.sub(r"([\\*?\[\]])", r"\\\1", cache.key_prefix) + ":*"
    keys, count = client.scan_iter(match=ours, count=AT_ONCE), 0
    while batch := list(islice(keys, AT_ONCE)):
        count += client.delete(*batch)
    return count, 0


def _empty_memory(cache: Any) -> tuple[int, int]:
    with cache._lock:
        ours = [key for key in cache._cache if key.startswith(f"{cache.key_prefix}:")]
        for key in ours:
            cache._delete(key)
    return len(ours), 0


WAYS: Final[Mapping[type, Callable[[Any], tuple[int, int]]]] = {
    FileBasedCache: _empty_files,
    RedisCache: _empty_redis,
    LocMemCache: _empty_memory,
}

"""The database itself: what deleted rows left in it, and what it knows of the rows it has."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from django.db import connection

from retention import words
from retention.choices import Action, Clock, Outcome
from retention.decide import Facts
from retention.models import RetentionPolicy
from retention.targets import whole
from retention.targets.base import Result, Target, Work

NAME: Final = "free pages of the database"
LONGEST: Final = "240s"  # shorter than the lease of a run
# SQLite writes the whole file anew and lets nobody else write meanwhile.
LARGEST: Final = 1024**3  # bytes; above, others would wait past their timeout
WORTH_PERCENT: Final = 10  # of the pages free, below which it is not worth that


class Database(Target):
    slug = "database"
    noun = "free database pages"
    removes = (
        "No row: the space that deleted rows left, and outdated statistics, as one item. SQLite "
        "is written anew only where disk and size allow it without keeping others waiting."
    )
    clocks = (Clock.MODIFIED,)
    actions = (Action.DELETE,)
    does = {Action.DELETE: "are given back, and its statistics renewed"}
    verb = "tidied"
    in_database = False

    def candidates(self, policy: RetentionPolicy, at: datetime) -> Iterator[list[Facts]]:
        yield [whole.item(NAME, size=free_bytes(), at=at)]

    def remove(self, work: Work) -> Mapping[int | str, Result]:
        def look(name: str) -> Facts | None:
            return whole.item(name, size=free_bytes(), at=work.at) if name == NAME else None

        return whole.remove(work, look, lambda name: tidied())

    def misfits(self, policy: RetentionPolicy) -> Iterator[tuple[str, str]]:
        yield from whole.misfits(policy, self.noun)
        if policy.at_startup:
            yield "at_startup", "The site would wait for the database at every start: turn it off."

    def phrase(self, policy: RetentionPolicy, of: str) -> str:
        return NAME


def free_bytes() -> int:
    """Return what can be given back, as far as the database tells."""
    if connection.vendor != "sqlite":
        return 0
    return _pragma("freelist_count") * _pragma("page_size")


def tidied() -> Result:
    before = _size()
    detail = _tidy_sqlite() if connection.vendor == "sqlite" else _tidy_postgresql()
    return Result(Outcome.DELETED, detail, freed=max(before - _size(), 0))


def _size() -> int:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            return _pragma("page_count") * _pragma("page_size")
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


def _tidy_postgresql() -> str:
    """Free dead rows for reuse; what was done before a timeout stays done."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET statement_timeout = '{LONGEST}'")
        try:
            cursor.execute("VACUUM (ANALYZE)")
        finally:
            cursor.execute("RESET statement_timeout")
    return "VACUUM (ANALYZE)"


def _tidy_sqlite() -> str:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("PRAGMA optimize")
        why_not = _no_vacuum()
        if not why_not:
            cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return f"Statistics renewed; not compacted: {why_not}." if why_not else "Compacted."


def _no_vacuum() -> str:
    """Say what speaks against writing the whole file anew; empty when nothing does."""
    size, free = _size(), free_bytes()
    if free * 100 < size * WORTH_PERCENT:
        return f"only {words.megabytes(free)} would become free"
    if size > LARGEST:
        return f"it has {words.megabytes(size)}, and nobody could write for too long"
    for folder in {Path(connection.settings_dict["NAME"]).parent, Path(tempfile.gettempdir())}:
        if shutil.disk_usage(folder).free < 2 * size:
            return f"{folder} has no room for a second copy"
    return ""


def _pragma(name: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA {name}")
        return int(cursor.fetchone()[0])

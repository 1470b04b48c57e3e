"""How PostgreSQL is told that a question goes through a whole library."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import connection, transaction

# A million rows are sorted and hashed in memory instead of in files, which the few megabytes of
# the default are too small for. Compiling takes longer than what it would save.
SETTINGS: Final = "SET LOCAL work_mem = '64MB'; SET LOCAL jit = off"
ALONE: Final = "SET LOCAL max_parallel_workers_per_gather = 0"


@contextmanager
def whole_library(*, alone: bool = False) -> Iterator[None]:
    """Answer what is asked inside with more memory; the settings end with the transaction.

    With `alone` by one process, where several would each do the same.
    """
    if connection.vendor != "postgresql":  # SQLite would keep writers out meanwhile
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"{SETTINGS}; {ALONE}" if alone else SETTINGS)
        yield

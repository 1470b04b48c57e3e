"""How PostgreSQL is told that a question goes through a whole library."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import connection, transaction

# A million rows are sorted and hashed in memory instead of in files, which the few megabytes of
# the default are too small for. Compiling takes longer than what it would save.
SETTINGS: Final = "SET LOCAL work_mem = '64MB'; SET LOCAL jit = off"


@contextmanager
def whole_library() -> Iterator[None]:
    """Answer what is asked inside with more memory; the settings end with the transaction."""
    if connection.vendor != "postgresql":  # SQLite would keep writers out meanwhile
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(SETTINGS)
        yield

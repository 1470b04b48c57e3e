"""Clocks set to other times for this process: at the edge, under all of our code."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

MOVED = """
    CREATE OR REPLACE FUNCTION moved.statement_timestamp() RETURNS timestamptz LANGUAGE sql AS $$
    SELECT pg_catalog.clock_timestamp()
        + make_interval(secs => current_setting('moved.seconds')::float)
    $$
"""


class DatabaseClock:
    """The database's clock, ahead of the true one by `by`."""

    by = timedelta(0)

    def set(self, by: timedelta) -> None:
        self.by = by
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"SET moved.seconds = '{by.total_seconds()}'")

    def move_to(self, moment: datetime) -> None:
        self.set(moment - datetime.now(UTC))

    def strftime(self, *_: str) -> str:
        return (datetime.now(UTC) + self.by).strftime("%Y-%m-%d %H:%M:%S.%f")


@contextmanager
def database_clock(by: timedelta = timedelta(0)) -> Iterator[DatabaseClock]:
    """Have the database say another moment, as after somebody set its clock."""
    clock = DatabaseClock()
    connection.close()  # statements prepared before would go on with the clock they know
    connection.ensure_connection()
    if connection.vendor == "sqlite":
        connection.connection.create_function("STRFTIME", 2, clock.strftime)
    else:
        with connection.cursor() as cursor:
            cursor.execute("CREATE SCHEMA IF NOT EXISTS moved")
            cursor.execute(MOVED)
            cursor.execute("SET search_path TO moved, pg_catalog, public")
    clock.set(by)
    try:
        yield clock
    finally:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("RESET search_path")
                cursor.execute("DROP SCHEMA moved CASCADE")
        connection.close()


@contextmanager
def both_clocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[datetime], None]]:
    """Let time pass: the database's clock and the one nobody sets go on to a moment together."""
    true = time.clock_gettime
    with database_clock() as clock:
        monkeypatch.setattr(
            time, "clock_gettime", lambda which: true(which) + clock.by.total_seconds()
        )
        yield clock.move_to
        monkeypatch.undo()

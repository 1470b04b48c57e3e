"""recordings/backup.py: a copy of the database, whole and checked, and the newest few kept.

Written aside and linked to its name only after it was checked, so what stands there can be used.
Older ones go after the new one stands, never before. The media are not in it.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import connection
from django.db.backends.postgresql.client import DatabaseClient

from recordings.ledger import unlink

maintenance = logging.getLogger("mediasite.maintenance")

PREFIX: Final = "mediasite-"
SUFFIXES: Final = {"sqlite": ".sqlite3", "postgresql": ".dump"}
PART: Final = ".part"
PAGES: Final = 5000  # copied between two signs of life
STEPS: Final = 10_000_000  # of SQLite's machine, some seconds of checking
LONGEST: Final = timedelta(hours=6)
LEFT_BEHIND: Final = timedelta(days=1)  # a part as old as that has no writer


class BackupFailed(Exception):
    """There is no new backup; says why."""


def make(*, alive: Callable[[], None] = lambda: None) -> Path:
    """Make a backup and return where it is. Outside any transaction. Raises BackupFailed.

    `alive` is called now and then; what it raises stops the backup.
    """
    suffix = SUFFIXES[connection.vendor]
    name = f"{PREFIX}{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}{suffix}"
    write = write_sqlite if connection.vendor == "sqlite" else write_postgresql
    started = time.monotonic()
    with told(), aside(name) as part:
        write(part, alive)
        show(part, name)
    path = root() / name
    maintenance.info(
        "backup %s (%s bytes) in %.1f s", path, path.stat().st_size, time.monotonic() - started
    )
    tidy(path)
    return path


def root() -> Path:
    return Path(settings.BACKUP_ROOT)


@contextmanager
def told() -> Iterator[None]:
    """Turn what the system and SQLite say into a sentence."""
    try:
        yield
    except OSError as error:
        raise BackupFailed(f"The backup could not be written: {error.strerror}.") from error
    except sqlite3.Error as error:
        raise BackupFailed(f"The backup could not be made: {error}.") from error


@contextmanager
def aside(name: str) -> Iterator[Path]:
    """Make a file that only we can read, gone when we are done."""
    root().mkdir(mode=0o700, parents=True, exist_ok=True)
    part = root() / f"{name}{PART}"
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield part
    finally:
        unlink.remove_file(root(), part.name)


def show(part: Path, name: str) -> None:
    """Make a part durable and give it its name."""
    sync(part)
    os.link(part, root() / name)
    sync(root())


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_sqlite(part: Path, alive: Callable[[], None]) -> None:
    """Copy what is committed now, whoever writes on meanwhile, and have SQLite check the copy."""
    address = f"{Path(connection.settings_dict['NAME']).resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=20)) as source:
        # One reading transaction: else each write of another would begin the copy anew.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        with closing(sqlite3.connect(part)) as copy:
            source.backup(copy, pages=PAGES, progress=lambda *_: alive())
            copy.execute("PRAGMA journal_mode=DELETE")
            copy.set_progress_handler(alive, STEPS)
            answer = copy.execute("PRAGMA integrity_check").fetchone()[0]
    if answer != "ok":
        raise BackupFailed(f"The backup was made and is damaged: {answer}.")


def write_postgresql(part: Path, alive: Callable[[], None]) -> None:
    """Have pg_dump write its custom format, and pg_restore read what is in it."""
    dump, restore = shutil.which("pg_dump"), shutil.which("pg_restore")
    if dump is None or restore is None:
        raise BackupFailed(
            "There is no pg_dump and pg_restore on PATH: install the client programs of PostgreSQL."
        )
    (_psql, *where), more = DatabaseClient.settings_to_cmd_args_env(connection.settings_dict, [])
    environment = {**os.environ, **(more or {})}
    *options, database = where
    aim = ["--format=custom", f"--file={part}", "--no-password", *options, database]
    run([dump, *aim], environment, alive)
    run([restore, "--list", str(part)], environment, alive)


def run(command: list[str], environment: dict[str, str], alive: Callable[[], None]) -> None:
    """Wait for a program, telling now and then that we live. Raises BackupFailed."""
    until = time.monotonic() + LONGEST.total_seconds()
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
    ) as program:  # fmt: skip
        try:
            errors = wait(program, until, alive)
        finally:
            program.kill()
    if program.returncode:
        said = " ".join(errors.split())[:300] or f"exit status {program.returncode}"
        raise BackupFailed(f"{Path(command[0]).name} failed: {said.rstrip('.')}.")


def wait(program: subprocess.Popen[str], until: float, alive: Callable[[], None]) -> str:
    while True:
        try:
            return program.communicate(timeout=1)[1]
        except subprocess.TimeoutExpired:
            if time.monotonic() > until:
                raise BackupFailed("The backup took longer than six hours.") from None
            alive()


def tidy(new: Path) -> None:
    """Keep the newest backups and remove what crashes left behind.

    The one just made stays whatever its name says: the clock may have been wrong before.
    """
    found = list(unlink.walk(root(), recursive=False))
    others = sorted(
        f.name
        for f in found
        if f.name.startswith(PREFIX) and f.name.endswith(new.suffix) and f.name != new.name
    )
    old = others[: max(len(others) + 1 - settings.BACKUPS_KEPT, 0)]
    before = time.time_ns() - int(LEFT_BEHIND.total_seconds()) * 10**9
    parts = [f.name for f in found if PART in f.name and f.modified_ns < before]
    for name in (*old, *parts):
        if unlink.remove_file(root(), name):
            maintenance.info("backup %s removed", name)

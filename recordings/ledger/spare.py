"""Room kept for the worst day: on a full disk SQLite cannot commit the deletion that would free it.

A file of `SIZE` bytes beside the database is given up when SQLite says that the disk is full, and
made anew by the tick once there is room to spare.
"""

from __future__ import annotations

import logging
import os
import shutil
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.db import OperationalError, connection

from recordings.ledger import unlink

logger = logging.getLogger(__name__)

SIZE = 16 * 1024 * 1024
NAME = "spare"


def keep() -> None:
    """Make the file where it is missing and the disk has room for several of it."""
    folder = Path(settings.DATA_DIR)
    if connection.vendor != "sqlite" or (folder / NAME).exists():
        return
    if shutil.disk_usage(folder).free < 4 * SIZE:
        return
    with suppress(FileExistsError):
        descriptor = os.open(folder / NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, SIZE)
        finally:
            os.close(descriptor)


def give_up() -> bool:
    """Free the room; False when it was given up before."""
    given = unlink.remove_file(Path(settings.DATA_DIR), NAME)
    if given:
        logger.critical("The disk is full: the room kept for tidying up was given up.")
    return given


def is_full(error: OperationalError) -> bool:
    """Tell whether SQLite found no room to write."""
    return "database or disk is full" in str(error)

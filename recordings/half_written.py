"""What writers of a cache of files leave when they are killed before it has an entry's name."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Final

NAME: Final = re.compile(r"tmp[a-z0-9_]{8}")  # what tempfile calls a file
WRITTEN_WITHIN: Final = 600  # seconds; who took longer was killed


def was_left(path: Path) -> bool:
    """Tell whether a file of a cache was begun and will never be an entry."""
    if not NAME.fullmatch(path.name):
        return False
    try:
        # Not the time of change, which some caches set to when an entry expires.
        return path.lstat().st_ctime <= time.time() - WRITTEN_WITHIN
    except FileNotFoundError:
        return False

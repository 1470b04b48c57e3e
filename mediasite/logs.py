"""The log file of removals: one line each, safe to write from several processes."""

from __future__ import annotations

from logging.handlers import WatchedFileHandler
from pathlib import Path


class MaintenanceFile(WatchedFileHandler):
    """Append to a file that another process may rotate away; make its folder when missing."""

    def __init__(self, filename: str | Path) -> None:
        Path(filename).parent.mkdir(parents=True, exist_ok=True)
        super().__init__(filename, encoding="utf-8", delay=True)

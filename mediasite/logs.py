"""The log file of removals, safe to write from several processes; what the terminal is spared."""

from __future__ import annotations

from io import TextIOWrapper
from logging import INFO, Filter, LogRecord
from logging.handlers import WatchedFileHandler
from pathlib import Path


class MaintenanceFile(WatchedFileHandler):
    """Append to a file that another process may rotate away; make its folder when missing."""

    def __init__(self, filename: str | Path) -> None:
        super().__init__(filename, encoding="utf-8", delay=True)

    def _open(self) -> TextIOWrapper:
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return super()._open()


class WithoutTicks(Filter):
    """Leave out that a tick or the doorbell of the purge was sent, received and done.

    What they find to do is logged by those who do it; their failures are no INFO lines.
    """

    ROUTINE = (".tasks.tick", "recordings.tasks.purge")

    def filter(self, record: LogRecord) -> bool:
        if record.levelno > INFO or not record.name.startswith("celery."):
            return True
        message = record.getMessage()
        return not any(task in message for task in self.ROUTINE)

"""retention/folders.py: which folders a policy may remove files from.

An administrator types a path, and a wrong one could name the recordings themselves. What prevents
it:

- a folder lies below DATA_DIR/managed/ or a root that whoever runs the site named in
  RETENTION_ROOTS, and nowhere else;
- it is not, does not hold and does not lie in anything the site lives on: media, scratch, logs,
  database, broker, backups, cache, static files, the program;
- links are resolved before it is judged, and a folder mounted at two places is known by both;
- it is judged again when saved, planned and before every batch.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from retention.exceptions import UnsafeFolder


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder by its name below a root that policies may use; empty for the root itself."""

    root: Path
    name: str

    @property
    def path(self) -> Path:
        return self.root / self.name

    @property
    def prefix(self) -> str:
        """How the names of what is in it begin, counted from the root."""
        return f"{self.name}/" if self.name else ""


def find(path: str) -> Folder:
    """Find a policy's folder; a relative one counts from DATA_DIR. Raises UnsafeFolder."""
    if not path:
        raise UnsafeFolder("Name the folder, such as managed/marked_images.")
    place = _resolved(path)
    if what := overlapped(place):
        raise UnsafeFolder(
            f"{path} is, holds or lies in {what}, and nothing may be removed there: choose a "
            "folder below managed/."
        )
    for root in _roots():
        if place.is_relative_to(root):
            name = place.relative_to(root).as_posix()
            return Folder(root, "" if name == "." else name)
    raise UnsafeFolder(
        f"{path} lies neither below DATA_DIR/managed/ nor below a folder in RETENTION_ROOTS, so "
        "nothing is removed there."
    )


def usable(path: str) -> Folder:
    """Find a policy's folder, making it where it is missing. Raises UnsafeFolder."""
    folder = find(path)
    if folder.root != Path(settings.MANAGED_ROOT).resolve() and not folder.root.is_dir():
        raise UnsafeFolder(f"{folder.root} is not there: is its disk mounted?")
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnsafeFolder(f"{path} cannot be made: {error.strerror}.") from error
    if not os.access(folder.path, os.R_OK | os.W_OK | os.X_OK):
        raise UnsafeFolder(f"{path} cannot be read and written by the site: give it the right to.")
    return folder


def overlapped(place: Path) -> str:
    """Name what of the site's own a folder would meet; empty when nothing."""
    for what, own in _own():
        if _holds(place, own) or _holds(own, place):
            return what
    if _holds(place, Path(settings.DATA_DIR).resolve()):
        return "the site's data"
    managed = _holds(Path(settings.MANAGED_ROOT).resolve(), place)
    for program in (Path(settings.BASE_DIR), Path(sys.prefix)):
        own = program.resolve()
        # The managed folder may lie inside, as it does where DATA_DIR is left at `var/`.
        if _holds(place, own) or (_holds(own, place) and not managed):
            return "the program"
    return ""


def _own() -> Iterator[tuple[str, Path]]:
    for what, name in (
        ("the recordings", "MEDIA_ROOT"),
        ("the archive", "ARCHIVE_ROOT"),
        ("the scratch area", "SCRATCH_ROOT"),
        ("the logs", "LOG_ROOT"),
        ("the broker's messages", "BROKER_ROOT"),
        ("the cache", "CACHE_ROOT"),
        ("the static files", "STATIC_ROOT"),
        ("the backups", "BACKUP_ROOT"),
    ):
        if place := getattr(settings, name):
            yield what, Path(place).resolve()
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        yield "the database", Path(database["NAME"]).resolve()


def _holds(outer: Path, inner: Path) -> bool:
    """Whether `inner` is `outer` or lies in it, by name or as the same folder mounted elsewhere."""
    if inner.is_relative_to(outer):
        return True
    with suppress(OSError):
        own = os.stat(outer)
        for one in (inner, *inner.parents):
            with suppress(FileNotFoundError):
                if os.path.samestat(own, os.stat(one)):
                    return True
    return False


def _resolved(path: str) -> Path:
    try:
        return Path(settings.DATA_DIR, os.path.normpath(path)).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise UnsafeFolder(f"{path!r} names no folder: {error}.") from error


def _roots() -> list[Path]:
    return [Path(root).resolve() for root in (settings.MANAGED_ROOT, *settings.RETENTION_ROOTS)]

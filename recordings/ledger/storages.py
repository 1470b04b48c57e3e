"""What the ledger asks of a storage, and the storage on a local disk.

Beyond Django's `open` and `url`: a writer that takes its final name exclusively, a bulk delete
that verifies key by key, and a listing in byte order. Only publish, purge and scan call these.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, cast
from uuid import UUID

from django.core.files.storage import FileSystemStorage, InvalidStorageError, storages

from recordings.ledger.descent import Descent
from recordings.ledger.exceptions import NameTaken, StorageFault, StorageFull

INCOMING = ".incoming"  # the upload area below the media root; never listed
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
LINK_ATTEMPTS = 20  # purge removes folders that are empty, between their making and our link too
_THREADS = 4  # unlinking on four takes 0.6 of one


@dataclass(frozen=True, slots=True)
class Entry:
    """One object in a storage: its name, size in bytes and the later of its two clocks."""

    name: str
    size: int
    modified: datetime


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something in the upload area: by its part, or (an upload to S3) by the name it was for."""

    part: UUID | None
    name: str


class Writer(Protocol):
    """One file on its way into a storage; nothing shows under its name before `commit`.

    From `commit` until `settled` the part stays, as the proof that what stands under the name is
    this writer's and belongs to nobody yet. A database that was restored knows of writers whose
    files have long been shown; no part of theirs is left, and that is what saves those files.
    """

    def write(self, chunk: bytes) -> None:
        """Take bytes in. Raises StorageFull, StorageFault."""

    def commit(self) -> None:
        """Make the bytes durable and take the final name. Raises NameTaken, StorageFull."""

    def close(self) -> None:
        """Let go of handles, whatever happened; `forget` removes what was written."""


class LedgerStorage(Protocol):
    """A storage the ledger can account for."""

    def writer(self, name: str, part: UUID) -> Writer: ...

    def size_of(self, name: str) -> int | None:
        """Return the size of what stands under `name`, None where nothing does."""

    def settled(self, part: UUID) -> None:
        """Remove a part whose file is ready now."""

    def take_back(self, name: str, part: UUID) -> bool:
        """Stop a writer for good, and tell whether what stands under `name` is his to remove.

        His is what came from this part and was never settled; where in doubt, it is not.
        """

    def forget(self, name: str, part: UUID | None) -> None:
        """Remove what is left of a part, once no row knows it."""

    def forget_all(self, parts: Collection[UUID]) -> None:
        """Remove parts of purged files that hold bytes, should a crash have left some."""

    def bulk_delete(self, names: Collection[str]) -> dict[str, str]:
        """Remove objects and verify; return what went wrong by name. What is gone is success."""

    def listing(self, *, after: str = "") -> Iterator[Entry]:
        """Yield every object in byte order of names, from behind `after`."""

    def leftovers(self) -> Iterator[Leftover]:
        """Yield what stands in the upload area; all that is under way is among it."""


def storage(alias: str) -> LedgerStorage:
    """Return the storage behind a permanent alias. Raises StorageFault for one not configured."""
    try:
        return cast(LedgerStorage, storages[alias])
    except InvalidStorageError as error:
        raise StorageFault(
            f"The storage {alias!r} is configured no more, and files are in it: set it up again."
        ) from error


class DiskWriter:
    """Write a part aside, sync it, and link it to its final name, which fails where one stands."""

    def __init__(self, root: Path, name: str, part: UUID) -> None:
        self._root, self._part = root, part_name(part)
        self._folder, _, self._base = name.rpartition("/")
        self._size, self._fd = 0, -1
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with _told():
            with suppress(FileExistsError):
                root.mkdir(mode=0o750)
            self._incoming = make_below(root, INCOMING)
            try:
                self._fd = os.open(self._part, flags, 0o640, dir_fd=self._incoming)
            except OSError:
                self.close()
                raise

    def write(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        with _told():
            while view:
                written = os.write(self._fd, view)
                self._size += written
                view = view[written:]

    def commit(self) -> None:
        with _told():
            os.fsync(self._fd)
            if os.fstat(self._fd).st_size != self._size:
                raise StorageFault(f"The disk kept less than the {self._size} bytes written to it.")
            folder = self._link()
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def _link(self) -> int:
        """Take the final name and return its folder, open."""
        for _ in range(LINK_ATTEMPTS):
            try:
                return self._link_once()
            except FileNotFoundError:
                if not self._part_stands():  # discarded: the claim was taken from us
                    raise StorageFault("The part was removed while it was being written.") from None
        raise StorageFault(f"The folder {self._folder} was removed again and again.")

    def _link_once(self) -> int:
        """Raises FileNotFoundError where purge removed the empty folder under our hands."""
        folder = make_below(self._root, self._folder)
        try:
            os.link(
                self._part,
                self._base,
                src_dir_fd=self._incoming,
                dst_dir_fd=folder,
                follow_symlinks=False,
            )
        except FileExistsError:
            os.close(folder)
            raise NameTaken(f"Something stands at {self._base} already.") from None
        except OSError:
            os.close(folder)
            raise
        return folder

    def _part_stands(self) -> bool:
        try:
            os.stat(self._part, dir_fd=self._incoming, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def close(self) -> None:
        for fd in (self._fd, self._incoming):
            if fd >= 0:
                os.close(fd)
        self._fd = self._incoming = -1


class DiskStorage(FileSystemStorage):
    """Files below a local folder, reached by directory descriptor and never through a link."""

    @property
    def root(self) -> Path:
        return Path(self.location)

    def writer(self, name: str, part: UUID) -> Writer:
        return DiskWriter(self.root, name, part)

    def size_of(self, name: str) -> int | None:
        try:
            return os.lstat(self.path(name)).st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def settled(self, part: UUID) -> None:
        (self.root / INCOMING / part_name(part)).unlink(missing_ok=True)

    def take_back(self, name: str, part: UUID) -> bool:
        """Rename the part, so that it can be linked no more; what it became is the same inode."""
        void = self.root / INCOMING / void_name(part)
        with suppress(FileNotFoundError):  # or renamed before by one who died then
            os.rename(self.root / INCOMING / part_name(part), void)
        try:
            ours, found = os.lstat(void), os.lstat(self.path(name))
        except (FileNotFoundError, NotADirectoryError):
            return False
        return os.path.samestat(ours, found)

    def forget(self, name: str, part: UUID | None) -> None:
        if part is not None:
            self.settled(part)
            (self.root / INCOMING / void_name(part)).unlink(missing_ok=True)

    def forget_all(self, parts: Collection[UUID]) -> None:
        left = {one.part for one in self.leftovers()}  # next to none, so cheaper than asking each
        for part in left.intersection(parts):
            self.forget("", part)

    def bulk_delete(self, names: Collection[str]) -> dict[str, str]:
        if not self.root.is_dir():
            raise StorageFault(f"The media folder {self.root} is not there; is its disk mounted?")
        wanted = sorted(names)
        share = -(-len(wanted) // _THREADS) or 1
        descents = [Descent(self.root) for _ in range(0, len(wanted), share)]
        with ThreadPoolExecutor(_THREADS) as pool:
            shares = (wanted[start : start + share] for start in range(0, len(wanted), share))
            list(pool.map(Descent.remove, descents, shares))
        Descent(self.root, changed=set().union(*(one.changed for one in descents))).sync()
        return {name: error for one in descents for name, error in one.errors.items()}

    def listing(self, *, after: str = "") -> Iterator[Entry]:
        if not self.root.is_dir():
            raise StorageFault(f"The media folder {self.root} is not there; is its disk mounted?")
        for name, entry in self._walk("", after):
            try:
                stat = entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # removed since its folder was read
                continue
            modified = max(stat.st_mtime, stat.st_ctime)
            yield Entry(name, stat.st_size, datetime.fromtimestamp(modified, UTC))

    def _walk(self, folder: str, after: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
        """Walk in byte order: a folder sorts as `name/`, so that `a-b/` comes before `a/`."""
        try:
            with os.scandir(self.root / folder) as found:
                rows = [
                    (e.name + "/" if e.is_dir(follow_symlinks=False) else e.name, e) for e in found
                ]
        except FileNotFoundError:
            if folder:  # removed, empty, since its parent was read
                return
            raise
        rows.sort(key=lambda row: os.fsencode(row[0]))
        for base, entry in rows:
            name = folder + base
            if not folder and entry.name == INCOMING:
                continue
            if base.endswith("/"):
                if name + "\U0010ffff" > after:
                    yield from self._walk(name, after)
            elif name > after:
                yield name, entry

    def leftovers(self) -> Iterator[Leftover]:
        try:
            names = os.listdir(self.root / INCOMING)
        except FileNotFoundError:
            return
        for name in names:
            with suppress(ValueError):  # what is not named by us is left to a person
                yield Leftover(UUID(name.rpartition(".")[0]), name)


def part_name(part: UUID) -> str:
    return f"{part}.part"


def void_name(part: UUID) -> str:
    return f"{part}.void"


def make_below(root: Path, folder: str) -> int:
    """Open a folder below `root` step by step, refusing links, and make what is missing of it.

    Each parent that gained a folder is synced. The caller closes what is returned. Raises
    FileNotFoundError when a step is removed under our hands.
    """
    fd = os.open(root, _FOLDER & ~os.O_NOFOLLOW)
    try:
        for step in folder.split("/"):
            deeper = _step(fd, step)
            os.close(fd)
            fd = deeper
    except BaseException:
        os.close(fd)
        raise
    return fd


def _step(fd: int, step: str) -> int:
    if step in {"", ".", ".."}:
        raise StorageFault(f"{step!r} is no folder of a stored name.")
    with suppress(FileNotFoundError):
        return os.open(step, _FOLDER, dir_fd=fd)
    with suppress(FileExistsError):
        os.mkdir(step, mode=0o750, dir_fd=fd)
        os.fsync(fd)
    return os.open(step, _FOLDER, dir_fd=fd)


@contextmanager
def _told() -> Iterator[None]:
    """Turn the system's errors into the ledger's."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull("The disk is full; nothing was kept of this file.") from error
        raise StorageFault(f"The storage refused: {error.strerror}.") from error

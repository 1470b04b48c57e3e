"""What the ledger asks of a storage, and the storage on a local disk.

Beyond Django's `open` and `url`: a writer that takes its final name exclusively, a bulk delete
that verifies key by key, and a listing in byte order. Only the ledger calls these; whoever else
reads a file does so through its row, or through `content`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast
from uuid import UUID

from django.conf import settings
from django.core.files.storage import FileSystemStorage, InvalidStorageError, storages

from recordings.ledger import disk_listing, moving
from recordings.ledger.descent import Descent
from recordings.ledger.entries import INCOMING, MARKER, PAGE, Entry, Moved, Page
from recordings.ledger.exceptions import NameTaken, StorageFault, StorageFull
from recordings.ledger.folders import make_below
from recordings.ledger.moving import DiskPage

if TYPE_CHECKING:
    from recordings.ledger.resuming import Rest, ResumableWriter

HIDDEN = frozenset({INCOMING, MARKER})
ARCHIVE = "archive"  # the alias of the storage that archived recordings are in
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
CHUNK = 1024 * 1024  # read at a time
LINK_ATTEMPTS = 20  # purge removes folders that are empty, between their making and our link too
_THREADS = 2  # unlinking on two takes 0.6 of one, and leaves the database a core


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

    most_bytes: int  # of one file

    def writer(self, name: str, part: UUID) -> Writer: ...

    def resume(self, name: str, part: UUID, rest: Rest) -> ResumableWriter:
        """Go on with a part that was left at rest. Raises Busy, Damaged, StorageFault."""

    def size_of(self, name: str) -> int | None:
        """Return the size of what stands under `name`, None where nothing does."""

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield what stands under `name`, of any size, a chunk in memory at a time.

        Raises FileNotFoundError, StorageFault.
        """

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

    def pages(self, *, after: str = "") -> Iterator[Page]:
        """Yield the names of every object in byte order, from behind `after`, in bounded pages.

        Raises StorageFault rather than end before the end.
        """

    def listing(self) -> Iterator[Entry]:
        """Yield every object in byte order of names."""

    def open(self, name: str, mode: str = "rb") -> Any:
        """Open an object for reading. Raises FileNotFoundError."""

    def entry(self, name: str) -> Entry | None:
        """Look at what stands under `name` now; None for nothing, and for what is no file."""

    def copy_to(self, entry: Entry, to: str) -> bool:
        """Put the object under a second name too; False when it is no more as `entry` says.

        True also when it has that name already, from a try whose answer was lost. Raises NameTaken
        where something else stands under `to`: nothing is ever replaced.
        """

    def stop_copies(self, to: str) -> None:
        """See that no copy that was given up lands under `to` any more; what stands there stays."""

    def finish_move(self, name: str, to: str) -> Moved:
        """Take the former name from an object that `copy_to` gave a second one; safe to repeat."""

    def read_marker(self) -> bytes | None:
        """Return the identity marker, None where there is none; it is in no listing."""

    def write_marker(self, content: bytes) -> None:
        """Put the identity marker in place, durably and as a whole."""

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


def has_archive() -> bool:
    return ARCHIVE in settings.STORAGES


def places() -> list[str]:
    """Return the aliases of the storages that new files go to."""
    return [str(settings.MEDIA_STORAGE), *([ARCHIVE] if has_archive() else [])]


def content(alias: str, name: str, *, most: int) -> bytes:
    """Return the first `most` bytes of an object that is small enough to hold in memory.

    Raises FileNotFoundError, OSError, StorageFault.
    """
    found = bytearray()
    for chunk in storage(alias).chunks(name):
        found += chunk
        if len(found) >= most:
            break
    return bytes(found[:most])


class DiskWriter:
    """Write a part aside, sync it, and link it to its final name, which fails where one stands."""

    def __init__(self, root: Path, name: str, part: UUID) -> None:
        self._root, self._part = root, part_name(part)
        self._folder, _, self._base = name.rpartition("/")
        self._size, self._fd = 0, -1
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with told():
            with suppress(FileExistsError):
                root.mkdir(mode=0o750)
            self._incoming = make_below(root, [INCOMING])
            try:
                self._fd = os.open(self._part, flags, 0o640, dir_fd=self._incoming)
            except OSError:
                self.close()
                raise

    def write(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        with told():
            while view:
                written = os.write(self._fd, view)
                self._size += written
                view = view[written:]

    def commit(self) -> None:
        with told():
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
        folder = make_below(self._root, self._folder.split("/"))
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

    most_bytes = 2**44  # what ext4 takes

    @property
    def root(self) -> Path:
        return Path(self.location)

    def writer(self, name: str, part: UUID) -> Writer:
        return DiskWriter(self.root, name, part)

    def resume(self, name: str, part: UUID, rest: Rest) -> ResumableWriter:
        from recordings.ledger.disk_resuming import DiskResumed

        return DiskResumed(self.root, name, part, rest)

    def size_of(self, name: str) -> int | None:
        try:
            return os.lstat(self.path(name)).st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def chunks(self, name: str) -> Iterator[bytes]:
        with self.open(name, "rb") as file, told():
            while chunk := file.read(CHUNK):
                yield chunk

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

    def pages(self, *, after: str = "") -> Iterator[DiskPage]:
        if not self.root.is_dir():
            raise StorageFault(f"The media folder {self.root} is not there; is its disk mounted?")
        for names in disk_listing.pages(self.root, after=after, size=PAGE, hidden=HIDDEN):
            yield DiskPage(self.root, names)

    def listing(self) -> Iterator[Entry]:
        for page in self.pages():
            yield from filter(None, map(page.entry, page.names))

    def entry(self, name: str) -> Entry | None:
        return moving.entry(self.root, name)

    def copy_to(self, entry: Entry, to: str) -> bool:
        with told():
            return moving.link(self.root, entry, to)

    def stop_copies(self, to: str) -> None:
        """A second link stands or it does not: nothing is under way."""

    def finish_move(self, name: str, to: str) -> Moved:
        with told():
            return moving.finish(self.root, name, to)

    def read_marker(self) -> bytes | None:
        if not self.root.is_dir():
            raise StorageFault(f"The media folder {self.root} is not there; is its disk mounted?")
        with told(), suppress(FileNotFoundError):
            return (self.root / MARKER).read_bytes()
        return None

    def write_marker(self, content: bytes) -> None:
        with told():
            moving.write_whole(self.root, MARKER, content)

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


@contextmanager
def told() -> Iterator[None]:
    """Turn the system's errors into the ledger's."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull("The disk is full; nothing was kept of this file.") from error
        raise StorageFault(f"The storage refused: {error.strerror}.") from error

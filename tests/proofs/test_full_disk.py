"""A disk that fills up at any point of an upload: an error in words, nothing kept, quota back."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from recordings.ledger.exceptions import StorageFull
from recordings.ledger.models import StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.publish import Publication
from recordings.ledger.purge import purge
from tests.conftest import assert_clean
from tests.proofs import children
from tests.proofs.scenes import World, begin, empty, full, make_recording, strays

pytestmark = pytest.mark.django_db(transaction=True)

DISK = 1024 * 1024
INODES = 64
CHUNK = b"x" * 64 * 1024


@pytest.fixture
def small_disk(ground: Path, settings: Any) -> Iterator[Path]:
    """A file system of one megabyte and few inodes as the media folder."""
    root = Path(settings.MEDIA_ROOT)
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK},nr_inodes={INODES}", "tmpfs", str(root)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield root
    subprocess.run(["umount", "--lazy", str(root)], check=True)


def fill(root: Path, *, leaving: int) -> Path:
    """Take the room of the disk except for `leaving` bytes."""
    ballast = root / ".incoming" / "ballast"
    ballast.parent.mkdir(exist_ok=True)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(root).free - leaving)
    return ballast


def use_inodes(root: Path, *, leaving: int) -> list[Path]:
    folder = root / ".incoming"
    folder.mkdir(exist_ok=True)
    ballast = [folder / f"ballast-{n}" for n in range(os.statvfs(root).f_ffree - leaving)]
    for path in ballast:
        path.touch()
    return ballast


def upload(world: World, chunks: int = 4) -> Publication:
    with begin(world, Kind.ORIGINAL, size=chunks * len(CHUNK)) as publication:
        for _ in range(chunks):
            publication.write(CHUNK)
        publication.finish()
    return publication


def files_below(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file() and "ballast" not in path.name]


def assert_refused_and_undone(world: World, root: Path) -> None:
    before = sorted(files_below(root))

    with pytest.raises(StorageFull, match=r"disk is full.*nothing was kept"):
        upload(world)

    assert sorted(files_below(root)) == before
    assert not StoredFile.objects.exclude(state=StoredFile.State.READY).exists()
    assert world.account.reserved == 0


@pytest.mark.parametrize("leaving", [0, 1, len(CHUNK), len(CHUNK) + 4097, 3 * len(CHUNK)])
def test_no_room_for_the_bytes(small_disk: Path, leaving: int) -> None:
    world = empty()
    fill(small_disk, leaving=leaving)

    assert_refused_and_undone(world, small_disk)


@pytest.mark.parametrize("leaving", range(5))
def test_no_inode_for_part_folder_or_name(small_disk: Path, leaving: int) -> None:
    """The part, user_N, video, unprocessed and the final link take one each."""
    world = empty()
    ballast = use_inodes(small_disk, leaving=leaving)

    assert_refused_and_undone(world, small_disk)
    for path in ballast:
        path.unlink()
    upload(world)


def test_purge_makes_room_on_a_full_disk(small_disk: Path) -> None:
    world = full()
    other = World(world.owner, make_recording(world.owner))
    ballast = fill(small_disk, leaving=0)
    assert_refused_and_undone(other, small_disk)

    world.recording.delete()
    report = purge()

    assert report.deleted == 3
    assert files_below(small_disk) == []
    assert shutil.disk_usage(small_disk).free >= report.bytes_freed
    ballast.unlink()
    upload(other)
    assert_clean()


@pytest.mark.parametrize("when", range(1, 7))
def test_disk_that_refuses_at_a_sync_keeps_nothing(ground: Path, tmp_path: Path, when: int) -> None:
    """Some disks take every write and say only at the sync that there was no room.

    The first is of the root that gained the upload area, the second of the part, the third to
    fifth of folders that gained one, the last of the folder that gained the name.
    """
    if shutil.which("strace") is None:
        pytest.skip("strace, which makes the system call fail, is not installed")
    world = empty()
    gate, opened = os.pipe()

    def act() -> None:
        os.read(gate, 1)
        upload(world)

    pid = children.fork(act)
    inject = ["-e", "trace=fsync", "-e", f"inject=fsync:error=ENOSPC:when={when}"]
    tracer = subprocess.Popen(
        ["strace", "-o", str(tmp_path / "trace"), *inject, "-p", str(pid)],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert tracer.stderr is not None
    said = tracer.stderr.readline()
    os.write(opened, b"x")
    status = children.ended(pid)
    tracer.wait()
    if "attached" not in said:
        pytest.skip(f"strace may not attach here: {said.strip()}")

    assert status == children.REFUSED
    assert files_below(Path(settings.MEDIA_ROOT)) == strays() == []
    assert world.account.reserved == StoredFile.objects.count() == 0

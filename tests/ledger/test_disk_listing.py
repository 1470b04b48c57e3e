"""A listing that a process of its own reads: the same names, and never half of them."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from recordings.ledger import disk_listing, walk
from recordings.ledger.exceptions import StorageFault
from tests.ledger.strays import dig


def children() -> set[int]:
    return set(map(int, Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()))


def listing(root: Path, *, size: int, after: str = "") -> Iterator[list[str]]:
    return disk_listing.pages(root, after=after, size=size, hidden={".incoming"})


@pytest.fixture
def others() -> set[int]:
    """Processes that other tests have left running."""
    return children()


@pytest.fixture
def names(tmp_path: Path) -> list[str]:
    """More names than a pipe holds, some of them no text, in byte order."""
    (tmp_path / ".incoming").mkdir()
    (tmp_path / ".incoming" / "part").touch()
    made = []
    for folder in ("a", "a-b", "\u00e9", os.fsdecode(b"\xff"), "a\nb"):
        (tmp_path / folder).mkdir()
        for number in range(150):
            made.append(f"{folder}/{number:0200}")
            (tmp_path / made[-1]).touch()
    return sorted(made, key=os.fsencode)


@pytest.mark.parametrize("size", [1, 7, 749, 750, 751])
def test_listing_is_the_same_whoever_reads_it(tmp_path, names, others, size):
    pages = list(listing(tmp_path, size=size))

    assert [name for page in pages for name in page] == names
    assert {len(page) for page in pages[:-1]} <= {size}
    assert children() <= others


def test_listing_begins_behind_a_name(tmp_path, names):
    found = listing(tmp_path, size=7, after=names[99])

    assert [name for page in found for name in page] == names[100:]


def test_listing_that_breaks_off_is_none(tmp_path, names, others):
    pages = listing(tmp_path, size=7)
    next(pages), next(pages)
    for child in children() - others:
        os.kill(child, signal.SIGKILL)

    with pytest.raises(StorageFault, match="broke off, and half a listing is none"):
        list(pages)


@pytest.mark.parametrize("stands_in", ["nothing", "an empty folder"])
def test_folder_that_goes_away_as_a_whole_ends_the_listing(tmp_path, others, stands_in):
    root = tmp_path / "media"
    for folder in range(300):  # more than a pipe holds
        (root / f"{folder:03}").mkdir(parents=True)
        for number in range(20):
            (root / f"{folder:03}" / f"{number:0200}").touch()
    pages = listing(root, size=100)
    next(pages), next(pages)
    root.rename(tmp_path / "unmounted")
    if stands_in == "an empty folder":
        root.mkdir()

    with pytest.raises(StorageFault, match=r"media/ cannot be read"):
        list(pages)
    assert children() <= others


def test_folder_that_goes_away_before_the_other_process_begins_ends_the_listing(tmp_path, names):
    pages = listing(tmp_path, size=7)
    next(pages)
    tmp_path.rename(tmp_path.with_name("unmounted"))
    tmp_path.mkdir()

    with pytest.raises(StorageFault, match="another is there now"):
        list(pages)


def test_folder_below_that_goes_away_was_empty(tmp_path):
    for folder in ("a", "b", "c"):
        (tmp_path / folder / "in").mkdir(parents=True)
        (tmp_path / folder / "in" / "1").touch()
    found = walk.pages(walk.Tree(os.fsencode(tmp_path)), after=b"", size=1, hidden=())
    assert next(found) == b"a/in/1"
    shutil.rmtree(tmp_path / "b")

    assert list(found) == [b"c/in/1"]


@pytest.mark.parametrize("size", [7, 1000])
def test_folder_that_cannot_be_read_ends_the_listing(tmp_path, names, size):
    dig(tmp_path / "z")

    with pytest.raises(StorageFault, match=r"cannot be read \(File name too long\)"):
        list(listing(tmp_path, size=size))


def test_listing_that_is_wanted_no_more_leaves_no_process(tmp_path, names, others):
    pages = listing(tmp_path, size=7)
    next(pages), next(pages)
    assert children() - others

    pages.close()

    assert children() <= others


def test_process_that_complains_without_end_is_read_to_its_end(tmp_path, names, monkeypatch):
    monkeypatch.setenv("LD_DEBUG", "all")  # more than a pipe holds, on standard error

    assert sum(map(len, listing(tmp_path, size=7))) == len(names)


def test_process_that_cannot_be_started_ends_the_listing(tmp_path, names, monkeypatch):
    monkeypatch.setattr("sys.executable", str(tmp_path / "nothing"))

    with pytest.raises(StorageFault, match="No process could be started"):
        list(listing(tmp_path, size=7))


@pytest.fixture
def too_deep(tmp_path: Path) -> Iterator[None]:
    at = os.open(tmp_path, os.O_DIRECTORY)
    for _ in range(1500):
        os.mkdir("z", dir_fd=at)
        below = os.open("z", os.O_DIRECTORY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    yield
    subprocess.run(["rm", "-r", tmp_path / "z"], check=True)  # too deep for Python, and for pytest


@pytest.mark.parametrize("size", [7, 1000])
@pytest.mark.usefixtures("too_deep")
def test_folders_too_deep_end_the_listing(tmp_path, names, size):
    with pytest.raises(StorageFault, match="too deep"):
        list(listing(tmp_path, size=size))

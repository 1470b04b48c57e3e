"""A listing that a process of its own reads: the same names, and never half of them."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from recordings.ledger import disk_listing
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

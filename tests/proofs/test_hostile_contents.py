"""Links, folders, strange names in the media root: looked at, told of, never followed."""

from __future__ import annotations

import json
import os
import threading
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connections

from recordings.ledger.audit import audit
from recordings.ledger.exceptions import LedgerError, StorageFault
from recordings.ledger.models import Receipt, StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.purge import purge
from recordings.ledger.storages import storage
from tests.proofs.scenes import World, empty, full, make_recording, put

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def root(ground: Path) -> Path:
    return Path(settings.MEDIA_ROOT)


@pytest.fixture
def outside(ground: Path) -> Path:
    """A folder beside the media root, with a file that must survive everything."""
    folder = ground / "outside"
    folder.mkdir()
    (folder / "precious").write_bytes(b"precious")
    return folder


def samples(check: str) -> list[str]:
    report = audit(hashes=True, grace=timedelta(0))
    return [text for one in report.checks if one.id == check for text in one.samples]


def names() -> list[str]:
    return [entry.name for entry in storage("disk").listing()]


def replace_by_link(folder: Path, target: Path) -> None:
    folder.rename(target)
    folder.symlink_to(target)


def test_purge_does_not_follow_a_linked_folder_and_says_so(root: Path, ground: Path) -> None:
    world = full()
    replace_by_link(root / f"user_{world.owner.pk}", ground / "moved")
    world.recording.delete()

    report = purge()

    assert (report.deleted, report.failed) == (0, 3)
    assert len([path for path in (ground / "moved").rglob("*") if path.is_file()]) == 3
    assert Receipt.objects.count() == 0
    assert all(StoredFile.objects.values_list("last_error", flat=True))


def test_nothing_is_published_through_a_link(root: Path, outside: Path) -> None:
    world = empty()
    (root / f"user_{world.owner.pk}").symlink_to(outside)

    with pytest.raises(StorageFault):
        put(world)

    assert [path.name for path in outside.rglob("*")] == ["precious"]
    assert world.account.reserved == StoredFile.objects.ready().count() == 0


def test_link_to_nowhere_is_refused_at_once(root: Path, ground: Path) -> None:
    world = empty()
    (root / f"user_{world.owner.pk}").symlink_to(ground / "nowhere")

    with pytest.raises(StorageFault):
        put(world)

    assert not (ground / "nowhere").exists()


def test_file_where_a_folder_should_be_is_refused(root: Path) -> None:
    world = empty()
    (root / f"user_{world.owner.pk}").write_bytes(b"a file")

    with pytest.raises(StorageFault):
        put(world)

    assert (root / f"user_{world.owner.pk}").read_bytes() == b"a file"


def test_folder_where_a_file_should_be_stays(root: Path) -> None:
    world = full()
    stored = world.files()[0].stored
    path = root / str(stored.file.name)
    path.unlink()
    path.mkdir()
    (path / "inside").write_bytes(b"inside")
    world.recording.delete()

    report = purge()

    assert (report.deleted, report.failed) == (2, 1)
    assert (path / "inside").read_bytes() == b"inside"


def test_link_in_place_of_a_file_goes_and_its_target_stays(root: Path, outside: Path) -> None:
    world = full()
    path = root / str(world.files()[0].stored.file.name)
    path.unlink()
    path.symlink_to(outside / "precious")
    world.recording.delete()

    purge()

    assert not path.is_symlink()
    assert (outside / "precious").read_bytes() == b"precious"


def test_names_that_lead_out_remove_nothing(root: Path, outside: Path) -> None:
    victims = ["../outside/precious", "user_1/../../outside/precious", str(outside / "precious")]
    victims += ["", ".", "..", "/", "user_1/..", "user_1//x", "x/"]

    storage("disk").bulk_delete(victims)

    assert (outside / "precious").read_bytes() == b"precious"
    assert root.is_dir()


@pytest.mark.parametrize("name", ["../x", "user_1/../../x", "/x", "user_1//x", "", "a/./b"])
def test_names_that_lead_out_are_never_written(root: Path, outside: Path, name: str) -> None:
    writer = storage("disk").writer(name, uuid4())
    writer.write(b"x")
    with pytest.raises((LedgerError, OSError)):
        writer.commit()

    assert [path.name for path in root.parent.rglob("x")] == []


def test_strange_names_are_listed_in_order_and_told_in_print(root: Path) -> None:
    strange = [b"line\nbreak", b"bytes\xff\xfe", b"tab\t", "имя".encode(), b"\x80", b"esc\x1b[2J"]
    strange += [b"a-b", b"a", b"a.b", "\U0001f600".encode(), b"zzz"]
    for base in strange:
        (root / os.fsdecode(base)).write_bytes(b"x")
    folder = root / "user_1"
    folder.mkdir()
    (folder / os.fsdecode(b"in\xffside")).write_bytes(b"x")
    os.mkfifo(root / "pipe")
    (root / "loop").symlink_to(root)

    listed = names()
    told = samples("I2")

    assert [os.fsencode(name) for name in listed] == sorted(os.fsencode(name) for name in listed)
    assert len(listed) == len(told) == len(strange) + 3
    assert all(text.isprintable() for text in told)
    json.dumps(told).encode()


def test_strange_names_do_not_hide_what_is_missing_or_there(root: Path) -> None:
    full()
    for base in (b"\xff", b"user_0", b"zzz\n", b"user_999999", "я".encode()):
        (root / os.fsdecode(base)).write_bytes(b"x")

    assert samples("I3") == []
    assert len(samples("I2")) == 5


def test_listing_survives_what_goes_away_meanwhile(root: Path) -> None:
    world = full()
    entries = storage("disk").listing()
    first = next(entries)
    world.recording.delete()
    purge()

    assert first.name
    assert list(entries) == []


def test_purge_beside_uploads_never_takes_their_folder(root: Path) -> None:
    """Each purge empties and removes the folders that an upload is just about to link into."""
    owner = full().owner
    failures: list[BaseException] = []
    done = threading.Event()

    def remove_and_publish() -> None:
        try:
            for _ in range(15):
                world = World(owner, make_recording(owner, Kind.ORIGINAL))
                world.recording.delete()
        except BaseException as error:  # noqa: BLE001  (told below)
            failures.append(error)
        finally:
            done.set()
            connections.close_all()

    thread = threading.Thread(target=remove_and_publish)
    thread.start()
    while not done.is_set():
        purge()
    thread.join()

    assert failures == []


def test_missing_root_is_told_in_words(root: Path) -> None:
    world = full()
    root.rename(root.with_name("unmounted"))
    world.recording.delete()

    report = purge()
    with pytest.raises(StorageFault, match="is its disk mounted"):
        names()
    root.with_name("unmounted").rename(root)

    assert report.failed == 3
    assert Receipt.objects.count() == 0

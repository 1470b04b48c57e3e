"""A scan finds what has no row and what has no object, in one pass, and touches neither."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from django.conf import settings
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from recordings.ledger import scan as scanning
from recordings.ledger import walk
from recordings.ledger.exceptions import Lost, NotOurs, StorageFault
from recordings.ledger.identity import bind
from recordings.ledger.models import Scan, Sighting, StoredFile
from recordings.ledger.purge import purge
from recordings.ledger.scan import compare, scan
from recordings.ledger.storages import storage
from recordings.trash import erase
from tests.ledger.strays import Backwards, BreaksOff, SmallPages, dig, put, use

pytestmark = pytest.mark.django_db

ORPHAN = "user_1/audio/987_processed.mp3"


def later(**span: float) -> datetime:
    return timezone.now() + timedelta(**(span or {"hours": 2}))


def scanned(at: datetime | None = None, alias: str = "") -> Scan:
    """Carry a scan through."""
    *_, last = scan(alias or settings.MEDIA_STORAGE, at or later())
    return last


@pytest.fixture
def bound(make_recording):
    """A recording with five files, in a storage that carries our marker."""
    bind(settings.MEDIA_STORAGE)
    return make_recording()


@pytest.fixture
def bound_anywhere(anywhere, bound):
    return bound


def test_library_in_order_has_nothing_to_report(bound):
    found = scanned()

    assert (found.objects_seen, found.orphans, found.unknown, found.missing) == (5, 0, 0, 0)
    assert found.finished_at is not None
    assert Sighting.objects.count() == 0


def test_orphan_is_sighted_with_size_and_time(bound_anywhere):
    put(ORPHAN, b"12345")

    found = scanned()

    sighting = Sighting.objects.get()
    assert (found.orphans, found.orphan_bytes, found.young) == (1, 5, 0)
    assert (sighting.name, sighting.size, sighting.scans) == (ORPHAN, 5, 1)


def test_missing_file_is_counted_and_its_row_stays(bound_anywhere):
    stored = StoredFile.objects.get(kind="audio")
    storage(settings.MEDIA_STORAGE).bulk_delete([str(stored.file.name)])

    found = scanned()

    assert (found.missing, found.samples["missing"]) == (1, [str(stored.file.name)])
    assert StoredFile.objects.ready().count() == 5


def test_young_object_is_no_orphan_yet(bound):
    put(ORPHAN)

    found = scanned(later(minutes=50))

    assert (found.young, found.orphans) == (1, 0)
    assert Sighting.objects.count() == 0


def test_unknown_shape_is_reported_and_not_sighted(bound):
    put("notes/readme.txt")

    found = scanned()

    assert (found.unknown, found.samples["unknown"]) == (1, ["notes/readme.txt"])
    assert Sighting.objects.count() == 0


def test_every_row_protects_its_file_whatever_its_state(bound):
    erase([bound.pk], by="olga")

    assert (scanned().orphans, StoredFile.objects.ready().count()) == (0, 0)


def test_second_scan_counts_and_keeps_the_first_date(bound_anywhere):
    put(ORPHAN)
    first, second = later(), later(hours=30)

    scanned(first)
    scanned(second)

    sighting = Sighting.objects.get()
    assert (sighting.scans, sighting.first_seen, sighting.last_seen) == (2, first, second)


def test_orphan_that_changed_is_seen_for_the_first_time(bound):
    put(ORPHAN)
    scanned()
    storage(settings.MEDIA_STORAGE).bulk_delete([ORPHAN])
    put(ORPHAN, b"another one")

    scanned(later(hours=30))

    assert Sighting.objects.values_list("scans", "size").get() == (1, 11)


def test_orphan_that_went_away_is_forgotten(bound):
    put(ORPHAN)
    scanned()
    storage(settings.MEDIA_STORAGE).bulk_delete([ORPHAN])

    scanned(later(hours=30))

    assert Sighting.objects.count() == 0


def test_link_folder_and_strange_name_stand_in_nobodys_way(recording, settings):
    bind("disk")
    root = settings.MEDIA_ROOT
    (root / "user_1" / "audio").mkdir(parents=True, exist_ok=True)
    (root / ORPHAN).symlink_to(root / "elsewhere")
    (root / "user_1/audio/988_processed.mp3").mkdir()
    (root / os.fsdecode(b"user_1/\xff")).write_bytes(b"x")
    (root / os.fsdecode(b"zzz\xff")).write_bytes(b"x")

    found = scanned()

    assert (found.objects_seen, found.unknown, found.orphans) == (8, 2, 1)
    assert storage("disk").entry(ORPHAN) is None  # so it is never moved


def test_upload_area_and_marker_are_not_listed(bound_anywhere):
    place = storage(settings.MEDIA_STORAGE)

    assert place.read_marker()
    assert not [entry.name for entry in place.listing() if entry.name.startswith(".")]


def test_file_published_between_listing_and_rows_is_no_orphan(bound, make_recording):
    put(ORPHAN)
    blocks = compare(settings.MEDIA_STORAGE)
    make_recording()

    assert [name for block in blocks for name in block.strays] == [ORPHAN]


def test_file_published_after_the_listing_is_not_missing(recording, make_recording, settings):
    bind("disk")
    use(SmallPages, settings)
    running = scan("disk", timezone.now())
    next(running)
    next(running)
    make_recording()
    *_, found = running

    assert (found.missing, found.orphans) == (0, 0)


def test_killed_scan_goes_on_where_it_was(make_recording, settings, monkeypatch):
    monkeypatch.setattr(scanning, "BREATH", 0)
    make_recording(), make_recording()
    bind("disk")
    use(SmallPages, settings)
    put(ORPHAN)
    at = later()
    running = scan("disk", at)
    for _ in range(4):
        killed = next(running)
    running.close()
    assert 0 < killed.objects_seen < 11

    found = scanned(at)

    assert (found.pk, found.objects_seen, found.orphans) == (killed.pk, 11, 1)
    assert Scan.objects.count() == 1


def test_scan_left_for_days_is_begun_anew(recording, settings):
    bind("disk")
    use(SmallPages, settings)
    running = scan("disk", later())
    next(running), next(running)
    running.close()

    found = scanned(later(days=3))

    assert found.objects_seen == 5
    assert Scan.objects.count() == 1


def test_many_missing_rows_come_in_pages(make_recording, settings, monkeypatch):
    monkeypatch.setattr(scanning, "MOST", 3)
    recordings = [make_recording() for _ in range(3)]
    bind("disk")
    gone = [str(f.file.name) for f in StoredFile.objects.filter(recording_id=recordings[1].pk)]
    storage("disk").bulk_delete(gone)
    put(ORPHAN)

    blocks = list(compare("disk"))
    found = scanned()

    assert sorted(name for block in blocks for name in block.absent) == sorted(gone)
    assert all(a.last <= b.last for a, b in pairwise(blocks))
    assert (found.missing, found.orphans, found.objects_seen) == (5, 1, 11)


@pytest.mark.parametrize("disk", [Backwards, BreaksOff])
def test_listing_out_of_order_or_broken_off_ends_the_scan(make_recording, settings, disk):
    make_recording(), make_recording()
    bind("disk")
    use(disk, settings)

    with pytest.raises(StorageFault):
        scanned()

    assert Sighting.objects.count() == 0
    assert Scan.objects.finished().count() == 0


def test_folder_that_cannot_be_read_ends_the_scan(recording, settings):
    bind("disk")
    dig(settings.MEDIA_ROOT / "user_0")

    with pytest.raises(StorageFault, match="half a listing"):
        scanned()


def test_one_scan_of_a_storage_at_a_time(bound):
    running = scan(settings.MEDIA_STORAGE, later())
    next(running)

    with pytest.raises(Lost):
        scanned()
    running.close()

    assert scanned().finished_at


def test_last_scan_is_what_health_reads(bound):
    put(ORPHAN)
    scanned()

    last = Scan.objects.newest(settings.MEDIA_STORAGE)

    assert last is not None
    assert (last.orphans, last.missing) == (1, 0)


@pytest.mark.parametrize(("listed", "known"), [(1, 2), (2, 1)])
def test_name_with_a_line_feed_passes_for_no_two_names(bound, listed, known):
    one = "user_0/audio/1_processed.mp3", "user_0/audio/2_processed.mp3"
    spelled = {1: ["\n".join(one)], 2: list(one)}
    for name in spelled[listed]:
        put(name)
    for name in spelled[known]:
        StoredFile.objects.create(file=name, storage="disk", kind="audio", size=4)

    (block,) = [block for block in compare("disk") if block.strays or block.absent]

    assert (block.strays, block.absent) == (spelled[listed], spelled[known])


def test_scan_after_a_purge_of_half_the_library_works_on(make_recording):
    keep, gone = make_recording(), make_recording()
    bind(settings.MEDIA_STORAGE)
    scanned()
    erase([gone.pk], by="policy old v1")
    purge()

    found = scanned(later(hours=30))

    assert (found.objects_seen, found.orphans) == (5, 0)
    assert keep.files.count() == 5


SOME = st.sets(
    st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=3).filter(
        lambda name: name not in {".", ".."} and len(name.encode()) < 200
    ),
    max_size=12,
)


@given(folders=SOME, files=SOME)
@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_listing_is_in_byte_order_and_can_begin_anywhere(tmp_path_factory, folders, files):
    root = tmp_path_factory.mktemp("tree")
    for folder in folders:
        (root / folder).mkdir(exist_ok=True)
        for name in files:
            (root / folder / name).write_bytes(b"")
    for name in files - folders:
        (root / name).write_bytes(b"")

    def listed(after: str) -> list[bytes]:
        behind = os.fsencode(after)
        pages = walk.pages(walk.Tree(os.fsencode(root)), after=behind, size=3, hidden=frozenset())
        return [name for page in pages for name in page.split(b"\0")]

    everything = listed("")
    assert everything == sorted(everything)
    assert len(everything) == len(folders) * len(files) + len(files - folders)
    for place, name in enumerate(everything):
        assert listed(os.fsdecode(name)) == everything[place + 1 :]


def test_strangers_storage_is_not_scanned(recording):
    with pytest.raises(NotOurs):
        bind("disk")
        storage("disk").write_marker(b'{"identity": "%s", "generation": 1}' % (b"0" * 32))
        scanned()

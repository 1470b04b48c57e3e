"""A copy into quarantine whose answer never came leaves no object without a row."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings as site
from django.core.files.storage import storages
from django.utils import timezone

from recordings.ledger import quarantine
from recordings.ledger.exceptions import NameTaken, StorageFault
from recordings.ledger.models import Sighting, StoredFile
from recordings.ledger.storages import storage
from tests.ledger.cutting import wire
from tests.ledger.strays import put, seen
from tests.ledger.test_scan import ORPHAN

pytestmark = [pytest.mark.django_db, pytest.mark.s3]

EVER = 1000


@pytest.fixture
def line(s3, s3_server, settings):
    """The wire that everything of the product goes over from here on."""
    with wire(s3_server) as line:
        backend = settings.STORAGES["s3"]
        options = {**backend["OPTIONS"], "endpoint_url": line.address}
        settings.STORAGES = {**settings.STORAGES, "s3": {**backend, "OPTIONS": options}}
        yield line


@pytest.fixture
def sighting(line):
    put(ORPHAN, b"what somebody may still need")
    return seen(ORPHAN)


def set_aside(sighting: Sighting) -> str:
    return quarantine.set_aside(sighting, at=timezone.now(), by="policy orphans v1")


def names() -> set[str]:
    return {entry.name for entry in storage(site.MEDIA_STORAGE).listing()}


def rows() -> set[str]:
    return {str(row) for row in StoredFile.objects.all()}


def lease_ends() -> None:
    StoredFile.objects.update(lease_until=timezone.now() - timedelta(days=1))
    quarantine.recover()


def test_repeated_request_that_meets_its_own_copy_has_moved_it(line, sighting):
    line.cut, line.times = "answer", 1

    assert set_aside(sighting) == ""
    assert names() == rows() == {str(quarantine.settled().get())}


def test_copy_that_was_made_already_is_taken_for_made_and_nothing_else_is(line, sighting):
    """Some stores refuse the repeated request, since its own object has the name by then."""
    place = storage("s3")
    entry = place.entry(ORPHAN)
    put("user_1/audio/988_processed.mp3", b"another")
    other = place.entry("user_1/audio/988_processed.mp3")

    assert place.copy_to(entry, "quarantine/x")
    assert place.copy_to(entry, "quarantine/x")
    with pytest.raises(NameTaken):
        place.copy_to(other, "quarantine/x")


def test_move_whose_answers_were_all_lost_is_finished(line, sighting):
    line.cut, line.times = "answer", EVER
    with pytest.raises(StorageFault):
        set_aside(sighting)
    lease_ends()

    assert names() == rows() == {str(quarantine.settled().get())}


def test_copy_that_lands_after_its_writer_gave_up_has_a_row(line, sighting):
    line.cut, line.times = "request", EVER
    with pytest.raises(StorageFault):
        set_aside(sighting)

    line.times = 0
    line.deliver()

    assert names() - {ORPHAN} <= rows()
    lease_ends()
    assert names() - {ORPHAN} == rows()


def test_copy_that_would_land_after_recovery_is_stopped(line, sighting):
    line.cut, line.times = "request", EVER
    with pytest.raises(StorageFault):
        set_aside(sighting)
    line.times = 0
    lease_ends()

    line.deliver()

    assert (names(), rows()) == ({ORPHAN}, set())
    assert list(storages["s3"].leftovers()) == []


def test_return_whose_answer_was_lost_is_no_second_copy(line, sighting):
    set_aside(sighting)
    line.cut, line.times = "answer", 1

    quarantine.restore(quarantine.settled().get().pk, by="anna")

    assert (names(), rows()) == ({ORPHAN}, set())


def test_return_that_would_land_later_is_stopped(line, sighting):
    set_aside(sighting)
    line.cut, line.times = "request", EVER
    with pytest.raises(StorageFault):
        quarantine.restore(quarantine.settled().get().pk, by="anna")
    line.times = 0
    lease_ends()

    line.deliver()

    assert names() == rows() == {str(quarantine.settled().get())}

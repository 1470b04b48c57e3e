"""Bytes come in whole and verified, under a name that was free, or not at all."""

from __future__ import annotations

import hashlib
import os
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.db import DatabaseError, transaction
from django.db.models import F

from recordings.ledger import names, publish
from recordings.ledger.exceptions import LedgerError, Lost, NameTaken, StorageFault
from recordings.ledger.models import StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.publish import Publication
from recordings.ledger.purge import purge
from recordings.models import RecordingFile
from tests.conftest import assert_clean

pytestmark = pytest.mark.django_db(transaction=True)

CONTENT = os.urandom(3_000_000)


@pytest.fixture
def empty(make_recording):
    return make_recording(files=0)


def begin(recording, number=1, size=3_000_000):
    return Publication.begin(
        name=names.of_kind(Kind.TRIMMED, recording.owner_id, recording.pk, number),
        kind=Kind.TRIMMED,
        owner_id=recording.owner_id,
        recording_id=recording.pk,
        size=size,
    )


def settle(publication, recording, number=1):
    with transaction.atomic():
        stored = publication.settle()
        RecordingFile.objects.create(
            recording=recording, kind=Kind.TRIMMED, stored=stored, version=number
        )
    return stored


def test_published_file_is_what_was_written(anywhere, empty, account):
    with begin(empty) as publication:
        for start in range(0, len(CONTENT), 65536):
            publication.write(CONTENT[start : start + 65536])
        publication.finish()
        settle(publication, empty)

    stored = StoredFile.objects.get()
    assert (stored.state, stored.size) == ("ready", len(CONTENT))
    assert stored.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert (stored.claim, stored.lease_until, stored.reserved) == (None, None, 0)
    with stored.file.open("rb") as file:
        assert file.read() == CONTENT
    assert account().used == len(CONTENT)
    assert_clean()


def test_empty_file_is_a_file(anywhere, empty):
    with begin(empty, size=0) as publication:
        publication.finish()
        stored = settle(publication, empty)

    assert (stored.size, stored.sha256) == (0, hashlib.sha256(b"").hexdigest())
    assert_clean()


@pytest.mark.parametrize("step", ["begun", "written", "finished", "settled and rolled back"])
def test_leaving_early_leaves_nothing(anywhere, empty, account, stored_names, settings, step):
    with pytest.raises(ZeroDivisionError), begin(empty) as publication:
        if step != "begun":
            publication.write(CONTENT)
        if step.startswith(("finished", "settled")):
            publication.finish()
        if step.startswith("settled"):
            with transaction.atomic():
                publication.settle()
                1 / 0  # noqa: B018
        1 / 0  # noqa: B018

    assert stored_names() == set()
    assert not StoredFile.objects.exists()
    assert (account().used, account().reserved) == (0, 0)
    assert not [path for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()]
    assert_clean()


def test_nothing_shows_under_the_name_before_finish(anywhere, empty, stored_names):
    with begin(empty) as publication:
        publication.write(CONTENT)
        assert stored_names() == set()


def test_file_is_finished_before_it_is_settled(empty):
    with begin(empty) as publication, transaction.atomic(), pytest.raises(LedgerError):
        publication.settle()


def test_nothing_takes_its_name_inside_a_transaction(empty, stored_names):
    """A rollback would take the row back, and leave the bytes."""
    with begin(empty) as publication:
        publication.write(b"a")
        with transaction.atomic(), pytest.raises(RuntimeError):
            publication.finish()
        assert stored_names() == set()


def test_leaving_after_settle_removes_nothing(anywhere, empty, stored_names):
    with pytest.raises(ZeroDivisionError), begin(empty) as publication:
        publication.write(b"x")
        publication.finish()
        settle(publication, empty)
        1 / 0  # noqa: B018

    assert len(stored_names()) == 1
    assert_clean()


def test_name_in_use_is_refused(anywhere, empty, stored_names):
    with begin(empty) as publication:
        publication.write(b"first")
        publication.finish()
        settle(publication, empty)

    with pytest.raises(NameTaken):
        begin(empty)

    assert len(stored_names()) == 1
    assert_clean()


def test_writer_whose_claim_was_taken_can_do_nothing(anywhere, empty, stored_names):
    with begin(empty) as publication:
        publication.write(CONTENT)
        StoredFile.objects.update(claim=uuid4())

        with pytest.raises(Lost):
            publication.renew()
        with pytest.raises(Lost):
            publication.finish()
        with transaction.atomic(), pytest.raises((Lost, LedgerError)):
            publication.settle()

    assert stored_names() == set()


def test_lapsed_lease_is_recovered_and_its_writer_stopped(anywhere, empty, account, stored_names):
    with begin(empty) as publication:
        publication.write(CONTENT)
        StoredFile.objects.update(lease_until=F("created_at") - timedelta(seconds=1))

        assert publish.recover() == 1
        purge()

        assert account().reserved == 0
        with pytest.raises((Lost, StorageFault)):
            publication.finish()

    assert stored_names() == set()
    assert not StoredFile.objects.exists()
    assert_clean()


def test_recovery_leaves_a_living_writer_alone(empty):
    with begin(empty) as publication:
        publication.write(CONTENT)

        assert publish.recover() == 0
        publication.finish()
        settle(publication, empty)


def test_dead_process_is_recovered_before_its_lease_ends(empty, account):
    publication = begin(empty)
    host, _, rest = StoredFile.objects.get().claimed_by.rpartition("/")
    here, _, _ = host.rpartition("/")
    StoredFile.objects.update(claimed_by=f"{here}/4194304/{rest}")  # above the highest process id

    assert publish.recover() == 1

    assert account().reserved == 0
    publication.abandon()


def test_bytes_do_not_come_in_through_the_field(empty, owner, stored_names):
    wrong = StoredFile(storage="disk", kind=Kind.TRIMMED, owner_id=owner.pk)
    wrong.file = ContentFile(b"x", name="x.mp4")

    with pytest.raises(LedgerError, match="publish"):
        wrong.save()

    assert stored_names() == set()


def test_database_refuses_ready_without_a_hash(db):
    with pytest.raises(DatabaseError), transaction.atomic():
        StoredFile.objects.create(storage="disk", file="x", kind=Kind.TRIMMED, state="ready")


def test_database_refuses_a_name_twice(db):
    StoredFile.objects.create(storage="disk", file="x", kind=Kind.TRIMMED)

    with pytest.raises(DatabaseError), transaction.atomic():
        StoredFile.objects.create(storage="disk", file="x", kind=Kind.TRIMMED)
    StoredFile.objects.create(storage="default", file="x", kind=Kind.TRIMMED)

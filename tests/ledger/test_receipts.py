"""Every physical deletion leaves one receipt, chained so that nobody can rewrite one quietly."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from recordings.ledger import receipts
from recordings.ledger.models import Receipt, StoredFile
from recordings.ledger.purge import purge
from recordings.ledger.receipts import broken, seal
from recordings.trash import erase
from tests.conftest import assert_clean

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def receipted(make_recording):
    """Five sealed receipts."""
    erase([make_recording().pk], by="olga")
    purge()
    assert seal() == 5


def test_receipt_says_what_whose_why_and_when(anywhere, recording, owner):
    stored = {file.stored.file.name: file.stored for file in recording.files.all()}
    erase([recording.pk], by="anna", reason=StoredFile.Reason.POLICY)
    purge()

    for receipt in Receipt.objects.all():
        file = stored[receipt.name]
        assert (receipt.size, receipt.sha256, receipt.kind) == (file.size, file.sha256, file.kind)
        assert receipt.storage == anywhere
        assert (receipt.owner_id, receipt.owner_name) == (owner.pk, "olga")
        assert receipt.recording_id == recording.pk
        assert (receipt.reason, receipt.released_by) == ("policy", "anna")
        assert receipt.released_at <= receipt.gone_at


def test_no_receipt_before_the_bytes_are_gone(recording):
    erase([recording.pk], by="olga")

    assert not Receipt.objects.exists()


def test_abandoned_write_leaves_no_receipt(anywhere, make_recording):
    from tests.ledger.test_publish import begin

    with begin(make_recording(files=0)) as publication:
        publication.write(b"x")

    purge()
    assert not Receipt.objects.exists()


def test_receipts_outlive_recording_and_user(recording, owner):
    erase([recording.pk], by="olga")
    purge()
    get_user_model().objects.all().delete()

    assert set(Receipt.objects.values_list("owner_name", flat=True)) == {"olga"}
    assert_clean()


def test_name_at_the_time_of_the_purge_is_kept(recording, owner):
    owner.username = "olga.p"
    owner.save()
    erase([recording.pk], by="olga.p")
    purge()

    assert set(Receipt.objects.values_list("owner_name", flat=True)) == {"olga.p"}


def test_chain_begins_at_one_and_goes_on(make_recording, receipted):
    erase([make_recording().pk], by="olga")
    purge()
    seal()

    chain = list(Receipt.objects.order_by("sequence"))
    assert [receipt.sequence for receipt in chain] == list(range(1, 11))
    assert [r.previous_hash for r in chain[1:]] == [r.hash for r in chain[:-1]]
    assert list(broken()) == []


def test_sealing_twice_seals_once(receipted):
    before = list(Receipt.objects.values_list("hash", flat=True))

    assert seal() == 0
    assert list(Receipt.objects.values_list("hash", flat=True)) == before


def test_sealing_goes_on_over_batches(make_recording, monkeypatch):
    monkeypatch.setattr(receipts, "BATCH_SIZE", 2)
    erase([make_recording().pk], by="olga")
    purge()

    assert seal() == 5
    assert list(broken()) == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("name", "user_1/other"),
        ("size", 1),
        ("owner_name", "pavel"),
        ("released_by", "nobody"),
        ("reason", "policy"),
        ("gone_at", "2020-01-01T00:00Z"),
        ("sha256", "0" * 64),
        ("hash", "0" * 64),
    ],
)
def test_changed_receipt_breaks_the_chain(receipted, column, value):
    Receipt.objects.filter(sequence=3).update(**{column: value})

    assert any("receipt 3" in sentence and "changed" in sentence for sentence in broken())


def test_removed_receipt_breaks_the_chain(receipted):
    Receipt.objects.filter(sequence=3).delete()

    assert next(broken()) == "receipt 3 is missing"


def test_receipt_rewritten_with_its_own_hash_does_not_fit_the_next(receipted):
    forged = Receipt.objects.get(sequence=3)
    forged.size = 1
    forged.hash = forged.digest()
    forged.save()

    assert list(broken()) == ["receipt 4 does not follow the one before"]


def test_swapped_receipts_break_the_chain(receipted):
    Receipt.objects.filter(sequence=2).update(sequence=99)
    Receipt.objects.filter(sequence=3).update(sequence=2)
    Receipt.objects.filter(sequence=99).update(sequence=3)

    assert list(broken())

"""Room is asked for before bytes come in, paid when they stand, given back when they do not."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from recordings.ledger import names, reservations
from recordings.ledger.exceptions import AccountClosed, QuotaExceeded
from recordings.ledger.models import Account, Reservation, StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.publish import Publication
from recordings.trash import move_to_trash, restore
from tests.conftest import assert_clean, store

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def limit(owner):
    def limit(size):
        Account.objects.filter(owner_id=owner.pk).update(uses_default_limit=False, own_limit=size)

    return limit


def begin(recording, size, *, budget=None):
    with transaction.atomic():
        number = type(recording).objects.select_for_update().get(pk=recording.pk)
        number = number.take_number(Kind.TRIMMED)
    return Publication.begin(
        name=names.of_kind(Kind.TRIMMED, recording.owner_id, recording.pk, number),
        kind=Kind.TRIMMED,
        owner_id=recording.owner_id,
        recording_id=recording.pk,
        size=size,
        budget=budget,
    )


def test_every_kind_counts(recording, account):
    store(recording, Kind.POSTER, b"x" * 90)

    assert account().used == 5010 + 90


def test_over_quota_is_refused_with_used_limit_and_needed(anywhere, recording, limit, stored_names):
    limit(6000)
    before = stored_names()

    with pytest.raises(QuotaExceeded) as refusal:
        begin(recording, 991)

    error = refusal.value
    assert (error.used, error.limit, error.needed) == (5010, 6000, 991)
    assert "991\xa0bytes" in str(error)
    assert stored_names() == before
    assert_clean()


def test_last_byte_fits(anywhere, recording, limit, account):
    limit(6000)

    with begin(recording, 990) as publication:
        publication.write(b"x" * 990)
        assert account().available == 0
        publication.finish()
        with transaction.atomic():
            publication.settle()
        assert (account().used, account().reserved) == (6000, 0)


def test_room_counts_while_it_is_set_aside(recording, limit):
    limit(6000)

    with begin(recording, 600), pytest.raises(QuotaExceeded):
        begin(recording, 600)


def test_abandoned_room_comes_back(anywhere, recording, account):
    with begin(recording, 600) as publication:
        publication.write(b"x" * 300)
        assert account().reserved == 600

    assert (account().used, account().reserved) == (5010, 0)
    assert_clean()


def test_smaller_file_than_announced_is_charged_as_it_is(anywhere, recording, account):
    with begin(recording, 600) as publication:
        publication.write(b"x" * 100)
        publication.finish()
        with transaction.atomic():
            publication.settle()

        assert (account().used, account().reserved) == (5110, 0)


def test_larger_file_than_announced_asks_for_more_and_is_stopped(anywhere, recording, limit):
    limit(5510)

    with begin(recording, 100) as publication:
        publication.write(b"x" * 400)
        with pytest.raises(QuotaExceeded):
            publication.write(b"x" * 200)

    assert_clean()


def test_zero_is_a_limit_and_none_is_none(recording, limit, account):
    limit(0)
    assert (account().limit_bytes, account().available) == (0, 0)
    with pytest.raises(QuotaExceeded):
        begin(recording, 1)

    limit(None)
    assert (account().limit_bytes, account().available) == (None, None)
    begin(recording, 10**15).abandon()


def test_site_default_is_followed_unless_the_owner_has_his_own(account, settings, limit):
    settings.DEFAULT_QUOTA_BYTES = 7000
    assert account().limit_bytes == 7000

    limit(None)
    assert account().limit_bytes is None


def test_lowering_a_limit_under_the_use_only_stops_growth(recording, limit, account):
    limit(10)

    assert account().available == 0
    assert account().used == 5010
    with pytest.raises(QuotaExceeded):
        begin(recording, 1)
    recording.delete()
    assert account().used == 0


def test_closing_account_takes_nothing(recording, owner, account):
    Account.objects.filter(owner_id=owner.pk).update(closing_since="2026-01-01T00:00Z")

    with pytest.raises(AccountClosed):
        begin(recording, 1)
    with pytest.raises(AccountClosed):
        reservations.set_aside(owner.pk, 1, purpose="test")

    assert account().reserved == 0


def test_trash_is_part_of_what_is_used(make_recording, account):
    recording, _ = make_recording(), make_recording()

    move_to_trash([recording.pk], by="olga")
    assert (account().used, account().in_trash) == (10020, 5010)
    restore([recording.pk])
    assert (account().used, account().in_trash) == (10020, 0)


def test_budget_pays_first_and_the_sum_set_aside_stays(recording, owner, account):
    room = reservations.set_aside(owner.pk, 1000, purpose="job")

    with begin(recording, 700, budget=room):
        assert account().reserved == 1000
        with begin(recording, 700, budget=room):
            assert account().reserved == 1400
            assert Reservation.objects.get().size == 0

    assert account().reserved == 0


def test_reservation_is_given_back_once(owner, account):
    room = reservations.set_aside(owner.pk, 1000, purpose="job")

    assert reservations.give_back([room.pk]) == 1
    assert reservations.give_back([room.pk]) == 0

    assert account().reserved == 0


def test_reading_a_quota_is_one_row_whatever_is_stored(make_recording, owner):
    for _ in range(3):
        make_recording()

    with CaptureQueriesContext(connection) as captured:
        account = Account.objects.of(owner.pk)
        assert (account.used, account.available) == (15030, None)

    assert len(captured) == 1


def test_bookkeeping_that_goes_below_zero_fails_at_the_write(owner):
    for wrong in ({"used": -1}, {"reserved": -1}, {"in_trash": 1}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Account.objects.filter(owner_id=owner.pk).update(**wrong)


def test_shared_file_costs_nobody(account):
    with Publication.begin(
        name=names.template("blue"), kind=Kind.TEMPLATE, owner_id=None, recording_id=None, size=10
    ) as publication:
        publication.write(b"x" * 10)
        publication.finish()
        with transaction.atomic():
            publication.settle()

        assert account().used == 0
        assert StoredFile.objects.get().owner_id is None

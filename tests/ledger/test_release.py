"""Letting go: whole or not at all, paid back once, whatever path leads here."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext

from recordings.holds import hold_owner, hold_recording
from recordings.ledger.exceptions import Held
from recordings.ledger.models import Account, StoredFile
from recordings.ledger.purge import purge
from recordings.ledger.release import release, release_recordings
from recordings.models import Recording, RecordingFile
from recordings.trash import erase
from tests.conftest import assert_clean

pytestmark = pytest.mark.django_db(transaction=True)

DELETED = StoredFile.Reason.DELETED


def files_of(recording):
    return list(recording.files.values_list("stored_id", flat=True))


def condemned():
    return StoredFile.objects.filter(state=StoredFile.State.CONDEMNED).count()


def test_release_frees_the_quota_and_leaves_the_bytes(anywhere, recording, account, stored_names):
    assert release(files_of(recording), reason=DELETED, by="olga") == 5

    assert account().used == 0
    assert len(stored_names()) == 5
    assert set(StoredFile.objects.values_list("reason", "released_by")) == {("deleted", "olga")}


def test_releasing_twice_frees_once(anywhere, make_recording, account):
    recording, _ = make_recording(), make_recording()

    assert release(files_of(recording), reason=DELETED) == 5
    assert release(files_of(recording), reason=DELETED) == 0

    assert account().used == 5010


def test_first_reason_stays(recording):
    release(files_of(recording), reason=StoredFile.Reason.POLICY, by="policy trash v3")

    release(files_of(recording), reason=DELETED, by="olga")

    assert set(StoredFile.objects.values_list("released_by", flat=True)) == {"policy trash v3"}


def test_rolled_back_release_changes_nothing(anywhere, recording, account, stored_names):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        release(files_of(recording), reason=DELETED)
        1 / 0  # noqa: B018

    purge()
    assert account().used == 5010
    assert len(stored_names()) == 5
    assert_clean()


def test_release_of_nothing_and_of_unknown_files_is_nothing(recording):
    assert release([], reason=DELETED) == 0
    assert release([987654, 2**40], reason=DELETED) == 0
    assert release_recordings([], reason=DELETED) == 0


def test_file_still_being_written_is_not_released(recording):
    stored = StoredFile.objects.create(storage="disk", file="user_1/x.mp4", kind="trimmed")

    assert release([stored.pk], reason=DELETED) == 0


@pytest.mark.parametrize("on", ["recording", "owner"])
def test_held_file_is_refused_with_the_reason_and_nothing_changes(
    anywhere, make_recording, owner, account, on
):
    free, held = make_recording(), make_recording()
    if on == "owner":
        hold_owner(owner.pk, reason="Court case", by="anna")
    else:
        hold_recording(held.pk, reason="Court case", by="anna")

    with pytest.raises(Held, match="placed by anna: Court case"):
        release(files_of(free) + files_of(held), reason=DELETED)

    assert condemned() == 0
    assert account().used == 10020
    assert_clean()


def test_trashed_files_leave_the_trash_count_too(recording, account):
    from recordings.trash import move_to_trash

    move_to_trash([recording.pk], by="olga")

    release(files_of(recording), reason=DELETED)

    assert (account().used, account().in_trash) == (0, 0)


def test_each_owner_is_paid_back_his_own(make_recording, make_user, owner):
    pavel = make_user("pavel")
    mine, his = make_recording(), make_recording(of=pavel, files=2)

    release(files_of(mine) + files_of(his)[:1], reason=DELETED)

    assert Account.objects.get(owner_id=owner.pk).used == 0
    left = StoredFile.objects.ready().aggregate(size=Sum("size"))["size"]
    assert Account.objects.get(owner_id=pavel.pk).used == left > 0


# --- every path ends here


PATHS = {
    "instance": lambda recording: recording.delete(),
    "queryset": lambda recording: Recording.objects.filter(pk=recording.pk).delete(),
    "its files": lambda recording: RecordingFile.objects.filter(recording=recording).delete(),
    "deferred": lambda recording: Recording.objects.only("pk").get(pk=recording.pk).delete(),
    "for ever": lambda recording: erase([recording.pk], by="olga"),
    "for ever twice": lambda recording: erase([recording.pk, recording.pk], by="olga"),
}


@pytest.mark.parametrize("path", PATHS)
def test_every_path_charges_the_account_once(anywhere, make_recording, account, path):
    recording, _ = make_recording(), make_recording()

    PATHS[path](recording)
    purge()

    assert account().used == 5010
    assert StoredFile.objects.count() == 5
    assert_clean()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("on", ["recording", "owner"])
def test_no_path_passes_a_hold(recording, owner, account, path, on):
    if on == "owner":
        hold_owner(owner.pk, reason="Court case", by="anna")
    else:
        hold_recording(recording.pk, reason="Court case", by="anna")

    with pytest.raises(Held):
        PATHS[path](recording)

    assert Recording.objects.get().files.count() == 5
    assert account().used == 5010
    assert_clean()


def test_recording_without_files_is_held_too(make_recording):
    recording = make_recording(files=0)
    hold_recording(recording.pk, reason="Court case", by="anna")

    with pytest.raises(Held):
        recording.delete()

    assert Recording.objects.exists()


def test_stale_instance_releases_what_the_database_says(recording, account):
    file = recording.files.select_related("stored").get(kind="audio")
    size = file.stored.size
    file.stored.size = 999_999

    file.delete()

    assert account().used == 5010 - size
    assert_clean()


def test_releasing_ten_thousand_files_is_a_handful_of_queries(owner):
    rows = [
        StoredFile(
            storage="disk", file=f"user_{owner.pk}/x/{n:05}", kind="topics", owner_id=owner.pk,
            size=3, sha256="0" * 64, state="ready", ready_at="2026-01-01T00:00Z",
        )
        for n in range(10_000)
    ]  # fmt: skip
    pks = [stored.pk for stored in StoredFile.objects.bulk_create(rows, batch_size=1000)]
    Account.objects.filter(owner_id=owner.pk).update(used=30_000)

    with CaptureQueriesContext(connection) as captured:
        assert release(pks, reason=DELETED) == 10_000

    assert len(captured) <= 10
    assert Account.objects.get(owner_id=owner.pk).used == 0

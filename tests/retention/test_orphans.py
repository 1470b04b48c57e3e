"""The policies for orphans and quarantine: what they move, what they leave, what brings it back."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.conf import settings
from django.db.models import F
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime

from recordings.holds import hold_owner, hold_recording
from recordings.ledger import identity, quarantine
from recordings.ledger.models import Receipt, Sighting, StorageBond, StoredFile
from recordings.ledger.purge import purge
from recordings.ledger.storages import DiskStorage, storage
from recordings.transfer import transfer
from retention import admin, metrics, runs, sweep
from retention.choices import Mode
from retention.models import RetentionPolicy, RetentionRun
from retention.targets import get
from tests.api.conftest import admin_api, api  # noqa: F401  (fixtures)
from tests.conftest import assert_clean
from tests.ledger.strays import AgedDisk, put, use
from tests.ledger.test_scan import ORPHAN
from tests.retention.conftest import DAY, run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def policy(make_recording, make_policy, settings) -> RetentionPolicy:
    """A policy for orphans on a site with files, where everything is two months old."""
    make_recording()
    identity.bind("disk")
    use(AgedDisk, settings)
    return make_policy("orphans")


def a_day_passes() -> None:
    Sighting.objects.update(
        first_seen=F("first_seen") - timedelta(days=1), last_seen=F("last_seen") - timedelta(days=1)
    )


def outcomes(done: RetentionRun) -> list[tuple[str, str]]:
    return list(done.items.order_by("name").values_list("name", "outcome"))


def listed() -> list[str]:
    return [entry.name for entry in storage(settings.MEDIA_STORAGE).listing()]


def test_orphan_goes_at_the_second_scan_a_day_later(policy, caplog):
    put(ORPHAN)

    first, same_day = run(policy), run(policy)
    a_day_passes()
    caplog.set_level(logging.INFO, "mediasite.maintenance")
    second = run(policy)

    assert outcomes(first) == outcomes(same_day) == [(ORPHAN, "skipped")]
    assert "two scans a day apart" in first.items.get().detail
    assert outcomes(second) == [(ORPHAN, "deleted")]
    assert (second.state, second.deleted, second.bytes_freed) == ("succeeded", 1, 0)
    assert f"sweep quarantined {ORPHAN}" in caplog.text
    assert ORPHAN not in listed()
    assert quarantine.settled().get().released_by == policy.title
    assert_clean()


def test_preview_names_it_and_moves_nothing(policy):
    put(ORPHAN)
    run(policy, Mode.PLAN)
    a_day_passes()

    planned = run(policy, Mode.PLAN)

    assert outcomes(planned) == [(ORPHAN, "would")]
    assert ORPHAN in listed()


def test_run_says_what_it_cannot_tell_yet(policy, settings):
    put(ORPHAN)
    first = run(policy)
    seen = Sighting.objects.get().first_seen
    plan = run(policy, Mode.PLAN)
    a_day_passes()
    second = run(policy)
    use(DiskStorage, settings)
    put("user_3/audio/98_processed.mp3")
    put("user_3/audio/99_processed.mp3")
    third = run(policy)

    assert first.message == (
        f"1 file seen once, judged again from {seen + timedelta(days=1):%Y-%m-%d %H:%M} UTC."
    )
    assert plan.message == first.message
    assert (second.deleted, second.message) == (1, "")
    assert third.message == "2 files too young to judge."
    assert third.message in admin.in_words(third)


def test_age_of_zero_names_the_second_scan_and_the_way_back(client, administrator, make_policy):
    policy = make_policy("orphans", name="At once", max_age_seconds=0)
    client.force_login(administrator)

    shown = client.get(reverse("admin:retention_retentionpolicy_run", args=[policy.pk]))

    assert "all orphans in storage seen by two scans a day apart go to quarantine" in policy.summary
    assert "What goes to quarantine can be put back from there." in shown.content.decode()
    assert "does not come back" not in shown.content.decode()


def test_unknown_shape_stays_for_ever(policy):
    put("notes/readme.txt")
    run(policy)
    a_day_passes()

    done = run(policy)

    assert outcomes(done) == []
    assert "notes/readme.txt" in listed()


def test_age_of_zero_still_waits_for_the_second_scan(make_policy, policy):
    put(ORPHAN)

    assert outcomes(run(make_policy("orphans", name="At once", max_age_seconds=0))) == [
        (ORPHAN, "skipped")
    ]


def test_orphan_younger_than_the_policy_asks_is_no_item(make_policy, policy):
    put(ORPHAN)
    patient = make_policy("orphans", name="Patient", max_age_seconds=90 * DAY)
    run(patient)
    a_day_passes()

    assert outcomes(run(patient)) == []


def test_orphan_of_a_held_recording_stays(policy, make_recording):
    recording = make_recording()
    put(f"user_{recording.owner_id}/audio/{recording.pk}_processed_v9.mp3")
    hold_recording(recording.pk, reason="Claim 12/26", by="anna")
    run(policy)
    a_day_passes()

    done = run(policy)

    assert [outcome for _, outcome in outcomes(done)] == ["skipped"]
    assert "Claim 12/26" in done.items.get().detail


def test_orphan_that_got_a_row_since_the_plan_stays(policy):
    put(ORPHAN)
    run(policy)
    a_day_passes()
    asked = runs.ask(policy, mode=Mode.PLAN, by="anna")
    sweep.execute(asked.pk)
    asked.refresh_from_db()
    StoredFile.objects.create(storage="disk", file=ORPHAN, kind="audio")

    sweep.execute(runs.approve(asked, by="anna").pk)

    assert outcomes(asked) == [(ORPHAN, "skipped")]
    assert ORPHAN in listed()


def test_restored_database_moves_nothing_and_says_why(policy):
    put(ORPHAN)
    run(policy)
    a_day_passes()
    StorageBond.objects.update(generation=F("generation") - 1)

    done = run(policy)

    assert done.state == "refused"
    assert "adopt_storage --confirm" in done.message
    assert ORPHAN in listed()


def test_storage_swapped_between_plan_and_run_stops_it(policy):
    put(ORPHAN)
    run(policy)
    a_day_passes()
    asked = runs.ask(policy, mode=Mode.PLAN, by="anna")
    sweep.execute(asked.pk)
    asked.refresh_from_db()
    StorageBond.objects.update(identity="0" * 32)

    sweep.execute(runs.approve(asked, by="anna").pk)

    asked.refresh_from_db()
    assert asked.state == "refused"
    assert ORPHAN in listed()


def test_policies_of_the_site_say_what_they_do(shipped):
    assert RetentionPolicy.objects.get(slug="orphans").summary == (
        "Every day at 03:30 Europe/Berlin: orphans in storage unchanged for 1 day and seen by two "
        "scans a day apart go to quarantine."
    ).replace("Europe/Berlin", settings.TIME_ZONE)
    assert "orphans quarantined more than 30 days ago are deleted for ever, except held" in (
        RetentionPolicy.objects.get(slug="quarantine").summary
    )
    for slug in ("orphans", "quarantine"):
        policy = RetentionPolicy.objects.get(slug=slug)
        policy.full_clean()
        assert policy.may_act
        assert get(policy.target)


@pytest.fixture
def quarantined(policy) -> StoredFile:
    put(ORPHAN)
    run(policy)
    a_day_passes()
    run(policy)
    return quarantine.settled().get()


def test_quarantine_goes_after_its_time_with_a_receipt(quarantined, make_policy):
    after = make_policy("quarantine", max_age_seconds=30 * DAY)
    young = run(after)
    StoredFile.objects.filter(pk=quarantined.pk).update(ready_at=F("ready_at") - timedelta(days=31))
    old = run(after)
    purge()

    assert outcomes(young) == []
    assert outcomes(old) == [(ORPHAN, "deleted")]
    assert Receipt.objects.get().released_by == after.title
    assert len(listed()) == 5
    assert_clean()


def test_quarantine_of_what_is_held_by_now_stays(quarantined, make_policy, make_recording):
    from recordings.ledger.models import Hold

    Hold.objects.create(recording_id=987, reason="Claim 12/26", placed_by="anna")

    done = run(make_policy("quarantine", max_age_seconds=0))

    assert outcomes(done) == [(ORPHAN, "skipped")]


def test_file_being_put_back_does_not_go(quarantined, make_policy):
    StoredFile.objects.filter(pk=quarantined.pk).update(claim="0" * 32)

    assert outcomes(run(make_policy("quarantine", max_age_seconds=0))) == []


def test_administrator_lists_and_puts_back_by_the_api(quarantined, admin_api):  # noqa: F811
    (row,) = admin_api.get("/api/quarantine").json()["results"]
    answer = admin_api.post(f"/api/quarantine/{row['id']}/restore")

    assert (row["name"], row["size"], row["kind"]) == (ORPHAN, 4, "audio")
    assert (answer.status_code, answer.json()["name"]) == (200, ORPHAN)
    assert ORPHAN in listed()
    assert admin_api.get("/api/quarantine").json()["results"] == []
    assert admin_api.post(f"/api/quarantine/{row['id']}/restore").status_code == 404


def test_name_that_is_taken_is_a_conflict(quarantined, admin_api):  # noqa: F811
    put(ORPHAN, b"another")

    answer = admin_api.post(f"/api/quarantine/{quarantined.pk}/restore")

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert ORPHAN in answer.json()["detail"]


def test_quarantine_is_for_administrators(quarantined, api, client):  # noqa: F811
    assert api.get("/api/quarantine").status_code == 403
    assert api.post(f"/api/quarantine/{quarantined.pk}/restore").status_code == 403
    assert client.get("/api/quarantine").status_code == 401


def test_administrator_puts_back_in_the_admin_once_asked(quarantined, client, administrator):
    client.force_login(administrator)
    address = reverse("admin:ledger_quarantined_changelist")
    chosen = {"action": "put_back", "_selected_action": [quarantined.pk]}

    question = client.post(address, chosen).content.decode()
    assert f"<li>{ORPHAN} (4\xa0bytes)</li>" in question
    assert ORPHAN not in listed()
    answer = client.post(address, {**chosen, "confirmed": "yes"}, follow=True)

    assert f"A file is back at {ORPHAN}." in answer.content.decode()
    assert ORPHAN in listed()


def test_quarantine_is_a_page_of_its_own(quarantined, client, owner, administrator, make_policy):
    client.force_login(administrator)
    address = reverse("admin:ledger_quarantined_changelist")
    named = quarantined.file.name.replace("user_1/", f"user_{owner.pk}/")
    StoredFile.objects.filter(pk=quarantined.pk).update(file=named)

    def shown():
        return client.get(address).content.decode()

    assert address in client.get(reverse("admin:index")).content.decode()
    assert "no policy removes it" in shown()
    assert f'{reverse("admin:auth_user_change", args=[owner.pk])}">olga</a>' in shown()
    assert "recording 987 (not in the library)" in shown()
    make_policy("quarantine", max_age_seconds=30 * 86400, crontab="0 3 * * *")
    quarantined.refresh_from_db()
    goes = date_format(localtime(quarantined.ready_at + timedelta(days=30)), "DATETIME_FORMAT")
    assert goes in shown()
    page = reverse("admin:ledger_quarantined_change", args=[quarantined.pk])
    assert goes in client.get(page).content.decode()
    assert client.post(page, {"state": "ready"}).status_code == 403
    delete = reverse("admin:ledger_quarantined_delete", args=[quarantined.pk])
    assert client.post(delete).status_code == 403


def test_number_too_large_for_a_database_is_no_shape_we_know(policy):
    put("user_99999999999999999999/video/processed/1_trimmed.mp4")
    run(policy)
    a_day_passes()

    done = run(policy)

    assert (done.state, done.matched) == ("succeeded", 0)


def test_hold_on_whom_a_recording_was_given_to_covers_its_orphans(
    policy, make_recording, make_user
):
    recording, boris = make_recording(), make_user("boris")
    name = f"user_{recording.owner_id}/video/processed/{recording.pk}_trimmed_v9.mp4"
    put(name)
    transfer([recording.pk], to=boris, by="anna")
    hold_owner(boris.pk, reason="court", by="anna")
    run(policy)
    a_day_passes()

    assert (name, "skipped") in outcomes(run(policy))


def test_metric_counts_orphans_as_they_stand(policy):
    put(ORPHAN)
    run(policy)
    before = metrics.orphan_bytes()
    a_day_passes()
    run(policy)

    assert (before, metrics.orphan_bytes()) == (4, 0)

"""The figures of the day, and the page that shows them without counting the library."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from recordings.holds import hold_recording
from recordings.ledger.models import Account, StoredFile
from recordings.models import Recording
from recordings.trash import erase, move_to_trash
from retention import admin, charts, dashboard, foreseen, notify, runs, snapshots, tasks
from retention.choices import Mode
from retention.models import (
    Figure,
    Forecast,
    RetentionPolicy,
    RetentionSwitch,
    StorageSnapshot,
)
from tests.admin.conftest import desk  # noqa: F401  (a fixture)
from tests.retention.conftest import DAY, run

pytestmark = pytest.mark.django_db

GB = 1024**3


def leaving_in(recording: Recording, days: float) -> Recording:
    uploaded = timezone.now() - timedelta(days=100 - days)
    Recording.objects.filter(pk=recording.pk).update(created_at=uploaded)
    return recording


def history(*sizes: int) -> list[StorageSnapshot]:
    today = timezone.localdate()
    return [
        StorageSnapshot(day=today - timedelta(days=len(sizes) - n), kind="", files=1, bytes=size)
        for n, size in enumerate(sizes)
    ]


def test_snapshot_adds_up_every_kind_and_the_whole(make_recording, owner):
    make_recording()
    move_to_trash([make_recording().pk], by="olga")

    assert snapshots.take()

    rows = {row.kind: (row.files, row.bytes) for row in StorageSnapshot.objects.all()}
    whole = rows.pop("")
    assert rows["original"] == (2, 2000)
    assert whole == (sum(n for n, _ in rows.values()), sum(size for _, size in rows.values()))
    assert whole[1] == Account.objects.get(owner_id=owner.pk).used


def test_figures_are_taken_once_a_day(recording):
    assert [snapshots.take(), snapshots.take()] == [True, False]
    StorageSnapshot.objects.update(day=timezone.localdate() - timedelta(days=1))
    assert snapshots.take()
    assert StorageSnapshot.objects.filter(kind="").count() == 2


def test_empty_library_has_a_snapshot_too(db):
    assert snapshots.take()
    assert not snapshots.is_due()


def test_tick_takes_the_figures_of_the_day(recording):
    tasks.tick_people()
    tasks.tick_people()

    assert StorageSnapshot.objects.filter(kind="").count() == 1


def test_forecast_is_what_the_run_then_removes(make_recording, make_policy):
    policy = make_policy(max_age_seconds=100 * DAY, crontab="0 2 * * *")
    gone, later, far, held, kept = (make_recording(files=2) for _ in range(5))
    for one, days in ((gone, -1), (later, 5), (far, 60), (held, -1), (kept, -1)):
        leaving_in(one, days)
    hold_recording(held.pk, reason="court", by="anna")
    Recording.objects.filter(pk=kept.pk).update(keep=True)

    snapshots.take()

    rows = list(Forecast.objects.order_by("day").values_list("policy_slug", "items", "bytes"))
    assert rows == [(policy.slug, 1, 2001), (policy.slug, 1, 2001)]
    assert run(policy).deleted == 1


def test_forecast_names_the_policy_that_is_first(make_recording, make_policy):
    make_policy(name="Slow", max_age_seconds=110 * DAY, crontab="0 2 * * *")
    make_policy(name="Quick", max_age_seconds=100 * DAY, crontab="0 2 * * *")
    leaving_in(make_recording(files=1), 3)

    snapshots.take()

    assert list(Forecast.objects.values_list("policy_slug", "items")) == [("quick", 1)]


def test_page_is_for_administrators(client, make_user, administrator):
    address = reverse("dashboard")
    client.force_login(make_user("boris", is_staff=True))
    assert client.get(address).status_code == 403
    client.logout()
    assert client.get(address).status_code == 302
    client.force_login(administrator)
    assert client.get(address).status_code == 200


def test_page_says_that_mail_is_not_set_up(desk, settings):  # noqa: F811
    assert "Mail is not set up" not in desk.get(reverse("dashboard")).content.decode()

    settings.EMAIL_BACKEND = notify.PRINTED

    assert "Mail is not set up" in desk.get(reverse("dashboard")).content.decode()


def test_page_shows_what_is_stored_and_what_leaves(desk, make_recording, make_policy):  # noqa: F811
    make_policy(name="Hundred days", max_age_seconds=100 * DAY, crontab="0 2 * * *")
    leaving_in(make_recording(title="Old"), 3)
    snapshots.take()
    erase([make_recording().pk], by="olga")

    page = desk.get(reverse("dashboard")).content.decode()

    assert "1 recording with" in page
    assert "Hundred days" in page
    assert "olga" in page
    assert "5 files, since" in page
    assert page.count("<svg") >= 2
    assert not re.search(r"style=|<script>(?!<)", page)


def test_figures_say_when_they_were_taken(desk):  # noqa: F811
    snapshots.take()
    moment = datetime(2026, 11, 21, 22, 32, tzinfo=UTC)
    StorageSnapshot.objects.update(taken_at=moment)
    Figure.objects.filter(name=foreseen.FORESEEN).update(at=moment)

    page = desk.get(reverse("dashboard")).content.decode()

    said = "Nov 21, 2026, 22:32 UTC"
    assert f"No policy takes a recording in this time, as counted on {said}" in page
    assert f"Counted once a day, last on {said}" in page


def test_accepted_policy_is_counted_anew_by_itself(desk, make_recording, make_policy):  # noqa: F811
    snapshots.take()
    leaving_in(make_recording(files=1), 3)
    make_policy(name="Hundred days", max_age_seconds=100 * DAY, crontab="0 2 * * *")

    before = desk.get(reverse("dashboard")).content.decode()
    tasks.tick_people()
    after = desk.get(reverse("dashboard")).content.decode()

    assert "“Hundred days” came into force.</strong> They are counted anew" in before
    assert "No policy takes" not in before
    assert "older than the policies in force" not in after
    assert "1 recording with" in after
    assert StorageSnapshot.objects.filter(kind="").count() == 1


def changed(policy: RetentionPolicy) -> None:
    RetentionPolicy.objects.filter(pk=policy.pk).update(crontab="0 5 * * *")


def disabled(policy: RetentionPolicy) -> None:
    RetentionPolicy.objects.filter(pk=policy.pk).update(enabled=False)


def edited(policy: RetentionPolicy) -> None:
    policy.max_age_seconds = 5
    policy.save()


def paused(policy: RetentionPolicy) -> None:
    RetentionSwitch.turn(on=False, by="anna")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (changed, "was changed"),
        (disabled, "went out of force"),
        (edited, "went out of force"),
        (paused, "went out of force"),
        (RetentionPolicy.delete, "went out of force"),
    ],
)
def test_whatever_changes_what_is_in_force_is_named_and_counted(make_policy, change, what):
    policy = make_policy(name="Hundred days", max_age_seconds=100 * DAY, crontab="0 2 * * *")
    slug = policy.slug
    snapshots.take()
    assert not snapshots.take()

    change(policy)

    assert foreseen.found().changes[slug] == what
    assert [snapshots.take(), snapshots.take()] == [True, False]
    assert not foreseen.is_behind()


def test_run_and_a_new_name_leave_the_forecast_as_it_stands(make_policy):
    policy = make_policy(max_age_seconds=100 * DAY, crontab="0 2 * * *")
    snapshots.take()

    run(policy)
    RetentionPolicy.objects.update(name="Other", next_due_at=timezone.now() + timedelta(days=3))

    assert not foreseen.is_behind()


def test_many_changes_are_said_in_one_sentence():
    one, three, five = (dict.fromkeys("abcde"[:count], "was changed") for count in (1, 3, 5))

    assert foreseen.sentence({}, {}) == ""
    assert foreseen.sentence(one, {"a": "Old"}) == "“Old” was changed"
    assert foreseen.sentence(three, {}).endswith("“b” was changed and “c” was changed")
    assert foreseen.sentence(five, {}).endswith("“c” was changed and 2 more changed")


def test_kinds_add_up_to_what_is_said(desk, make_recording):  # noqa: F811
    make_recording()
    snapshots.take()

    page = desk.get(reverse("dashboard")).content.decode()

    assert '>Together</th><td class="number">5</td>' in page


def test_run_that_waits_for_approval_comes_first(desk, recording, make_policy):  # noqa: F811
    policy = make_policy(max_age_seconds=0, limit_items=0)
    stopped = run(policy)
    run(policy, Mode.PLAN)
    address = reverse("admin:retention_retentionrun_change", args=[stopped.pk])

    shown = desk.get(reverse("dashboard")).content.decode()
    assert "waits for approval" in shown
    assert f'href="{address}">Look at it' in shown
    assert "Waits for approval: 1 would go" in admin.in_words(stopped)

    runs.approve(stopped, by="anna")
    assert "Look at it" not in desk.get(reverse("dashboard")).content.decode()


def test_page_without_any_figures_says_so(desk):  # noqa: F811
    page = desk.get(reverse("dashboard")).content.decode()

    assert "first ones soon after the start" in page


def test_index_links_to_it(desk):  # noqa: F811
    assert reverse("dashboard") in desk.get(reverse("admin:index")).content.decode()


def test_index_says_how_the_site_is_and_what_waits(desk, recording, make_policy):  # noqa: F811
    run(make_policy(max_age_seconds=0, limit_items=0))

    page = desk.get(reverse("admin:index")).content.decode()

    assert "the scheduler has not been heard of" in page.lower()
    assert "Runs waiting for approval (1)" in page
    for address in ("retentionpolicy/", "retentionrun/?state__exact=waiting"):
        assert f"/admin/retention/{address}" in page
    assert "/admin/ledger/quarantined/" in page


def test_index_tells_staff_who_administer_nothing_nothing(client, make_user):
    client.force_login(make_user("boris", is_staff=True))

    assert "Runs waiting" not in client.get(reverse("admin:index")).content.decode()


def test_page_counts_nothing_over_the_library(desk, make_recording, make_policy):  # noqa: F811
    make_policy(max_age_seconds=100 * DAY, crontab="0 2 * * *")
    make_recording()
    snapshots.take()

    with CaptureQueriesContext(
        connection,
    ) as queries:
        desk.get(reverse("dashboard"))

    files = StoredFile._meta.db_table
    counting = [q["sql"] for q in queries if "COUNT" in q["sql"] or "SUM" in q["sql"]]
    over = [sql for sql in counting if files in sql and "condemned" not in sql]
    assert over == []
    assert not any(Recording._meta.db_table in query["sql"] for query in queries)
    assert len(queries) < 40


@pytest.mark.parametrize(
    ("sizes", "a_day"),
    [
        ((0, GB, 2 * GB, 3 * GB), GB),
        ((3 * GB, 2 * GB, GB, 0), -GB),
        ((5, 5, 5, 5), 0),
        ((0, GB), None),
        ((), None),
    ],
    ids=["grows", "shrinks", "stands", "two days", "nothing"],
)
def test_trend_is_told_after_some_days(sizes, a_day):
    found = dashboard.room(history(*sizes))

    assert found.a_day == a_day
    assert (found.days is not None) == (a_day == GB and found.free // GB < 3650)


def test_nobody_knows_how_much_fits_into_s3(settings):
    settings.MEDIA_STORAGE = "s3"

    assert dashboard.room(history(0, GB, 2 * GB, 3 * GB)) is None


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 5), st.integers(0, 10**15), st.just("x")), max_size=6),
        max_size=31,
    )
)
def test_bars_stay_in_their_box(columns):
    for block in charts.bars(columns):
        assert 0 <= block.x <= block.x + block.width <= charts.WIDTH + 0.2
        assert -0.5 <= block.y <= block.y + block.height <= charts.HEIGHT + 0.5


def test_line_goes_from_edge_to_edge():
    assert charts.line([(1, 0), (2, 50), (3, 100)]) == "0.0,180.0 360.0,90.0 720.0,0.0"
    assert charts.line([(1, 5)]) == ""

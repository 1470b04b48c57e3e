"""Health: each check from well to unwell, and the alerts that are told once."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from celery import signals
from django.conf import settings as site
from django.core import mail
from django.core.management import CommandError, call_command
from django.urls import reverse

from recordings.ledger.exceptions import StorageFault
from recordings.ledger.models import StoredFile
from recordings.trash import erase
from retention import alerts, auditing, health, notify, tasks
from retention.choices import Mode, State
from retention.models import (
    Figure,
    HealthAlert,
    HealthThresholds,
    Notice,
    RetentionPolicy,
    RetentionRun,
    RetentionSwitch,
)
from tests.admin.conftest import desk  # noqa: F401  (a fixture)
from tests.conftest import TRANSACTIONAL
from tests.retention.conftest import DAY, ago, run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folders(tmp_path, settings):
    settings.DATA_DIR = tmp_path
    settings.LOG_ROOT = tmp_path / "logs"
    RetentionPolicy.objects.all().delete()


@pytest.fixture
def alive(db):
    """A site whose scheduler and worker were heard of just now."""
    Figure.note("heartbeat", "beat")
    Figure.note("heartbeat", "worker")


@pytest.fixture
def mara(make_user):
    return make_user("mara", email="mara@example.org", is_superuser=True)


def check(name):
    return next(one for one in health.health().checks if one.name == name)


def fill(root: Path, size: int) -> None:
    root.mkdir(parents=True, exist_ok=True)
    with (root / "file").open("wb") as file:
        os.truncate(file.fileno(), size)


def test_site_that_runs_is_well(alive, shipped):
    found = health.health()

    assert found.status == "ok", [one for one in found.checks if one.status != "ok"]
    assert all(one.sentence.endswith(".") for one in found.checks)


def test_mail_that_is_not_set_up_is_told_and_is_no_warning(alive, shipped, settings):
    settings.EMAIL_BACKEND = notify.PRINTED

    found = health.health()

    assert found.status == "ok"
    assert any("EMAIL_URL" in one.sentence for one in found.checks)


def test_every_check_is_in_the_manual():
    manual = Path("docs/operations.md").read_text()

    assert [one.name for one in health.health().checks if f"`{one.name}`" not in manual] == []


def test_site_that_never_started_is_a_warning():
    assert (check("beat").status, check("worker").status) == ("warning", "warning")


@pytest.mark.parametrize(("seconds", "status"), [(30, "ok"), (90, "critical")])
def test_silent_scheduler_is_critical(alive, seconds, status):
    Figure.objects.filter(label="beat").update(at=ago(seconds=seconds))

    assert check("beat").status == status
    assert health.beat_is_alive() == (status == "ok")


def test_silent_worker_is_critical(alive):
    Figure.objects.filter(label="worker").update(at=ago(minutes=6))

    assert check("worker").status == "critical"
    assert check("worker").sentence == "The upkeep worker was last heard of 6 minutes ago."


@TRANSACTIONAL
def test_sending_and_doing_a_tick_are_heard():
    signals.after_task_publish.send(sender="retention.tasks.tick", body=None)
    signals.after_task_publish.send(sender="retention.tasks.ring", body=None)
    assert set(Figure.objects.values_list("name", "label")) == {("heartbeat", "beat")}

    tasks.tick()

    assert check("worker").value == 0


def test_policy_that_does_not_run_is_a_warning(make_policy):
    daily = make_policy(every_seconds=DAY, name="Daily")
    weekly = make_policy(every_seconds=7 * DAY, name="Weekly")
    RetentionPolicy._base_manager.update(accepted_at=ago(days=8), created_at=ago(days=8))

    found = check("policies")
    assert (found.status, found.value) == ("warning", 1)
    assert found.sentence == "daily did not run for longer than expected."

    RetentionPolicy._base_manager.update(accepted_at=ago(days=22), created_at=ago(days=22))
    assert check("policies").sentence == "daily, weekly did not run for longer than expected."
    run(daily)
    run(weekly)
    assert check("policies").status == "ok"


def test_no_cleanup_for_a_week_is_critical(make_policy):
    done = run(make_policy())
    assert check("cleanup").status == "ok"

    RetentionRun.objects.filter(pk=done.pk).update(finished_at=ago(days=8))

    assert (check("cleanup").status, check("cleanup").value) == ("critical", 8)
    assert check("cleanup").sentence == "The last run of a policy ended 8 days ago."


def test_pause_is_told_at_once_and_a_warning_after_a_day(make_policy, alive, capsys):
    assert (check("pause").status, check("pause").value) == ("ok", 0)
    RetentionSwitch.turn(on=False, by="anna")

    assert (check("pause").status, health.health().status) == ("ok", "ok")
    assert check("pause").sentence.startswith("All scheduled policies have been paused since ")
    assert check("pause").sentence.endswith(" UTC, by anna.")
    call_command("cleanup", "--health-check")
    assert "have been paused" in capsys.readouterr().out

    RetentionSwitch.objects.update(paused_at=ago(hours=25))
    assert (check("pause").status, check("pause").value) == ("warning", 25 * 3600)
    call_command("cleanup", "--health-check")  # a warning is no failure


@pytest.mark.parametrize(
    ("name", "root", "size"),
    [("scratch", "SCRATCH_ROOT", 1024**3), ("logs", "LOG_ROOT", 500 * 1024**2)],
)
def test_big_folder_is_a_warning(name, root, size):
    fill(getattr(site, root), size)
    assert check(name).status == "ok"

    fill(getattr(site, root), size + 1)

    assert (check(name).status, check(name).value, check(name).threshold) == (
        "warning", size + 1, size,
    )  # fmt: skip


def test_thresholds_are_the_administrators():
    fill(site.SCRATCH_ROOT, 2000)
    HealthThresholds.current()

    HealthThresholds.objects.update(scratch_bytes=1000, free_bytes=2**60)

    assert check("scratch").status == "warning"
    assert check("disk").status == "critical"


def test_thresholds_are_set_in_the_admin(desk):  # noqa: F811
    page = desk.get(reverse("admin:retention_healththresholds_changelist"), follow=True)
    form = page.context["adminform"].form
    assert form.instance.scratch_bytes == 1024**3

    desk.post(page.request["PATH_INFO"], {**form.initial, "scratch_bytes": 5, "beat_seconds": 1})
    assert HealthThresholds.current().scratch_bytes == 1024**3
    desk.post(page.request["PATH_INFO"], {**form.initial, "scratch_bytes": "2 GB"})

    assert HealthThresholds.current().scratch_bytes == 2 * 1024**3


def test_notices_are_read_in_the_admin(desk):  # noqa: F811
    notify.mail(key="digest 1", to="mara@example.org", subject="Two leave", body="Soon.")
    row = Notice.objects.get()

    assert "Two leave" in desk.get(reverse("admin:retention_notice_changelist")).content.decode()
    shown = desk.get(reverse("admin:retention_notice_change", args=[row.pk]))
    assert "Soon." in shown.content.decode()


def test_last_run_that_failed_is_a_warning_until_one_ends_well(make_policy):
    policy = make_policy()
    failed = run(policy)
    RetentionRun.objects.filter(pk=failed.pk).update(state=State.FAILED)
    assert check("last_runs").status == "warning"
    assert policy.slug in check("last_runs").sentence

    run(policy, Mode.PLAN)
    assert check("last_runs").status == "warning"
    run(policy)

    assert check("last_runs").status == "ok"


def test_released_bytes_that_stay_are_a_warning(recording):
    erase([recording.pk], by="olga")
    assert check("purge").status == "ok"

    StoredFile.objects.update(condemned_at=ago(hours=2, seconds=5))

    late = check("purge")
    assert (late.status, late.threshold) == ("warning", 3600)
    assert late.value >= 7200
    assert (
        late.sentence == "4.9 KB were released and are still in storage, the first since 2 hours."
    )


def test_audit_that_finds_something_is_told(recording):
    with pytest.raises(CommandError):
        StoredFile.objects.filter(pk=recording.files.first().stored_id).update(size=7)
        call_command("audit", "--json")

    assert check("audit").status == "critical"
    assert "I3" in check("audit").sentence


def test_audit_is_made_once_a_day(recording):
    assert auditing.audit_when_due()
    assert not auditing.audit_when_due()
    assert check("audit").status == "ok"

    Figure.objects.filter(name="audit").update(at=ago(days=1, seconds=1))

    assert auditing.audit_when_due()


def test_audit_that_cannot_be_made_is_a_warning_and_waits_a_day(settings, recording):
    settings.MEDIA_ROOT.rename(settings.MEDIA_ROOT.with_name("away"))

    with pytest.raises(StorageFault):
        auditing.audit_when_due()

    assert check("audit").sentence.startswith("The last audit could not be made")
    assert check("audit").status == "warning"
    assert not auditing.is_due()


def test_turn_is_mailed_once_and_its_end_once(alive, mara, make_user):
    make_user("boris", email="boris@example.org")
    Figure.note("audit", "I2", 1)

    for _ in range(3):
        alerts.watch()
    notify.send_due()
    assert [(one.to, one.subject) for one in mail.outbox] == [
        (["mara@example.org"], "mediasite: audit is warning")
    ]
    Figure.note("audit", "I3", 1)
    alerts.watch()
    assert HealthAlert.objects.get(name="audit").status == "critical"
    Figure.objects.filter(name="audit").delete()
    for _ in range(2):
        alerts.watch()
    notify.send_due()

    assert [one.subject for one in mail.outbox[1:]] == ["mediasite: audit is well again"]
    assert "No audit was made yet" in mail.outbox[1].body


def test_two_workers_that_see_a_turn_tell_it_once(alive, mara):
    Figure.note("audit", "I2", 1)
    seen, at = check("audit"), ago()

    assert [alerts.follow(seen, at) for _ in range(2)] == [True, False]
    assert Notice.objects.count() == 1


def test_site_that_was_not_started_yet_alarms_nobody(mara):
    alerts.watch()

    assert not Notice.objects.exists()


def test_administrators_of_the_group_are_told_and_those_without_address_are_not(shipped, make_user):
    from django.contrib.auth.models import Group

    group = Group.objects.get(name="Media administrators")
    for name, address in (("one", "one@example.org"), ("two", ""), ("gone", "gone@example.org")):
        make_user(name, email=address, is_active=name != "gone").groups.add(group)

    assert notify.administrators() == ["one@example.org"]


def test_webhook_hears_of_a_turn(alive, settings):
    settings.WEBHOOK_URL = "http://127.0.0.1:9/hook"
    Figure.note("audit", "I2", 1)

    alerts.watch()

    told = json.loads(Notice.objects.get(kind="webhook").body)
    assert (told["event"], told["check"], told["status"]) == ("health", "audit", "warning")


def test_folder_with_too_many_files_is_looked_at_in_part(monkeypatch):
    monkeypatch.setattr(health, "MOST_FILES", 2)
    site.SCRATCH_ROOT.mkdir()
    for number in range(4):
        (site.SCRATCH_ROOT / str(number)).write_bytes(b"x")

    assert health.folder_size(site.SCRATCH_ROOT) == (3, False)


def test_health_costs_the_same_queries_whatever_there_is(
    make_policy, make_recording, django_assert_max_num_queries
):
    for number in range(3):
        run(make_policy(every_seconds=DAY, name=f"Policy {number}"))

    with django_assert_max_num_queries(20):
        health.health()


def test_tick_looks_after_health_and_sends(alive, mara):
    Figure.note("audit", "I2", 1)
    Figure.note("audit")

    tasks.tick_health()
    tasks.send_notices()

    assert len(mail.outbox) == 1
    assert timedelta(0) <= Figure.age("audit") < timedelta(minutes=1)

"""The cleanup API: how things stand, runs by hand, ages for this once, and the switch."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from recordings.ledger.models import StoredFile
from recordings.models import Job
from retention import once, sweep
from retention.models import Figure, RetentionPolicy, RetentionRun, RetentionSwitch
from tests.api.conftest import admin_api, api  # noqa: F401  (fixtures)
from tests.conftest import TRANSACTIONAL, assert_clean
from tests.retention.conftest import DAY, ago, make_old, run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def only_ours(db):
    RetentionPolicy.objects.all().delete()


@pytest.fixture
def send(admin_api):  # noqa: F811
    def send(method: str, path: str, data: Any = None) -> Any:
        return getattr(admin_api, method)(
            f"/api/cleanup/{path}", data, content_type="application/json"
        )

    return send


@pytest.fixture
def stray(settings):
    def make(hours: float, owner_id: int = 4):
        area = settings.SCRATCH_ROOT / f"user_{owner_id}/video/temp_processing"
        area.mkdir(parents=True, exist_ok=True)
        path = area / f"{len(list(area.iterdir()))}_temp_9f.mp4"
        path.write_bytes(b"x" * 1024**2)
        then = time.time() - hours * 3600
        os.utime(path, (then, then))
        return path

    return make


def test_status_is_of_ones_own_files_for_an_owner(
    send,
    api,  # noqa: F811
    make_recording,
    make_policy,
    make_user,
):
    boris = make_user("boris")
    make_old(make_recording(files=2))
    make_old(make_recording(of=boris, files=3))
    make_policy("recordings", max_age_seconds=180 * DAY)

    mine, all_of_it = api.get("/api/cleanup/status").json(), send("get", "status").json()

    assert mine["success"] is True
    assert (mine["stats"]["total_files"], mine["stats"]["old_files"]) == (2, 2)
    assert (all_of_it["stats"]["total_files"], all_of_it["stats"]["old_files"]) == (5, 5)
    assert mine["stats"]["active_files"] == 0
    assert mine["stats"]["old_is_complete"] is True
    assert set(mine["scheduler_status"]) == {"is_running", "next_run", "total_jobs"}


def test_sizes_of_status_are_in_megabytes(send, stray, make_policy):
    stray(hours=30)
    make_policy("scratch")

    stats = send("get", "status").json()["stats"]

    assert (stats["old_files"], stats["old_size_mb"], stats["total_size_mb"]) == (1, 1.0, 0.0)


def test_what_two_policies_are_after_counts_once(send, make_policy, make_recording):
    make_old(make_recording(files=2))
    for days in (90, 180):
        make_policy("recordings", max_age_seconds=days * DAY)

    assert send("get", "status").json()["stats"]["old_files"] == 2


def test_policy_for_others_is_nothing_to_an_owner(api, make_policy, make_user, make_recording):  # noqa: F811
    make_old(make_recording())
    make_policy("recordings", scope={"owners": [make_user("boris").pk]})

    assert api.get("/api/cleanup/status").json()["stats"]["old_files"] == 0


def test_file_being_written_is_active(send, owner):
    live = {"kind": "original", "owner_id": owner.pk, "storage": "disk"}
    StoredFile.objects.create(file="a", lease_until=Now() + timedelta(minutes=1), **live)
    StoredFile.objects.create(file="b", lease_until=Now() - timedelta(minutes=1), **live)

    assert send("get", "status").json()["stats"]["active_files"] == 1


def test_status_needs_a_sign_in(client):
    assert client.get("/api/cleanup/status").status_code == 401


@TRANSACTIONAL
def test_scheduler_runs_while_beat_is_heard_and_nobody_paused_it(send, make_policy):
    policy = make_policy(every_seconds=3600)
    make_policy(name="Off", enabled=False)
    assert send("get", "status").json()["scheduler_status"]["is_running"] is False

    Figure.note("heartbeat", "beat")
    policy.refresh_from_db()
    status = send("get", "status").json()["scheduler_status"]
    assert (status["is_running"], status["total_jobs"]) == (True, 1)
    assert status["next_run"][:19] == policy.next_due_at.isoformat()[:19]

    stopped = send("post", "stop")
    assert stopped.status_code == 200
    assert stopped.json() == {
        "success": True,
        "scheduler_status": {"is_running": False, "next_run": None, "total_jobs": 1},
    }
    assert RetentionSwitch.current().paused_by == "anna"
    assert send("post", "start").json()["scheduler_status"]["is_running"] is True
    Figure.objects.update(at=ago(seconds=61))
    assert send("get", "status").json()["scheduler_status"]["is_running"] is False


def test_last_run_shows_an_owner_his_own_items(send, api, make_policy, make_recording, make_user):  # noqa: F811
    make_old(make_recording())
    make_old(make_recording(of=make_user("boris")))
    assert send("get", "status").json()["last_run"] is None
    done = run(make_policy("recordings"))

    mine, all_of_it = api.get("/api/cleanup/status").json(), send("get", "status").json()

    assert (all_of_it["last_run"]["id"], all_of_it["last_run"]["deleted"]) == (done.pk, 2)
    assert (mine["last_run"]["deleted"], mine["last_run"]["started_by"]) == (1, "")


def test_health_is_200_and_503_when_critical(send):
    answer = send("get", "health")
    assert answer.status_code == 200
    assert answer.json()["status"] in {"ok", "warning"}
    assert {"name", "status", "value", "threshold", "sentence"} == set(answer.json()["checks"][0])

    Figure.note("heartbeat", "beat")
    Figure.objects.update(at=ago(minutes=5))

    assert send("get", "health").status_code == 503
    assert send("get", "health").json()["status"] == "critical"


def test_manual_runs_those_of_the_command(send, make_policy, stray):
    scratch, _trash = make_policy("scratch"), make_policy("trash")
    old = stray(hours=30)

    answer = send("post", "manual")

    assert answer.status_code == 202
    found = answer.json()
    assert (found["success"], found["message"]) == (True, "Started: 1 run.")
    assert RetentionRun.objects.get(pk=found["runs"][0]).policy == scratch
    sweep.execute(found["runs"][0])
    assert not old.exists()


def test_manual_dry_run_plans(send, make_policy, stray):
    make_policy("scratch")
    old = stray(hours=30)

    (pk,) = send("post", "manual", {"dry_run": True}).json()["runs"]
    sweep.execute(pk)

    assert RetentionRun.objects.get(pk=pk).state == "planned"
    assert old.exists()


def test_manual_takes_policies_by_name(send, make_policy):
    make_policy("jobs", slug="jobs")
    expired = make_policy(clock="expire_at", slug="expired", max_age_seconds=0)

    answer = send("post", "manual", {"policies": ["expired", "expired"]})

    assert RetentionRun.objects.get(pk=answer.json()["runs"][0]).policy == expired
    assert send("post", "manual", {"policies": ["expired"]}).json()["code"] == "running"
    both = send("post", "manual", {"policies": ["expired", "jobs"]}).json()
    assert len(both["runs"]) == 1
    assert "expired: A run of this policy is under way" in both["message"]


@pytest.mark.parametrize(
    "body", [{"policies": ["moon"]}, {"policies": []}, {"policies": "jobs"}, {"dry_run": "perhaps"}]
)
def test_bad_manual_is_refused(send, body):
    assert send("post", "manual", body).status_code == 400
    assert not RetentionRun.objects.exists()


def finished_job(recording, **span):
    return Job.objects.create(
        recording=recording, owner_id=recording.owner_id, kind="process", state="succeeded",
        finished_at=ago(**span),
    )  # fmt: skip


def test_files_go_by_the_ages_given_for_this_once(send, stray, recording):
    old, young = stray(hours=3), stray(hours=1)
    done, recent = finished_job(recording, days=3), finished_job(recording, days=1)

    answer = send("post", "files", {"file_hours": 2, "task_days": 2})

    assert answer.status_code == 200
    assert answer.json()["success"] is True
    assert answer.json()["counters"] == {
        "sessions": 0, "temp_audio": 0, "final_videos": 0, "files": 1, "tasks": 1, "errors": 0,
    }  # fmt: skip
    assert answer.json()["bytes_freed"] == 1024**2
    assert (old.exists(), young.exists()) == (False, True)
    assert list(Job.objects.all()) == [recent]
    assert done.pk != recent.pk
    assert {r.started_by for r in RetentionRun.objects.all()} == {"anna"}
    assert "scratch-once" in {r.policy_slug for r in RetentionRun.objects.all()}
    assert not RetentionPolicy.objects.exists()
    assert_clean()


def test_age_0_is_all_that_nobody_uses(send, stray, recording, tmp_path):
    from recordings.processing.scratch import scratch

    young = stray(hours=0)
    waiting = Job.objects.create(recording=recording, owner_id=recording.owner_id, kind="process")
    finished_job(recording, seconds=1)

    with scratch(7, 8, "mp4") as live:
        counters = send("post", "files", {"file_hours": 0, "task_days": 0}).json()["counters"]
        assert live.work.exists()

    assert (counters["files"], counters["tasks"]) == (1, 1)
    assert not young.exists()
    assert list(Job.objects.all()) == [waiting]
    assert recording.files.count() == 5


def test_dry_run_of_files_counts_what_would_go(send, stray):
    old = stray(hours=30)

    found = send("post", "files", {"dry_run": True}).json()

    assert (found["counters"]["files"], found["bytes_freed"]) == (1, 1024**2)
    assert old.exists()


@pytest.mark.parametrize(
    "body",
    [
        {"upload_folder": "nowhere"},
        {"upload_folder": "../media"},
        {"upload_folder": "/etc"},
        {"upload_folder": "."},
        {"upload_folder": ""},
        {"upload_folder": "a\0b"},
        {"file_hours": -1},
        {"task_days": "soon"},
        {"task_days": 10**9},
        {"dry_run": "perhaps"},
    ],
)
def test_bad_request_for_files_is_refused_and_touches_nothing(send, stray, body):
    old = stray(hours=30)

    assert send("post", "files", body).status_code == 400

    assert old.exists()
    assert not RetentionRun.objects.exists()


def test_policy_for_once_is_refused_where_one_that_is_saved_would_be(db):
    asked = once.policy("scratch", timedelta(hours=1), recursive=True)

    refused = once.carry_out(asked, mode="execute", by="anna")

    assert refused.state == "refused"
    assert "not chosen by path" in refused.message


@pytest.mark.parametrize(
    ("method", "path"),
    [("get", "health"), ("post", "manual"), ("post", "files"), ("post", "start"), ("post", "stop")],
)
def test_the_rest_is_for_administrators(api, client, method, path):  # noqa: F811
    assert getattr(api, method)(f"/api/cleanup/{path}").status_code == 403
    assert getattr(client, method)(f"/api/cleanup/{path}").status_code == 401


@pytest.mark.parametrize("path", ["manual", "files"])
def test_misspelt_dry_run_runs_nothing(send, path):
    answer = send("post", path, {"dry_rnu": True})

    assert (answer.status_code, answer.json()["dry_rnu"]) == (400, ["There is no such field."])
    assert not RetentionRun.objects.exists()

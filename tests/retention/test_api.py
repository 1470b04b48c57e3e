"""The API of retention: what administrators can do, what nobody else can, and bad input."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from recordings.ledger import receipts
from recordings.ledger.models import Hold, Receipt
from recordings.ledger.purge import purge
from recordings.models import Recording
from recordings.trash import erase
from retention import sweep
from retention.models import RetentionPolicy
from tests.api.conftest import admin_api, api, other_api  # noqa: F401  (fixtures)
from tests.retention.conftest import DAY, ago, make_old

pytestmark = pytest.mark.django_db(transaction=True)

POLICY = {
    "name": "Half a year",
    "target": "recordings",
    "action": "trash",
    "max_age_seconds": 180 * DAY,
    "schedule": {"crontab": "0 2 * * *", "timezone": "Europe/Berlin"},
}


@pytest.fixture
def send(admin_api):  # noqa: F811
    def send(method: str, path: str, data: Any = None) -> Any:
        return getattr(admin_api, method)(f"/api/{path}", data, content_type="application/json")

    return send


@pytest.fixture
def policy(send) -> dict[str, Any]:
    return send("post", "policies", POLICY).json()


def test_policy_comes_back_as_it_was_made(send):
    answer = send("post", "policies", POLICY)

    made = answer.json()
    assert answer.status_code == 201
    assert {name: made[name] for name in POLICY} == POLICY
    assert made["slug"] == "half-a-year"
    assert made["clock"] == "uploaded"
    assert made["scope"] == {"owners": [], "groups": [], "labels": []}
    assert (made["version"], made["accepted_version"], made["limits"]) == (1, None, {})
    assert (made["next_run_at"], made["last_run"]) == (None, None)
    assert made["summary"] == (
        "Every day at 02:00 Europe/Berlin: recordings older than 180 days go to the trash, "
        "except held and kept."
    )


def test_policy_is_accepted_planned_and_run(send, policy, recording):
    make_old(recording)
    address = f"policies/{policy['id']}"

    assert send("post", f"{address}/run").json()["code"] == "not_accepted"
    accepted = send("post", f"{address}/accept").json()
    assert (accepted["accepted_version"], accepted["accepted_by"]) == (1, "anna")
    assert accepted["next_run_at"].endswith(("T01:00:00Z", "T00:00:00Z"))

    plan = send("post", f"{address}/plan")
    assert (plan.status_code, plan.json()["state"]) == (202, "queued")
    assert send("post", f"{address}/run").json()["code"] == "running"
    sweep.execute(plan.json()["id"])
    items = send("get", f"runs/{plan.json()['id']}/items").json()["results"]
    assert [(i["kind"], i["name"], i["recording"], i["owner"], i["size"], i["outcome"])
            for i in items] == [(
        "recordings", "Lecture", recording.pk, "olga", 5010, "would",
    )]  # fmt: skip

    run = send("post", f"{address}/run").json()
    sweep.execute(run["id"])
    done = send("get", f"runs/{run['id']}").json()
    assert (done["policy"], done["mode"], done["state"]) == ("half-a-year", "execute", "succeeded")
    assert (done["matched"], done["deleted"], done["started_by"]) == (1, 1, "anna")
    assert send("get", address).json()["last_run"]["id"] == run["id"]
    listed = send("get", "runs?policy=half-a-year").json()["results"]
    assert [one["id"] for one in listed] == [run["id"], plan.json()["id"]]


def test_plan_is_approved_or_cancelled(send, policy, recording):
    make_old(recording)
    send("post", f"policies/{policy['id']}/accept")
    first, second = (send("post", f"policies/{policy['id']}/plan").json() for _ in range(2))
    assert second["code"] == "running"
    sweep.execute(first["id"])

    approved = send("post", f"runs/{first['id']}/approve")
    sweep.execute(first["id"])

    assert approved.status_code == 202
    assert send("get", f"runs/{first['id']}").json()["deleted"] == 1
    assert send("post", f"runs/{first['id']}/approve").status_code == 409
    assert send("post", f"runs/{first['id']}/cancel").status_code == 409
    assert Recording.objects.trashed().exists()


def test_change_of_a_rule_waits_for_acceptance_and_a_new_name_does_not(send, policy):
    address = f"policies/{policy['id']}"
    send("post", f"{address}/accept")

    renamed = send("patch", address, {"name": "Two terms"}).json()
    assert (renamed["version"], renamed["accepted_version"]) == (1, 1)
    assert renamed["next_run_at"] is not None

    changed = send("patch", address, {"max_age_seconds": 60}).json()
    assert (changed["version"], changed["accepted_version"]) == (2, 1)
    assert changed["next_run_at"] is None
    assert send("post", f"{address}/accept", {"version": 1}).status_code == 409
    assert send("post", f"{address}/accept", {"version": 2}).json()["accepted_version"] == 2


def test_schedule_and_limits_are_replaced_as_a_whole(send, policy):
    changed = send(
        "patch",
        f"policies/{policy['id']}",
        {"schedule": {"every_seconds": 10}, "limits": {"items": 5}, "scope": {"owners": ["anna"]}},
    ).json()

    assert changed["schedule"] == {"every_seconds": 10}
    assert changed["limits"] == {"items": 5}
    assert changed["scope"] == {"owners": ["anna"], "groups": [], "labels": []}
    assert changed["summary"].startswith("Every 10 seconds: recordings of anna older than")
    by_hand = send("patch", f"policies/{policy['id']}", {"schedule": None, "limits": {}}).json()
    assert (by_hand["schedule"], by_hand["limits"]) == (None, {})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"max_age_seconds": None}, "max_age_seconds"),
        ({"max_age_seconds": -1}, "max_age_seconds"),
        ({"max_age_seconds": "soon"}, "max_age_seconds"),
        ({"max_age_seconds": 10**30}, "max_age_seconds"),
        ({"target": "trash", "action": "delete", "keep_newest": 3}, "keep_newest"),
        ({"target": "jobs", "action": "delete", "max_total_bytes": 3}, "max_total_bytes"),
        ({"disk_high_percent": 90}, "disk_low_percent"),
        ({"disk_low_percent": 80}, "disk_high_percent"),
        ({"action": "delete", "disk_high_percent": 80, "disk_low_percent": 80}, "disk_low_percent"),
        ({"disk_high_percent": 90, "disk_low_percent": 80}, "action"),
        ({"clock": "trashed"}, "clock"),
        ({"clock": "sundial"}, "clock"),
        ({"target": "moon"}, "target"),
        ({"target": "trash"}, "action"),
        ({"target": "jobs", "action": "delete", "scope": {"labels": ["a"]}}, "scope"),
        ({"action": "archive"}, "action"),
        ({"action": "burn"}, "action"),
        ({"path": "/etc"}, "path"),
        ({"target": "scratch", "action": "delete", "backup_first": True}, "backup_first"),
        ({"schedule": {}}, "schedule"),
        ({"schedule": {"crontab": "every day"}}, "schedule"),
        ({"schedule": {"crontab": "0 2 * * *", "timezone": "Mars/Base"}}, "schedule"),
        ({"schedule": {"crontab": "0 2 * * *", "every_seconds": 5}}, "schedule"),
        ({"schedule": {"every_seconds": 0}}, "schedule"),
        ({"scope": {"owners": ["nobody"]}}, "scope"),
        ({"scope": {"owners": ["a\0b"]}}, "scope"),
        ({"scope": {"owners": [10**30]}}, "scope"),
        ({"scope": {"owners": "olga"}}, "scope"),
        ({"limits": {"items": -1}}, "limits"),
        ({"name": "x" * 201}, "name"),
        ({"name": ""}, "name"),
    ],
)
def test_bad_policy_is_refused_with_a_sentence_at_the_field(send, change, field):
    answer = send("post", "policies", {**POLICY, **change})

    assert answer.status_code == 400
    assert field in answer.json()
    assert answer.json()["detail"].strip()
    assert not RetentionPolicy.objects.filter(name=POLICY["name"]).exists()


def test_slug_is_taken_once(send, policy):
    again = send("post", "policies", POLICY)
    taken = send("post", "policies", {**POLICY, "slug": policy["slug"]})

    assert again.json()["slug"] == "half-a-year-2"
    assert (taken.status_code, list(taken.json())) == (400, ["detail", "code", "slug"])


def test_name_without_latin_letters_gets_a_slug(send):
    assert send("post", "policies", {**POLICY, "name": "Полгода"}).json()["slug"] == (
        "recordings-policy"
    )


def test_policy_is_deleted_and_its_runs_stay(send, policy):
    run = send("post", f"policies/{policy['id']}/plan").json()
    sweep.execute(run["id"])

    assert send("delete", f"policies/{policy['id']}").status_code == 204

    assert send("get", f"policies/{policy['id']}").status_code == 404
    assert send("get", f"runs/{run['id']}").json()["policy"] == "half-a-year"


ADDRESSES = [
    ("get", "policies"),
    ("post", "policies"),
    ("get", "policies/1"),
    ("patch", "policies/1"),
    ("delete", "policies/1"),
    ("post", "policies/1/plan"),
    ("post", "policies/1/accept"),
    ("post", "policies/1/run"),
    ("get", "runs"),
    ("get", "runs/1"),
    ("get", "runs/1/items"),
    ("post", "runs/1/approve"),
    ("post", "runs/1/cancel"),
    ("post", "runs/1/undo"),
    ("get", "policies/1/impact"),
    ("get", "holds"),
    ("post", "holds"),
    ("delete", "holds/1"),
    ("get", "source-rules"),
    ("post", "source-rules"),
    ("patch", "source-rules/1"),
    ("get", "receipts"),
    ("get", "receipts?format=csv"),
]


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
def test_only_administrators_may(api, client, method, path):  # noqa: F811
    assert getattr(api, method)(f"/api/{path}").status_code == 403
    assert getattr(client, method)(f"/api/{path}").status_code == 401


def test_media_administrator_may_without_being_superuser(shipped, make_user, client):
    from django.contrib.auth.models import Group

    user = make_user("mara")
    user.groups.add(Group.objects.get(name="Media administrators"))
    client.force_login(user)

    slugs = {one["slug"] for one in client.get("/api/policies").json()["results"]}

    assert slugs >= {"scratch", "expired", "trash", "jobs"}


def test_hold_is_placed_and_released(send, recording, owner):
    placed = send("post", "holds", {"recording": recording.pk, "reason": "court case"})
    on_owner = send("post", "holds", {"owner": "olga", "reason": "audit"}).json()

    hold = placed.json()
    assert (placed.status_code, hold["recording"], hold["owner"]) == (201, recording.pk, None)
    assert (on_owner["recording"], on_owner["owner"], on_owner["placed_by"]) == (
        None, "olga", "anna",
    )  # fmt: skip
    assert send("delete", f"recordings/{recording.pk}").json()["code"] == "held"

    assert send("delete", f"holds/{hold['id']}").status_code == 204
    assert send("delete", f"holds/{hold['id']}").status_code == 409
    listed = send("get", "holds").json()["results"]
    assert [one["id"] for one in listed] == [on_owner["id"], hold["id"]]
    assert listed[1]["released_at"] is not None
    assert Hold.objects.active().count() == 1


def test_list_of_holds_costs_the_same_queries_whatever_it_shows(
    send, make_user, django_assert_num_queries, django_assert_max_num_queries
):
    for number in range(3):
        user = make_user(f"user{number}")
        send("post", "holds", {"owner": user.username, "reason": "audit"})

    with django_assert_max_num_queries(6) as few:
        send("get", "holds?limit=1")
    with django_assert_num_queries(len(few)):
        send("get", "holds")


@pytest.mark.parametrize(
    "body",
    [
        {"reason": "x"},
        {"recording": 1, "owner": "olga", "reason": "x"},
        {"recording": 10**9, "reason": "x"},
        {"recording": "one", "reason": "x"},
        {"owner": "nobody", "reason": "x"},
        {"owner": "olga"},
        {"owner": "olga", "reason": "x", "until": "2001-01-01T00:00:00Z"},
        {"owner": "olga", "reason": "x" * 501},
    ],
)
def test_bad_hold_is_refused(send, owner, body):
    assert send("post", "holds", body).status_code == 400
    assert not Hold.objects.exists()


def test_receipts_come_as_json_and_csv(send, recording):
    erase([recording.pk], by="olga")
    purge()
    receipts.seal()

    page = send("get", "receipts?limit=2&format=json").json()
    table = send("get", "receipts?format=csv")

    assert len(page["results"]) == 2
    assert page["next"]
    assert page["results"][0]["owner_name"] == "olga"
    rows = list(csv.DictReader(io.StringIO(b"".join(table.streaming_content).decode())))
    assert table["Content-Type"].startswith("text/csv")
    assert {row["name"] for row in rows} == set(Receipt.objects.values_list("name", flat=True))


def test_explain_is_for_owners_and_administrators(api, other_api, client, shipped, make_recording):  # noqa: F811
    recording = make_recording(expire_at=ago(hours=-30))
    address = f"/api/recordings/{recording.pk}/explain"

    answer = api.get(address).json()

    assert set(answer) == {"leaves_at", "policy", "action", "blocked_by", "sentence"}
    assert (answer["policy"], answer["action"], answer["blocked_by"]) == ("expired", "trash", [])
    assert answer["leaves_at"].endswith("T02:00:00Z")
    assert other_api.get(address).status_code == 404
    assert client.get(address).status_code == 401


def test_impact_is_shown_and_accepted_against_the_former_version(send, policy, make_recording):
    make_old(make_recording(files=1))
    address = f"policies/{policy['id']}"
    assert send("get", f"{address}/impact").json()["added"] is None
    first = send("post", f"{address}/accept").json()["impact"]
    assert first["goes"] == {"items": 1, "bytes": 1000, "owners": 1, "about": False}
    young = make_recording(files=1)
    Recording.objects.filter(pk=young.pk).update(created_at=ago(days=2))

    send("patch", address, {"max_age_seconds": DAY})
    wider = send("get", f"{address}/impact").json()
    send("post", f"{address}/accept")
    send("patch", address, {"max_age_seconds": 900 * DAY})
    narrower = send("get", f"{address}/impact").json()

    assert (wider["version"], wider["accepted_version"]) == (2, 1)
    assert (wider["goes"]["items"], wider["added"]["items"], wider["removed"]["items"]) == (2, 1, 0)
    assert wider["sentence"] == "+1 recording, 1000 bytes, 1 owner"
    assert narrower["sentence"] == "no longer 2 recordings, 2.0 KB, 1 owner"


def test_change_of_the_action_alone_changes_nothing_that_is_taken(send, policy, make_recording):
    make_old(make_recording(files=1))
    address = f"policies/{policy['id']}"
    send("post", f"{address}/accept")

    send("patch", address, {"action": "delete"})

    assert send("get", f"{address}/impact").json()["sentence"].startswith("nothing more")


def test_list_of_policies_costs_the_same_queries_whatever_it_shows(
    send, make_user, django_assert_num_queries, django_assert_max_num_queries
):
    from django.contrib.auth.models import Group

    make_user("boris")
    group = Group.objects.create(name="staff")
    scope = {"owners": ["boris"], "groups": [group.name]}
    for number in range(4):
        made = send("post", "policies", {**POLICY, "name": f"p{number}", "scope": scope}).json()
        sweep.execute(send("post", f"policies/{made['id']}/plan").json()["id"])

    with django_assert_max_num_queries(8) as few:
        send("get", "policies?limit=1")
    with django_assert_num_queries(len(few)):
        listed = send("get", "policies").json()["results"]
    assert listed[-1]["last_run"]["state"] == "planned"
    assert listed[-1]["scope"]["owners"] == ["boris"]

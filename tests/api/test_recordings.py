"""List, edit, trash, restore, erase: by owners and by administrators."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError
from django.db.models.functions import Now
from django.utils import timezone

from recordings import trash
from recordings.ledger.models import Account, Receipt, StoredFile
from recordings.ledger.purge import purge
from recordings.ledger.release import place_hold
from recordings.models import Label, Recording
from recordings.processing import jobs
from tests.conftest import assert_clean

pytestmark = pytest.mark.django_db

SHAPE = (
    "id title description owner state warning labels keep duration width height recorded_at "
    "created_at processed_at last_watched_at expire_at trashed_at purge_after held size files "
    "thumbnail_url job"
)
JOB_SHAPE = "id kind recording state step progress error created_at started_at finished_at"
FILE_SHAPE = "id kind name size sha256 url version created_at"


def test_recording_has_the_promised_shape(api, recording):
    jobs.enqueue(recording)

    found = api.get(f"/api/recordings/{recording.pk}").json()

    assert set(SHAPE.split()) <= set(found)
    assert set(JOB_SHAPE.split()) <= set(found["job"])
    assert all(set(FILE_SHAPE.split()) <= set(file) for file in found["files"])
    assert (found["owner"], found["size"], found["held"]) == ("olga", 5010, False)
    assert found["job"]["recording"] == recording.pk
    for file in found["files"]:
        assert file["url"] == f"/media/{file['name']}"


def test_list_is_the_owners_own_newest_first(api, other_api, admin_api, make_recording):
    older, newer = make_recording(files=1), make_recording(files=1)

    mine = api.get("/api/recordings").json()

    assert [row["id"] for row in mine["results"]] == [newer.pk, older.pk]
    assert mine["next"] is None
    assert other_api.get("/api/recordings").json()["results"] == []
    assert len(admin_api.get("/api/recordings").json()["results"]) == 2


def follow(api, url, most=50):
    seen = []
    while url and len(seen) < most:
        page = api.get(url).json()
        seen += [row["id"] for row in page["results"]]
        url = page["next"]
    return seen


def newest_first():
    return list(Recording.objects.order_by("-created_at", "-id").values_list("pk", flat=True))


@pytest.mark.parametrize("trashed", [False, True])
def test_pages_show_each_recording_once(api, owner, trashed):
    at = datetime(2026, 1, 1, tzinfo=UTC)
    values = {"trashed_at": at, "purge_after": at} if trashed else {}
    same = [
        Recording(owner=owner, title="x", created_at=at + timedelta(days=n // 3), **values)
        for n in range(11)
    ]
    Recording.objects.bulk_create(same)

    seen = follow(api, f"/api/recordings?limit=2&trashed={trashed}")

    assert seen == sorted(seen, reverse=True)
    assert len(seen) == len(set(seen)) == 11


@pytest.mark.parametrize("limit", [1, 2])
def test_pages_show_once_what_the_database_dated_itself(api, owner, limit):
    for _ in range(5):
        Recording.objects.create(owner=owner, title="x", state=Recording.State.READY)

    seen = follow(api, f"/api/recordings?limit={limit}")

    assert seen == newest_first()


def test_pages_go_on_though_the_row_they_ended_with_is_gone(api, owner):
    for day in range(1, 6):
        at = datetime(2026, 1, day, tzinfo=UTC)
        Recording.objects.create(owner=owner, title="x", created_at=at)
    first = api.get("/api/recordings?limit=2").json()
    Recording.objects.filter(pk=first["results"][-1]["id"]).delete()

    seen = follow(api, first["next"])

    assert seen == newest_first()[1:]


def test_page_costs_the_same_queries_whatever_it_shows(
    api, owner, make_recording, django_assert_max_num_queries, django_assert_num_queries
):
    for n in range(3):
        recording = make_recording(files=5)
        recording.labels.add(Label.objects.create(owner=owner, name=f"label {n}"))
        jobs.enqueue(recording)

    api.get("/api/quota")  # the use of the token is noted once
    with django_assert_max_num_queries(7) as few:
        api.get("/api/recordings?limit=1")
    with django_assert_num_queries(len(few)):
        api.get("/api/recordings")


def test_page_is_never_larger_than_the_limit(api, owner):
    Recording.objects.bulk_create(Recording(owner=owner, title="x") for _ in range(210))

    assert len(api.get("/api/recordings?limit=999").json()["results"]) == 200
    assert len(api.get("/api/recordings").json()["results"]) == 50


def test_list_narrows_by_state_label_and_words(api, owner, make_recording):
    algebra = make_recording(title="Линейная АЛГЕБРА", files=1)
    algebra.labels.add(Label.objects.create(owner=owner, name="math"))
    poetry = make_recording(title="50% poetry_", files=1, state="failed", description="Rhymes")

    def ids(query):
        return [row["id"] for row in api.get(f"/api/recordings?{query}").json()["results"]]

    assert ids("search=алгебра") == [algebra.pk]
    assert ids("search=50%25") == ids("search=rhymes") == [poetry.pk]
    assert ids("label=math") == ids("state=ready") == [algebra.pk]
    assert ids("search=&state=&label=&trashed=&cursor=&limit=") == [poetry.pk, algebra.pk]
    assert ids("search=nothing") == ids("label=nothing") == []


def test_owner_edits_what_is_his_to_edit(api, recording):
    answer = api.patch(
        f"/api/recordings/{recording.pk}",
        {
            "title": " Новое \n имя ",
            "description": "About",
            "language": "pt-br",
            "labels": ["a", "b", "a"],
            "expire_at": "2026-12-31T00:00:00Z",
        },
        content_type="application/json",
    )

    found = answer.json()
    assert answer.status_code == 200
    assert (found["title"], found["description"]) == ("Новое имя", "About")
    assert (found["labels"], found["expire_at"]) == (["a", "b"], "2026-12-31T00:00:00Z")

    cleared = api.patch(
        f"/api/recordings/{recording.pk}",
        {"labels": [], "expire_at": None, "description": ""},
        content_type="application/json",
    ).json()
    assert (cleared["labels"], cleared["expire_at"], cleared["title"]) == ([], None, "Новое имя")


def test_field_that_is_not_known_is_refused_and_nothing_changes(api, recording):
    address = f"/api/recordings/{recording.pk}"
    edit = {"title": "New", "expires_at": "2026-12-31T00:00:00Z"}

    edited = api.patch(address, edit, content_type="application/json")
    begun = api.post(f"{address}/process", {"trim_strat": 5}, content_type="application/json")

    assert (edited.status_code, begun.status_code) == (400, 400)
    assert edited.json()["expires_at"] == begun.json()["trim_strat"] == ["There is no such field."]
    assert Recording.objects.get().title == "Lecture"
    assert not recording.jobs.exists()


def test_recording_may_be_sent_back_as_it_was_read(api, admin_api, recording):
    address = f"/api/recordings/{recording.pk}"
    read = api.get(address).json()

    answer = admin_api.patch(address, read, content_type="application/json")

    assert (answer.status_code, answer.json()) == (200, read)


@pytest.mark.parametrize("change", [{"keep": True}, {"owner": "boris"}, {"owner": "olga"}])
def test_what_is_the_administrators_is_refused_to_owners(api, make_user, recording, change):
    make_user("boris")

    answer = api.patch(
        f"/api/recordings/{recording.pk}",
        {"title": "New", **change},
        content_type="application/json",
    )

    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert Recording.objects.get().title == "Lecture"


def test_administrator_keeps_and_hands_over(admin_api, make_user, owner, recording, account):
    boris = make_user("boris")
    recording.labels.add(Label.objects.create(owner=owner, name="math"))

    answer = admin_api.patch(
        f"/api/recordings/{recording.pk}",
        {"keep": True, "owner": "boris", "labels": ["logic"]},
        content_type="application/json",
    )

    found = answer.json()
    assert (found["owner"], found["keep"], found["labels"]) == ("boris", True, ["logic"])
    assert account().used == 0
    assert Account.objects.of(boris.pk).used == 5010
    assert set(Label.objects.filter(recordings=recording).values_list("owner", flat=True)) == {
        boris.pk
    }
    assert_clean()


@pytest.mark.parametrize("name", ["nobody", "", None, 5, "a\0b", ["boris"], "\ud800"])
def test_transfer_to_nobody_is_refused(admin_api, recording, name):
    answer = admin_api.patch(
        f"/api/recordings/{recording.pk}", {"owner": name}, content_type="application/json"
    )

    assert answer.status_code == 400
    assert answer.json()["owner"]


def test_transfer_beyond_the_receivers_quota_changes_nothing(admin_api, make_user, recording):
    boris = make_user("boris")
    Account.objects.filter(owner_id=boris.pk).update(own_limit=100, uses_default_limit=False)

    answer = admin_api.patch(
        f"/api/recordings/{recording.pk}",
        {"owner": "boris", "title": "New"},
        content_type="application/json",
    )

    assert (answer.status_code, answer.json()["code"]) == (413, "quota_exceeded")
    assert Recording.objects.get().title == "Lecture"
    assert_clean()


def test_delete_and_restore(api, recording, account):
    url = f"/api/recordings/{recording.pk}"

    assert api.delete(url).status_code == 204
    assert api.delete(url).status_code == 204

    trashed = api.get(url).json()
    assert trashed["trashed_at"]
    assert trashed["purge_after"] > trashed["trashed_at"]
    assert api.get("/api/recordings").json()["results"] == []
    assert [row["id"] for row in api.get("/api/recordings?trashed=true").json()["results"]] == [
        recording.pk
    ]
    assert api.get("/api/quota").json()["in_trash"] == 5010

    back = api.post(f"{url}/restore")
    assert (back.status_code, back.json()["trashed_at"]) == (200, None)
    assert len(back.json()["files"]) == 5
    assert account().in_trash == 0
    assert_clean()


@pytest.mark.parametrize("first", ["delete", None])
def test_permanent_delete_releases_for_ever(api, recording, first, account, stored_names):
    url = f"/api/recordings/{recording.pk}"
    if first:
        api.delete(url)

    assert api.delete(f"{url}?permanent=true").status_code == 204

    assert account().used == 0
    assert api.post(f"{url}/restore").status_code == 404
    purge()
    assert stored_names() == set()
    assert set(Receipt.objects.values_list("released_by", flat=True)) == {"olga"}
    assert_clean()


@pytest.mark.parametrize("on", ["recording", "owner"])
@pytest.mark.parametrize("query", ["", "?permanent=true"])
def test_held_recording_stays(api, admin_api, recording, on, query):
    place_hold(
        reason="court case 7",
        by="anna",
        owner_id=recording.owner_id,
        recording_id=recording.pk if on == "recording" else None,
    )

    for client in (api, admin_api):
        answer = client.delete(f"/api/recordings/{recording.pk}{query}")
        assert (answer.status_code, answer.json()["code"]) == (409, "held")
        assert "court case 7" in answer.json()["detail"]

    assert api.get(f"/api/recordings/{recording.pk}").json()["held"] is True
    assert StoredFile.objects.ready().count() == 5


def test_processing_again_makes_a_job_once(api, recording, account):
    url = f"/api/recordings/{recording.pk}"

    started = api.post(
        f"{url}/process", {"trim_start": 1, "trim_end": 5.5}, content_type="application/json"
    )
    again = api.post(f"{url}/process")

    assert (started.status_code, started.json()["state"]) == (202, "queued")
    assert recording.jobs.get().options == {"trim_start": 1.0, "trim_end": 5.5}
    assert (again.status_code, again.json()["code"]) == (409, "cannot_process")
    assert account().reserved > 0


def test_cancelling_ends_a_waiting_job(api, recording, account):
    url = f"/api/recordings/{recording.pk}"
    job = api.post(f"{url}/process").json()

    stopped = api.post(f"{url}/cancel")

    assert (stopped.status_code, stopped.json()["state"]) == (202, "cancelled")
    assert api.get(f"/api/jobs/{job['id']}").json()["state"] == "cancelled"
    assert api.get(url).json()["state"] == "ready"
    assert account().reserved == 0
    for late in (f"{url}/cancel", f"/api/jobs/{job['id']}/cancel"):
        assert api.post(late).json()["code"] == "not_running"
    assert_clean()


def test_cancelling_what_is_erased_in_the_same_moment_is_no_fault(api, recording, monkeypatch):
    cancel = jobs.cancel
    url = f"/api/recordings/{recording.pk}"
    api.post(f"{url}/process")

    def cancel_and_erase(job: Any) -> bool:
        return cancel(job) and bool(trash.erase([recording.pk], by="olga"))

    monkeypatch.setattr(jobs, "cancel", cancel_and_erase)

    assert api.post(f"{url}/cancel").status_code == 404


def test_job_is_cancelled_by_its_own_address(api, other_api, admin_api, recording):
    job = api.post(f"/api/recordings/{recording.pk}/process").json()

    assert other_api.get(f"/api/jobs/{job['id']}").status_code == 404
    assert other_api.post(f"/api/jobs/{job['id']}/cancel").status_code == 404
    assert admin_api.get(f"/api/jobs/{job['id']}").status_code == 200
    assert api.post(f"/api/jobs/{job['id']}/cancel").status_code == 202


def test_nothing_to_process_is_said(api, make_recording):
    empty = make_recording(files=0)
    trashed = make_recording(files=1)
    api.delete(f"/api/recordings/{trashed.pk}")

    for pk in (empty.pk, trashed.pk):
        assert api.post(f"/api/recordings/{pk}/process").status_code == 409


def test_watching_is_shown(api, recording):
    Recording.objects.update(last_watched_at=Now())

    shown = api.get(f"/api/recordings/{recording.pk}").json()["last_watched_at"]
    assert datetime.fromisoformat(shown) <= timezone.now()


def test_hand_over_and_other_changes_stand_together_or_not_at_all(
    admin_api, make_user, owner, recording, monkeypatch
):
    make_user("boris")

    def fails(*args: Any) -> None:
        raise DatabaseError("the disk went")

    monkeypatch.setattr("recordings.api.recordings.set_labels", fails)
    answer = admin_api.patch(
        f"/api/recordings/{recording.pk}",
        {"owner": "boris", "title": "New", "labels": ["logic"]},
        content_type="application/json",
    )

    assert answer.status_code == 500
    recording.refresh_from_db()
    assert (recording.owner, recording.title) == (owner, "Lecture")
    assert_clean()

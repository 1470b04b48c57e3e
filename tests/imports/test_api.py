"""Imports through the API: asked for, looked at, stopped; each by their owner alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from recordings.ledger.models import Account
from recordings.models import Job
from recordings.processing import work
from tests.api.conftest import admin_api, api, caller, mp4, other_api
from tests.imports.server import Server

__all__ = ["admin_api", "api", "other_api"]
pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://talks.example/talk.mp4"


@pytest.fixture
def post(api: Client) -> Callable[..., Any]:
    return lambda **fields: api.post("/api/imports", fields, content_type="application/json")


def test_import_is_a_job_of_its_owner(post, api, other_api, admin_api, owner):
    answer = post(url=URL, title="A  talk")

    assert answer.status_code == 202
    job = answer.json()
    assert (job["kind"], job["state"], job["recording"]) == ("import", "queued", None)
    assert Job.objects.get().options == {"url": URL, "title": "A talk"}
    assert api.get(f"/api/jobs/{job['id']}").json() == job
    assert admin_api.get(f"/api/jobs/{job['id']}").status_code == 200
    assert other_api.get(f"/api/jobs/{job['id']}").status_code == 404
    assert other_api.post(f"/api/jobs/{job['id']}/cancel").status_code == 404


def test_job_leads_to_the_recording(post, api, server: Server):
    job = post(url=server.serves(mp4())).json()

    assert work.carry_out(job["id"]) == "succeeded"

    ended = api.get(f"/api/jobs/{job['id']}").json()
    assert (ended["state"], ended["progress"]) == ("succeeded", 100)
    recording = api.get(f"/api/recordings/{ended['recording']}").json()
    assert recording["job"]["kind"] == "process"


def test_import_of_a_recording_that_went_to_somebody_else_is_not_shown(
    post, api, server, make_user
):
    job = post(url=server.serves(mp4())).json()
    work.carry_out(job["id"])
    recording = Job.objects.get(pk=job["id"]).recording
    recording.owner = make_user("boris")
    recording.save()

    assert api.get(f"/api/jobs/{job['id']}").status_code == 404


def test_waiting_import_is_cancelled_at_once(post, api):
    pk = post(url=URL).json()["id"]

    assert api.post(f"/api/jobs/{pk}/cancel").json()["state"] == "cancelled"
    assert api.post(f"/api/jobs/{pk}/cancel").status_code == 409


def test_import_is_refused_where_it_is_off(post, settings):
    settings.IMPORT_BY_URL = False

    answer = post(url="nonsense")

    assert (answer.status_code, answer.json()["code"]) == (403, "imports_disabled")
    assert "upload the file instead" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "required"),
        ({"url": ""}, "blank"),
        ({"url": None}, "null"),
        ({"url": ["a"]}, "valid string"),
        ({"url": "http://a\0b/"}, "Null characters"),
        ({"url": "file:///etc/passwd"}, "begin with https://"),
        ({"url": "http://u:hush@talks.example/"}, "user name and password"),
        ({"url": "http://169.254.169.254/"}, "not on the public internet"),
        ({"url": f"{URL}{'x' * 2000}"}, "2000 characters"),
    ],
)
def test_wrong_address_is_refused_in_its_field(post, fields, words):
    answer = post(**fields)

    assert answer.status_code == 400
    assert words in answer.json()["url"][0]
    assert not Job.objects.exists()


def test_title_that_is_too_long_is_refused_in_its_field(post):
    assert "title" in post(url=URL, title="x" * 301).json()


def test_anonymous_caller_is_asked_to_sign_in():
    assert Client().post("/api/imports", {"url": URL}).status_code == 401


def test_sixth_import_at_a_time_is_refused(post, api):
    pks = [post(url=URL).json()["id"] for _ in range(5)]

    answer = post(url=URL)

    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_imports")
    api.post(f"/api/jobs/{pks[0]}/cancel")
    assert post(url=URL).status_code == 202


def test_imports_of_others_are_not_counted(post, make_user):
    boris = caller(make_user("boris"))
    for _ in range(5):
        boris.post("/api/imports", {"url": URL}, content_type="application/json")

    assert post(url=URL).status_code == 202


def test_account_that_is_being_closed_imports_nothing(post, owner):
    from django.db.models.functions import Now

    Account.objects.filter(owner_id=owner.pk).update(closing_since=Now())

    assert post(url=URL).json()["code"] == "account_closed"


def test_schema_knows_imports(api):
    operation = api.get("/api/schema?format=json").json()["paths"]["/api/imports"]["post"]

    assert set(operation["responses"]) == {"202", "4XX"}

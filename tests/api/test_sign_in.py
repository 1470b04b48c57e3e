"""Tokens and sessions: who gets in, and what the others are told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db.models.functions import Now
from django.test import Client

from recordings.models import ApiToken, Recording
from tests.api.conftest import caller

pytestmark = pytest.mark.django_db

PATHS = ["recordings", "recordings/1", "jobs/1", "quota", "users/olga/quota"]


@pytest.mark.parametrize("path", PATHS)
def test_anonymous_is_asked_to_sign_in(client, path):
    answer = client.get(f"/api/{path}")

    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_password_gives_a_token_that_opens(owner, kind):
    client = Client()
    body = {"username": "olga", "password": "a-long-one"}
    if kind == "application/json":
        answer = client.post("/api/token", body, content_type=kind)
    else:
        answer = client.post("/api/token", "username=olga&password=a-long-one", content_type=kind)

    key = answer.json()["token"]
    assert answer.status_code == 200
    assert client.get("/api/quota", headers={"Authorization": f"Token {key}"}).status_code == 200
    assert key not in str(ApiToken.objects.values_list())


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"username": "olga", "password": "wrong"}, 401),
        ({"username": "nobody", "password": "a-long-one"}, 401),
        ({"username": "olga"}, 400),
        ({"username": "ol\0ga", "password": "x"}, 400),
        ({"username": ["olga"], "password": "x"}, 400),
        ({"username": "o" * 500, "password": "x"}, 400),
        ({"username": "olga", "password": "x" * 5000}, 400),
        ({}, 400),
    ],
)
def test_wrong_credentials_give_nothing(client, owner, body, status):
    answer = client.post("/api/token", body, content_type="application/json")

    assert answer.status_code == status
    assert answer.json()["detail"]
    assert not ApiToken.objects.exists()


def test_too_many_failures_lock_with_a_sentence(client, owner, settings):
    settings.AXES_ENABLED = True
    settings.AXES_FAILURE_LIMIT = 3
    cache.clear()
    wrong = {"username": "olga", "password": "wrong"}

    answers = [client.post("/api/token", wrong, content_type="application/json") for _ in range(4)]
    right = client.post(
        "/api/token", {**wrong, "password": "a-long-one"}, content_type="application/json"
    )

    assert [answer.status_code for answer in answers[:2]] == [401, 401]
    assert (answers[-1].status_code, answers[-1].json()["code"]) == (429, "locked_out")
    assert right.status_code == 429
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("header", ["Token nonsense", "Token ", "Token", "token \xff\xfe"])
def test_unknown_token_opens_nothing(client, header):
    answer = client.get("/api/quota", headers={"Authorization": header})

    assert (answer.status_code, answer.json()["code"]) == (401, "authentication_failed")


def test_revoked_token_and_inactive_user_are_refused(owner):
    client = caller(owner)
    ApiToken.objects.get().revoke()
    assert client.get("/api/quota").status_code == 401

    client = caller(owner)
    owner.is_active = False
    owner.save()
    assert client.get("/api/quota").status_code == 401


def test_use_of_a_token_is_noted_seldom(api):
    api.get("/api/quota")
    first = ApiToken.objects.get().last_used_at
    api.get("/api/quota")
    assert ApiToken.objects.get().last_used_at == first

    ApiToken.objects.update(last_used_at=Now() - timedelta(minutes=11))
    api.get("/api/quota")
    assert ApiToken.objects.get().last_used_at >= first


def test_session_writes_need_the_csrf_header(owner, recording):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(owner)
    token = browser.get("/account").cookies["csrftoken"].value
    url = f"/api/recordings/{recording.pk}"

    assert browser.get(url).status_code == 200
    assert browser.delete(url).status_code == 403
    assert browser.delete(url, headers={"X-CSRFToken": "wrong" * 8}).status_code == 403
    assert browser.delete(url, headers={"X-CSRFToken": token}).status_code == 204
    assert Recording.objects.get().trashed_at


def test_description_is_whole_and_readable(api, owner, client):
    schema = client.get("/api/schema?format=json")

    paths = schema.json()["paths"]
    assert {"/api/recordings", "/api/token", "/api/quota", "/api/jobs/{id}"} <= set(paths)
    client.force_login(owner)
    page = client.get("/api/docs")
    assert page.status_code == 200
    assert "POST /api/recordings/{id}/process" in page.content.decode()
    assert "<script" not in page.content.decode()


def test_description_is_made_without_warnings(capsys):
    from django.core.management import call_command

    call_command("spectacular", "--validate", "--fail-on-warn")

    assert "openapi: 3" in capsys.readouterr().out

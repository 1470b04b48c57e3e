"""Who may open which page: the anonymous sign in first, and others' things are not there."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.web.conftest import text

PAGES = ["library", "upload", "trash", "account", "password"]
OF_ONE = ["recording", "edit", "process", "job"]
POSTS = ["move-to-trash", "restore", "erase"]


@pytest.mark.django_db
@pytest.mark.parametrize("name", PAGES)
def test_anonymous_is_sent_to_sign_in_and_back(client: Client, name: str) -> None:
    response = client.get(reverse(name))

    assert response.status_code == 302
    assert response["Location"] == f"/sign-in?next={reverse(name)}"


@pytest.mark.parametrize("name", OF_ONE)
def test_anonymous_learns_nothing_of_a_recording(client: Client, recording: Any, name: str) -> None:
    response = client.get(reverse(name, args=[recording.pk]))

    assert response["Location"].startswith("/sign-in?next=")


@pytest.mark.parametrize("name", OF_ONE)
def test_recording_of_someone_else_is_not_there(
    client: Client, recording: Any, make_user: Any, name: str
) -> None:
    client.force_login(make_user("oleg"))

    response = client.get(reverse(name, args=[recording.pk]))

    assert response.status_code == 404
    assert "belongs to someone else" in text(response)


@pytest.mark.parametrize("name", ["process", "cancel", "edit"])
def test_post_to_a_recording_of_someone_else_is_404(
    client: Client, recording: Any, make_user: Any, name: str
) -> None:
    client.force_login(make_user("oleg"))

    response = client.post(reverse(name, args=[recording.pk]), {"title": "Mine"})

    recording.refresh_from_db()
    assert response.status_code == 404
    assert recording.title == "Lecture"


@pytest.mark.parametrize("name", POSTS)
def test_ticking_what_is_someone_elses_does_nothing(
    client: Client, recording: Any, make_user: Any, name: str
) -> None:
    client.force_login(make_user("oleg"))

    client.post(reverse(name), {"recordings": recording.pk, "confirmed": "yes"})

    recording.refresh_from_db()
    assert recording.trashed_at is None


@pytest.mark.parametrize("name", POSTS)
def test_following_a_link_never_removes_anything(browser: Client, name: str) -> None:
    assert browser.get(reverse(name)).status_code == 405


def test_administrator_sees_the_recordings_of_others(
    client: Client, recording: Any, administrator: Any
) -> None:
    client.force_login(administrator)

    page = client.get(reverse("recording", args=[recording.pk]))
    mine = client.get("/")
    everyones = client.get("/?whose=everyone")

    assert page.status_code == 200
    assert recording.title not in text(mine)
    assert recording.title in text(everyones)


def test_owner_cannot_ask_for_everyones(
    browser: Client, make_recording: Any, make_user: Any
) -> None:
    make_recording(of=make_user("oleg"), title="Not yours", files=0)

    response = browser.get("/?whose=everyone")

    assert "Not yours" not in text(response)


def test_signing_in_leads_back_to_the_page(client: Client, recording: Any) -> None:
    wanted = reverse("recording", args=[recording.pk])

    response = client.post(
        "/sign-in", {"username": "olga", "password": "a-long-one", "next": wanted}
    )

    assert response["Location"] == wanted


def test_signing_in_does_not_lead_to_another_site(client: Client, owner: Any) -> None:
    form = {"username": "olga", "password": "a-long-one", "next": "https://evil.example/"}

    assert client.post("/sign-in", form)["Location"] == "/"


def test_wrong_password_gets_a_sentence(client: Client, owner: Any) -> None:
    response = client.post("/sign-in", {"username": "olga", "password": "wrong"})

    assert "Please enter a correct username and password" in text(response)


def test_signing_out_needs_a_post(browser: Client) -> None:
    page = browser.get("/sign-out")

    assert (page.status_code, browser.get("/").status_code) == (200, 200)
    assert "You are signed in as olga." in text(page)
    assert browser.post("/sign-out")["Location"] == "/sign-in"
    assert browser.get("/").status_code == 302
    assert browser.get("/sign-out")["Location"] == "/sign-in"


@pytest.mark.django_db
def test_only_who_asked_for_a_page_is_told_that_it_opens(client: Client) -> None:
    assert "Sign in to open that page." in text(client.get("/account", follow=True))
    assert "Sign in to open that page." not in text(client.get("/", follow=True))


def test_forms_without_a_csrf_token_are_refused_in_words(owner: Any) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(owner)

    response = browser.post(reverse("move-to-trash"), {"recordings": 1})

    assert response.status_code == 403
    assert "This form is too old" in text(response)


@pytest.mark.django_db
def test_pages_carry_the_policy_that_forbids_inline_scripts(client: Client) -> None:
    response = client.get("/sign-in")

    assert "default-src 'self'" in response["Content-Security-Policy"]
    assert "<style" not in text(response)
    assert " style=" not in text(response)

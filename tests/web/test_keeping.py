"""Owners ask to keep recordings in the browser, without JavaScript, and see the answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from recordings.models import Recording
from retention import keeping, notify
from retention.models import Correspondent, KeepRequest, RetentionPolicy
from tests.web.conftest import text

pytestmark = pytest.mark.django_db


@pytest.fixture
def half_year(db: None) -> RetentionPolicy:
    """A policy that takes recordings older than 180 days, every night."""
    policy = RetentionPolicy.objects.create(
        name="Half a year", target="recordings", action="trash", clock="uploaded",
        max_age_seconds=180 * 86400, crontab="0 2 * * *",
    )  # fmt: skip
    policy.accept(version=1, by="anna")
    return policy


@pytest.fixture
def leaving(make_recording: Any, half_year: RetentionPolicy) -> Recording:
    """A recording that leaves in about five days."""
    made: Recording = make_recording(title="Algebra", files=0)
    Recording.objects.update(created_at=timezone.now() - timedelta(days=175))
    return made


def test_page_of_a_recording_has_the_form(browser: Client, leaving: Recording) -> None:
    page = text(browser.get(f"/recordings/{leaving.pk}"))

    assert "Ask to keep it" in page
    assert 'name="reason"' in page


def test_owner_asks_on_the_page_and_sees_the_state(browser: Client, leaving: Recording) -> None:
    sent = {"only": leaving.pk, "reason": "It is <b>needed</b>.", "until": ""}

    page = text(browser.post("/keep-requests", sent, follow=True))

    assert "The administrators are asked to keep 1 recording." in page
    assert "It is &lt;b&gt;needed&lt;/b&gt;." in page
    assert "Take the request back" in page
    assert 'name="reason"' not in page


def test_ticked_recordings_are_asked_for_in_two_steps(browser: Client, make_recording: Any) -> None:
    pks = [make_recording(title=f"Take {n}", files=0).pk for n in range(3)]

    question = text(browser.post("/keep-requests", {"recordings": pks[:2]}))
    assert "Take 0" in question
    assert "Take 2" not in question
    assert not KeepRequest.objects.exists()

    page = text(
        browser.post("/keep-requests", {"recordings": pks[:2], "reason": "Exam"}, follow=True)
    )
    assert "asked to keep 2 recordings" in page
    assert set(KeepRequest.objects.values_list("recording_id", flat=True)) == set(pks[:2])


@pytest.mark.parametrize(
    "sent", [{"reason": " "}, {"reason": "x" * 501}, {"reason": "x", "until": "2020-01-01T00:00"}]
)
def test_bad_form_comes_back_with_its_sentence(
    browser: Client, leaving: Recording, sent: dict[str, str]
) -> None:
    response = browser.post("/keep-requests", {"only": leaving.pk, **sent})

    assert response.status_code == 400
    assert 'class="error"' in text(response)
    assert not KeepRequest.objects.exists()


def test_nothing_ticked_and_what_is_anothers_change_nothing(
    browser: Client, make_recording: Any, make_user: Any
) -> None:
    foreign = make_recording(of=make_user("boris"), files=0)

    for sent in ({}, {"recordings": [foreign.pk]}):
        page = text(browser.post("/keep-requests", {**sent, "reason": "mine"}, follow=True))
        assert "tick at least one recording first" in page
    assert not KeepRequest.objects.exists()


def test_refused_ones_are_named(browser: Client, make_recording: Any) -> None:
    kept = make_recording(title="Kept one", files=0, keep=True)
    free = make_recording(title="Free one", files=0)
    sent = {"recordings": [kept.pk, free.pk], "reason": "Exam"}

    page = text(browser.post("/keep-requests", sent, follow=True))

    assert "asked to keep 1 recording." in page
    assert "“Kept one”: An administrator marked this recording to be kept." in page


def test_answer_is_shown(browser: Client, leaving: Recording) -> None:
    asked = keeping.ask(leaving, reason="Exam", by="olga")
    keeping.decline(asked, by="anna", answer="There is no room.")

    page = text(browser.get(f"/recordings/{leaving.pk}"))
    assert "There is no room." in page
    assert 'name="reason"' in page
    assert "There is no room." in text(browser.get("/account"))


def test_owner_takes_a_request_back(browser: Client, leaving: Recording) -> None:
    asked = keeping.ask(leaving, reason="Exam", by="olga")

    page = text(browser.post(f"/keep-requests/{asked.pk}/withdraw", follow=True))

    assert "The request is taken back." in page
    assert KeepRequest.objects.get().state == "withdrawn"


def test_request_of_another_is_not_there(
    client: Client, leaving: Recording, make_user: Any
) -> None:
    asked = keeping.ask(leaving, reason="Exam", by="olga")
    client.force_login(make_user("boris"))

    assert client.post(f"/keep-requests/{asked.pk}/withdraw").status_code == 404


def test_anonymous_is_sent_to_sign_in(client: Client) -> None:
    for address in ("/keep-requests", "/keep-requests/1/withdraw", "/account/mails"):
        assert client.post(address).status_code == 302


def test_account_lists_what_leaves_first(
    browser: Client, leaving: Recording, make_recording: Any
) -> None:
    make_recording(title="Young", files=0)

    page = text(browser.get("/account"))

    assert "Algebra" in page
    assert "Half a year" in page
    assert "Young" not in page


def test_mails_are_turned_off_and_on(browser: Client, owner: Any) -> None:
    assert "There is no address" in text(browser.get("/account"))
    owner.email = "olga@example.org"
    owner.save()

    page = text(browser.post("/account/mails", {"wanted": "no"}, follow=True))
    assert "You are not mailed beforehand." in page
    assert not Correspondent.objects.get(owner_id=owner.pk).wants_mail

    page = text(browser.post("/account/mails", {"wanted": "yes"}, follow=True))
    assert "You are mailed 30, 7 and 1 days ahead" in page


def test_mails_that_go_nowhere_are_not_promised(browser: Client, owner: Any, settings: Any) -> None:
    owner.email = "olga@example.org"
    owner.save()
    settings.EMAIL_BACKEND = notify.PRINTED

    page = text(browser.get("/account"))

    assert "This site sends no mails" in page
    assert "You are mailed" not in page


def test_cards_show_what_leaves_soon(browser: Client, leaving: Recording) -> None:
    assert "Leaves on" in text(browser.get("/"))


def test_countdown_takes_no_query_a_card(
    browser: Client, leaving: Recording, owner: Any, django_assert_num_queries: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as few:
        browser.get("/")
    Recording.objects.bulk_create(
        Recording(owner=owner, title=f"L{n}", state="ready", created_at=leaving.created_at)
        for n in range(15)
    )

    with django_assert_num_queries(len(few)):
        browser.get("/")

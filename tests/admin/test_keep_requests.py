"""Requests to keep in the admin: listed, granted and declined, one or many."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from recordings.models import Recording
from recordings.trash import erase
from retention import keeping
from retention.models import KeepRequest
from tests.admin.conftest import said
from tests.retention.conftest import letters

pytestmark = pytest.mark.django_db

MODEL = "retention_keeprequest"
YES = {"confirmed": "yes", "answer": "As you wish."}


@pytest.fixture
def asked(make_recording):
    """Three open requests, the last with a date."""
    dates = (None, None, timezone.now() + timedelta(days=60))
    return [
        keeping.ask(make_recording(title=f"Take {n}", files=0), reason="Exam", by="olga", until=at)
        for n, at in enumerate(dates)
    ]


def states():
    return list(KeepRequest.objects.order_by("pk").values_list("state", flat=True))


def test_list_and_page_show_who_wants_what(desk, asked):
    page = desk.get(reverse(f"admin:{MODEL}_changelist")).content.decode()
    assert all(f"Take {n}" in page for n in range(3))
    assert "olga" in page

    page = desk.get(reverse(f"admin:{MODEL}_change", args=[asked[0].pk])).content.decode()
    assert "No policy removes this recording." in page
    assert "Grant…" in page


def test_granting_asks_first_and_then_keeps_as_asked_for(act, asked):
    question = act(MODEL, "grant_selected", asked).content.decode()
    assert "“Take 0” of olga, for good: Exam" in question
    assert states() == ["open"] * 3

    page = act(MODEL, "grant_selected", asked, **YES, how="asked")

    assert said(page) == "3 requests granted."
    assert states() == ["granted"] * 3
    kept = Recording.objects.order_by("pk").values_list("keep", "keep_until")
    assert list(kept) == [(True, None), (True, None), (False, asked[2].until)]


def test_date_of_the_administrator_goes_for_all(act, asked):
    act(MODEL, "grant_selected", asked[1:], **YES, how="until", until="2099-01-01T00:00")

    assert states() == ["open", "granted", "granted"]
    found = set(Recording.objects.exclude(keep_until=None).values_list("keep_until__year", "keep"))
    assert found == {(2099, False)}


@pytest.mark.parametrize("until", ["", "2020-01-01T00:00", "soon"])
def test_bad_date_is_asked_for_again(act, asked, until):
    page = act(MODEL, "grant_selected", asked, **YES, how="until", until=until)

    assert "errorlist" in page.content.decode()
    assert states() == ["open"] * 3


def test_declining_tells_the_owner_once(committed, act, asked, owner):
    owner.email = "olga@example.org"
    owner.save()

    given = {"confirmed": "yes", "answer": "No room."}
    page = committed(lambda: act(MODEL, "decline_selected", asked, **given))

    assert said(page) == "3 requests declined."
    (letter,) = letters()
    assert letter.body.count("No room.") == 3


def test_one_that_is_gone_does_not_stop_the_others(act, asked):
    erase([asked[0].recording_id], by="olga")

    page = act(MODEL, "grant_selected", asked, **YES, how="keep")

    assert states() == ["gone", "granted", "granted"]
    assert "“Take 0”: The recording is gone for ever" in said(page)


def test_answered_ones_are_left_alone(act, asked):
    keeping.withdraw(asked[0], by="olga")

    page = act(MODEL, "grant_selected", asked[:1], **YES, how="keep")

    assert said(page) == "Nothing was changed: none of these is open."


def test_button_of_one_leads_to_the_question(desk, asked):
    address = reverse(f"admin:{MODEL}_decline", args=[asked[0].pk])

    assert "Decline 1 request" in desk.post(address).content.decode()
    assert desk.get(address).status_code == 302


def test_owners_do_not_get_there(client, asked, make_user):
    client.force_login(make_user("staff", is_staff=True))

    assert client.get(reverse(f"admin:{MODEL}_changelist")).status_code == 403
    client.post(reverse(f"admin:{MODEL}_grant", args=[asked[0].pk]), {**YES, "how": "keep"})
    assert states() == ["open"] * 3


def test_page_of_a_recording_says_what_becomes_of_it(desk, recording):
    page = desk.get(reverse("admin:recordings_recording_change", args=[recording.pk]))
    assert "No policy removes this recording." in page.content.decode()

    Recording.objects.update(keep_until=timezone.now() + timedelta(days=60))
    page = desk.get(reverse("admin:recordings_recording_changelist"))
    assert '<td class="field-stays">kept</td>' in page.content.decode()


def test_page_says_what_holds_now(desk, asked):
    keeping.grant(asked[0], by="anna", until=None)
    Recording.objects.update(keep=False)

    page = desk.get(reverse(f"admin:{MODEL}_change", args=[asked[0].pk])).content.decode()

    assert "Granted, but an administrator ended that: it is no longer kept." in page

"""Owners ask to keep recordings; administrators grant or decline; policies obey."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import timezone

from recordings.holds import hold_recording
from recordings.models import Recording
from recordings.transfer import transfer
from recordings.trash import erase, move_to_trash
from retention import keeping
from retention.explain import explain
from retention.models import KeepRequest
from tests.api.conftest import caller
from tests.retention.conftest import letters, make_old, run

pytestmark = pytest.mark.django_db

WHY = {"reason": "It is used in the next term."}


@pytest.fixture
def api(owner):
    return caller(owner)


@pytest.fixture
def admin_api(administrator):
    return caller(administrator)


@pytest.fixture
def other_api(make_user):
    return caller(make_user("boris"))


def later(**span: float) -> str:
    return (timezone.now() + timedelta(**span)).isoformat()


def ask(client, recording, **values):
    return client.post(
        f"/api/recordings/{recording.pk}/keep-request",
        {**WHY, **values},
        content_type="application/json",
    )


def answer(client, number, verb, **values):
    return client.post(
        f"/api/keep-requests/{number}/{verb}", values, content_type="application/json"
    )


def test_owner_asks_and_sees_where_it_stands(api, recording):
    response = ask(api, recording)

    assert response.status_code == 201
    asked = response.json()
    assert (asked["recording"], asked["owner"], asked["state"]) == (recording.pk, "olga", "open")
    assert api.get(f"/api/recordings/{recording.pk}/keep-request").json() == asked


def test_only_one_request_is_open(api, recording):
    ask(api, recording)

    again = ask(api, recording)

    assert (again.status_code, again.json()["code"]) == (409, "already_asked")
    with pytest.raises(IntegrityError), transaction.atomic():
        KeepRequest.objects.create(
            recording_id=recording.pk, owner_id=1, title="x", asked_by="olga", reason="y"
        )


@pytest.mark.parametrize(
    "values",
    [
        {"reason": ""},
        {"reason": "x" * 501},
        {"until": "soon"},
        {"until": "2020-01-01T00:00:00Z"},
    ],
    ids=["no reason", "long reason", "no date", "past date"],
)
def test_bad_request_is_refused_by_field(api, recording, values):
    response = ask(api, recording, **values)

    assert response.status_code == 400
    assert set(values) <= response.json().keys()
    assert not KeepRequest.objects.exists()


def test_recording_of_another_is_not_there(other_api, recording):
    assert ask(other_api, recording).status_code == 404


def test_kept_recording_needs_no_request(api, make_recording):
    response = ask(api, make_recording(keep=True))

    assert (response.status_code, response.json()["code"]) == (409, "already_kept")


def test_only_administrators_list_and_answer(api, admin_api, recording):
    number = ask(api, recording).json()["id"]

    assert api.get("/api/keep-requests").status_code == 403
    assert answer(api, number, "grant").status_code == 403
    assert answer(api, number, "decline").status_code == 403
    assert [one["id"] for one in admin_api.get("/api/keep-requests").json()["results"]] == [number]
    assert admin_api.get("/api/keep-requests?state=granted").json()["results"] == []
    assert admin_api.get("/api/keep-requests?state=lost").status_code == 400


def test_list_is_cut_by_key(api, admin_api, make_recording):
    numbers = [ask(api, make_recording(files=0)).json()["id"] for _ in range(3)]

    first = admin_api.get("/api/keep-requests?limit=2").json()
    second = admin_api.get(first["next"]).json()

    assert [one["id"] for one in first["results"] + second["results"]] == numbers[::-1]
    assert second["next"] is None


def test_granted_for_good_is_kept(api, admin_api, recording, make_policy):
    make_old(recording)
    policy = make_policy()
    number = ask(api, recording).json()["id"]

    response = answer(admin_api, number, "grant", keep=True, answer="Gladly.")

    granted = response.json()
    assert response.status_code == 200
    assert (granted["state"], granted["keep"], granted["decided_by"]) == ("granted", True, "anna")
    assert (run(policy).deleted, Recording.objects.live().count()) == (0, 1)


def test_pages_and_api_say_what_holds_now(client, owner, api, admin_api, recording):
    number = ask(api, recording).json()["id"]
    answer(admin_api, number, "grant", keep=True)
    client.force_login(owner)
    page = f"/recordings/{recording.pk}"
    places = [(client, page), (client, "/account"), (api, f"/api{page}/keep-request")]

    def say(sentence):
        answers = [one.get(place).content.decode().lower() for one, place in places]
        return [sentence in answer for answer in answers]

    assert all(say("granted, it is kept for good."))
    Recording.objects.update(keep=False)
    assert all(say("granted, but an administrator ended that: it is no longer kept."))
    assert not any(say("it is kept for good"))


def test_outcome_tells_a_date_that_holds_from_one_that_is_past(recording, make_recording):
    now = timezone.now()
    asked = keeping.ask(recording, reason="Exam", by="olga")
    keeping.grant(asked, by="anna", until=now + timedelta(days=2))
    gone = keeping.ask(make_recording(files=0), reason="Exam", by="olga")
    keeping.grant(gone, by="anna", until=None)
    erase([gone.recording_id], by="olga")

    def said():
        return [sentence for _, sentence in keeping.with_outcomes([asked, gone])]

    assert said()[0].startswith("granted, it is kept until ")
    assert said()[1] == "granted, but the recording is not in the library any more."
    with time_machine.travel(now + timedelta(days=3)):
        assert said()[0].startswith("granted, it was kept until ")


def test_extension_holds_every_policy_back_until_its_day(api, admin_api, recording, make_policy):
    make_old(recording)
    trash = make_policy(crontab="0 2 * * *")
    originals = make_policy("originals", clock="uploaded", crontab="0 2 * * *")
    until = timezone.now() + timedelta(days=40)
    number = ask(api, recording).json()["id"]

    granted = answer(admin_api, number, "grant", until=until.isoformat()).json()

    assert (granted["keep"], granted["granted_until"][:10]) == (False, f"{until:%Y-%m-%d}")
    assert run(trash).deleted == run(originals).deleted == 0
    found = explain(Recording.objects.get())
    assert until <= found.leaves_at <= until + timedelta(days=1)
    assert "had this recording kept until" in found.sentence


def test_extension_that_is_over_keeps_nothing(recording, make_policy):
    make_old(recording, keep_until=timezone.now() - timedelta(seconds=1))

    assert explain(recording).blocked_by == ()
    assert run(make_policy()).deleted == 1


def test_extension_keeps_what_is_in_the_trash_too(owner, recording, make_policy):
    move_to_trash([recording.pk], by="olga")
    past = timezone.now() - timedelta(days=1)
    Recording.objects.update(purge_after=past, keep_until=timezone.now() + timedelta(days=3))

    assert run(make_policy("trash")).deleted == 0


def test_shorter_extension_takes_no_longer_one_back(api, admin_api, recording):
    far = timezone.now() + timedelta(days=300)
    Recording.objects.update(keep_until=far)
    number = ask(api, recording).json()["id"]

    answer(admin_api, number, "grant", until=later(days=3))

    assert Recording.objects.get().keep_until == far


def test_request_is_granted_as_asked_where_nothing_else_is_said(api, admin_api, recording):
    number = ask(api, recording, until=later(days=9)).json()["id"]

    granted = answer(admin_api, number, "grant").json()

    assert granted["granted_until"] == granted["until"]
    assert not Recording.objects.get().keep


@pytest.mark.parametrize(
    "values",
    [{"keep": False}, {"keep": True, "until": later(days=1)}, {"until": "2020-01-01T00:00:00Z"}],
    ids=["keep false", "both", "past"],
)
def test_unclear_grant_changes_nothing(api, admin_api, recording, values):
    number = ask(api, recording).json()["id"]

    assert answer(admin_api, number, "grant", **values).status_code == 400
    assert KeepRequest.objects.get().is_open


def test_declined_leaves_by_its_policy(api, admin_api, recording, make_policy):
    make_old(recording)
    number = ask(api, recording).json()["id"]

    declined = answer(admin_api, number, "decline", answer="There is no room.").json()

    assert (declined["state"], declined["answer"]) == ("declined", "There is no room.")
    assert run(make_policy()).deleted == 1


def test_answered_once(api, admin_api, recording):
    number = ask(api, recording).json()["id"]
    answer(admin_api, number, "decline")

    again = answer(admin_api, number, "grant", keep=True)

    assert (again.status_code, again.json()["code"]) == (409, "already_answered")
    assert not Recording.objects.get().keep
    assert ask(api, recording).status_code == 201


def test_recording_that_went_meanwhile_closes_its_request(api, admin_api, make_recording):
    first, second = make_recording(files=0), make_recording(files=0)
    numbers = [ask(api, one).json()["id"] for one in (first, second)]
    erase([first.pk, second.pk], by="olga")

    granted = answer(admin_api, numbers[0], "grant", keep=True)

    assert granted.status_code == 409
    assert keeping.close_gone() == 1
    assert set(KeepRequest.objects.values_list("state", flat=True)) == {"gone"}


def test_owner_takes_it_back(api, recording):
    ask(api, recording)

    assert api.delete(f"/api/recordings/{recording.pk}/keep-request").status_code == 204
    assert KeepRequest.objects.get().state == "withdrawn"
    assert api.delete(f"/api/recordings/{recording.pk}/keep-request").status_code == 409


def test_many_are_asked_for_at_once(api, make_recording):
    plain, kept, asked = (make_recording(files=0, keep=keep) for keep in (False, True, False))
    ask(api, asked)
    pks = [plain.pk, kept.pk, asked.pk]

    response = api.post(
        "/api/keep-requests", {**WHY, "recordings": pks}, content_type="application/json"
    )

    assert response.status_code == 201
    assert [one["recording"] for one in response.json()["requests"]] == [plain.pk]
    assert set(response.json()["refused"]) == {str(kept.pk), str(asked.pk)}


def test_many_with_one_of_another_change_nothing(other_api, make_recording):
    mine = make_recording(files=0)

    response = other_api.post(
        "/api/keep-requests", {**WHY, "recordings": [mine.pk]}, content_type="application/json"
    )

    assert response.status_code == 404
    assert not KeepRequest.objects.exists()


def test_owner_is_mailed_the_answer(committed, api, admin_api, owner, recording):
    owner.email = "olga@example.org"
    owner.save()
    number = ask(api, recording).json()["id"]

    committed(lambda: answer(admin_api, number, "decline", answer="There is no room."))

    assert [letter.to for letter in letters()] == [["olga@example.org"]]
    assert "There is no room." in letters()[0].body


def test_hold_is_no_matter_of_requests(api, recording):
    hold_recording(recording.pk, reason="court", by="anna")

    assert ask(api, recording).status_code == 201


def test_administrators_alone_extend_by_hand(api, admin_api, recording):
    address, change = f"/api/recordings/{recording.pk}", {"keep_until": later(days=1)}

    refused = api.patch(address, change, content_type="application/json")
    granted = admin_api.patch(address, change, content_type="application/json")

    assert (refused.status_code, granted.status_code) == (403, 200)
    assert granted.json()["keep_until"]


def test_open_request_goes_with_the_recording_to_its_new_owner(
    api, admin_api, recording, make_user
):
    number = ask(api, recording).json()["id"]
    boris = make_user("boris", email="boris@example.org")

    transfer([recording.pk], to=boris, by="anna")

    moved = KeepRequest.objects.get(pk=number)
    assert (moved.owner_id, moved.asked_by, moved.state) == (boris.pk, "olga", "open")
    found = caller(boris).get(f"/api/recordings/{recording.pk}/keep-request").json()
    assert found["id"] == number
    assert answer(admin_api, number, "grant").status_code == 200


def test_answered_request_stays_with_who_asked(api, admin_api, recording, make_user, owner):
    number = ask(api, recording).json()["id"]
    answer(admin_api, number, "decline", answer="No room.")

    transfer([recording.pk], to=make_user("boris"), by="anna")

    assert KeepRequest.objects.get(pk=number).owner_id == owner.pk

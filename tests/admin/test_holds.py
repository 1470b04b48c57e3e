"""Holds in the admin: placed, refused in words, shown and released."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from recordings.closing import close_account
from recordings.holds import hold_owner, hold_recording
from recordings.ledger.models import Hold
from recordings.models import Recording
from recordings.trash import move_to_trash
from tests import archives
from tests.admin.conftest import hidden, said
from tests.recordings.test_archive import put_away

pytestmark = pytest.mark.django_db(transaction=True)

ADD_HOLD = "admin:ledger_hold_add"


def hold_form(**values):
    return {"recording_id": "", "owner_name": "", "until_0": "", "until_1": "", **values}


def test_hold_is_placed_on_a_recording(desk, recording):
    desk.post(reverse(ADD_HOLD), hold_form(recording_id=recording.pk, reason="Court case"))

    hold = Hold.objects.get()
    assert (hold.recording_id, hold.owner_id, hold.placed_by) == (recording.pk, None, "anna")


def test_hold_is_placed_on_an_owner(desk, owner):
    desk.post(reverse(ADD_HOLD), hold_form(owner_name="olga", reason="Court case"))

    assert Hold.objects.get().owner_id == owner.pk


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"reason": "Exam"}, "Give either a recording or an owner"),
        ({"reason": "Exam", "recording_id": "1", "owner_name": "olga"}, "either"),
        ({"reason": "Exam", "recording_id": "987654"}, "There is no recording 987654"),
        ({"reason": "Exam", "recording_id": "-1"}, "There is no recording -1."),
        ({"reason": "Exam", "recording_id": "Zoology"}, "There is no recording Zoology."),
        ({"reason": "Exam", "recording_id": "9" * 30}, "There is no recording"),
        ({"reason": "Exam", "recording_id": "9" * 5000}, "There is no recording"),
        ({"reason": "Exam", "recording_id": "Exam\x00"}, "Null characters are not allowed."),
        ({"reason": "Exam", "owner_name": "nobody"}, "There is no user nobody"),
        ({"reason": "", "owner_name": "olga"}, "This field is required"),
        ({"reason": "  ", "owner_name": "olga"}, "This field is required"),
        ({"reason": "x" * 501, "owner_name": "olga"}, "at most 500 characters"),
        (
            {"reason": "Exam", "owner_name": "olga", "until_0": "2020-01-01", "until_1": "12:00"},
            "has ended already",
        ),
    ],
)
def test_hold_that_makes_no_sense_is_refused_in_words(desk, owner, values, sentence):
    answer = desk.post(reverse(ADD_HOLD), hold_form(**values), follow=True)

    assert sentence in answer.content.decode()
    assert not Hold.objects.exists()


def test_hold_is_released_from_the_list_and_stays_as_history(desk, act, owner):
    desk.post(reverse(ADD_HOLD), hold_form(owner_name="olga", reason="Exam"))
    hold = Hold.objects.get()

    asked = act("ledger_hold", "release_selected", [hold]).content.decode()
    assert "Nothing waits only for the release" in asked
    assert Hold.objects.active().exists()
    answer = act("ledger_hold", "release_selected", [hold], confirmed="yes")
    assert "1 hold released" in said(answer)

    hold.refresh_from_db()
    assert hold.released_by == "anna"
    assert desk.post(reverse("admin:ledger_hold_delete", args=[hold.pk])).status_code == 403


def test_hold_is_released_from_its_page_by_post_alone(desk, owner):
    desk.post(reverse(ADD_HOLD), hold_form(owner_name="olga", reason="Exam"))
    address = reverse("admin:ledger_hold_release", args=[Hold.objects.get().pk])

    desk.get(address)
    assert "Exam." in desk.post(address).content.decode()
    assert Hold.objects.active().exists()
    desk.post(address, {"confirmed": "yes"})
    assert not Hold.objects.active().exists()


def test_page_before_a_release_tells_what_waits_only_for_it(desk, make_recording, owner):
    trashed, live, held_twice = make_recording(), make_recording(), make_recording()
    move_to_trash([trashed.pk], by="olga")
    past = timezone.now() - timedelta(days=1)
    Recording.objects.filter(pk=trashed.pk).update(purge_after=past)
    live.files.filter(kind="original").update(leaves_at=past)
    held_twice.files.filter(kind="original").update(leaves_at=past)
    hold_recording(held_twice.pk, reason="Other case", by="anna")
    hold = hold_owner(owner.pk, reason="Exam", by="anna")
    close_account(owner, by="anna", at_once=True)

    address = reverse("admin:ledger_hold_release", args=[hold.pk])
    asked = desk.post(address).content.decode()

    assert "The account of olga is being closed, recordings deleted for ever: 2." in asked
    assert "Recordings in the trash past their date, and going for ever: 1." in asked
    assert "Originals past their date, and going for ever: 1." in asked


def test_hold_page_shows_it_and_changes_nothing(desk, owner):
    desk.post(reverse(ADD_HOLD), hold_form(owner_name="olga", reason="Exam"))
    address = reverse("admin:ledger_hold_change", args=[Hold.objects.get().pk])

    assert "everything of <a" in desk.get(address).content.decode()
    assert desk.post(address, {"reason": "Other"}).status_code == 403
    assert Hold.objects.get().reason == "Exam"


def test_list_of_holds_costs_the_same_queries_for_many_owners(
    desk, make_user, django_assert_num_queries
):
    address = reverse("admin:ledger_hold_changelist")
    hold_owner(make_user("boris").pk, reason="Exam", by="anna")
    desk.get(address)
    with CaptureQueriesContext(connection) as few:
        desk.get(address)
    for number in range(5):
        hold_owner(make_user(f"user{number}").pk, reason="Exam", by="anna")

    with django_assert_num_queries(len(few)):
        shown = desk.get(address).content.decode()

    assert "everything of user4" in shown


def test_holds_are_filtered_by_force(desk, owner):
    now = timezone.now()
    Hold.objects.create(owner_id=owner.pk, reason="open", placed_by="anna")
    Hold.objects.create(owner_id=owner.pk, reason="lapsed", placed_by="anna", until=now)
    later = now + timedelta(days=1)
    Hold.objects.create(owner_id=owner.pk, reason="running", placed_by="anna", until=later)

    def shown(force):
        answer = desk.get(reverse("admin:ledger_hold_changelist") + f"?active={force}")
        return {hold.reason for hold in answer.context["cl"].result_list}

    assert shown("yes") == {"open", "running"}
    assert shown("no") == {"lapsed"}


def test_holds_are_not_for_staff_without_the_permission(client, make_user, owner):
    client.force_login(make_user("pavel", is_staff=True))

    assert client.post(reverse(ADD_HOLD), hold_form(owner_name="olga")).status_code == 403


def test_hold_is_placed_on_what_is_in_the_archive(desk, recording, settings, tmp_path):
    archives.use_folder(settings, tmp_path / "archive")
    put_away(recording)

    desk.post(reverse(ADD_HOLD), hold_form(recording_id=recording.pk, reason="Court case"))

    assert Hold.objects.get().recording_id == recording.pk


def test_hold_is_placed_by_title_and_told_by_it(desk, make_recording):
    algebra, _ = make_recording(title="Algebra 1", files=0), make_recording(title="Botany", files=0)

    answer = desk.post(
        reverse(ADD_HOLD), hold_form(recording_id="algebra", reason="Court case."), follow=True
    )

    assert Hold.objects.get().recording_id == algebra.pk
    assert "“Court case, placed by anna”" in said(answer)
    assert "Algebra 1</a>" in answer.content.decode()
    page = desk.get(reverse("admin:ledger_hold_change", args=[Hold.objects.get().pk]))
    address = reverse("admin:recordings_recording_change", args=[algebra.pk])
    assert f'<a href="{address}">Algebra 1</a>' in page.content.decode()


def test_hold_that_was_placed_meanwhile_is_not_released_unseen(act, owner, make_recording):
    shown = hold_owner(owner.pk, reason="Exam", by="anna")
    asked = act("ledger_hold", "release_selected", [shown], select_across="1")
    unseen = hold_recording(make_recording(files=0).pk, reason="Court case", by="boris")

    again = act("ledger_hold", "release_selected", [shown], **hidden(asked))

    assert Hold.objects.active().count() == 2
    assert unseen.sentence in again.content.decode()
    act("ledger_hold", "release_selected", [shown], **hidden(again))
    assert not Hold.objects.active().exists()


def test_number_that_no_recording_has_is_no_words_of_a_title(desk, make_recording):
    lecture = make_recording(title="Lecture 40412 of May", files=0)

    answer = desk.post(reverse(ADD_HOLD), hold_form(recording_id="40412", reason="Exam"))
    assert answer.context["errors"] == [["There is no recording 40412."]]
    assert not Hold.objects.exists()

    lecture.title = "40412"
    lecture.save()
    desk.post(reverse(ADD_HOLD), hold_form(recording_id="40412", reason="Exam"))
    assert Hold.objects.get().recording_id == lecture.pk


def test_title_in_another_case_comes_before_titles_with_it_inside(desk, make_recording):
    meant, _ = (make_recording(title=title, files=0) for title in ("Лекция", "Вторая лекция"))

    desk.post(reverse(ADD_HOLD), hold_form(recording_id="лекция", reason="Exam"))

    assert Hold.objects.get().recording_id == meant.pk


def test_words_that_several_titles_have_are_asked_about(desk, make_recording):
    first, second = (make_recording(title=f"Algebra {n}", files=0) for n in (1, 2))

    answer = desk.post(reverse(ADD_HOLD), hold_form(recording_id="algebra", reason="Court case"))

    named = f"Algebra 2 ({second.pk}), Algebra 1 ({first.pk})."
    assert answer.context["errors"] == [[f"Several are called so: give a number. {named}"]]
    assert not Hold.objects.exists()


def test_end_that_is_past_is_refused_at_its_field_with_all_that_was_typed(desk, recording):
    past = {"until_0": "2020-01-01", "until_1": "12:00"}
    form = hold_form(recording_id=recording.pk, reason="Court case", **past)

    answer = desk.post(reverse(ADD_HOLD), form)

    errors = answer.context["adminform"].form.errors
    assert list(errors) == ["until"]
    assert "has ended already" in errors["until"][0]
    assert 'value="Court case"' in answer.content.decode()

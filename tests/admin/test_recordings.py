"""Recordings in the admin: deleting is trashing, for ever is asked twice, lists stay cheap."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from recordings.holds import hold_owner, hold_recording
from recordings.ledger.models import Hold, Receipt, StoredFile
from recordings.ledger.purge import purge
from recordings.models import Recording
from recordings.trash import move_to_trash
from tests.admin.conftest import hidden, said
from tests.conftest import assert_clean

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "recordings_recording"


def page_of(recording, name="change"):
    return reverse(f"admin:recordings_recording_{name}", args=[recording.pk])


def bare(owner, count, **values):
    rows = [Recording(owner=owner, title=f"Lecture {n}", **values) for n in range(count)]
    return Recording.objects.bulk_create(rows)


# --- into the trash and back


def test_delete_selected_is_the_trash(act, make_recording, stored_names, account):
    first, second = make_recording(), make_recording()

    answer = act(LIST, "delete_selected", [first], post="yes")

    assert "1 recording moved to the trash" in said(answer)
    first.refresh_from_db()
    assert first.trashed_by == "anna"
    assert Recording.objects.live().get() == second
    assert len(stored_names()) == 10
    assert (account().used, account().in_trash) == (10020, 5010)


def test_selection_with_a_held_recording_stays_whole(act, make_recording):
    free, held = make_recording(files=1), make_recording(files=1)
    hold_recording(held.pk, reason="Court case", by="anna")

    answer = act(LIST, "delete_selected", [free, held])

    page = answer.content.decode()
    assert "Nothing was moved to the trash. 1 of 2 recordings is on hold:" in page
    assert "Go on with the other 1 recording" in page
    assert Recording.objects.live().count() == 2
    act(LIST, "delete_selected", [free, held], only_free="yes")
    assert Recording.objects.live().get() == held


def test_delete_button_is_the_trash_too(desk, recording, stored_names):
    asked = desk.get(page_of(recording, "delete")).content.decode()
    desk.post(page_of(recording, "delete"), {"post": "yes"})

    assert "to the trash?" in asked
    recording.refresh_from_db()
    assert recording.trashed_at is not None
    assert len(stored_names()) == 5


def test_held_recording_is_refused_at_its_delete_button(desk, recording, owner):
    hold_owner(owner.pk, reason="Audit of the faculty", by="anna")

    answer = desk.post(page_of(recording, "delete"), follow=True)

    assert "Audit of the faculty" in answer.content.decode()
    assert Recording.objects.live().exists()


def test_restore_brings_a_selection_back(act, make_recording):
    recordings = [make_recording(files=1), make_recording(files=1)]
    move_to_trash([recording.pk for recording in recordings], by="olga")

    answer = act(LIST, "restore_selected", recordings)

    assert "2 recordings restored" in said(answer)
    assert Recording.objects.live().count() == 2
    assert_clean()


def test_restore_button_asks_for_a_post(desk, recording):
    move_to_trash([recording.pk], by="olga")

    desk.get(page_of(recording, "restore"))
    assert not Recording.objects.live().exists()
    desk.post(page_of(recording, "restore"))
    assert Recording.objects.live().exists()


def test_history_says_who_trashed_what(act, recording):
    act(LIST, "delete_selected", [recording])

    entry = LogEntry.objects.get()
    assert entry.object_id == str(recording.pk)
    assert entry.change_message.startswith("Moved to the trash")


# --- for ever


def test_delete_for_ever_shows_how_much_before_it_does_anything(act, make_recording, stored_names):
    recordings = [make_recording(), make_recording()]

    asked = act(LIST, "erase_selected", recordings).content.decode()

    assert "2 recordings with 10 files" in asked
    assert "10020 bytes" in asked
    assert len(stored_names()) == 10


@pytest.mark.parametrize("typed", ["3", "yes", " "])
def test_wrong_confirmation_deletes_nothing(act, make_recording, typed):
    recordings = [make_recording(files=1), make_recording(files=1)]

    act(LIST, "erase_selected", recordings, confirmation=typed)

    assert Recording.objects.count() == 2


def test_confirmed_delete_for_ever_leaves_receipts(anywhere, act, make_recording, stored_names):
    recordings = [make_recording(), make_recording()]

    answer = act(LIST, "erase_selected", recordings, confirmation="2")
    purge()

    assert "2 recordings with 10 files" in said(answer)
    assert reverse("admin:ledger_receipt_changelist") + "?released_by__exact=anna" in said(answer)
    assert stored_names() == set()
    assert set(Receipt.objects.values_list("released_by", flat=True)) == {"anna"}
    assert LogEntry.objects.count() == 2
    assert_clean()


def test_held_recording_is_not_erased(act, recording):
    hold_recording(recording.pk, reason="Court case", by="anna")

    answer = act(LIST, "erase_selected", [recording], confirmation="1").content.decode()

    assert "Court case" in answer
    assert 'name="confirmation"' not in answer
    assert StoredFile.objects.ready().count() == 5


def test_others_of_a_selection_are_erased_without_what_is_held(act, make_recording):
    free, held = make_recording(title="Botany"), make_recording(title="Chemistry")
    hold_recording(held.pk, reason="Court case", by="anna")
    both = [free, held]

    stopped = act(LIST, "erase_selected", both).content.decode()
    asked = act(LIST, "erase_selected", both, only_free="yes").content.decode()
    act(LIST, "erase_selected", both, only_free="yes", confirmation="1")

    assert "“Chemistry” of olga. This recording is on hold" in stopped
    assert "Botany" not in stopped
    assert all('name="only_free" value="yes"' in page for page in (stopped, asked))
    assert "“Botany” of olga" in asked
    assert "Chemistry" not in asked
    assert Recording.objects.get() == held


def test_nothing_is_erased_for_ever_that_the_page_did_not_show(act, make_recording):
    first, second = both = [make_recording(title=title) for title in ("Botany", "Chemistry")]
    hold_recording(second.pk, reason="Court case", by="anna")
    asked = act(LIST, "erase_selected", both, only_free="yes")
    Hold.objects.all().delete()
    hold_recording(first.pk, reason="Court case", by="anna")

    again = act(LIST, "erase_selected", both, confirmation="1", **hidden(asked))

    assert Recording.objects.count() == 2
    assert "by now others are selected than you saw" in again.content.decode()
    act(LIST, "erase_selected", both, confirmation="1", **hidden(again))
    assert Recording.objects.get() == first


def test_nothing_is_trashed_that_was_on_hold_when_it_was_asked(act, make_recording):
    both = [make_recording(files=0), make_recording(files=0)]
    hold_recording(both[1].pk, reason="Court case", by="anna")
    stopped = act(LIST, "delete_selected", both)
    Hold.objects.all().delete()

    answer = act(LIST, "delete_selected", both, **hidden(stopped))

    assert "by now others are selected than you saw" in said(answer)
    assert Recording.objects.live().count() == 2


def test_one_recording_is_erased_from_its_own_page(desk, recording):
    assert "1 recording with 5 files" in desk.get(page_of(recording, "erase")).content.decode()

    desk.post(page_of(recording, "erase"), {"confirmation": "1"})

    assert not Recording.objects.exists()


def test_selecting_everything_asks_for_the_number_of_everything(act, owner):
    recordings = bare(owner, 60)

    act(LIST, "erase_selected", recordings[:1], select_across="1", confirmation="1")
    assert Recording.objects.count() == 60

    act(LIST, "erase_selected", recordings[:1], select_across="1", confirmation="60")
    assert not Recording.objects.exists()


# --- one recording


def test_page_shows_files_holds_and_no_file_field(desk, recording):
    hold_recording(recording.pk, reason="Court case", by="anna")

    shown = desk.get(page_of(recording)).content.decode()

    assert f"user_{recording.owner_id}/audio/{recording.pk}_processed.mp3" in shown
    assert "Court case" in shown
    assert 'type="file"' not in shown


def test_saving_writes_only_what_was_changed(desk, recording):
    values = {"title": "Algebra, second lecture", "language": "", "description": ""}
    Recording.objects.filter(pk=recording.pk).update(state="processing")

    desk.post(page_of(recording), {**values, "state": "failed", "owner": "1"})

    recording.refresh_from_db()
    assert (recording.title, recording.state) == ("Algebra, second lecture", "processing")


def test_uploaded_file_in_the_form_is_ignored(desk, recording, stored_names):
    before = stored_names()
    upload = SimpleUploadedFile("x.mp4", b"0000")

    desk.post(page_of(recording), {"title": "New", "file": upload, "files": upload})

    assert stored_names() == before


def test_nothing_is_added_by_hand(desk):
    assert desk.get(reverse("admin:recordings_recording_add")).status_code == 403


@pytest.mark.parametrize("name", ["change", "delete", "erase", "restore"])
def test_unknown_recording_leads_back_with_a_sentence(desk, name):
    address = reverse(f"admin:recordings_recording_{name}", args=[987654])

    assert desk.get(address).status_code == 302


def test_keep_is_set_and_taken_back_for_many(act, make_recording):
    recordings = [make_recording(files=0), make_recording(files=0)]

    assert "2 recordings marked as kept" in said(act(LIST, "keep_on", recordings))
    assert Recording.objects.filter(keep=True).count() == 2
    act(LIST, "keep_off", recordings)
    assert not Recording.objects.filter(keep=True).exists()


# --- lists


def test_list_takes_the_same_queries_for_two_rows_and_for_fifty(desk, owner):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert desk.get(reverse("admin:recordings_recording_changelist")).status_code == 200
        return len(captured)

    bare(owner, 2)
    few = queries()
    bare(owner, 100)

    assert queries() == few


def test_list_never_counts_the_whole_table(desk, owner):
    bare(owner, 3)

    with CaptureQueriesContext(connection) as captured:
        desk.get(reverse("admin:recordings_recording_changelist"))

    counting = [q["sql"] for q in captured if "COUNT(" in q["sql"]]
    assert counting
    assert [sql for sql in counting if "LIMIT 10001" not in sql] == []


def test_page_of_a_recording_with_many_files_is_bounded(desk, owner, recording):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            desk.get(page_of(recording))
        return len(captured)

    queries()  # content types are read once a process
    few = queries()
    versions = [
        StoredFile(
            storage="disk", file=f"user_1/x/{n}", kind="topics", recording_id=recording.pk,
            owner_id=owner.pk,
        )
        for n in range(300)
    ]  # fmt: skip
    for number, stored in enumerate(StoredFile.objects.bulk_create(versions)):
        recording.files.create(
            kind="topics", version=number + 2, stored=stored, superseded_at="2026-01-01T00:00Z"
        )

    shown = desk.get(page_of(recording)).content.decode()

    assert queries() == few
    assert shown.count("user_1/x/") == 50
    assert "All files of this recording" in shown


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("q=gebra", {"Algebra"}),
        ("q=olga", {"Algebra", "Botany", "Chemistry"}),
        ("q=99999999999999999999999", set()),
        ("trashed=yes", {"Botany"}),
        ("trashed=no", {"Algebra", "Chemistry"}),
        ("held=yes", {"Chemistry"}),
        ("held=no", {"Algebra", "Botany"}),
        ("keep__exact=1", {"Algebra"}),
    ],
)
def test_list_is_searched_and_filtered(desk, make_recording, query, titles):
    make_recording(title="Algebra", files=0, keep=True)
    botany = make_recording(title="Botany", files=0)
    chemistry = make_recording(title="Chemistry", files=0)
    move_to_trash([botany.pk], by="olga")
    hold_recording(chemistry.pk, reason="Exam", by="anna")

    answer = desk.get(reverse("admin:recordings_recording_changelist") + "?" + query)

    assert {row.title for row in answer.context["cl"].result_list} == titles


def test_title_of_markup_and_direction_marks_is_text(desk, make_recording):
    make_recording(title="<script>alert(1)</script>\u202e🎓", files=0)

    shown = desk.get(reverse("admin:recordings_recording_changelist")).content.decode()

    assert "<script>alert(1)" not in shown


# --- who


def test_owner_who_is_staff_without_the_permission_sees_nothing(client, make_user, recording):
    client.force_login(make_user("pavel", is_staff=True))

    assert client.get(reverse("admin:recordings_recording_changelist")).status_code == 403
    assert client.post(page_of(recording, "erase"), {"confirmation": "1"}).status_code == 403
    assert client.post(page_of(recording, "delete")).status_code == 403
    assert Recording.objects.live().exists()


@pytest.mark.parametrize(("code", "kept"), [("klingon!!", ""), ("pt-br", "pt-br"), ("", "")])
def test_language_is_checked_as_the_api_does(desk, recording, code, kept):
    page = desk.post(page_of(recording), {"title": "Lecture", "language": code}, follow=True)

    recording.refresh_from_db()
    assert recording.language == kept
    assert ("Give a language code such as en" in page.content.decode()) == (code != kept)

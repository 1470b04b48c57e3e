"""The archive through the API and the admin: administrators look, restore, and delete for ever."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from recordings import restoring
from recordings.archive import let_go
from recordings.holds import hold_recording
from recordings.ledger.models import Account, Clock, Receipt
from recordings.ledger.purge import purge
from recordings.models import ArchivedRecording, Recording
from tests import archives
from tests.admin.conftest import act, desk, hidden, said  # noqa: F401  (fixtures)
from tests.conftest import assert_clean
from tests.recordings.test_archive import put_away

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def archived(recording, settings, tmp_path) -> ArchivedRecording:
    archives.use_folder(settings, tmp_path / "archive")
    return put_away(recording)


def test_list_says_what_is_there_and_whose_it_was(admin_api, archived):
    answer = admin_api.get("/api/archive")

    (row,) = answer.json()["results"]
    assert (row["id"], row["recording"], row["owner"]) == (
        archived.pk, archived.recording_id, "olga",
    )  # fmt: skip
    assert (row["title"], row["labels"], row["size"]) == ("Lecture", [], 5010)
    assert [file["kind"] for file in row["files"]][:2] == ["original", "trimmed"]
    assert {len(file["sha256"]) for file in row["files"]} == {64}
    assert row["archived_by"] == "policy old v1"


def test_restore_is_taken_on_and_done_by_a_worker(admin_api, archived):
    answer = admin_api.post(f"/api/archive/{archived.pk}/restore")

    assert answer.status_code == 202
    assert answer.json()["restore_asked_at"]
    assert not Recording.objects.exists()
    assert restoring.carry_out(archived.pk)
    found = admin_api.get(f"/api/recordings/{archived.recording_id}").json()
    assert (found["keep"], found["size"]) == (True, 5010)
    assert admin_api.post(f"/api/archive/{archived.pk}/restore").status_code == 404


def test_refusals_have_their_words(admin_api, archived, owner):
    address = f"/api/archive/{archived.pk}/restore"
    hold = hold_recording(archived.recording_id, reason="a lawsuit", by="anna")
    held = admin_api.post(address)
    hold.release(by="anna")
    Account.objects.update(own_limit=5000, uses_default_limit=False)
    full = admin_api.post(address)
    owner.delete()
    gone = admin_api.post(address)

    assert [(answer.status_code, answer.json()["code"]) for answer in (held, full, gone)] == [
        (409, "held"), (413, "quota_exceeded"), (409, "cannot_restore"),
    ]  # fmt: skip
    assert full.json()["needed"] == 5010
    assert ArchivedRecording.objects.count() == 1


def test_it_is_for_administrators(api, client, archived):
    for caller, status in ((api, 403), (client, 401)):
        assert caller.get("/api/archive").status_code == status
        assert caller.post(f"/api/archive/{archived.pk}/restore").status_code == status
    assert not Recording.objects.exists()


def test_admin_restores_and_says_that_it_is_kept(act, desk, archived):  # noqa: F811
    page = desk.get(reverse("admin:recordings_archivedrecording_change", args=[archived.pk]))
    assert "_original.mp4" in page.content.decode()

    answer = act("recordings_archivedrecording", "restore_selected", [archived])

    assert "1 recording asked back" in said(answer)
    address = reverse("admin:recordings_archivedrecording_changelist")
    progress = reverse("admin:recordings_archivedrecording_progress")
    shown = desk.get(address).content.decode()
    assert "Being restored: 1 recording, 0 of them under way" in shown
    assert "waits for a worker" in shown
    assert "HX-Refresh" not in desk.get(progress)
    assert restoring.carry_out(archived.pk)
    assert desk.get(progress)["HX-Refresh"] == "true"
    assert Recording.objects.get().pk == archived.recording_id
    assert_clean()


def test_admin_deletes_for_ever_only_with_the_number_typed(act, archived):  # noqa: F811
    asked = act("recordings_archivedrecording", "let_go_selected", [archived])
    assert "Type 1 to confirm" in asked.content.decode()
    assert ArchivedRecording.objects.exists()
    hold = hold_recording(archived.recording_id, reason="a lawsuit", by="anna")
    held = act("recordings_archivedrecording", "let_go_selected", [archived], confirmation="1")
    assert "a lawsuit" in said(held)
    hold.release(by="anna")

    done = act("recordings_archivedrecording", "let_go_selected", [archived], confirmation="1")
    purge()

    assert "1 archived recording deleted for ever" in said(done)
    assert Receipt.objects.filter(storage="archive", reason="deleted").count() == 5
    assert_clean()


def test_admin_deletes_nothing_of_the_archive_unseen(act, archived, make_recording):  # noqa: F811
    asked = act("recordings_archivedrecording", "let_go_selected", [archived], select_across="1")
    assert let_go(archived.pk, by="boris")
    other = put_away(make_recording())

    sent = {**hidden(asked), "confirmation": "1"}
    again = act("recordings_archivedrecording", "let_go_selected", [archived], **sent)

    assert "by now others are selected than you saw" in again.content.decode()
    assert ArchivedRecording.objects.get() == other


def test_admin_confirms_the_clock(act, desk):  # noqa: F811
    row = Clock.objects.create(pk=1, doubt="It jumped.", seen_at=timezone.now())
    assert "It jumped." in desk.get(reverse("admin:ledger_clock_changelist")).content.decode()

    assert "purging and sweeping go on" in said(act("ledger_clock", "confirm", [row]))
    assert "nobody doubts the clock" in said(act("ledger_clock", "confirm", [row]))

    row.refresh_from_db()
    assert (row.doubt, row.confirmed_by) == ("", "anna")
    assert timezone.now() - row.seen_at < timedelta(minutes=1)

"""Quotas, holds, stored files, receipts and the rest: what can be set, and what only read."""

from __future__ import annotations

import csv
import json
from datetime import timedelta

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from recordings.closing import close_account
from recordings.holds import hold_owner, hold_recording
from recordings.ledger import receipts
from recordings.ledger.models import Account, Hold, StoredFile
from recordings.ledger.purge import purge
from recordings.models import ApiToken, Job, Recording
from recordings.processing import jobs
from recordings.trash import erase, move_to_trash
from tests import archives
from tests.admin.conftest import said
from tests.recordings.test_archive import put_away

pytestmark = pytest.mark.django_db(transaction=True)

ADD_HOLD = "admin:ledger_hold_add"


def hold_form(**values):
    return {"recording_id": "", "owner_name": "", "until_0": "", "until_1": "", **values}


# --- quotas


def test_limit_is_set_without_touching_what_is_used(desk, recording, account):
    address = reverse("admin:ledger_account_change", args=[account().pk])

    desk.post(address, {"own_limit": "4000", "used": "0", "reserved": "7"})

    assert (account().limit_bytes, account().used, account().reserved) == (4000, 5010, 0)
    assert account().available == 0


def test_limit_that_would_not_be_in_force_is_asked_about(desk, account):
    address = reverse("admin:ledger_account_change", args=[account().pk])

    page = desk.post(address, {"uses_default_limit": "on", "own_limit": "3.1 MB"})

    assert "Untick “site default”" in page.content.decode()
    assert account().own_limit is None


def test_empty_limit_is_unlimited_and_a_negative_one_is_refused(desk, owner, account, settings):
    settings.DEFAULT_QUOTA_BYTES = 1000
    address = reverse("admin:ledger_account_change", args=[account().pk])

    assert "-1" in desk.post(address, {"own_limit": "-1"}).content.decode()
    assert account().limit_bytes == 1000
    desk.post(address, {"own_limit": "1.5 GB"})
    assert Account.objects.get(owner_id=owner.pk).own_limit == 3 * 1024**3 // 2
    assert 'value="1536 MB"' in desk.get(address).content.decode()

    for most in (str(2**63 - 1), str(2**63)):
        desk.post(address, {"own_limit": most})
        assert account().limit_bytes == 2**63 - 1

    desk.post(address, {"own_limit": ""})
    assert account().limit_bytes is None


# --- holds


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
        ({"reason": "Exam", "recording_id": "-1"}, "greater than or equal to 1"),
        ({"reason": "Exam", "recording_id": "x"}, "Enter a whole number"),
        ({"reason": "Exam", "recording_id": "9" * 30}, "There is no recording"),
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

    assert "everything of olga" in desk.get(address).content.decode()
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


# --- receipts


def exported(desk, form):
    answer = desk.get(reverse("admin:ledger_receipt_export", args=[form]))
    return b"".join(answer.streaming_content).decode()


def test_receipts_are_exported_whole(desk, recording, owner):
    erase([recording.pk], by="olga")
    purge()
    receipts.seal()

    rows = list(csv.DictReader(exported(desk, "csv").splitlines()))
    results = json.loads(exported(desk, "json"))["results"]

    assert len(rows) == len(results) == 5
    assert [row["sequence"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert {row["owner_name"] for row in results} == {"olga"}
    assert results[0]["size"] == int(rows[0]["size"])
    assert results[0]["gone_at"].endswith("Z")


def test_no_receipts_export_as_empty_lists(desk):
    assert json.loads(exported(desk, "json")) == {"results": [], "next": None}
    assert len(exported(desk, "csv").splitlines()) == 1


def test_receipts_come_in_no_other_form(desk):
    assert desk.get("/admin/ledger/receipt/export.xml").status_code == 404


@pytest.mark.parametrize("query", ["q=olga", "q=user_", "q={pk}", "reason__exact=deleted"])
def test_receipts_are_found(desk, recording, query):
    erase([recording.pk], by="olga")
    purge()

    address = reverse("admin:ledger_receipt_changelist") + "?" + query.format(pk=recording.pk)

    assert desk.get(address).context["cl"].result_count == 5


# --- read only


@pytest.mark.parametrize("model", ["storedfile", "receipt", "account"])
def test_ledger_rows_are_neither_added_nor_deleted(desk, recording, account, model):
    erase([recording.pk], by="olga")
    purge()
    list_page = desk.get(reverse(f"admin:ledger_{model}_changelist"))

    assert list_page.status_code == 200
    assert desk.get(reverse(f"admin:ledger_{model}_add")).status_code == 403
    for row in list_page.context["cl"].result_list:
        assert desk.post(reverse(f"admin:ledger_{model}_delete", args=[row.pk])).status_code == 403
        page = desk.get(reverse(f"admin:ledger_{model}_change", args=[row.pk]))
        assert page.status_code == 200


def test_stored_files_are_shown_by_state_and_never_changed(desk, recording):
    stored = StoredFile.objects.first()
    address = reverse("admin:ledger_storedfile_changelist")

    assert desk.get(f"{address}?state__exact=ready").context["cl"].result_count == 5
    assert desk.get(f"{address}?state__exact=condemned").context["cl"].result_count == 0
    assert desk.get(f"{address}?q=user_").context["cl"].result_count == 5
    page = reverse("admin:ledger_storedfile_change", args=[stored.pk])
    assert 'type="file"' not in desk.get(page).content.decode()
    assert desk.post(page, {"state": "condemned", "size": "0"}).status_code == 403


# --- the rest of the library


def test_jobs_are_read_with_their_log_and_stopped(desk, act, recording):
    job = jobs.start(recording.pk)
    Job.objects.filter(pk=job.pk).update(log="moov atom not found")

    page = desk.get(reverse("admin:recordings_job_change", args=[job.pk])).content.decode()
    answer = act("recordings_job", "cancel_selected", [job])

    assert "moov atom not found" in page
    assert "1 job asked to stop" in said(answer)
    assert Job.objects.get().state == Job.State.CANCELLED


def test_token_is_revoked_and_its_hash_not_shown(desk, act, owner):
    token, _ = ApiToken.make(owner, name="laptop")

    page = desk.get(reverse("admin:recordings_apitoken_change", args=[token.pk])).content.decode()
    answer = act("recordings_apitoken", "revoke_selected", [token])

    assert token.digest not in page
    assert "1 token revoked" in said(answer)
    token.refresh_from_db()
    assert token.revoked_at is not None


# --- the site


def test_index_shows_neither_beat_nor_axes(desk):
    shown = desk.get(reverse("admin:index")).content.decode()

    assert "Recordings" in shown
    assert "Periodic tasks" not in shown
    assert "Access attempts" not in shown
    assert not any(model._meta.app_label == "axes" for model in admin.site._registry)


def test_every_list_and_page_opens(desk, recording):
    for model, page in admin.site._registry.items():
        meta = model._meta
        address = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
        answer = desk.get(address, follow=True)
        assert answer.status_code == 200, meta.label
        if page.get_model_perms(answer.wsgi_request)["add"]:
            address = reverse(f"admin:{meta.app_label}_{meta.model_name}_add")
            assert desk.get(address).status_code == 200, meta.label


def test_limits_are_not_for_staff_without_the_permission(client, make_user, account, owner):
    client.force_login(make_user("pavel", is_staff=True))
    address = reverse("admin:ledger_account_change", args=[Account.objects.of(owner.pk).pk])

    assert client.post(address, {"own_limit": "1"}).status_code == 403
    assert client.get(reverse("admin:ledger_receipt_export", args=["csv"])).status_code == 403
    assert client.post(reverse(ADD_HOLD), hold_form(owner_name="olga")).status_code == 403


def test_hold_is_placed_on_what_is_in_the_archive(desk, recording, settings, tmp_path):
    archives.use_folder(settings, tmp_path / "archive")
    put_away(recording)

    desk.post(reverse(ADD_HOLD), hold_form(recording_id=recording.pk, reason="Court case"))

    assert Hold.objects.get().recording_id == recording.pk

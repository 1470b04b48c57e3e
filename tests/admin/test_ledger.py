"""Quotas, holds, stored files, receipts and the rest: what can be set, and what only read."""

from __future__ import annotations

import csv
import json

import pytest
from django.contrib import admin
from django.urls import reverse

from recordings.ledger import receipts
from recordings.ledger.models import Account, StoredFile
from recordings.ledger.purge import purge
from recordings.models import ApiToken, Job
from recordings.processing import jobs
from recordings.trash import erase
from tests.admin.conftest import said

pytestmark = pytest.mark.django_db(transaction=True)

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

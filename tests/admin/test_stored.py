"""Stored files, receipts and jobs: owners and recordings by name, what workers write in words."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from recordings.ledger.models import StoredFile
from recordings.ledger.purge import purge
from recordings.models import RecordingFile
from recordings.processing import jobs
from recordings.trash import erase

pytestmark = pytest.mark.django_db(transaction=True)


def link(model, row, text):
    return f'<a href="{reverse(f"admin:{model}_change", args=[row.pk])}">{text}</a>'


@pytest.fixture
def show(desk):
    """The text of a list, or of the page of a row."""

    def show(model, row=None):
        page, args = ("changelist", []) if row is None else ("change", [row.pk])
        return desk.get(reverse(f"admin:{model}_{page}", args=args)).content.decode()

    return show


def test_stored_files_are_named_by_owner_and_title(show, owner, make_recording):
    algebra = make_recording(title="Algebra", files=1)

    for shown in (show("ledger_storedfile"), show("ledger_storedfile", StoredFile.objects.get())):
        assert link("auth_user", owner, "olga") in shown
        assert link("recordings_recording", algebra, "Algebra") in shown


@pytest.mark.parametrize("model", ["ledger_storedfile", "ledger_receipt"])
def test_number_that_no_row_can_have_finds_nothing(desk, recording, model):
    found = desk.get(reverse(f"admin:{model}_changelist"), {"q": "9" * 5000})

    assert list(found.context["cl"].result_list) == []


@pytest.mark.parametrize("model", ["ledger_storedfile", "recordings_job", "ledger_receipt"])
def test_lists_cost_the_same_queries_for_many_owners(
    desk, make_user, make_recording, django_assert_num_queries, model
):
    def fill(number):
        boris = make_user(f"user{number}")
        jobs.start(make_recording(boris, title=f"Take {number}", files=1).pk)
        erase([make_recording(boris, files=1).pk], by="anna")
        purge()

    address = reverse(f"admin:{model}_changelist")
    fill(0)
    desk.get(address)
    with CaptureQueriesContext(connection) as few:
        desk.get(address)
    for number in range(1, 5):
        fill(number)

    with django_assert_num_queries(len(few)):
        shown = desk.get(address).content.decode()

    assert "user4" in shown


def test_pages_say_what_workers_write_in_words(show, recording):
    job = jobs.start(recording.pk)

    file = show("ledger_storedfile", StoredFile.objects.first())
    work = show("recordings_job", job)

    assert "Removal given up at:" in file
    assert "After 12 failures; the command purge tries again." in file
    assert "The process that does it, or did it last." in work
    for engine_word in ("Parked at", "Condemned at", "Claimed by", "Lease until", "Owner id"):
        assert engine_word not in file + work


def test_files_whose_removal_was_given_up_are_found(desk, recording):
    stored = StoredFile.objects.first()
    StoredFile.objects.filter(pk=stored.pk).update(parked_at=Now())
    address = reverse("admin:ledger_storedfile_changelist")

    found = desk.get(f"{address}?given_up=yes").context["cl"].result_list

    assert [row.pk for row in found] == [stored.pk]
    assert desk.get(f"{address}?given_up=no").context["cl"].result_count == 4


def test_receipts_tell_the_title_while_the_recording_stands(show, owner, make_recording):
    algebra, gone = make_recording(title="Algebra", files=2), make_recording(title="Botany")
    algebra.files.first().delete()
    erase([gone.pk], by="olga")
    purge()

    shown = show("ledger_receipt")

    assert link("recordings_recording", algebra, "Algebra") in shown
    assert f"recording {gone.pk} (not in the library)" in shown
    assert "Botany" not in shown


def test_source_rule_is_named_in_words(show, recording):
    because = "source rule processing_succeeded"
    RecordingFile.objects.filter(kind="original").update(leaves_at=Now(), leaves_because=because)
    assert "the source rule “processing succeeded”" in show("recordings_recording", recording)
    erase([recording.pk], by=because)
    purge()

    shown = show("ledger_receipt")

    assert "the source rule “processing succeeded”" in shown
    assert because not in shown

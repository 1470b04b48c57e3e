"""A file goes in by the API, once, whole, and becomes a recording."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models.functions import Now
from django.test import Client

from recordings.ledger import publish
from recordings.ledger.models import Account, Reservation, StoredFile
from recordings.models import Job, Recording
from recordings.uploads import intake
from recordings.uploads.details import Details
from recordings.uploads.exceptions import NoLongerWanted
from recordings.uploads.intake import HELD_BYTES, Intake
from tests.api.conftest import HEAD, assert_nothing_left, caller, mp4
from tests.conftest import assert_clean

pytestmark = pytest.mark.django_db

LARGE = HELD_BYTES + 3_000_000  # streamed, not held
SRT = b"1\n00:00:01,000 --> 00:00:02,500\n\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82\n"


@pytest.mark.parametrize("size", [20_000, LARGE])
def test_upload_is_stored_as_it_was_sent(anywhere, upload, size, account, stored_names):
    content = mp4(size)

    answer = upload(content, process="false")

    recording = answer.json()
    assert answer.status_code == 201
    assert recording["state"] == "ready"
    assert recording["job"] is None
    [file] = recording["files"]
    assert (file["kind"], file["size"]) == ("original", size)
    assert file["sha256"] == hashlib.sha256(content).hexdigest()
    assert stored_names() == {file["name"]}
    assert (account().used, account().reserved) == (size, 0)
    assert_clean()


@pytest.mark.parametrize("size", [20_000, LARGE])
def test_upload_waits_for_processing_with_room_set_aside(upload, size, account):
    answer = upload(mp4(size))

    job = answer.json()["job"]
    assert answer.json()["state"] == "queued"
    assert (job["kind"], job["state"]) == ("process", "queued")
    assert (account().used, account().reserved) == (size, size * 60 // 100)
    assert Reservation.objects.get().size == size * 60 // 100
    assert_clean()


@pytest.mark.parametrize("size", [20_000, LARGE])
def test_fields_count_before_and_after_the_file(upload, size):
    after = {"title": "Перевод на ИИ", "process": "false", "labels": ["2026", "math, logic"]}

    answer = upload(mp4(size), language="ru", trim_start="1.5", trim_end="9", after=after)

    row = Recording.objects.get(pk=answer.json()["id"])
    assert answer.json()["title"] == "Перевод на ИИ"
    assert answer.json()["labels"] == ["2026", "logic", "math"]
    assert (row.state, row.language) == ("ready", "ru")
    assert (row.trim_start, row.trim_end) == (1.5, 9.0)
    assert not Job.objects.exists()


def test_dates_are_kept(upload):
    answer = upload(recorded_at="2026-01-05T10:00:00+03:00", expire_at="2027-01-01T00:00:00Z")

    row = Recording.objects.get()
    assert answer.json()["recorded_at"] == "2026-01-05T07:00:00Z"
    assert row.expire_at == datetime(2027, 1, 1, tzinfo=UTC)


def test_own_captions_come_as_file_or_as_text(upload):
    as_file = upload(subtitles=SimpleUploadedFile("own.srt", SRT))
    as_text = upload(subtitles="WEBVTT\n\n00:01.000 --> 00:02.000\nHello")

    said = dict(Recording.objects.values_list("pk", "given_captions"))
    assert "Привет" in said[as_file.json()["id"]]
    assert "00:00:01,000 --> 00:00:02,000" in said[as_text.json()["id"]]


def test_extension_comes_from_the_bytes(upload):
    answer = upload(b"RIFF\x24\0\0\0WAVEfmt " + bytes(2000), name="x.php", process="false")

    assert answer.json()["files"][0]["name"].endswith("_original.wav")
    assert answer.json()["original_name"] == "x.php"


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("../../x.mp4", "x"),
        ("C:\\Users\\Olga\\лекция 1.mp4", "лекция 1"),
        ("🎓🎬.mp4", "🎓🎬"),
        ("שלום\u202eabc.mp4", "שלוםabc"),
        ("a" * 280 + ".mp4", None),
        (".mp4", ".mp4"),
    ],
)
def test_hostile_file_name_is_only_shown(upload, name, title, stored_names):
    answer = upload(name=name, process="false")

    recording = answer.json()
    assert recording["title"] == title or title is None
    assert len(recording["original_name"]) <= 255
    assert "/" not in recording["original_name"]
    assert stored_names() == {
        f"user_{Recording.objects.get().owner_id}/video/unprocessed/{recording['id']}_original.mp4"
    }


def test_title_of_emoji_and_marks_of_direction_stays(upload):
    title = "🎓 שלום \u200fworld\u202b العربية"

    assert upload(title=title).json()["title"] == title


@pytest.mark.parametrize("size", [20_000, LARGE])
def test_file_that_does_not_fit_is_refused_with_figures(upload, size, account, stored_names, owner):
    Account.objects.of(owner.pk)
    Account.objects.update(own_limit=size - 1, uses_default_limit=False)

    answer = upload(mp4(size), process="false")

    assert answer.status_code == 413
    assert answer.json()["code"] == "quota_exceeded"
    assert (answer.json()["used"], answer.json()["limit"]) == (0, size - 1)
    assert answer.json()["needed"] == size
    assert account().reserved == 0
    assert_nothing_left(stored_names)


@pytest.mark.parametrize("size", [20_000, LARGE])
@pytest.mark.parametrize("order", ["before", "after"])
def test_file_that_just_fits_is_taken(upload, size, order, owner, account):
    Account.objects.of(owner.pk)
    slack = 400 if size == LARGE and order == "after" else 0  # what follows counts until it is read
    Account.objects.update(own_limit=size + slack, uses_default_limit=False)
    fields = {"process": "false"}

    answer = upload(mp4(size), after=fields) if order == "after" else upload(mp4(size), **fields)

    assert answer.status_code == 201
    assert (account().used, account().reserved) == (size, 0)


@pytest.mark.parametrize("size", [20_000, LARGE])
def test_file_without_room_for_processing_is_refused(upload, size, owner, stored_names, account):
    Account.objects.of(owner.pk)
    Account.objects.update(own_limit=size + 10, uses_default_limit=False)

    answer = upload(mp4(size))

    assert answer.status_code == 413
    assert (account().used, account().reserved) == (0, 0)
    assert_nothing_left(stored_names)
    assert_clean()


def test_file_above_the_site_limit_is_refused(upload, settings, stored_names):
    settings.UPLOAD_MAX_BYTES = 10_000

    answer = upload(mp4(10_001))

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert upload(mp4(10_000), process="false").status_code == 201


def test_session_upload_needs_the_token_in_the_header(owner, stored_names):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(owner)
    token = browser.get("/account").cookies["csrftoken"].value
    form = {"csrfmiddlewaretoken": token, "process": "false"}

    refused = browser.post(
        "/api/recordings", {**form, "file": SimpleUploadedFile("a.mp4", mp4(LARGE))}
    )
    assert_nothing_left(stored_names)
    taken = browser.post(
        "/api/recordings",
        {**form, "file": SimpleUploadedFile("a.mp4", mp4(LARGE))},
        headers={"X-CSRFToken": token},
    )

    assert refused.status_code == 403
    assert taken.status_code == 201


def test_closing_account_takes_nothing(upload, owner, stored_names):
    Account.objects.of(owner.pk)
    Account.objects.update(closing_since=Now())

    answer = upload()

    assert (answer.status_code, answer.json()["code"]) == (403, "account_closed")
    assert_nothing_left(stored_names)


def test_upload_that_was_deleted_meanwhile_leaves_nothing(owner, stored_names, account, api):
    with Intake(owner, name="x.mp4") as live:
        live.expect(LARGE, process=False)
        live.write(mp4(LARGE))
        pk = Recording.objects.get().pk
        assert api.delete(f"/api/recordings/{pk}").status_code == 204
        with pytest.raises(NoLongerWanted):
            live.finish(Details(process=False))

    assert_nothing_left(stored_names)
    assert (account().used, account().reserved) == (0, 0)
    assert_clean()


def test_recover_leaves_a_live_upload_alone_and_takes_a_dead_one(owner, stored_names):
    with Intake(owner, name="x.mp4") as live:
        live.expect(LARGE, process=False)
        live.write(mp4(LARGE))
        Recording.objects.update(created_at=Now() - timedelta(hours=1))
        assert intake.recover() == 0

        StoredFile.objects.update(lease_until=Now() - timedelta(seconds=1))
        publish.recover()
        assert intake.recover() == 1

    assert_nothing_left(stored_names)


def test_recover_waits_for_an_upload_that_is_about_to_begin(owner):
    Recording.objects.create(owner=owner, title="x", state="uploading")

    assert intake.recover() == 0


def test_name_that_storage_knows_already_is_passed_over(owner, upload, settings, stored_names):
    first = upload(process="false").json()
    taken = settings.MEDIA_ROOT / first["files"][0]["name"].replace(
        f"{first['id']}_", f"{first['id'] + 1}_"
    )
    taken.write_bytes(b"from another database")

    second = upload(process="false").json()

    assert second["files"][0]["name"].endswith(f"{second['id']}_original_v2.mp4")
    assert taken.read_bytes() == b"from another database"


def test_head_is_what_sniff_sees_however_the_bytes_arrive(owner):
    with Intake(owner, name="x.mp4") as slow:
        for byte in HEAD + bytes(100):
            slow.write(bytes([byte]))
        recording = slow.finish(Details(process=False))

    assert recording.state == "ready"


def test_two_owners_do_not_see_each_other(upload, make_user):
    pk = upload(process="false").json()["id"]

    assert caller(make_user("vera")).get(f"/api/recordings/{pk}").status_code == 404

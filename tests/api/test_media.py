"""Bytes go to those who may have them, whole or in part, under a name for people."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests
from django.db.models.functions import Now
from django.test import Client

from recordings.ledger.names import Kind
from recordings.ledger.release import release
from recordings.models import Recording
from tests.api.conftest import caller
from tests.buckets import take_away
from tests.conftest import store

pytestmark = pytest.mark.django_db

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def film(owner):
    recording = Recording.objects.create(
        owner=owner, title='Лекция "1"/2', state="ready", original_name="лекция 1.mp4"
    )
    return store(recording, Kind.TRIMMED, CONTENT)


def body(answer):
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def test_whole_file(api, film):
    answer = api.get(film.url)

    assert body(answer) == CONTENT
    assert (answer.status_code, answer["Content-Length"]) == (200, str(len(CONTENT)))
    assert answer["Content-Type"] == "video/mp4"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"].startswith("private")
    assert answer["Accept-Ranges"] == "bytes"
    assert answer["ETag"] == f'"{film.stored.sha256}"'
    assert answer["Content-Disposition"].startswith("inline; filename*=utf-8''")


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, 10240),
        ("bytes=100-199", 100, 200),
        ("bytes=10000-99999", 10000, 10240),
        ("bytes=-1", 10239, 10240),
        ("bytes=-99999", 0, 10240),
        ("bytes = 5 - 9", 5, 10),
    ],
)
def test_range(api, film, asked, start, end):
    answer = api.get(film.url, headers={"Range": asked})

    assert body(answer) == CONTENT[start:end]
    assert answer.status_code == 206
    assert answer["Content-Range"] == f"bytes {start}-{end - 1}/10240"
    assert answer["Content-Length"] == str(end - start)


@pytest.mark.parametrize(
    "asked",
    ["bytes=0-1,5-9", "bytes=9-5", "bytes=-", "bytes=x-y", "lines=0-1", "bytes=٣-٥", "bytes=", ""],
)  # fmt: skip
def test_range_that_makes_no_sense_gets_the_whole(api, film, asked):
    answer = api.get(film.url, headers={"Range": asked})

    assert (answer.status_code, body(answer)) == (200, CONTENT)


@pytest.mark.parametrize("asked", ["bytes=10240-", "bytes=99999-100000", "bytes=-0"])
def test_range_beyond_the_end_is_not_satisfiable(api, film, asked):
    answer = api.get(film.url, headers={"Range": asked})

    assert (answer.status_code, answer["Content-Range"]) == (416, "bytes */10240")


def test_head_tells_without_sending(api, film):
    answer = api.head(film.url)

    assert (answer.status_code, answer["Content-Length"], body(answer)) == (200, "10240", b"")


def test_conditional_requests(api, film):
    first = api.get(film.url)
    etag, modified = first["ETag"], first["Last-Modified"]

    assert api.get(film.url, headers={"If-None-Match": etag}).status_code == 304
    assert api.get(film.url, headers={"If-Modified-Since": modified}).status_code == 304
    assert api.get(film.url, headers={"If-None-Match": '"other"'}).status_code == 200
    ranged = {"Range": "bytes=0-9"}
    assert api.get(film.url, headers={**ranged, "If-Range": etag}).status_code == 206
    assert api.get(film.url, headers={**ranged, "If-Range": modified}).status_code == 206
    assert api.get(film.url, headers={**ranged, "If-Range": '"other"'}).status_code == 200


def test_download_has_a_name_for_people(api, film, owner):
    answer = api.get(f"{film.url}?download=1")
    original = store(film.recording, Kind.ORIGINAL, CONTENT)
    name = api.get(f"/media/{original.stored.file.name}?download=1")["Content-Disposition"]

    assert answer["Content-Disposition"].startswith("attachment; filename*=utf-8''")
    assert "%D0%9B%D0%B5%D0%BA%D1%86%D0%B8%D1%8F" in answer["Content-Disposition"]
    assert name == "attachment; filename*=utf-8''%D0%BB%D0%B5%D0%BA%D1%86%D0%B8%D1%8F%201.mp4"


def test_name_cannot_break_out_of_its_header(api, film):
    Recording.objects.update(title='a"\r\nSet-Cookie: x=1; "b')

    answer = api.get(film.url)

    assert answer.status_code == 200
    assert "\n" not in answer["Content-Disposition"]
    assert "Set-Cookie" not in answer


def test_only_owner_and_administrators_see_it(api, other_api, admin_api, film):
    assert api.get(film.url).status_code == 200
    assert admin_api.get(film.url).status_code == 200
    assert other_api.get(film.url).status_code == 404
    assert other_api.get(film.url, headers={"Range": "bytes=0-1"}).status_code == 404


def test_trash_is_seen_by_its_owner_only(api, other_api, film):
    api.delete(f"/api/recordings/{film.recording_id}")

    assert api.get(film.url).status_code == 200
    assert other_api.get(film.url).status_code == 404


def test_anonymous_is_sent_to_sign_in(client, film):
    page = client.get(film.url, headers={"Accept": "text/html,*/*"})
    program = client.get(film.url)

    assert (page.status_code, page["Location"]) == (302, f"/sign-in?next={film.url}")
    assert (program.status_code, program["WWW-Authenticate"]) == (401, "Token")
    wrong = Client(headers={"Authorization": "Token wrong"})
    assert wrong.get(film.url).status_code == 401


def test_session_opens_it_too(client, owner, film):
    client.force_login(owner)

    assert client.get(film.url).status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "user_1/video/processed/999_trimmed.mp4",
        "../db.sqlite3",
        "user_1/../../db.sqlite3",
        "/etc/passwd",
        "%2e%2e/%2e%2e/etc/passwd",
        "a%00b",
        "x" * 5000,
        ".incoming/x.part",
        "user_1/transcriptions/1/subtitles.srt.vtt",
    ],
)
def test_name_of_nothing_is_not_found(api, film, name):
    assert api.get(f"/media/{name}").status_code == 404


def test_released_file_is_gone_at_once(api, film):
    stored = film.stored
    film.delete()
    release([stored.pk], reason="deleted")

    assert api.get(film.url).status_code == 404


def test_writing_to_media_is_refused(api, film):
    assert api.post(film.url).status_code == 405
    assert api.delete(film.url).status_code == 405


def test_subtitles_come_as_srt_and_as_webvtt(api, other_api, film):
    srt = "1\r\n00:00:01,000 --> 00:00:02,500\r\nПривет & <b>\r\n\r\n".encode()
    file = store(film.recording, Kind.SUBTITLES, srt)
    url = f"/media/{file.stored.file.name}"

    plain, vtt = api.get(url), api.get(f"{url}.vtt")

    assert (plain["Content-Type"], body(plain)) == ("application/x-subrip", srt)
    assert vtt["Content-Type"] == "text/vtt; charset=utf-8"
    assert vtt.content.decode().startswith("WEBVTT\n\n00:00:01.000 --> 00:00:02.500\nПривет")
    assert api.get(f"{url}.vtt", headers={"If-None-Match": vtt["ETag"]}).status_code == 304
    assert other_api.get(f"{url}.vtt").status_code == 404
    assert api.get(f"{film.url}.vtt").status_code == 404


def test_subtitles_of_silence_are_empty_webvtt(api, film):
    file = store(film.recording, Kind.SUBTITLES, b"")

    assert api.get(f"/media/{file.stored.file.name}.vtt").content == b"WEBVTT\n"


def test_watching_is_noted_seldom(api, film, owner):
    seen = Recording.objects.filter(pk=film.recording_id)
    api.head(film.url)
    assert seen.get().last_watched_at is None

    body(api.get(film.url, headers={"Range": "bytes=0-9"}))
    first = seen.get().last_watched_at
    assert first is not None
    api.get(film.url)
    assert seen.get().last_watched_at == first

    seen.update(last_watched_at=Now() - timedelta(hours=1))
    api.get(film.url)
    assert seen.get().last_watched_at >= first


def test_proxy_sends_the_bytes_where_there_is_one(api, film, settings):
    settings.X_ACCEL_PREFIX = "/protected/"

    answer = api.get(film.url)

    assert answer["X-Accel-Redirect"] == f"/protected/{film.stored.file.name}"
    assert (answer.content, answer["Content-Type"]) == (b"", "video/mp4")
    assert caller(film.recording.owner).get(f"{film.url}x").status_code == 404


@pytest.mark.s3
def test_bucket_sends_the_bytes_by_a_signed_address(s3, api, other_api, film):
    answer = api.get(film.url)

    got = requests.get(answer["Location"], headers={"Range": "bytes=5-9"}, timeout=10)
    assert answer.status_code == 302
    assert "no-store" in answer["Cache-Control"]
    assert "Signature" in answer["Location"]
    assert (got.status_code, got.content) == (206, CONTENT[5:10])
    assert "video/mp4" in got.headers["Content-Type"]
    assert other_api.get(film.url).status_code == 404


@pytest.mark.s3
def test_subtitles_in_a_bucket_come_as_webvtt_from_the_site(s3, api, film):
    file = store(film.recording, Kind.SUBTITLES, b"1\n00:00:01,000 --> 00:00:02,000\nHi\n")

    assert "Hi" in api.get(f"/media/{file.stored.file.name}.vtt").content.decode()


def test_file_missing_from_storage_is_not_found(api, film, settings):
    (settings.MEDIA_ROOT / film.stored.file.name).unlink()

    assert api.get(film.url).status_code == 404


def test_subtitles_whose_bytes_are_missing_are_not_found(api, film):
    stored = store(film.recording, Kind.SUBTITLES, b"x").stored
    stored.file.storage.bulk_delete([stored.file.name])

    assert api.get(f"/media/{stored.file.name}.vtt").status_code == 404


@pytest.mark.s3
def test_subtitles_in_a_bucket_that_is_away_wait_for_it(s3, settings, api, film):
    stored = store(film.recording, Kind.SUBTITLES, b"x").stored
    take_away(settings)

    answer = api.get(f"/media/{stored.file.name}.vtt")

    assert (answer.status_code, answer.json()["code"]) == (503, "storage_fault")

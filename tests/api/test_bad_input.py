"""Bad input gets a sentence and the right status; nothing changes and nothing is left behind."""

from __future__ import annotations

import base64
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from recordings.models import Label, Recording
from recordings.uploads.intake import HELD_BYTES
from tests.api.conftest import assert_nothing_left, mp4
from tests.conftest import assert_clean

pytestmark = pytest.mark.django_db

PLAYLIST = b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:1,\nfile:///etc/passwd\n"
CONCAT = b"ffconcat version 1.0\nfile '../../user_2/video/processed/1_trimmed.mp4'\n"


def assert_sentence(answer, status, code):
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), body
    assert body["detail"].strip().endswith((".", ":")) or code == "invalid"
    assert "Traceback" not in answer.content.decode()


@pytest.mark.parametrize(
    "content",
    [
        b"Just text, in a file called so.\n" * 50,
        b"\xff\xfeT\0e\0x\0t\0" * 400,
        PLAYLIST,
        CONCAT,
        b"<html><video src=x></html>",
        b"PK\x03\x04" + bytes(5000),
        b"\x89PNG\r\n\x1a\n" + bytes(5000),
        bytes(5000),
        b"x",
        b"text " * (HELD_BYTES // 4),  # long enough to be streamed
    ],
    ids=["text", "utf-16", "m3u8", "ffconcat", "html", "zip", "png", "zeros", "byte", "long text"],
)
def test_what_is_no_media_is_refused(upload, content, stored_names, account):
    answer = upload(content)

    assert_sentence(answer, 415, "not_media")
    assert_nothing_left(stored_names)
    assert (account().used, account().reserved) == (0, 0)
    assert_clean()


def test_empty_file_is_refused(upload, stored_names):
    assert_sentence(upload(b""), 400, "empty_file")
    assert_nothing_left(stored_names)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({}, None),
        ({"title": "No file"}, None),
        ({"file": "as text"}, None),
        ({"film": SimpleUploadedFile("a.mp4", b"x")}, None),
        (json.dumps({"file": "x"}), "application/json"),
        ("file=x", "application/x-www-form-urlencoded"),
        (b"", "multipart/form-data"),
        (b"", "multipart/form-data; boundary=x"),
    ],
)
def test_request_without_a_file_is_refused(api, body, kind, stored_names):
    more = {"content_type": kind} if kind else {}

    assert_sentence(api.post("/api/recordings", body, **more), 400, "missing_file")
    assert_nothing_left(stored_names)


def test_file_name_that_is_a_folder_is_no_file(api, stored_names):
    part = b'Content-Disposition: form-data; name="file"; filename=".."\r\n\r\n'
    body = b"--frontier\r\n" + part + mp4() + b"\r\n--frontier--\r\n"

    answer = api.post(
        "/api/recordings", body, content_type="multipart/form-data; boundary=frontier"
    )

    assert_sentence(answer, 400, "missing_file")
    assert_nothing_left(stored_names)


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("size", [20_000, HELD_BYTES + 100_000])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "x" * 2_000_000),
        ("title", "a\0b"),
        ("language", "klingon!"),
        ("recorded_at", "yesterday"),
        ("recorded_at", "2026-13-45T00:00:00Z"),
        ("expire_at", "-1"),
        ("expire_at", "999999999-01-01T00:00:00Z"),
        ("trim_start", "-1"),
        ("trim_start", "soon"),
        ("trim_start", "nan"),
        ("trim_start", "1e999"),
        ("trim_end", "inf"),
        ("trim_end", "0"),
        ("process", "perhaps"),
        ("labels", ",".join(f"label {n}" for n in range(100))),
        ("labels", "x" * 101),
        ("labels", "a\0b"),
        ("subtitles", "1\n00:00:05,000 --> 00:00:01,000\nBackwards\n"),
        ("subtitles", "no captions at all"),
    ],
)
def test_bad_field_is_refused_by_name(upload, field, value, place, size, stored_names, account):
    answer = (
        upload(mp4(size), after={field: value}) if place == "after" else upload(**{field: value})
    )

    assert_sentence(answer, 400, "invalid")
    assert answer.json()[field][0]
    assert_nothing_left(stored_names)
    assert (account().used, account().reserved) == (0, 0)
    assert not Label.objects.exists()


def test_bad_captions_are_refused_with_line_and_reason(upload):
    wrong = SimpleUploadedFile("own.srt", b"1\n00:00:01,000 --> soon\nHello\n")

    answer = upload(subtitles=wrong)

    assert answer.status_code == 400
    assert answer.json()["subtitles"][0].startswith("Line 2")


def test_captions_of_endless_length_are_refused(upload, stored_names):
    answer = upload(subtitles=SimpleUploadedFile("own.srt", b"x" * (11 * 1024**2)))

    assert_sentence(answer, 413, "too_large")
    assert_nothing_left(stored_names)


def test_end_before_start_is_refused(upload):
    answer = upload(trim_start="9", trim_end="3")

    assert answer.json()["trim_end"] == [
        "The end must be later than the start of the part that stays."
    ]


def test_fields_beyond_the_limit_are_refused(upload, stored_names):
    assert_sentence(upload(description="x" * (6 * 1024**2)), 413, "too_large")
    assert_sentence(upload(**{f"f{n}": "x" for n in range(1100)}), 400, "invalid_upload")
    assert_nothing_left(stored_names)


def test_two_files_in_a_request_are_refused(api, stored_names):
    files = [SimpleUploadedFile(f"{n}.mp4", mp4()) for n in range(2)]

    assert_sentence(api.post("/api/recordings", {"file": files}), 400, "invalid_upload")
    assert_nothing_left(stored_names)


def test_form_without_its_end_is_refused(api, stored_names):
    body = (
        b'--frontier\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
        + mp4()
    )

    answer = api.post(
        "/api/recordings", body, content_type="multipart/form-data; boundary=frontier"
    )

    assert_sentence(answer, 400, "cut_short")
    assert_nothing_left(stored_names)


def test_chunked_body_is_refused(api):
    answer = api.post("/api/recordings", {}, HTTP_TRANSFER_ENCODING="chunked")

    assert_sentence(answer, 411, "length_required")


EVIL_IDS = ["0", "99999999", str(2**63 - 1), str(2**63), str(2**64), "9" * 400, "-1", "1.5", "abc"]


@pytest.mark.parametrize("pk", EVIL_IDS)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "recordings/{}"),
        ("patch", "recordings/{}"),
        ("delete", "recordings/{}"),
        ("delete", "recordings/{}?permanent=true"),
        ("post", "recordings/{}/restore"),
        ("post", "recordings/{}/process"),
        ("post", "recordings/{}/cancel"),
        ("get", "jobs/{}"),
        ("post", "jobs/{}/cancel"),
    ],
)
def test_id_of_nothing_is_not_found(api, method, path, pk):
    answer = getattr(api, method)(f"/api/{path.format(pk)}", content_type="application/json")

    assert_sentence(answer, 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", ""),
        ("patch", ""),
        ("delete", ""),
        ("delete", "?permanent=true"),
        ("post", "/restore"),
        ("post", "/process"),
        ("post", "/cancel"),
    ],
)
def test_what_is_someone_elses_is_not_found(other_api, recording, method, path):
    call = getattr(other_api, method)

    answer = call(f"/api/recordings/{recording.pk}{path}", content_type="application/json")

    assert_sentence(answer, 404, "not_found")
    assert Recording.objects.live().filter(pk=recording.pk, title="Lecture").exists()


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=-1", "limit=x", "limit=1.5", "limit=٣", "limit=" + "9" * 50,
        "cursor=x", "cursor=%00", "cursor=W10", "cursor=WyJ4Iiwx", "cursor=" + "W" * 5000,
        "cursor=WyIyMDI2LTAxLTAxIiwgMV0", "cursor=WzEsIDFd", "state=lost", "trashed=perhaps",
        "search=%00", "search=" + "x" * 300, "label=%00",
    ],
)  # fmt: skip
def test_bad_query_is_refused(api, recording, query):
    assert_sentence(api.get(f"/api/recordings?{query}"), 400, "invalid")


def test_name_with_nul_in_it_is_nobodys(admin_api, owner):
    assert_sentence(admin_api.get("/api/users/ol%00ga/quota"), 404, "not_found")
    assert admin_api.get("/api/runs?policy=%00").json()["results"] == []


@pytest.mark.parametrize(
    "row",
    [
        ["2026-01-01T00:00:00+00:00", 2**70],
        ["2026-01-01T00:00:00+00:00", True],
        ["0001-01-01T00:00:00+14:00", 1],
        ["9999-12-31T23:59:59-14:00", 1],
    ],
)
def test_cursor_out_of_range_is_refused(api, recording, row):
    cursor = base64.urlsafe_b64encode(json.dumps(row).encode()).decode().rstrip("=")

    assert_sentence(api.get(f"/api/recordings?cursor={cursor}"), 400, "invalid")


@pytest.mark.parametrize(
    "body",
    [
        {"title": ""},
        {"title": "   "},
        {"title": "x" * 301},
        {"title": None},
        {"title": ["x"]},
        {"title": "a\0b"},
        {"title": "\ud800"},
        {"language": 5.5},
        {"labels": "x" * 200},
        {"labels": [1]},
        {"labels": {"a": 1}},
        {"labels": ["\ud800"]},
        {"expire_at": "soon"},
        {"expire_at": 1e400},
        {"description": "x" * 20_001},
        [1, 2],
        "text",
        5,
        None,
    ],
)
def test_bad_edit_changes_nothing(api, recording, body):
    answer = api.patch(
        f"/api/recordings/{recording.pk}", json.dumps(body), content_type="application/json"
    )

    assert answer.status_code == 400, answer.content
    assert answer.json()["detail"]
    row = Recording.objects.get(pk=recording.pk)
    assert (row.title, row.language, row.expire_at) == ("Lecture", "", None)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        ("", 200),
        ("[" * 100_000, 400),
        ("1" * 10_000, 400),
        ('{"title": NaN}', 400),
        (b"\xff\xfe\x00", 400),
        ('{"x": "' + "x" * (6 * 1024**2) + '"}', 413),
    ],
)
def test_bad_json_gets_a_sentence(api, recording, body, status):
    answer = api.patch(f"/api/recordings/{recording.pk}", body, content_type="application/json")

    assert answer.status_code == status
    assert "detail" in answer.json() or status == 200


@pytest.mark.parametrize(
    "body",
    [
        {"trim_start": -1},
        {"trim_end": "x"},
        {"trim_start": 5, "trim_end": 5},
        {"trim_start": True},
        {"trim_start": [1]},
        {"trim_end": 10**400},
        {"language": "?"},
    ],
)
def test_bad_options_start_no_job(api, recording, body):
    answer = api.post(
        f"/api/recordings/{recording.pk}/process", body, content_type="application/json"
    )

    assert_sentence(answer, 400, "invalid")
    assert not recording.jobs.exists()


def test_wrong_kind_of_body_gets_a_sentence(api, recording):
    answer = api.patch(f"/api/recordings/{recording.pk}", "<x/>", content_type="application/xml")

    assert_sentence(answer, 415, "unsupported_media_type")


def test_wrong_method_gets_a_sentence(api):
    assert_sentence(api.put("/api/recordings"), 405, "method_not_allowed")


def test_address_of_nothing_gets_a_sentence(api):
    assert_sentence(api.get("/api/nothing/here"), 404, "not_found")


def test_unforeseen_error_shows_no_trace(api, recording, monkeypatch):
    def break_down(*args, **kwargs):
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("recordings.api.recordings.shown", break_down)

    answer = api.get(f"/api/recordings/{recording.pk}")

    assert_sentence(answer, 500, "server_error")
    assert "secret" not in answer.content.decode()

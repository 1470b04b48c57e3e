"""The protocol of tus 1.0 and its extensions, a test for each thing that it says a server MUST."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from recordings import periods
from recordings.ledger.models import Account
from recordings.models import Recording, ResumableUpload
from tests.api.conftest import assert_nothing_left, mp4
from tests.api.tus_client import UPLOADS, Tus, metadata
from tests.conftest import assert_clean

pytestmark = pytest.mark.django_db(transaction=True)

SIZE = 200_000
HALF = 100_000


@pytest.fixture
def tus(api: Client) -> Tus:
    return Tus(api)


@pytest.fixture
def content() -> bytes:
    return mp4(SIZE)


@pytest.fixture
def path(tus: Tus) -> str:
    return tus.begin(SIZE)


@pytest.fixture
def begun(tus: Tus, path: str, content: bytes) -> str:
    """An upload of which half is here."""
    assert tus.patch(path, 0, content[:HALF]).status_code == 204
    return path


def checksum(name: str, body: bytes) -> str:
    if name == "crc32":
        digest = zlib.crc32(body).to_bytes(4, "big")
    else:
        digest = hashlib.new(name, body).digest()
    return f"{name} {base64.b64encode(digest).decode()}"


# --- core


def test_head_tells_offset_and_length_and_must_not_be_cached(tus: Tus, path: str) -> None:
    answer = tus.head(path)

    assert answer.status_code == 200
    assert (answer["Upload-Offset"], answer["Upload-Length"]) == ("0", str(SIZE))
    assert answer["Cache-Control"] == "no-store"


def test_head_repeats_the_metadata_as_they_came(tus: Tus, path: str) -> None:
    assert tus.head(path)["Upload-Metadata"] == metadata(filename="lecture.mp4")


def test_head_of_what_is_not_there_has_no_offset(tus: Tus) -> None:
    answer = tus.head(f"{UPLOADS}/unknown")

    assert answer.status_code == 404
    assert "Upload-Offset" not in answer


def test_patch_goes_on_at_the_offset_and_tells_the_new_one(
    tus: Tus, path: str, content: bytes
) -> None:
    answer = tus.patch(path, 0, content[:HALF])

    assert (answer.status_code, answer["Upload-Offset"]) == (204, str(HALF))
    assert tus.offset(path) == HALF


@pytest.mark.parametrize("offset", [0, HALF - 1, HALF + 1, SIZE - 1])
def test_patch_at_another_offset_is_409_and_changes_nothing(
    tus: Tus, begun: str, content: bytes, offset: int
) -> None:
    answer = tus.patch(begun, offset, content[offset : offset + 10])

    assert answer.status_code == 409
    assert tus.offset(begun) == HALF


@pytest.mark.parametrize("kind", ["application/octet-stream", "text/plain"])
def test_patch_of_another_content_type_is_415(tus: Tus, path: str, kind: str) -> None:
    answer = tus.patch(path, 0, b"bytes", **{"Content-Type": kind})

    assert (answer.status_code, answer.json()["code"]) == (415, "wrong_content_type")


@pytest.mark.parametrize("offset", [None, "", "-1", "1.5", "ten", "9" * 30])
def test_patch_without_a_whole_offset_is_400(tus: Tus, path: str, offset: str | None) -> None:
    assert tus.patch(path, 0, b"bytes", Upload_Offset=offset).status_code == 400


def test_patch_of_what_is_not_there_is_404(tus: Tus) -> None:
    assert tus.patch(f"{UPLOADS}/unknown", 0, b"bytes").status_code == 404


def test_patch_beyond_the_announced_length_is_refused(tus: Tus, begun: str, content: bytes) -> None:
    assert tus.patch(begun, HALF, content[HALF:] + b"more").status_code == 413
    assert tus.offset(begun) == HALF


def test_options_tell_what_is_offered_without_a_version_or_a_user(
    client: Client, settings: Any
) -> None:
    settings.UPLOAD_MAX_BYTES = 5_000_000

    answer = client.options(UPLOADS)

    assert answer.status_code == 204
    assert answer["Tus-Version"] == answer["Tus-Resumable"] == "1.0.0"
    assert set(answer["Tus-Extension"].split(",")) == {
        "creation", "termination", "checksum", "expiration",
    }  # fmt: skip
    assert answer["Tus-Checksum-Algorithm"] == "sha1,sha256,md5,crc32"
    assert answer["Tus-Max-Size"] == "5000000"


@pytest.mark.parametrize("version", [None, "0.2.2", "1.0.1", "2.0.0"])
@pytest.mark.parametrize("method", ["POST", "HEAD", "PATCH", "DELETE"])
def test_other_version_is_412_and_nothing_is_done(
    tus: Tus, begun: str, content: bytes, method: str, version: str | None
) -> None:
    to = UPLOADS if method == "POST" else begun
    answer = tus.send(
        method, to, content[HALF:], Tus_Resumable=version, Upload_Offset=HALF, Upload_Length=SIZE,
        Content_Type="application/offset+octet-stream",
    )  # fmt: skip

    assert (answer.status_code, answer["Tus-Version"]) == (412, "1.0.0")
    assert tus.offset(begun) == HALF
    assert Recording.objects.count() == 1


def test_every_answer_names_the_version(tus: Tus, begun: str, content: bytes) -> None:
    answers = [
        tus.create(SIZE),
        tus.create(0),
        tus.head(begun),
        tus.head(f"{UPLOADS}/unknown"),
        tus.patch(begun, 0, content),
        tus.patch(begun, HALF, content[HALF:]),
        tus.send("GET", begun),
        Tus(Client()).head(begun),
    ]

    assert {answer["Tus-Resumable"] for answer in answers} == {"1.0.0"}


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_method_in_the_header_counts_and_the_real_one_does_not(
    tus: Tus, path: str, content: bytes, method: str
) -> None:
    answer = tus.send(
        method, path, content, X_HTTP_Method_Override="PATCH", Upload_Offset=0,
        Content_Type="application/offset+octet-stream",
    )  # fmt: skip

    assert (answer.status_code, answer["Upload-Offset"]) == (204, str(SIZE))
    assert tus.send("POST", path, X_HTTP_Method_Override="HEAD")["Upload-Offset"] == str(SIZE)


# --- creation


def test_creation_is_201_with_the_address(tus: Tus) -> None:
    answer = tus.create(SIZE)

    assert answer.status_code == 201
    assert tus.offset(answer["Location"]) == 0


@pytest.mark.parametrize("length", [None, "", "-5", "five", "1e3"])
def test_creation_without_a_whole_length_is_400(
    tus: Tus, length: str | None, stored_names: Callable[[], set[str]]
) -> None:
    assert tus.send("POST", UPLOADS, Upload_Length=length).status_code == 400
    assert_nothing_left(stored_names)


def test_length_cannot_come_later(tus: Tus) -> None:
    assert tus.send("POST", UPLOADS, Upload_Defer_Length=1).status_code == 400


def test_file_over_the_greatest_size_is_413(tus: Tus, settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = SIZE

    answer = tus.create(SIZE + 1)

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert tus.create(SIZE).status_code == 201


def test_empty_file_is_refused_at_once(tus: Tus, stored_names: Callable[[], set[str]]) -> None:
    answer = tus.create(0)

    assert (answer.status_code, answer.json()["code"]) == (400, "empty_file")
    assert_nothing_left(stored_names)


def test_file_over_the_quota_is_refused_with_the_figures(
    tus: Tus, owner: Any, stored_names: Callable[[], set[str]]
) -> None:
    Account.objects.filter(owner_id=owner.pk).update(uses_default_limit=False, own_limit=SIZE)

    answer = tus.create(SIZE)

    said = answer.json()
    assert (answer.status_code, said["code"]) == (413, "quota_exceeded")
    assert (said["used"], said["limit"], said["needed"]) == (0, SIZE, SIZE * 160 // 100)
    assert_nothing_left(stored_names)
    assert tus.create(SIZE, process="false").status_code == 201


@pytest.mark.parametrize(
    "said",
    ["filename lecture.mp4", "title ####", "title YQ==,title Yg==", "é YQ==", "title /w=="],
    ids=["plain text", "no base64", "twice", "not ASCII", "not UTF-8"],
)
def test_damaged_metadata_are_400(tus: Tus, said: str) -> None:
    headers = {"Upload-Metadata": said.encode().decode("latin-1"), "Upload-Length": SIZE}

    assert tus.send("POST", UPLOADS, **headers).status_code == 400
    assert not Recording.objects.exists()


def test_metadata_describe_the_recording_from_the_beginning(tus: Tus) -> None:
    tus.begin(
        SIZE, title="Оптика", language="ru", labels="physics, spring", trim_start="1.5",
        trim_end="9", recorded_at="2026-05-04T10:00:00Z", expire_at="2030-01-01T00:00:00Z",
    )  # fmt: skip

    recording = Recording.objects.get()
    assert (recording.title, recording.language) == ("Оптика", "ru")
    assert (recording.trim_start, recording.trim_end) == (1.5, 9.0)
    assert {label.name for label in recording.labels.all()} == {"physics", "spring"}
    assert recording.recorded_at is not None
    assert recording.expire_at is not None
    assert recording.state == Recording.State.UPLOADING


def test_wrong_value_in_the_metadata_names_its_field(tus: Tus) -> None:
    answer = tus.create(SIZE, trim_start="soon")

    assert answer.status_code == 400
    assert "trim_start" in answer.json()


# --- checksum


@pytest.mark.parametrize("name", ["sha1", "sha256", "md5", "crc32"])
def test_bytes_with_their_checksum_count(tus: Tus, path: str, content: bytes, name: str) -> None:
    said = checksum(name, content[:HALF])

    assert tus.patch(path, 0, content[:HALF], Upload_Checksum=said).status_code == 204
    assert tus.offset(path) == HALF
    rest = content[HALF:]
    last = tus.patch(path, HALF, rest, Upload_Checksum=checksum(name, rest))
    assert last["Recording-Id"]
    assert_clean()


@pytest.mark.parametrize("offset", [0, HALF])
def test_bytes_with_a_wrong_checksum_are_460_and_none_counts(
    tus: Tus, begun: str, content: bytes, offset: int
) -> None:
    path = tus.begin(SIZE) if offset == 0 else begun
    said = checksum("sha1", b"something else")

    assert tus.patch(path, offset, content[offset:], Upload_Checksum=said).status_code == 460
    assert tus.offset(path) == offset
    answer = tus.patch(path, offset, content[offset:])
    assert Recording.objects.get(pk=answer["Recording-Id"]).files.get().stored.sha256 == (
        hashlib.sha256(content).hexdigest()
    )


@pytest.mark.parametrize("said", ["sha512 YQ==", "sha1 ####", "sha1", ""])
def test_checksum_that_cannot_be_read_is_400(
    tus: Tus, path: str, content: bytes, said: str
) -> None:
    answer = tus.patch(path, 0, content, Upload_Checksum=said)

    assert answer.status_code in (400, 460)
    assert tus.offset(path) == 0


def test_damaged_first_bytes_are_not_judged_before_their_checksum(
    tus: Tus, path: str, content: bytes
) -> None:
    answer = tus.patch(path, 0, b"x" * SIZE, Upload_Checksum=checksum("sha1", content))

    assert answer.status_code == 460
    assert tus.patch(path, 0, content)["Recording-Id"]


# --- expiration


def test_unfinished_upload_says_until_when_it_can_go_on(
    tus: Tus, settings: Any, content: bytes
) -> None:
    settings.UPLOAD_PERIOD = timedelta(hours=3)
    created = tus.create(SIZE)
    patched = tus.patch(created["Location"], 0, content[:HALF])
    asked = tus.head(created["Location"])

    for answer in (created, patched, asked):
        until = parsedate_to_datetime(answer["Upload-Expires"])
        assert abs(until - timezone.now() - timedelta(hours=3)) < timedelta(minutes=1)


@pytest.mark.parametrize("method", ["HEAD", "PATCH"])
def test_upload_that_has_expired_is_410(tus: Tus, begun: str, content: bytes, method: str) -> None:
    ResumableUpload.objects.update(expires_at=Now() - timedelta(seconds=1))

    answer = tus.head(begun) if method == "HEAD" else tus.patch(begun, HALF, content[HALF:])

    assert answer.status_code == 410


def test_shorter_period_of_an_upper_layer_counts(tus: Tus, monkeypatch: Any) -> None:
    monkeypatch.setattr(periods, "sources", [lambda of: timedelta(minutes=5)])

    until = parsedate_to_datetime(tus.create(SIZE)["Upload-Expires"])

    assert until - timezone.now() < timedelta(minutes=6)


# --- termination


def test_upload_that_is_given_up_leaves_nothing(
    tus: Tus, begun: str, stored_names: Callable[[], set[str]], account: Callable[[], Account]
) -> None:
    assert tus.send("DELETE", begun).status_code == 204

    assert tus.head(begun).status_code in (404, 410)
    assert tus.patch(begun, HALF, b"more").status_code in (404, 410)
    assert_nothing_left(stored_names)
    assert (account().used, account().reserved) == (0, 0)
    assert_clean()


def test_finished_upload_is_not_given_up(tus: Tus, path: str, content: bytes) -> None:
    recording = tus.patch(path, 0, content)["Recording-Id"]

    assert tus.send("DELETE", path).status_code == 409
    assert Recording.objects.filter(pk=recording).exists()


# --- who may


def test_anonymous_is_401(begun: str) -> None:
    nobody = Tus(Client())

    assert nobody.create(SIZE).status_code == 401
    assert nobody.head(begun).status_code == 401
    assert nobody.patch(begun, HALF, b"more").status_code == 401


def test_upload_of_somebody_else_is_404(
    tus: Tus, other_api: Client, admin_api: Client, begun: str
) -> None:
    for stranger in (Tus(other_api), Tus(admin_api)):
        assert stranger.head(begun).status_code == 404
        assert stranger.patch(begun, HALF, b"more").status_code == 404
        assert stranger.send("DELETE", begun).status_code == 404
    assert tus.offset(begun) == HALF


def test_browser_without_its_token_is_refused(owner: Any) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(owner)

    assert Tus(browser).create(SIZE).status_code == 403
    override = Tus(browser).send("GET", UPLOADS, X_HTTP_Method_Override="POST", Upload_Length=SIZE)
    assert override.status_code == 403

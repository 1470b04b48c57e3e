"""A file is fetched from an address and becomes a recording, as if it had been uploaded."""

from __future__ import annotations

import hashlib

import pytest

from recordings.ledger.models import Account
from recordings.models import Job, Recording
from recordings.processing import jobs
from tests.api.conftest import mp4
from tests.conftest import assert_clean
from tests.imports.server import head
from tests.recordings.scenes import files, processed, ship_rules

pytestmark = pytest.mark.django_db(transaction=True)


def test_import_becomes_a_recording_that_waits_to_be_processed(server, fetched, owner):
    content = mp4(6_000_000)

    job = fetched(server.serves(content), "A talk")

    assert (job.state, job.progress, job.error) == ("succeeded", 100, "")
    recording = job.recording
    assert (recording.owner, recording.title, recording.state) == (owner, "A talk", "queued")
    assert recording.open_job.kind == Job.Kind.PROCESS
    stored = recording.files.get().stored
    assert (stored.size, stored.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert_clean()


def test_room_for_processing_is_set_aside_also_for_a_file_of_unknown_length(server, fetched):
    content = mp4(12_000_000)

    job = fetched(server.says(head(), content))

    assert job.recording.open_job.reservation.size == jobs.estimate(len(content))
    assert_clean()


def test_file_of_unknown_length_without_room_for_its_processing_is_refused(server, fetched, owner):
    Account.objects.filter(owner_id=owner.pk).update(uses_default_limit=False, own_limit=13_000_000)

    job = fetched(server.says(head(), mp4(12_000_000)))

    assert (job.state, Recording.objects.count()) == ("failed", 0)
    assert_clean()


@pytest.mark.media
def test_imported_clip_is_processed(server, fetched, clip):
    ship_rules()
    job = fetched(server.serves(clip("video", 3).read_bytes()))

    assert processed(job.recording) == "succeeded"
    assert {"trimmed", "audio", "transcript"} <= set(files(job.recording))


def test_file_without_a_length_is_taken_to_its_end(server, fetched):
    content = mp4(5_000_000)

    job = fetched(server.says(head(), content))

    assert job.recording.files.get().stored.size == len(content)
    assert_clean()


def test_file_in_chunks_is_put_together(server, fetched):
    content = mp4(5_000_000)
    chunks = [content[i : i + 70_000] for i in range(0, len(content), 70_000)]
    body = b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in chunks) + b"0\r\n\r\n"

    job = fetched(server.says(head("Transfer-Encoding: chunked"), body))

    assert job.recording.files.get().stored.size == len(content)


def test_bytes_after_the_length_are_not_the_file(server, fetched):
    content = mp4()

    job = fetched(server.says(head(f"Content-Length: {len(content)}"), content, b"more" * 1000))

    assert job.recording.files.get().stored.size == len(content)


def test_redirects_are_followed(server, fetched):
    server.serves(mp4(), path="/the%20talk.mp4")
    server.sends_on("the talk.mp4", path="/third", status=308)
    server.sends_on(server.url("/third"), path="/second", status=301)

    job = fetched(server.sends_on("/second?again=1", path="/first"))

    assert job.state == "succeeded", job.error
    assert job.recording.original_name == "the talk.mp4"


@pytest.mark.parametrize(
    ("disposition", "path", "name"),
    [
        ('attachment; filename="Week 1.mp4"', "/x", "Week 1.mp4"),
        ("attachment; filename=week1.mp4", "/x", "week1.mp4"),
        (
            "attachment; filename=\"w.mp4\"; filename*=UTF-8''%D0%9B%D0%B5%D0%BA.mp4",
            "/x",
            "Лек.mp4",
        ),
        ('attachment; filename="..\\\\..\\\\etc/passwd.mp4"', "/x", "passwd.mp4"),
        ("inline", "/talks/%D0%9B%D0%B5%D0%BA.mp4", "Лек.mp4"),
        ("attachment; filename*=nonsense", "/talks/last.mp4", "last.mp4"),
    ],
)
def test_name_comes_from_the_server_or_else_from_the_address(
    server, fetched, disposition, path, name
):
    job = fetched(server.serves(mp4(), f"Content-Disposition: {disposition}", path=path))

    assert job.recording.original_name == name
    assert job.recording.title == name.removesuffix(".mp4")


def test_nothing_is_said_to_the_server_that_it_need_not_know(server, fetched, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    fetched(server.serves(mp4(), "Set-Cookie: a=b"))

    names = [line.partition(":")[0] for line in server.requests[0].split("\r\n")[1:] if line]
    assert names == ["Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"]


def test_owner_sees_the_recording_come_in(server, fetched):
    fetched(server.serves(mp4()))

    assert Recording.objects.get().jobs.count() == 2

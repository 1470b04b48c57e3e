"""What is no file, lies about itself or never ends is refused in a sentence, and nothing stays."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from recordings.models import Job
from tests.api.conftest import HEAD, mp4
from tests.imports.server import head
from tests.recordings.scenes import assert_nothing_but

pytestmark = pytest.mark.django_db(transaction=True)

MP4_START = HEAD + b"\0" * 5_000_000


def assert_refused(job: Job, words: str) -> None:
    assert (job.state, job.recording) == ("failed", None)
    assert words in job.error
    assert job.error.endswith(".")
    assert_nothing_but(set())


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (head("Content-Length: 5", status="404 Not Found") + b"gone!", "no file at this address"),
        (head("Content-Length: 0", status="500 Oops"), "answered 500"),
        (head("Content-Length: 0", status="304 Not Modified"), "answered 304"),
        (head("Content-Length: 2", status="206 Partial Content") + b"ab", "answered 206"),
        (head("Content-Length: 0", status="302 Found"), "does not say which"),
        (head("Content-Length: 0"), "The file is empty"),
        (head(), "The file is empty"),
        (head("Content-Length: 9000") + mp4(8000), "ended after"),
        (head("Content-Length: 6000000") + MP4_START, "ended after"),
        (head("Content-Length: -5") + mp4(), "how large"),
        (head("Content-Length: 0x10") + mp4(), "how large"),
        (head(f"Content-Length: {'9' * 5000}") + mp4(), "how large"),
        (head(f"Content-Length: {10**18}") + mp4(), "how large"),
        (head("Transfer-Encoding: chunked") + b"-5\r\n" + mp4(), "before the file was complete"),
        (head("Content-Length: 5", "Content-Length: 20000") + mp4(), "how large"),
        (head("Content-Encoding: gzip", "Content-Length: 20000") + mp4(), "packed"),
        (head("Transfer-Encoding: gzip, chunked") + mp4(), "packed"),
        (head("Transfer-Encoding: chunked") + b"what?\r\n", "before the file was complete"),
        (head("Transfer-Encoding: chunked") + b"ff\r\nshort", "before the file was complete"),
        (head("Content-Length: 6", "Content-Type: text/html") + b"<html>", "web page"),
        (head("Content-Length: 6") + b"#EXTM3", "no video or audio file"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "cannot be read"),
        (b"", "closed the connection"),
        (head(*[f"X-{i}: {i}" for i in range(200)]), "cannot be read"),
        (head(f"X: {'x' * 70_000}"), "cannot be read"),
    ],
)
def test_answer_that_is_no_file_is_refused(server, fetched, answer, words):
    assert_refused(fetched(server.says(answer)), words)


def test_circle_of_redirects_ends(server, fetched):
    server.sends_on("/two", path="/one")
    server.sends_on("/one", path="/two")

    assert_refused(fetched(server.url("/one")), "more than 5")
    assert len(server.requests) == 6


def test_file_that_never_ends_is_stopped_by_the_largest_size(server, fetched, settings):
    settings.UPLOAD_MAX_BYTES = 8_000_000
    forever = itertools.repeat(bytes(100_000))

    assert_refused(fetched(server.does(server.pours(head() + HEAD, forever))), "at most 8,000,000")


def test_file_that_never_ends_is_stopped_by_the_quota(server, fetched, settings):
    settings.DEFAULT_QUOTA_BYTES = 12_000_000
    forever = itertools.repeat(bytes(100_000))

    assert_refused(fetched(server.does(server.pours(head() + HEAD, forever))), "of your 11.4")


def test_file_without_room_is_refused_by_its_length_alone(server, fetched, settings):
    settings.DEFAULT_QUOTA_BYTES = 1_000_000
    silent = server.falls_silent(head("Content-Length: 5000000"))

    assert_refused(fetched(server.does(silent)), "This needs")


def test_file_larger_than_the_site_takes_is_refused_by_its_length_alone(server, fetched, settings):
    settings.UPLOAD_MAX_BYTES = 1_000_000
    silent = server.falls_silent(head("Content-Length: 1000001"))

    assert_refused(fetched(server.does(silent)), "at most 1,000,000 bytes")


def test_trickle_is_too_slow(server, fetched, settings):
    settings.IMPORT_PACE_PERIOD = timedelta(seconds=0.5)
    trickle = server.pours(head() + HEAD, itertools.repeat(b"\0"), pause=0.02)

    assert_refused(fetched(server.does(trickle)), "too slowly")


def test_trickle_within_the_length_of_a_chunk_is_too_slow(server, fetched, settings):
    settings.IMPORT_PACE_PERIOD = timedelta(seconds=0.5)
    start = head("Transfer-Encoding: chunked") + b"5;"
    trickle = server.pours(start, itertools.repeat(b"x"), pause=0.02)

    assert_refused(fetched(server.does(trickle)), "too slowly")


@pytest.mark.parametrize("start", [head() + HEAD, head() + MP4_START])
def test_silence_is_not_borne(server, fetched, settings, start):
    settings.IMPORT_SILENCE = timedelta(seconds=0.5)

    assert_refused(fetched(server.does(server.falls_silent(start))), "fell silent")


def test_head_that_trickles_is_not_borne(server, fetched, monkeypatch):
    monkeypatch.setattr("recordings.uploads.wire.ANSWER_SECONDS", 0.5)
    trickle = server.pours(b"HTTP/1.1 200 OK\r\nX: ", itertools.repeat(b"x"), pause=0.02)

    assert_refused(fetched(server.does(trickle)), "did not answer in time")


def test_promises_to_go_on_are_not_borne_for_ever(server, fetched, monkeypatch):
    monkeypatch.setattr("recordings.uploads.wire.ANSWER_SECONDS", 0.5)
    promises = itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n")

    assert_refused(fetched(server.does(server.pours(b"", promises))), "did not answer in time")


def test_import_takes_no_longer_than_it_may(server, fetched, settings):
    settings.IMPORT_TIMEOUT = timedelta(seconds=1)
    forever = server.pours(head() + HEAD, itertools.repeat(bytes(1000)), pause=0.01)

    assert_refused(fetched(server.does(forever)), "took too long")


def test_server_that_is_not_there(server, fetched):
    url = server.url()
    server.close()

    assert_refused(fetched(url), "closed the connection or refused it")


def test_import_that_was_switched_off_meanwhile_fetches_nothing(server, ask, settings):
    from recordings.processing import work

    job = ask(server.serves(mp4()))
    settings.IMPORT_BY_URL = False

    assert work.carry_out(job.pk) == "failed"
    job.refresh_from_db()
    assert "switched off" in job.error
    assert server.requests == []

"""Whatever a server says, the download ends, in a file or in a sentence."""

from __future__ import annotations

import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recordings.processing.exceptions import MediaError
from recordings.uploads.exceptions import UploadRefused
from recordings.uploads.web import download

LINES = [
    b"HTTP/1.1 200 OK", b"HTTP/1.0 200", b"HTTP/9.9 200 OK", b"HTTP/1.1 999 ?", b"ICY 200 OK",
    b"HTTP/1.1 301 Moved", b"HTTP/1.1 100 Continue", b"HTTP/1.1 204 No Content", b"",
    b"Content-Length: 5", b"Content-Length: 0", b"Content-Length: five", b"Content-Length: \xb2",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked, chunked", b"Content-Encoding: br",
    b"Location: /talk.mp4", b"Location: http://[", b"Location: \xff\xfe", b"Location: //",
    b"Location: http://\xc4\xb0..x/", b"Content-Type: \xff;=;", b"Content-Disposition: ;;filename*",
    b"Content-Disposition: attachment; filename*=x'y'%ff%zz; filename=\"\\",
    b": no name", b" folded",
    b"5", b"ffffffffffffffffffff", b"-1", b"hello", b"0", b"\x00\xff",
]  # fmt: skip


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.one_of(st.sampled_from(LINES), st.binary(max_size=40)), max_size=12),
    st.sampled_from([b"\r\n", b"\n", b""]),
)
def test_any_answer_ends_in_a_file_or_in_a_sentence(server, lines, between):
    url = server.says(between.join([*lines, b""]))

    assert ended_with(url).endswith((".", "bytes"))


def ended_with(url: str) -> str:
    try:
        with download(url, stop=threading.Event()) as file:
            return f"{len(b''.join(file.chunks()))} bytes"
    except (MediaError, UploadRefused) as error:
        return str(error)


@pytest.mark.parametrize("url", ["http://localhost:{port}/", "http://LOCALHOST.:{port}?q=ü"])
def test_host_is_asked_for_as_it_was_written(server, url):
    server.serves(b"hello", path="/")

    with download(url.format(port=server.port), stop=threading.Event()) as file:
        assert b"".join(file.chunks()) == b"hello"
    assert f"Host: localhost:{server.port}" in server.requests[0]

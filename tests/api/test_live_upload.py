"""Uploads to the site as it is served: many at once, and clients that go away."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from django.conf import settings as django_settings
from django.db import connection

from recordings.ledger.models import Account, StoredFile
from recordings.models import ApiToken, Recording
from recordings.uploads.intake import HELD_BYTES
from tests.api.conftest import mp4
from tests.conftest import assert_clean
from tests.site.processes import ROOT, free_port, until

pytestmark = pytest.mark.django_db(transaction=True)

LARGE = HELD_BYTES + 200_000
BOUNDARY = "frontier-of-26-characters"
PART = (
    b"--frontier-of-26-characters\r\n"
    b'Content-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
)


def database_url() -> str:
    """Name the test database for another process."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    user = f"{database['USER']}:{database['PASSWORD']}".rstrip(":")
    return f"postgres://{user}@{database['HOST']}:{database['PORT']}/{database['NAME']}"


@pytest.fixture
def site(db: None, data_dir: Path) -> Iterator[str]:
    """Serve the test's database and media by gunicorn, as in the field."""
    port = free_port()
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATA_DIR": str(data_dir / "site"),
        "DATABASE_URL": database_url(),
        "MEDIA_ROOT": str(django_settings.MEDIA_ROOT),
        "PORT": str(port),
        "WEB_WORKERS": "2",
        "WEB_THREADS": "16",
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "mediasite/gunicorn.py"]
    with subprocess.Popen(command, cwd=ROOT, env=environment) as server:
        try:
            assert until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.send_signal(signal.SIGINT)  # at once, with clients that keep their lines open


@pytest.fixture
def key(owner: Any) -> str:
    return ApiToken.make(owner, name="test")[1]


def send(site: str, key: str, content: bytes, fields: dict[str, str], *, last: str) -> Any:
    """Send a form whose last part is the file, or whose last parts are the fields."""
    file = [("file", ("a.mp4", content))]
    form: list[Any] = [(name, (None, value)) for name, value in fields.items()]
    parts = form + file if last == "file" else file + form
    headers = {"Authorization": f"Token {key}"}
    return requests.post(f"{site}/api/recordings", files=parts, headers=headers, timeout=120)


@pytest.mark.parametrize(
    ("size", "last", "many", "fit"),
    [(200_000, "file", 50, 10), (200_000, "fields", 50, 10), (LARGE, "file", 20, 4)],
    ids=["small", "fields last", "streamed"],
)
def test_of_parallel_uploads_exactly_those_that_fit_are_taken(
    site: str, key: str, owner: Any, size: int, last: str, many: int, fit: int
) -> None:
    Account.objects.of(owner.pk)
    Account.objects.update(own_limit=fit * size + 10, uses_default_limit=False)
    content = mp4(size)

    with ThreadPoolExecutor(many) as pool:
        sent = [
            pool.submit(send, site, key, content, {"process": "false"}, last=last)
            for _ in range(many)
        ]
        answers = [one.result() for one in sent]

    assert Counter(answer.status_code for answer in answers) == {201: fit, 413: many - fit}
    refused = [answer.json() for answer in answers if answer.status_code == 413]
    assert all(one["needed"] == size and one["limit"] == fit * size + 10 for one in refused)
    account = Account.objects.get(owner_id=owner.pk)
    assert (account.used, account.reserved) == (fit * size, 0)
    assert Recording.objects.count() == fit
    assert_clean()


def test_processing_of_parallel_uploads_has_its_room(site: str, key: str, owner: Any) -> None:
    size, fit = 100_000, 5
    Account.objects.of(owner.pk)
    Account.objects.update(own_limit=fit * size * 160 // 100, uses_default_limit=False)

    with ThreadPoolExecutor(20) as pool:
        sent = [pool.submit(send, site, key, mp4(size), {}, last="file") for _ in range(20)]
        taken = Counter(one.result().status_code for one in sent)

    assert taken == {201: fit, 413: 20 - fit}
    account = Account.objects.get(owner_id=owner.pk)
    assert (account.used, account.reserved) == (fit * size, fit * size * 60 // 100)
    assert_clean()


def begin(site: str, key: str, content: bytes, *, promised: int) -> socket.socket:
    """Send the head of an upload and its first bytes, and stop there."""
    host, port = site.removeprefix("http://").split(":")
    head = (
        f"POST /api/recordings HTTP/1.1\r\nHost: {host}\r\nAuthorization: Token {key}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        f"Content-Length: {promised}\r\n\r\n"
    )
    client = socket.create_connection((host, int(port)), timeout=30)
    client.sendall(head.encode() + PART + content)
    return client


def test_client_that_goes_away_leaves_nothing(
    site: str, key: str, owner: Any, stored_names: Callable[[], set[str]], settings: Any
) -> None:
    Account.objects.of(owner.pk)
    client = begin(site, key, mp4(LARGE + 2_000_000), promised=50_000_000)
    assert until(lambda: StoredFile.objects.filter(state="writing").exists())
    assert Account.objects.get().reserved > 50_000_000

    client.close()

    assert until(lambda: not Recording.objects.exists() and not StoredFile.objects.exists(), 20)
    assert Account.objects.get().reserved == 0
    assert stored_names() == set()
    assert list((settings.MEDIA_ROOT / ".incoming").iterdir()) == []
    assert_clean()


def test_body_that_ends_early_is_never_taken_for_whole(
    site: str, key: str, stored_names: Callable[[], set[str]]
) -> None:
    for size, missing in itertools.product((50_000, LARGE), (1, 3, 40, 10_000)):
        whole = mp4(size) + f"\r\n--{BOUNDARY}--\r\n".encode()
        with begin(site, key, whole[:-missing], promised=len(PART) + len(whole)) as client:
            client.shutdown(socket.SHUT_WR)
            answer = client.makefile("rb").read()

        assert answer.startswith(b"HTTP/1.1 400"), (size, missing)
        assert b"cut_short" in answer
        assert not Recording.objects.exists()
        assert stored_names() == set()


def test_refusal_is_heard_by_a_client_that_sends_on(site: str, key: str, owner: Any) -> None:
    Account.objects.of(owner.pk)
    Account.objects.update(own_limit=1000, uses_default_limit=False)

    answer = send(site, key, mp4(60_000_000), {}, last="file")

    assert (answer.status_code, answer.json()["code"]) == (413, "quota_exceeded")


def test_refusal_does_not_wait_for_the_rest(site: str, key: str, owner: Any) -> None:
    """A proxy that sends on into a closed connection would say 502 in place of our sentence."""
    Account.objects.of(owner.pk)
    with begin(site, key, b"no film" * (LARGE // 3), promised=50_000_000) as client:
        answer = b""
        while b"not_media" not in answer:
            part = client.recv(65536)
            assert part, answer
            answer += part
        client.sendall(bytes(1_000_000))  # it is still listened to

    assert answer.startswith(b"HTTP/1.1 415")


def test_refusal_of_a_stranger_is_heard_too(site: str) -> None:
    answer = send(site, "nobody-has-this-token", mp4(60_000_000), {}, last="file")

    assert answer.status_code == 401


def test_file_is_watched_in_parts_over_one_connection(site: str, key: str) -> None:
    content = mp4(LARGE)
    file = send(site, key, content, {"process": "false"}, last="file").json()["files"][0]

    with requests.Session() as client:
        client.headers["Authorization"] = f"Token {key}"
        for start in (0, 1_000_000, LARGE - 100):
            ranged = {"Range": f"bytes={start}-{start + 65535}"}
            part = client.get(site + file["url"], headers=ranged, timeout=30)
            assert (part.status_code, part.content) == (206, content[start : start + 65536])
        assert client.get(site + file["url"], timeout=30).content == content

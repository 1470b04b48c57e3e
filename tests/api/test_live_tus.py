"""Resumable uploads to the site as served: lines that break and fall silent, a real client."""

from __future__ import annotations

import hashlib
import shutil
import socket
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from recordings.ledger.models import StoredFile
from recordings.models import ResumableUpload
from tests.api.conftest import mp4
from tests.api.test_live_upload import key, site  # noqa: F401  (fixtures)
from tests.api.tus_client import OFFSET_STREAM
from tests.conftest import assert_clean
from tests.proofs import tus
from tests.site.processes import until

pytestmark = pytest.mark.django_db(transaction=True)

SIZE = 3_000_000
SENT = 2_000_000


def headers(key: str, **values: Any) -> dict[str, str]:  # noqa: F811
    said = {name.replace("_", "-"): str(value) for name, value in values.items()}
    return {"Authorization": f"Token {key}", "Tus-Resumable": "1.0.0", **said}


def begin(site: str, key: str) -> str:  # noqa: F811
    created = requests.post(
        f"{site}/api/uploads",
        headers=headers(key, Upload_Length=SIZE, Upload_Metadata="process ZmFsc2U="),
        timeout=60,
    )
    assert created.status_code == 201, created.text
    return str(created.headers["Location"])


def half_sent(site: str, key: str, path: str, content: bytes) -> socket.socket:  # noqa: F811
    """Send the beginning of a body and keep the line open."""
    address = urlsplit(site)
    lines = [f"PATCH {path} HTTP/1.1", f"Host: {address.netloc}", f"Content-Length: {len(content)}"]
    said = headers(key, Upload_Offset=0) | {"Content-Type": OFFSET_STREAM}
    lines += [f"{name}: {value}" for name, value in said.items()]
    line = socket.create_connection((address.hostname, address.port), timeout=60)
    line.sendall("\r\n".join([*lines, "", ""]).encode() + content[:SENT])
    return line


def go_on(site: str, key: str, path: str, content: bytes) -> requests.Response:  # noqa: F811
    """Ask how far it is until nobody writes, and send the rest."""
    asked: list[requests.Response] = []

    def told() -> bool:
        asked.append(requests.head(site + path, headers=headers(key), timeout=60))
        return asked[-1].status_code == 200

    assert until(told), asked[-1].status_code
    offset = int(asked[-1].headers["Upload-Offset"])
    assert SENT - 128 * 1024 <= offset <= SENT
    said = headers(key, Upload_Offset=offset) | {"Content-Type": OFFSET_STREAM}
    return requests.patch(site + path, content[offset:], headers=said, timeout=60)


@pytest.mark.parametrize("end", ["closed", "silent"])
def test_bytes_before_the_line_broke_count(site: str, key: str, end: str) -> None:  # noqa: F811
    content = mp4(SIZE)
    path = begin(site, key)

    with closing(half_sent(site, key, path, content)) as line:
        assert until(lambda: ResumableUpload.objects.get().claim is not None)
        if end == "closed":
            line.close()
        last = go_on(site, key, path, content)

    assert (last.status_code, last.headers["Upload-Offset"]) == (204, str(SIZE))
    assert StoredFile.objects.get().sha256 == hashlib.sha256(content).hexdigest()
    assert_clean()


def test_no_second_request_writes_beside_the_first(site: str, key: str) -> None:  # noqa: F811
    content = mp4(SIZE)
    path = begin(site, key)

    with closing(half_sent(site, key, path, content)):
        assert until(lambda: ResumableUpload.objects.get().claim is not None)
        said = headers(key, Upload_Offset=0) | {"Content-Type": OFFSET_STREAM}
        second = requests.patch(site + path, content[:1000], headers=said, timeout=60)

    assert (second.status_code, second.json()["code"]) == (423, "locked")


@pytest.fixture(scope="session")
def client_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the client of the page under Node."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("Node is not installed, and tus-js-client runs in it")
    try:
        return tus.installed(tmp_path_factory.mktemp("tus"))
    except subprocess.CalledProcessError as error:
        pytest.skip(f"npm could not install tus-js-client: {error.stderr.decode()[-200:]}")


def test_client_of_the_page_goes_on_after_each_break(
    site: str,  # noqa: F811
    key: str,  # noqa: F811
    client_program: Path,
    tmp_path: Path,
) -> None:
    digest = tus.make_file(tmp_path / "lecture.mp4", 32 * 1024**2, seed=3)

    told = tus.send(
        client_program,
        port=urlsplit(site).port,
        token=key,
        file=str(tmp_path / "lecture.mp4"),
        memory=str(tmp_path / "memory.json"),
        aborts=2,
        seed=3,
        chunk=0,
        rate=32 * 1024**2,
    )

    assert len(told["aborts"]) == 2
    assert StoredFile.objects.get().sha256 == digest
    assert_clean()

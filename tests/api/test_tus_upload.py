"""Resumable uploads: from their creation to a recording, in pieces, on every storage."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import pytest
from django.test import Client

from recordings.ledger.models import Account
from recordings.models import Recording
from recordings.processing import jobs
from tests.api.conftest import mp4
from tests.api.tus_client import Tus
from tests.conftest import assert_clean

pytestmark = pytest.mark.django_db(transaction=True)

SIZE = 300_000


@pytest.fixture
def tus(api: Client) -> Tus:
    return Tus(api)


def pieces(content: bytes, size: int) -> Iterator[tuple[int, bytes]]:
    for start in range(0, len(content), size):
        yield start, content[start : start + size]


@pytest.mark.parametrize("size", [SIZE, 100_000, 20_000, 65_536])
def test_file_in_pieces_becomes_a_recording(
    tus: Tus, anywhere: str, account: Callable[[], Account], size: int
) -> None:
    content = mp4(SIZE)
    path = tus.begin(len(content), title="Optics")

    for offset, piece in pieces(content, size):
        answer = tus.patch(path, offset, piece)
        assert answer.status_code == 204, answer.content
        assert int(answer["Upload-Offset"]) == offset + len(piece)

    recording = Recording.objects.get(pk=answer["Recording-Id"])
    stored = recording.files.get().stored
    assert (recording.title, recording.state) == ("Optics", Recording.State.QUEUED)
    assert stored.sha256 == hashlib.sha256(content).hexdigest()
    assert (account().used, account().reserved) == (SIZE, jobs.estimate(SIZE))
    assert tus.head(path)["Recording-Id"] == str(recording.pk)
    assert_clean()

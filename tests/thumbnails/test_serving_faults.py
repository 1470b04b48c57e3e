"""What is answered where a poster, its storage, the cache or the site itself fails."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from time import time
from typing import Any

import pytest
from django.core.cache import caches
from django.core.cache.backends import filebased
from django.test import Client

from recordings.ledger.models import StoredFile
from recordings.ledger.names import Kind
from recordings.models import Recording
from tests.conftest import store
from tests.proofs import children
from tests.thumbnails.conftest import address, opened, picture
from thumbnails import derive, editing, sandbox
from thumbnails.resolve import SIZES, template_address

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["broken", "gone"])
def with_bad_poster(request: Any, make_recording: Any, settings: Any) -> Recording:
    """A recording whose poster is no picture, or no longer there."""
    recording: Recording = make_recording(files=0)
    file = store(recording, Kind.POSTER, b"no picture at all")
    if request.param == "gone":
        (settings.MEDIA_ROOT / str(file.stored)).rename(settings.MEDIA_ROOT / "elsewhere")
    return recording


def test_default_shows_where_the_poster_cannot_be(
    api: Client, owner: Any, with_bad_poster: Recording, templates: Any
) -> None:
    poster = with_bad_poster.files.get().stored
    versioned = f"{address(with_bad_poster)}?v={poster.sha256[:20]}&size=card"

    of_the_site = api.get(versioned)
    editing.set_default(owner.pk, templates[1])
    of_the_owner = api.get(versioned)

    for answer, template in ((of_the_site, templates[0]), (of_the_owner, templates[1])):
        assert (answer.status_code, answer["Cache-Control"]) == (200, "private, no-cache")
        assert answer.content == Client().get(template_address(template, "card")).content
    again = api.get(versioned, headers={"If-None-Match": of_the_owner["ETag"]})
    assert again.status_code == 304


def test_poster_that_cannot_be_shown_is_tried_once_and_again_later(
    api: Client, with_bad_poster: Recording, templates: Any, settings: Any, time_machine: Any
) -> None:
    url = f"{address(with_bad_poster)}?size=card"
    poster = with_bad_poster.files.get().stored
    template = api.get(url).content
    place = settings.MEDIA_ROOT / str(poster)
    place.write_bytes(picture("JPEG", colour="#ff00ff"))

    assert api.get(url).content == template
    time_machine.move_to(time() + derive.GIVEN_UP_FOR + 1)
    assert api.get(url).content != template


def test_poster_that_cannot_be_shown_is_nothing_on_a_site_without_templates(
    api: Client, with_bad_poster: Recording
) -> None:
    answer = api.get(f"{address(with_bad_poster)}?size=card")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_stored_picture_that_went_bad_is_tried_once(
    api: Client, own: str, templates: Any, settings: Any
) -> None:
    mine = StoredFile.objects.get(kind=Kind.THUMBNAIL)
    for stored in (mine, templates[0].stored):
        (settings.MEDIA_ROOT / str(stored)).write_bytes(b"\0" * stored.size)

    for _ in range(2):
        assert api.get(f"{own}&size=card").status_code == 404
        assert Client().get(template_address(templates[0], "card")).status_code == 404
    assert derive.is_given_up(mine)
    assert derive.is_given_up(templates[0].stored)


def test_full_site_says_when_to_come_back(api: Client, own: str) -> None:
    taken = [sandbox._slots.acquire(timeout=30) for _ in range(sandbox.SLOTS)]
    try:
        answer = api.get(f"{own}&size=card")
    finally:
        for _ in taken:
            sandbox._slots.release()

    assert (answer.status_code, answer["Cache-Control"]) == (503, "no-store")
    assert answer["Retry-After"] == "2"
    assert api.get(f"{own}&size=card").status_code == 200


def test_storage_that_fails_says_when_to_come_back(
    api: Client, recording: Recording, own: str, settings: Any
) -> None:
    stored = StoredFile.objects.get(kind=Kind.THUMBNAIL)
    (settings.MEDIA_ROOT / str(stored)).write_bytes(b"cut off")

    answer = api.get(own)

    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 2


@pytest.mark.parametrize("where", ["file", "nowhere"])
def test_cache_that_cannot_be_used_costs_nobody_his_picture(
    api: Client, own: str, settings: Any, tmp_path: Path, where: str
) -> None:
    """In the place of its folder stands a file, or a link that leads nowhere."""
    if where == "file":
        (tmp_path / "full").write_bytes(b"")
    else:
        (tmp_path / "full").symlink_to(tmp_path / "none")
    caches["thumbnails"]._dir = str(tmp_path / "full" / "thumbnails")

    answers = [api.get(f"{own}&size=card") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert opened(answers[1].content).size == SIZES["card"]


@pytest.mark.parametrize("left", ["empty", "folder"])
def test_what_a_crash_left_in_the_cache_is_made_anew(
    api: Client, own: str, settings: Any, left: str
) -> None:
    before = api.get(f"{own}&size=card").content
    (entry,) = Path(settings.CACHES["thumbnails"]["LOCATION"]).iterdir()
    if left == "empty":
        entry.write_bytes(b"")
    else:
        entry.rename(entry.with_name("aside"))
        entry.mkdir()

    assert api.get(f"{own}&size=card").content == before
    if left == "folder":
        entry.rmdir()


def test_write_that_was_killed_leaves_nothing_for_long(
    own: str, recording: Recording, settings: Any, time_machine: Any
) -> None:
    folder = Path(settings.CACHES["thumbnails"]["LOCATION"])

    def write() -> None:
        filebased.file_move_safe = lambda *given, **named: os.kill(os.getpid(), signal.SIGKILL)
        derive.pictures().set(f"{derive.of_recording(recording.pk)}:v:card", b"private pixels")

    assert children.ended(children.fork(write)) == -signal.SIGKILL
    assert [path.read_bytes() for path in folder.iterdir()] == [b"private pixels"]

    derive.tidy()
    assert len(list(folder.iterdir())) == 1  # it could be a writer's that lives

    time_machine.move_to(time() + 11 * 60)
    derive.tidy()
    assert not list(folder.iterdir())

"""How pictures are answered: to whom, for how long, at what cost."""

from __future__ import annotations

from pathlib import Path
from time import time
from typing import Any

import pytest
from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from recordings import trash
from recordings.ledger.models import StoredFile
from recordings.ledger.names import Kind
from recordings.models import Recording
from recordings.tasks import tick
from tests import archives
from tests.conftest import store
from tests.recordings.test_archive import put_away
from tests.thumbnails.conftest import address, choose, opened, picture, put
from thumbnails import derive, editing, gallery
from thumbnails.models import Thumbnail
from thumbnails.resolve import SIZES, template_address

pytestmark = pytest.mark.django_db(transaction=True)


def test_template_is_for_all_and_for_ever(templates: Any) -> None:
    got = Client().get(template_address(templates[0], "card"))

    assert got.status_code == 200
    assert got["Content-Type"] == "image/webp"
    assert got["Cache-Control"] == "public, max-age=31536000, immutable"
    assert got["ETag"].startswith('"')
    assert "Vary" not in got or "Cookie" not in got["Vary"]
    assert opened(got.content).size == SIZES["card"]
    assert "Set-Cookie" not in got


def test_known_template_is_answered_without_a_query(
    templates: Any, django_assert_num_queries: Any
) -> None:
    url = template_address(templates[0], "card")
    tag = Client().get(url)["ETag"]

    with django_assert_num_queries(0):
        again = Client().get(url, headers={"If-None-Match": tag})
        whole = Client().get(url)

    assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
    assert whole.status_code == 200


@pytest.mark.parametrize(
    "wrong", ["/thumbnails/none/0123456789/card", "/thumbnails/first/0123/huge"]
)
def test_unknown_template_is_not_found(templates: Any, wrong: str) -> None:
    assert Client().get(wrong).status_code == 404


def test_own_picture_is_private_and_for_ever_by_version(api: Client, own: str) -> None:
    got = api.get(own)

    assert got["Cache-Control"] == "private, max-age=31536000, immutable"
    assert {"Cookie", "Authorization"} <= set(got["Vary"].split(", "))
    assert got["X-Content-Type-Options"] == "nosniff"
    assert api.get(own.partition("?")[0])["Cache-Control"] == "private, no-cache"
    assert api.get(own.partition("?")[0] + "?v=other")["Cache-Control"] == "private, no-cache"


def test_known_own_picture_is_answered_without_a_query(
    api: Client, own: str, django_assert_num_queries: Any
) -> None:
    tag = api.get(own)["ETag"]

    with django_assert_num_queries(0):
        again = api.get(own, headers={"If-None-Match": f'"x", {tag}'})

    assert (again.status_code, again["ETag"]) == (304, tag)


def test_tag_is_worth_nothing_to_anybody_else(api: Client, other_api: Client, own: str) -> None:
    tag = {"If-None-Match": api.get(own)["ETag"]}

    assert other_api.get(own, headers=tag).status_code == 404
    assert Client().get(own, headers=tag).status_code == 401
    assert Client().get(own.partition("?")[0], headers=tag).status_code == 401


def test_tag_of_another_version_or_size_is_not_taken(api: Client, own: str) -> None:
    tag = {"If-None-Match": api.get(own)["ETag"]}

    assert api.get(f"{own}&size=card", headers=tag).status_code == 200
    assert api.get(own, headers={"If-None-Match": '"made-up"'}).status_code == 200


def test_storage_is_not_asked_for_what_is_known(
    api: Client, recording: Recording, own: str, settings: Any
) -> None:
    """Without a version the database says whether the tag still holds; the file stays shut."""
    url = address(recording)
    tag = {"If-None-Match": api.get(url)["ETag"]}
    stored = StoredFile.objects.get(kind=Kind.THUMBNAIL)
    (settings.MEDIA_ROOT / str(stored)).rename(settings.MEDIA_ROOT / "elsewhere")

    assert api.get(url, headers=tag).status_code == 304
    assert api.get(url).status_code == 404


def test_tag_changes_with_the_picture(api: Client, recording: Recording, own: str) -> None:
    tag = {"If-None-Match": api.get(address(recording))["ETag"]}

    put(api, recording, picture(colour="#ff0000"))

    assert api.get(address(recording), headers=tag).status_code == 200


def test_head_says_what_get_would(api: Client, own: str) -> None:
    head, got = api.head(own), api.get(own)

    assert head.content == b""
    assert head["Content-Length"] == got["Content-Length"] == str(len(got.content))
    assert head["ETag"] == got["ETag"]


@pytest.mark.parametrize("size", SIZES)
def test_sizes_are_made_once_and_cost_no_row_and_no_quota(
    api: Client,
    recording: Recording,
    own: str,
    account: Any,
    stored_names: Any,
    settings: Any,
    size: str,
) -> None:
    rows, used, names = StoredFile.objects.count(), account().used, stored_names()

    first = api.get(f"{own}&size={size}")
    stored = StoredFile.objects.get(kind=Kind.THUMBNAIL)
    (settings.MEDIA_ROOT / str(stored)).rename(settings.MEDIA_ROOT.parent / "elsewhere")
    second = api.get(f"{own}&size={size}")

    assert first.content == second.content
    assert opened(first.content).size == SIZES[size]
    assert (StoredFile.objects.count(), account().used) == (rows, used)
    assert len(stored_names()) == len(names) - 1  # the one moved away above


def test_emptied_cache_is_filled_anew(api: Client, own: str) -> None:
    before = api.get(f"{own}&size=card").content

    caches["thumbnails"].clear()

    assert api.get(f"{own}&size=card").content == before


def test_unknown_size_is_refused(api: Client, own: str) -> None:
    assert api.get(f"{own}&size=giant").status_code == 400


def test_upright_poster_is_shown_whole_in_the_player(api: Client, make_recording: Any) -> None:
    recording = make_recording(files=0)
    store(recording, Kind.POSTER, picture("JPEG", (720, 1280)))

    player = opened(api.get(f"{address(recording)}?size=player").content)
    card = opened(api.get(f"{address(recording)}?size=card").content)

    assert player.height > player.width
    assert card.size == (640, 360)


def test_made_pictures_expire(api: Client, own: str, settings: Any, time_machine: Any) -> None:
    api.get(f"{own}&size=card")
    folder = Path(settings.CACHES["thumbnails"]["LOCATION"])
    derive.tidy()
    assert len(list(folder.iterdir())) == 1

    time_machine.move_to(time() + settings.CACHES["thumbnails"]["TIMEOUT"] + 1)
    tick()

    assert not list(folder.iterdir())


def test_former_picture_of_a_template_is_kept_nowhere(templates: Any, api: Client) -> None:
    former = template_address(templates[1], "card")
    Client().get(former)

    gallery.replace(templates[1], picture(colour="#00ff00"))
    answer = Client().get(former)

    templates[1].refresh_from_db()
    assert (answer.status_code, answer["Cache-Control"]) == (302, "no-cache")
    assert answer["Location"] == template_address(templates[1], "card")


def test_template_is_found_under_its_own_name_alone(templates: Any) -> None:
    right = template_address(templates[0], "card")
    assert Client().get(right).status_code == 200

    assert Client().get(right.replace("/first/", "/nonsense/")).status_code == 404
    other = Client().get(right.replace("/first/", "/second/"))
    assert other["Location"] == template_address(templates[1], "card")


@pytest.mark.parametrize("query", ["", "?size=card", "?v=abc&size=card"])
def test_what_is_somebody_elses_is_not_there(other_api: Client, own: str, query: str) -> None:
    answer = other_api.get(own.partition("?")[0] + query)

    assert answer.status_code == 404
    assert answer.json() == {
        "detail": "There is no such thing here, or it is not yours.",
        "code": "not_found",
    }


@pytest.mark.parametrize("way", ["erase", "archive", "delete"])
def test_nothing_made_of_a_recording_outlives_it(
    api: Client,
    recording: Recording,
    make_recording: Any,
    own: str,
    settings: Any,
    tmp_path: Path,
    way: str,
) -> None:
    archives.use_folder(settings, tmp_path / "archive")
    other = make_recording(files=0)
    for one in (recording, other):
        store(one, Kind.POSTER, picture("JPEG", colour="#abcdef"))
    for url in (own, address(other)):
        assert api.get(f"{url.partition('?')[0]}?size=card").status_code == 200
    Thumbnail.objects.all().delete()
    api.get(f"{address(recording)}?size=card")
    folder = Path(settings.CACHES["thumbnails"]["LOCATION"])
    assert len(list(folder.glob(f"recording-{recording.pk}.*"))) == 1

    if way == "archive":
        put_away(recording)
    elif way == "erase":
        trash.erase([recording.pk], by="olga")
    else:
        recording.delete()
    tick()

    (left,) = folder.iterdir()
    assert left.name.startswith(f"recording-{other.pk}.")


@pytest.mark.parametrize("page", ["/", "/api/recordings?limit=50"])
def test_fifty_recordings_cost_the_queries_of_five(
    api: Client, client: Client, owner: Any, make_recording: Any, templates: Any, page: str
) -> None:
    editing.set_default(owner.pk, templates[1])
    client.force_login(owner)
    caller = api if page.startswith("/api") else client

    def add(number: int) -> None:
        for index in range(number):
            recording = make_recording(files=1)
            if index % 5 == 0:
                editing.choose(recording, templates[0], by="olga")
            elif index % 5 == 1:
                editing.set_own(recording, picture(size=(16, 9)), by="olga")
            elif index % 5 == 2:
                store(recording, Kind.POSTER, picture("JPEG", (16, 9)))

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert caller.get(page).status_code == 200
        return len(queries)

    add(5)
    count()  # the use of a token is noted once
    few = count()
    add(45)

    assert count() == few


def test_site_default_costs_a_page_one_query(
    client: Client, owner: Any, make_recording: Any, templates: Any
) -> None:
    client.force_login(owner)
    for _ in range(4):
        make_recording(files=1)

    with CaptureQueriesContext(connection) as queries:
        page = client.get("/").content.decode()

    asked = [one for one in queries if 'FROM "thumbnails_thumbnailtemplate"' in one["sql"]]
    assert len(asked) == 1
    assert page.count(template_address(templates[0], "card")) == 4


@pytest.mark.s3
def test_pictures_live_in_a_bucket_as_well(
    s3: Any, api: Client, make_recording: Any, stored_names: Any
) -> None:
    gallery.make_default(gallery.add("first", "First", picture()))
    recording = make_recording(files=1)

    assert put(api, recording, picture(colour="#00ff00")).status_code == 200
    got = api.get(address(recording))
    small = api.get(f"{address(recording)}?size=list")
    assert api.delete(address(recording)).status_code == 204

    assert opened(got.content).getpixel((3, 3)) == (0, 255, 0)
    assert opened(small.content).size == SIZES["list"]
    assert derive.content(gallery.ThumbnailTemplate.objects.get().stored)
    assert choose(api, recording, "first").status_code == 200

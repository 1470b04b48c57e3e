"""Pictures, honest and hostile, a gallery, and how a picture is chosen over the API."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pytest
from django.core.cache import caches
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from PIL import Image

from recordings.models import Recording
from tests.api.conftest import caller
from thumbnails import gallery
from thumbnails.models import ThumbnailTemplate


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Any, settings: Any) -> Iterator[None]:
    """Give each test a cache of resized pictures of its own."""
    kept = settings.CACHES["thumbnails"]
    settings.CACHES = {
        **settings.CACHES,
        "thumbnails": {**kept, "LOCATION": tmp_path / "cache" / "thumbnails"},
    }
    caches["thumbnails"].clear()
    yield
    caches["thumbnails"].clear()


@pytest.fixture
def api(owner: Any) -> Client:
    return caller(owner)


@pytest.fixture
def other_api(make_user: Callable[..., Any]) -> Client:
    return caller(make_user("boris"))


@pytest.fixture
def templates(db: None) -> list[ThumbnailTemplate]:
    """Two small templates, the first of them the site's default."""
    made = [
        gallery.add("first", "First", picture(colour="#3366cc")),
        gallery.add("second", "Second", picture(colour="#cc6633")),
    ]
    gallery.make_default(made[0])
    made[0].refresh_from_db()
    return made


@contextmanager
def limit(which: int, most: int) -> Iterator[None]:
    """Have the operating system refuse this process more."""
    before = resource.getrlimit(which)
    resource.setrlimit(which, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(which, before)


class After:
    """Lets something happen right after the first statement that contains a text."""

    def __init__(self, text: str, meanwhile: Callable[[], object]) -> None:
        self.text = text
        self.meanwhile: Callable[[], object] | None = meanwhile

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if self.meanwhile and self.text in sql:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        return result


def picture(
    form: str = "PNG", size: tuple[int, int] = (640, 360), colour: str = "#224466", **options: Any
) -> bytes:
    target = BytesIO()
    Image.new("RGB", size, colour).save(target, form, **options)
    return target.getvalue()


def opened(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content))


def address(recording: Recording) -> str:
    return f"/api/recordings/{recording.pk}/thumbnail"


def put(api: Client, recording: Recording, content: bytes, name: str = "a.png") -> Any:
    body = encode_multipart(BOUNDARY, {"image": SimpleUploadedFile(name, content)})
    return api.put(address(recording), body, content_type=MULTIPART_CONTENT)


def choose(api: Client, recording: Recording, slug: str) -> Any:
    return api.put(address(recording), {"template": slug}, content_type="application/json")


@pytest.fixture
def own(api: Client, recording: Recording) -> str:
    """The address, with its version, of a picture of the recording's own."""
    url: str = put(api, recording, picture()).json()["thumbnail_url"]
    return url

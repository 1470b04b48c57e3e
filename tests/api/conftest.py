"""Callers of the API and bytes to send it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from recordings.models import ApiToken, Recording

# The head of an MP4; what follows is noise, which only the probe would find out.
HEAD = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41"
MP4_SIZE = 20_000


def mp4(size: int = MP4_SIZE) -> bytes:
    return HEAD + os.urandom(size - len(HEAD))


def caller(user: Any) -> Client:
    """Return a client that sends a token of this user."""
    key = ApiToken.make(user, name="test")[1]
    return Client(headers={"Authorization": f"Token {key}"})


@pytest.fixture
def api(owner: Any) -> Client:
    return caller(owner)


@pytest.fixture
def admin_api(administrator: Any) -> Client:
    return caller(administrator)


@pytest.fixture
def other_api(make_user: Callable[..., Any]) -> Client:
    return caller(make_user("boris"))


@pytest.fixture
def upload(api: Client) -> Callable[..., Any]:
    """Send a file with the fields given; `after` go behind it."""

    def send(
        content: bytes | None = None,
        name: str = "lecture.mp4",
        after: dict[str, Any] | None = None,
        **fields: Any,
    ) -> Any:
        file = SimpleUploadedFile(name, mp4() if content is None else content)
        return api.post("/api/recordings", {**fields, "file": file, **(after or {})})

    return send


def assert_nothing_left(stored_names: Callable[[], set[str]]) -> None:
    assert stored_names() == set()
    assert not Recording.objects.exists()

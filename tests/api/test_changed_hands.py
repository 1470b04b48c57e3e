"""A recording changes hands while its former owner's request is still on its way."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from recordings import trash
from recordings.models import Job, Label, Recording
from recordings.transfer import transfer
from retention.models import KeepRequest
from tests.slow import SlowBody

pytestmark = pytest.mark.django_db


@pytest.fixture
def boris(make_user: Callable[..., Any]) -> Any:
    return make_user("boris")


@pytest.fixture
def send_slowly(api: Any, recording: Any, boris: Any) -> Callable[..., Any]:
    """Send JSON whose recording has gone to boris when the site begins to read it."""

    def send(method: str, path: str, body: dict[str, Any]) -> Any:
        content = json.dumps(body).encode()
        slow = SlowBody(content, lambda: transfer([recording.pk], to=boris, by="root"))
        extra: dict[str, Any] = {
            "wsgi.input": slow,
            "CONTENT_LENGTH": str(len(content)),
            "CONTENT_TYPE": "application/json",
        }
        return api.generic(method, path, **extra)

    return send


@pytest.mark.parametrize("body", [{"title": "pwned"}, {"labels": ["mine"]}, {}])
def test_edit_that_comes_late_changes_and_tells_nothing(send_slowly, recording, body):
    answer = send_slowly("PATCH", f"/api/recordings/{recording.pk}", body)

    assert answer.status_code == 404
    assert set(answer.json()) == {"detail", "code"}
    now = Recording.objects.get()
    assert (now.owner.username, now.title, list(now.labels.all())) == ("boris", "Lecture", [])
    assert not Label.objects.filter(name="mine").exists()


def test_processing_that_comes_late_is_not_begun(send_slowly, recording):
    answer = send_slowly("POST", f"/api/recordings/{recording.pk}/process", {})

    assert answer.status_code == 404
    assert not Job.objects.exists()


def test_request_to_keep_that_comes_late_is_not_made(send_slowly, recording):
    path = f"/api/recordings/{recording.pk}/keep-request"

    assert send_slowly("POST", path, {"reason": "mine"}).status_code == 404
    assert not KeepRequest.objects.exists()


@pytest.mark.parametrize("act", [trash.move_to_trash, trash.erase])
def test_what_is_somebody_elses_under_the_lock_stays(recording, owner, boris, act):
    transfer([recording.pk], to=boris, by="root")

    assert act([recording.pk], by="olga", of=owner.pk) == 0

    assert Recording.objects.live().filter(owner=boris).exists()


def test_only_its_owner_brings_it_back(recording, owner, boris):
    trash.move_to_trash([recording.pk], by="olga")
    transfer([recording.pk], to=boris, by="root")

    assert trash.restore([recording.pk], of=owner.pk) == 0
    assert trash.restore([recording.pk], of=boris.pk) == 1

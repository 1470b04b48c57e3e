"""A recording changes hands while somebody who could see it changes or reads its picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from recordings.ledger.purge import purge
from recordings.models import Recording
from recordings.transfer import transfer
from tests.conftest import assert_clean
from tests.slow import SlowBody
from tests.thumbnails.conftest import After, opened, picture
from thumbnails import editing, resolve
from thumbnails.exceptions import NotTheirs
from thumbnails.models import Thumbnail

pytestmark = pytest.mark.django_db(transaction=True)

NOT_YOURS = "There is no such thing here, or it is not yours."
RECORDINGS = 'FROM "recordings_recording"'


@pytest.fixture
def to_boris(make_user: Any, recording: Recording) -> Callable[[], None]:
    """Boris gets the recording, and gives it a green picture."""
    boris = make_user("boris")

    def give() -> None:
        transfer([recording.pk], to=boris, by="anna")
        his = Recording.objects.get(pk=recording.pk)
        editing.set_own(his, picture(size=(1280, 720), colour="#00ff00"), by="boris")

    return give


def assert_boris_has_his_picture() -> None:
    purge()
    stored = Thumbnail.objects.get().stored
    assert stored is not None
    assert opened(stored.file.read()).getpixel((5, 5)) == (0, 255, 0)
    assert_clean()


@pytest.mark.parametrize("what", ["picture", "template"])
def test_former_owner_with_a_slow_body_changes_and_reads_nothing(
    api: Client,
    recording: Recording,
    templates: Any,
    to_boris: Callable[[], None],
    what: str,
) -> None:
    body, kind = b'{"template": "second"}', "application/json"
    if what == "picture":
        file = SimpleUploadedFile("a.png", picture(colour="#ff0000"))
        body, kind = encode_multipart(BOUNDARY, {"image": file}), MULTIPART_CONTENT

    answer = api.generic(
        "PUT",
        f"/api/recordings/{recording.pk}/thumbnail",
        CONTENT_TYPE=kind,
        CONTENT_LENGTH=str(len(body)),
        **{"wsgi.input": SlowBody(body, to_boris)},
    )

    assert (answer.status_code, answer.json()["detail"]) == (404, NOT_YOURS)
    assert_boris_has_his_picture()


@pytest.mark.parametrize(
    "form",
    [
        {"source": "template:second", "title": "Hello"},
        {"source": "template:second"},
        {"do": "back"},
    ],
    ids=["picture", "template", "back"],
)
def test_former_owner_saves_nothing_in_the_editor(
    owner: Any,
    recording: Recording,
    templates: Any,
    to_boris: Callable[[], None],
    form: dict[str, str],
) -> None:
    browser = Client()
    browser.force_login(owner)

    with connection.execute_wrapper(After(RECORDINGS, to_boris)):
        answer = browser.post(f"/recordings/{recording.pk}/thumbnail", {"do": "save", **form})

    assert answer.status_code == 404
    assert_boris_has_his_picture()


def test_former_owner_takes_nothing_away(
    api: Client, recording: Recording, templates: Any, to_boris: Callable[[], None]
) -> None:
    with connection.execute_wrapper(After(RECORDINGS, to_boris)):
        answer = api.delete(f"/api/recordings/{recording.pk}/thumbnail")

    assert (answer.status_code, answer.json()["detail"]) == (404, NOT_YOURS)
    assert_boris_has_his_picture()


def test_former_owner_is_not_sent_the_next_ones_picture(
    api: Client, recording: Recording, templates: Any, to_boris: Callable[[], None]
) -> None:
    with connection.execute_wrapper(After(RECORDINGS, to_boris)):
        answer = api.get(resolve.own_address(recording.pk))

    assert answer.status_code == 404


def test_recording_that_was_given_away_is_not_edited_by_who_saw_it_before(
    recording: Recording, templates: Any, to_boris: Callable[[], None]
) -> None:
    to_boris()

    with pytest.raises(NotTheirs):
        editing.set_own(recording, picture(), by="olga")
    with pytest.raises(NotTheirs):
        editing.choose(recording, templates[0], by="olga")
    with pytest.raises(NotTheirs):
        editing.back(recording, by="olga")
    assert_boris_has_his_picture()

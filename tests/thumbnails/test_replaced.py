"""A picture is replaced between the moment it is looked up and the moment it is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from recordings.ledger.purge import purge
from recordings.models import Recording
from tests.conftest import assert_clean
from tests.thumbnails.conftest import After, opened, picture
from thumbnails import derive, editing, gallery
from thumbnails.models import Thumbnail, ThumbnailTemplate
from thumbnails.resolve import own_address, template_address

pytestmark = pytest.mark.django_db(transaction=True)

TEMPLATES, RECORDING = 'FROM "thumbnails_thumbnailtemplate"', 'JOIN "thumbnails_ownerdefault"'
GREEN = (0, 255, 0)


@pytest.fixture
def replace(templates: list[ThumbnailTemplate]) -> Callable[[], None]:
    def work() -> None:
        gallery.replace(templates[1], picture(colour="#00ff00"))
        purge()

    return work


def test_template_replaced_meanwhile_leads_to_the_new_one(
    templates: list[ThumbnailTemplate], replace: Callable[[], None]
) -> None:
    with connection.execute_wrapper(After(TEMPLATES, replace)):
        answer = Client().get(template_address(templates[1], "list"))

    templates[1].refresh_from_db()
    assert answer.status_code == 302
    assert answer["Location"] == template_address(templates[1], "list")
    assert not derive.is_given_up(templates[1].stored)


@pytest.mark.parametrize("size", ["", "card"])
def test_own_picture_replaced_meanwhile_is_shown_as_it_is_now(
    api: Client, recording: Recording, templates: Any, size: str
) -> None:
    editing.set_own(recording, picture(colour="#ff0000"), by="olga")

    def replace() -> None:
        editing.set_own(recording, picture(colour="#00ff00"), by="olga")
        purge()

    with connection.execute_wrapper(After(RECORDING, replace)):
        answer = api.get(own_address(recording.pk, size=size))

    assert answer.status_code == 200
    red, green, blue = opened(answer.content).convert("RGB").getpixel((5, 5))
    assert red < 10 < 240 < green
    assert blue < 10


def test_template_chosen_for_a_recording_and_replaced_meanwhile_is_shown_as_it_is_now(
    api: Client,
    recording: Recording,
    templates: list[ThumbnailTemplate],
    replace: Callable[[], None],
) -> None:
    editing.choose(recording, templates[1], by="olga")

    with connection.execute_wrapper(After(RECORDING, replace)):
        answer = api.get(own_address(recording.pk))

    assert answer.status_code == 200
    assert opened(answer.content).getpixel((5, 5)) == GREEN


def test_template_replaced_while_somebody_writes_on_it_is_a_sentence(
    owner: Any, recording: Recording, replace: Callable[[], None]
) -> None:
    browser = Client()
    browser.force_login(owner)
    form = {"do": "save", "source": "template:second", "title": "Hello"}

    with connection.execute_wrapper(After(TEMPLATES, replace)):
        answer = browser.post(f"/recordings/{recording.pk}/thumbnail", form)

    assert answer.status_code == 400
    assert "This template was replaced a moment ago: save again." in answer.content.decode()
    assert not Thumbnail.objects.exists()
    assert_clean()


def test_template_missing_in_storage_is_not_called_replaced(
    owner: Any, recording: Recording, templates: list[ThumbnailTemplate]
) -> None:
    templates[1].stored.file.storage.delete(templates[1].stored.file.name)
    browser = Client()
    browser.force_login(owner)
    form = {"do": "save", "source": "template:second", "title": "Hello"}

    answer = browser.post(f"/recordings/{recording.pk}/thumbnail", form)

    assert answer.status_code == 400
    assert "This template is missing in storage" in answer.content.decode()
    assert Client().get(template_address(templates[1], "list")).status_code == 404
    assert derive.is_given_up(templates[1].stored)

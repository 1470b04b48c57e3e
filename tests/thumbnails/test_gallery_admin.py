"""What administrators do with the shared templates on their pages."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from recordings.ledger.purge import purge
from tests.conftest import assert_clean
from tests.thumbnails.conftest import opened, picture
from thumbnails import derive, editing
from thumbnails.models import ThumbnailTemplate

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "admin:thumbnails_thumbnailtemplate_changelist"


@pytest.fixture
def office(administrator: Any, client: Client) -> Client:
    client.force_login(administrator)
    return client


def upload(content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("x.png", content)


def test_administrator_adds_replaces_and_reorders(office: Client, templates: Any) -> None:
    red, green = picture(colour="#ff0000"), picture("GIF", colour="#00ff00")
    new = {"slug": "lab", "name": "Lab", "position": "5", "picture": upload(red)}
    answer = office.post(reverse("admin:thumbnails_thumbnailtemplate_add"), new)
    assert answer.status_code == 302, answer.context["errors"]
    lab = ThumbnailTemplate.objects.get(slug="lab")
    before = opened(derive.content(lab.stored))

    change = reverse("admin:thumbnails_thumbnailtemplate_change", args=[lab.pk])
    changed = {"name": "Laboratory", "position": "6", "picture": upload(green)}
    assert office.get(change).status_code == 200
    assert office.post(change, changed).status_code == 302

    lab.refresh_from_db()
    assert (lab.name, lab.version, lab.slug, lab.position) == ("Laboratory", 2, "lab", 6)
    after = opened(derive.content(lab.stored))
    assert (before.size, before.getpixel((9, 9))) == ((1280, 720), (255, 0, 0))
    assert (after.size, after.getpixel((9, 9))) == ((1280, 720), (0, 255, 0))
    assert office.get(reverse(LIST)).status_code == 200
    purge()
    assert_clean()


@pytest.mark.parametrize(("typed", "position"), [("0", 0), ("7", 7), ("", 20)])
def test_new_template_stands_where_it_was_put_or_last(
    office: Client, templates: Any, typed: str, position: int
) -> None:
    new = {"slug": "lab", "name": "Lab", "position": typed, "picture": upload(picture())}

    assert office.post(reverse("admin:thumbnails_thumbnailtemplate_add"), new).status_code == 302

    assert ThumbnailTemplate.objects.get(slug="lab").position == position


def test_picture_in_the_admin_is_decoded_once(office: Client, templates: Any) -> None:
    children: list[Any] = []
    sys.addaudithook(
        lambda event, args: children.append(1) if event == "subprocess.Popen" else None
    )
    new = {"slug": "lab", "name": "Lab", "position": "5", "picture": upload(picture())}

    office.post(reverse("admin:thumbnails_thumbnailtemplate_add"), new)
    added = len(children)
    lab = ThumbnailTemplate.objects.get(slug="lab")
    change = reverse("admin:thumbnails_thumbnailtemplate_change", args=[lab.pk])
    office.post(change, {"name": "Lab", "position": "5", "picture": upload(picture("GIF"))})

    assert (added, len(children)) == (1, 2)


def test_picture_that_storage_refuses_changes_nothing(
    office: Client, templates: Any, settings: Any
) -> None:
    folder = settings.MEDIA_ROOT / "templates" / "thumbnails"
    folder.rename(folder.with_name("aside"))
    folder.write_bytes(b"no folder")
    change = reverse("admin:thumbnails_thumbnailtemplate_change", args=[templates[1].pk])

    answer = office.post(
        change, {"name": "Other", "position": "1", "picture": upload(picture())}, follow=True
    )

    assert answer.status_code == 200
    assert [message.level_tag for message in answer.context["messages"]] == ["error"]
    templates[1].refresh_from_db()
    assert (templates[1].name, templates[1].version) == ("Second", 1)


def test_list_tells_which_are_chosen_and_the_page_by_how_many(
    office: Client, templates: Any, make_recording: Any
) -> None:
    for _ in range(2):
        editing.choose(make_recording(files=0), templates[1], by="olga")
    change = reverse("admin:thumbnails_thumbnailtemplate_change", args=[templates[1].pk])

    rows = {row.slug: row.is_chosen for row in office.get(reverse(LIST)).context["cl"].result_list}

    assert rows == {"first": False, "second": True}
    assert "2 recordings" in office.get(change).content.decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"slug": "A b"},
        {"slug": "first"},
        {"picture": upload(b"none")},
        {"picture": ""},
        {"position": str(2**31 - 1)},
    ],
)
def test_wrong_template_is_refused_on_its_page(
    office: Client, templates: Any, stored_names: Any, wrong: Any
) -> None:
    names = stored_names()
    new = {"slug": "lab", "name": "Lab", "position": "5", "picture": upload(picture()), **wrong}

    answer = office.post(reverse("admin:thumbnails_thumbnailtemplate_add"), new)

    assert answer.status_code == 200
    assert answer.context["errors"]
    assert stored_names() == names


def test_list_takes_no_position_that_leaves_no_room_behind_it(
    office: Client, templates: Any
) -> None:
    row = {"form-0-id": templates[0].pk, "form-0-position": str(2**31 - 1)}
    form = {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "_save": "Save", **row}

    answer = office.post(reverse(LIST), form)

    assert answer.status_code == 200
    assert ThumbnailTemplate.objects.get(pk=templates[0].pk).position == 0


def press(office: Client, action: str, *templates: ThumbnailTemplate) -> list[str]:
    form = {"action": action, "_selected_action": [template.pk for template in templates]}
    answer = office.post(reverse(LIST), form, follow=True)
    assert answer.status_code == 200
    return [str(message) for message in answer.context["messages"]]


def test_actions_say_what_they_did(office: Client, templates: Any) -> None:
    first, second = templates

    said = press(office, "retire", second)
    assert said == ["1 template left the gallery; recordings that show one keep it."]
    assert list(ThumbnailTemplate.objects.offered()) == [first]
    assert press(office, "make_default", second) == ["“Second” is retired: offer it again first."]

    assert press(office, "offer_again", second) == ["1 template came back to the gallery."]
    assert list(ThumbnailTemplate.objects.offered()) == [first, second]

    said = press(office, "make_default", second)
    assert said == ["“Second” is shown now wherever there is nothing else."]
    assert ThumbnailTemplate.objects.get(is_site_default=True) == second
    assert press(office, "make_default", *templates) == ["Select exactly one template."]


def test_sites_default_that_stays_is_not_called_gone(office: Client, templates: Any) -> None:
    said = press(office, "retire", templates[0])

    assert said == ["“First” is the site's default: make another one the default first."]


def test_owners_have_no_business_there(client: Client, owner: Any) -> None:
    client.force_login(owner)

    assert client.get(reverse(LIST)).status_code in {302, 403}

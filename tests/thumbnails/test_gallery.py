"""The shared templates: what ships, what administrators do with them, what they cost."""

from __future__ import annotations

import hashlib
from io import StringIO
from itertools import combinations
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from PIL import ImageChops, ImageStat

from recordings.closing import close_account, continue_closures
from recordings.ledger.models import Account, StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.purge import purge
from recordings.models import Recording
from tests.conftest import assert_clean
from tests.thumbnails.conftest import opened, picture
from thumbnails import drawings, editing, gallery
from thumbnails.exceptions import CannotEdit
from thumbnails.models import OwnerDefault, Thumbnail, ThumbnailTemplate
from thumbnails.resolve import SiteDefault, resolve

pytestmark = pytest.mark.django_db(transaction=True)


def test_twenty_two_distinct_pictures_are_drawn() -> None:
    drawn = [drawing.png() for drawing in drawings.ALL]
    small = [opened(png).resize((32, 18)) for png in drawn]

    assert len(drawn) == len({drawing.slug for drawing in drawings.ALL}) == 22
    assert {opened(png).size for png in drawn} == {(1280, 720)}
    assert sum(map(len, drawn)) < 1_000_000
    for one, other in combinations(small, 2):
        assert sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) > 30


def test_same_picture_is_drawn_every_time() -> None:
    first = drawings.ALL[2]

    assert hashlib.sha256(first.png()).digest() == hashlib.sha256(first.png()).digest()


def test_a_thousand_owners_and_the_gallery_cost_22_files(stored_names: Any) -> None:
    call_command("make_templates", stdout=StringIO())
    users = get_user_model().objects.bulk_create(
        get_user_model()(username=f"user{n}", password="!") for n in range(1000)
    )
    Recording.objects.bulk_create(Recording(owner=user, title="A", state="ready") for user in users)
    recordings = list(Recording.objects.with_files())
    templates = list(ThumbnailTemplate.objects.all())
    for index, recording in enumerate(recordings[:60]):
        editing.choose(recording.pk, templates[index % 22], by="olga")
    default = SiteDefault()

    assert all(resolve(one, default) for one in Recording.objects.with_files())
    assert len(stored_names()) == StoredFile.objects.count() == 22
    assert not Account.objects.filter(used__gt=0).exists()
    assert_clean()


def test_making_them_again_changes_nothing_that_was_changed(stored_names: Any) -> None:
    out = StringIO()
    call_command("make_templates", stdout=out)
    first = ThumbnailTemplate.objects.get(slug="sea")
    gallery.replace(first, [picture()])
    gallery.retire(ThumbnailTemplate.objects.get(slug="city"))
    ThumbnailTemplate.objects.filter(slug="atom").update(name="Atoms", position=0)
    purge()
    names = stored_names()

    call_command("make_templates", stdout=out)

    assert stored_names() == names
    assert "22 templates were drawn." in out.getvalue()
    assert "All templates are there." in out.getvalue()
    assert ThumbnailTemplate.objects.filter(is_site_default=True).count() == 1
    assert ThumbnailTemplate.objects.get(slug="sea").version == 2
    assert_clean()


def test_retired_one_stays_where_it_was_chosen(recording: Recording, templates: Any) -> None:
    editing.choose(recording.pk, templates[1], by="olga")

    assert gallery.retire(templates[1])
    assert not gallery.retire(templates[1])

    shown = resolve(Recording.objects.with_files().get(pk=recording.pk), SiteDefault())
    assert shown
    assert shown.template == templates[1]
    assert list(ThumbnailTemplate.objects.offered()) == [templates[0]]


def test_sites_default_is_not_retired(templates: Any) -> None:
    with pytest.raises(CannotEdit):
        gallery.retire(templates[0])
    gallery.retire(templates[1])
    with pytest.raises(CannotEdit):
        gallery.make_default(templates[1])

    assert ThumbnailTemplate.objects.get(is_site_default=True) == templates[0]


def test_slug_is_not_given_twice(templates: Any, stored_names: Any) -> None:
    names = stored_names()

    with pytest.raises(CannotEdit):
        gallery.add("first", "Again", [picture()])

    purge()
    assert stored_names() == names
    assert_clean()


def test_closing_an_account_takes_pictures_and_wishes_along(
    owner: Any, recording: Recording, templates: Any, stored_names: Any
) -> None:
    editing.set_own(recording.pk, picture(), by="olga")
    editing.set_default(owner.pk, templates[1])

    close_account(owner, by="anna", at_once=True)
    for _ in range(3):
        continue_closures()
        purge()

    assert not get_user_model().objects.filter(pk=owner.pk).exists()
    assert not Thumbnail.objects.exists()
    assert not OwnerDefault.objects.exists()
    assert len(stored_names()) == StoredFile.objects.filter(kind=Kind.TEMPLATE).count() == 2
    assert Account.objects.get(owner_id=owner.pk).used == 0
    assert_clean()


@pytest.fixture
def office(administrator: Any, client: Client) -> Client:
    client.force_login(administrator)
    return client


def upload(content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("x.png", content)


LIST = "admin:thumbnails_thumbnailtemplate_changelist"


def test_administrator_adds_replaces_and_reorders(office: Client, templates: Any) -> None:
    new = {"slug": "lab", "name": "Lab", "position": "5", "picture": upload(picture())}
    answer = office.post(reverse("admin:thumbnails_thumbnailtemplate_add"), new)
    assert answer.status_code == 302, answer.context["errors"]
    lab = ThumbnailTemplate.objects.get(slug="lab")
    before = lab.stored.sha256

    change = reverse("admin:thumbnails_thumbnailtemplate_change", args=[lab.pk])
    changed = {"name": "Laboratory", "position": "5", "picture": upload(picture("GIF"))}
    assert office.get(change).status_code == 200
    assert office.post(change, changed).status_code == 302

    lab.refresh_from_db()
    assert (lab.name, lab.version, lab.slug) == ("Laboratory", 2, "lab")
    assert lab.stored.sha256 != before or lab.stored.state == "ready"
    assert office.get(reverse(LIST)).status_code == 200
    purge()
    assert_clean()


@pytest.mark.parametrize(
    "wrong", [{"slug": "A b"}, {"slug": "first"}, {"picture": upload(b"none")}, {"picture": ""}]
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


@pytest.mark.parametrize("action", ["retire", "offer_again", "make_default"])
def test_actions_say_what_they_did(office: Client, templates: Any, action: str) -> None:
    form = {"action": action, "_selected_action": [templates[1].pk]}

    answer = office.post(reverse(LIST), form, follow=True)

    assert answer.status_code == 200
    assert list(answer.context["messages"])
    templates[1].refresh_from_db()
    assert (templates[1].retired_at is not None) == (action == "retire")
    assert templates[1].is_site_default == (action == "make_default")


def test_owners_have_no_business_there(client: Client, owner: Any) -> None:
    client.force_login(owner)

    assert client.get(reverse(LIST)).status_code in {302, 403}

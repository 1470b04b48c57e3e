"""The shared templates: what ships, what administrators do with them, what they cost."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.test import Client
from django.urls import reverse
from PIL import ImageChops, ImageStat

from recordings.closing import close_account, continue_closures
from recordings.ledger.exceptions import LedgerError
from recordings.ledger.models import Account, StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.purge import purge
from recordings.models import Recording
from tests.conftest import assert_clean
from tests.thumbnails.conftest import opened, picture
from thumbnails import derive, drawings, editing, gallery
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
        editing.choose(recording, templates[index % 22], by="olga")
    default = SiteDefault()

    assert all(resolve(one, default) for one in Recording.objects.with_files())
    assert len(stored_names()) == StoredFile.objects.count() == 22
    assert not Account.objects.filter(used__gt=0).exists()
    assert_clean()


def test_making_them_again_changes_nothing_that_was_changed(stored_names: Any) -> None:
    out = StringIO()
    call_command("make_templates", stdout=out)
    first = ThumbnailTemplate.objects.get(slug="sea")
    gallery.replace(first, picture())
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
    editing.choose(recording, templates[1], by="olga")

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
        gallery.add("first", "Again", picture())

    purge()
    assert stored_names() == names
    assert_clean()


def while_it_stands(transaction_of: Callable[[], object], beside: Callable[[], object]) -> Any:
    """Run `beside` on a thread until it waits for a lock of a transaction here; then commit."""
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            transaction_of()
            waiting = pool.submit(in_thread, beside)
            while not waiting.done() and not someone_waits():
                pass
        return waiting.result()


def in_thread(work: Callable[[], object]) -> object:
    try:
        return work()
    except LedgerError as error:
        return error
    finally:
        connections.close_all()


def someone_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
            " WHERE NOT granted AND datname = current_database()"
        )
        return bool(cursor.fetchone()[0])


@pytest.mark.postgres
def test_slug_that_another_takes_at_the_same_moment_is_refused(
    templates: Any, stored_names: Any
) -> None:
    stored = StoredFile.objects.create(storage="disk", file="x.png", kind=Kind.TEMPLATE)

    def take() -> object:
        return ThumbnailTemplate.objects.create(slug="lab", name="Lab", stored=stored)

    late = while_it_stands(take, lambda: gallery.add("lab", "Again", picture()))

    assert isinstance(late, CannotEdit)
    purge()
    assert len(stored_names()) == 2


@pytest.mark.postgres
def test_first_start_twice_at_once_makes_each_template_once(stored_names: Any) -> None:
    with ThreadPoolExecutor(2) as pool:
        made = [pool.submit(in_thread, gallery.ensure) for _ in range(2)]

    assert sum(one.result() for one in made) == 22
    assert ThumbnailTemplate.objects.filter(is_site_default=True).count() == 1
    purge()
    assert len(stored_names()) == StoredFile.objects.count() == 22
    assert_clean()


@pytest.mark.postgres
def test_of_two_defaults_at_once_the_later_one_stands(templates: Any) -> None:
    third = gallery.add("third", "Third", picture())
    ThumbnailTemplate.objects.update(is_site_default=False)  # as at the first start

    late = while_it_stands(
        lambda: gallery.make_default(templates[1]), lambda: gallery.make_default(third)
    )

    assert late is None
    assert ThumbnailTemplate.objects.get(is_site_default=True) == third


def test_closing_an_account_takes_pictures_and_wishes_along(
    owner: Any, recording: Recording, templates: Any, stored_names: Any
) -> None:
    editing.set_own(recording, picture(), by="olga")
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


def test_callers_set_and_forget_their_default_by_the_api(
    api: Client, owner: Any, administrator: Any, templates: Any
) -> None:
    editing.set_default(administrator.pk, templates[0])

    def listed() -> dict[str, bool]:
        found = api.get("/api/templates").json()["results"]
        return {row["slug"]: row["is_my_default"] for row in found}

    def put(slug: str | None) -> int:
        body = {"template": slug}
        return api.put("/api/templates/default", body, content_type="application/json").status_code

    assert put("second") == 204
    assert listed() == {"first": False, "second": True}
    assert put("none") == 400
    assert put(None) == 204
    assert listed() == {"first": False, "second": False}
    assert OwnerDefault.objects.get().owner == administrator


@pytest.fixture
def office(administrator: Any, client: Client) -> Client:
    client.force_login(administrator)
    return client


def upload(content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("x.png", content)


LIST = "admin:thumbnails_thumbnailtemplate_changelist"


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


def test_template_is_added_behind_the_largest_position_there_may_be(templates: Any) -> None:
    ThumbnailTemplate.objects.filter(pk=templates[1].pk).update(position=2**31 - 1)

    made = [gallery.add(slug, slug, picture()) for slug in ("third", "fourth")]

    assert [template.position for template in made] == [gallery.LAST, gallery.LAST]


def test_web_server_starts_where_templates_cannot_be_stored() -> None:
    """On a full disk people make room through the site."""
    unit = Path(settings.BASE_DIR, "deploy/systemd/mediasite-web.service").read_text()

    assert "ExecStartPre=-/srv/mediasite/.venv/bin/python manage.py make_templates" in unit


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

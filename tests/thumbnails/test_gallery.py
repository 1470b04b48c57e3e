"""The shared templates: what ships, what becomes of them, what they cost."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.test import Client
from PIL import ImageChops, ImageStat

from recordings.closing import close_account, continue_closures
from recordings.ledger.exceptions import LedgerError
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


def test_template_is_added_behind_the_largest_position_there_may_be(templates: Any) -> None:
    ThumbnailTemplate.objects.filter(pk=templates[1].pk).update(position=2**31 - 1)

    made = [gallery.add(slug, slug, picture()) for slug in ("third", "fourth")]

    assert [template.position for template in made] == [gallery.LAST, gallery.LAST]


def test_web_server_starts_where_templates_cannot_be_stored() -> None:
    """On a full disk people make room through the site."""
    unit = Path(settings.BASE_DIR, "deploy/systemd/mediasite-web.service").read_text()

    assert "ExecStartPre=-/srv/mediasite/.venv/bin/python manage.py make_templates" in unit

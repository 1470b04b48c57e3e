"""Somebody changes a picture while something else happens to it, in both orders."""

from __future__ import annotations

from pathlib import Path

import pytest

from recordings import trash
from recordings.ledger.exceptions import Held
from recordings.models import Recording
from tests.proofs.pairs import Pair, check_nothing_wrong, delete_recording, erase, give_away, hold
from tests.proofs.races import walk
from tests.proofs.scenes import World, two_owners
from thumbnails import editing, gallery
from thumbnails.exceptions import CannotEdit
from thumbnails.models import Thumbnail, ThumbnailTemplate

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

FIRST, SECOND = b"first" * 1000, b"second" * 1000  # nothing here decodes them
GONE = (Held, CannotEdit, Recording.DoesNotExist)


def with_own_picture() -> World:
    world = two_owners()
    editing.set_own(world.recording, FIRST, by="olga")
    return world


def with_templates() -> World:
    world = two_owners()
    for slug in ("a", "b"):
        gallery.add(slug, slug, FIRST)
    return world


def new_picture(world: World) -> None:
    editing.set_own(world.recording, SECOND, by="olga")


def back(world: World) -> None:
    editing.back(world.recording, by="olga")


def choose(world: World) -> None:
    editing.choose(world.recording, ThumbnailTemplate.objects.get(slug="a"), by="olga")


def replace(world: World) -> None:
    gallery.replace(ThumbnailTemplate.objects.get(slug="a"), SECOND)


def delete_template(world: World) -> None:
    ThumbnailTemplate.objects.get(slug="a").delete()


def a_is_default(world: World) -> None:
    gallery.make_default(ThumbnailTemplate.objects.get(slug="a"))


def b_is_default(world: World) -> None:
    gallery.make_default(ThumbnailTemplate.objects.get(slug="b"))


def retire(world: World) -> None:
    gallery.retire(ThumbnailTemplate.objects.get(slug="a"))


def move_to_trash(world: World) -> None:
    trash.move_to_trash([world.recording.pk], by="anna")


def check_whose(world: World) -> None:
    """Nobody's picture was changed by somebody who had lost the recording."""
    for row in Thumbnail.objects.select_related("recording", "stored"):
        assert row.stored is None or row.stored.owner_id == row.recording.owner_id


def check_one_default(world: World) -> None:
    assert ThumbnailTemplate.objects.filter(is_site_default=True).count() == 1


TEMPLATE_GONE = (ThumbnailTemplate.DoesNotExist,)
PAIRS = [
    Pair("new picture or cascade", with_own_picture, new_picture, delete_recording, GONE,
         check_nothing_wrong),
    Pair("new picture or erase", with_own_picture, new_picture, erase, GONE, check_nothing_wrong),
    Pair("new picture or trash", with_own_picture, new_picture, move_to_trash, GONE, check_whose),
    Pair("new picture or hold", with_own_picture, new_picture, hold, GONE, check_whose),
    Pair("new picture or transfer", with_own_picture, new_picture, give_away, GONE, check_whose),
    Pair("back or transfer", with_own_picture, back, give_away, GONE, check_whose),
    Pair("choose or transfer", with_templates, choose, give_away, GONE, check_whose),
    Pair("replace or delete a template", with_templates, replace, delete_template, TEMPLATE_GONE,
         check_nothing_wrong),
    Pair("two defaults", with_templates, a_is_default, b_is_default, (), check_one_default),
    Pair("default or retire", with_templates, a_is_default, retire, (CannotEdit,),
         check_nothing_wrong),
]  # fmt: skip


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_picture_and_something_else_at_once(ground: Path, pair: Pair) -> None:
    assert walk(pair, every=5) >= 2

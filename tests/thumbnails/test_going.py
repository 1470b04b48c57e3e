"""A picture goes with its row, also where the row in hand is older than the picture."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from recordings.ledger.models import StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.purge import purge
from recordings.models import Recording
from tests.conftest import assert_clean
from tests.thumbnails.conftest import After, picture
from thumbnails import editing, gallery
from thumbnails.models import Thumbnail, ThumbnailTemplate

pytestmark = pytest.mark.django_db(transaction=True)


def test_deleting_an_old_row_releases_the_picture_that_is_there_now(
    recording: Recording, account: Any
) -> None:
    used = account().used
    editing.set_own(recording, picture(colour="#111111"), by="olga")
    row = Thumbnail.objects.get()
    editing.set_own(recording, picture(colour="#222222"), by="olga")

    row.delete()
    purge()

    assert not StoredFile.objects.filter(kind=Kind.THUMBNAIL).exists()
    assert account().used == used
    assert_clean()


def test_cascade_releases_the_picture_that_came_after_it_looked(
    recording: Recording, account: Any
) -> None:
    editing.set_own(recording, picture(colour="#111111"), by="olga")

    def replace() -> None:
        editing.set_own(recording, picture(colour="#222222"), by="olga")

    with connection.execute_wrapper(After('FROM "thumbnails_thumbnail"', replace)):
        Recording.objects.get(pk=recording.pk).delete()
    purge()

    assert not StoredFile.objects.exists()
    assert account().used == 0
    assert_clean()


def test_deleting_an_old_row_of_a_template_releases_what_it_shows_now(templates: Any) -> None:
    gallery.replace(templates[1], picture(colour="#222222"))

    templates[1].delete()
    purge()

    left = StoredFile.objects.filter(kind=Kind.TEMPLATE).values_list("pk", flat=True)
    assert list(left) == [ThumbnailTemplate.objects.get().stored_id]
    assert_clean()

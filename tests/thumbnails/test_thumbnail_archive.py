"""What a recording shows, once it was in the archive."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from recordings.archive_restore import restore
from recordings.ledger.purge import purge
from recordings.models import Recording
from tests import archives
from tests.conftest import assert_clean
from tests.recordings.test_archive import put_away
from tests.thumbnails.conftest import address, opened, picture
from tests.thumbnails.test_thumbnail import source
from thumbnails import editing
from thumbnails.models import Thumbnail
from thumbnails.resolve import Source

pytestmark = pytest.mark.django_db(transaction=True)


def test_own_picture_goes_to_the_archive_and_comes_back(
    api: Client, recording: Recording, templates: Any, account: Any, settings: Any, tmp_path: Any
) -> None:
    archives.use_folder(settings, tmp_path / "archive")
    editing.set_own(recording, picture(colour="#00ff00"), by="olga", template=templates[1])
    used = account().used

    archived = put_away(recording)
    assert account().used == 0
    restore(archived.pk, by="anna")
    purge()

    assert account().used == used
    assert Thumbnail.objects.get(recording_id=recording.pk).template == templates[1]
    assert opened(api.get(address(recording)).content).getpixel((3, 3)) == (0, 255, 0)
    assert_clean()


@pytest.mark.parametrize("gone", [False, True])
def test_chosen_template_comes_back_from_the_archive_unless_it_is_gone(
    recording: Recording, templates: Any, settings: Any, tmp_path: Any, gone: bool
) -> None:
    archives.use_folder(settings, tmp_path / "archive")
    editing.choose(recording, templates[1], by="olga")
    changed_at = Thumbnail.objects.get().changed_at

    archived = put_away(recording)
    assert not Thumbnail.objects.exists()
    if gone:
        templates[1].delete()
    restore(archived.pk, by="anna")
    purge()

    assert source(recording) == (Source.SITE_DEFAULT if gone else Source.TEMPLATE)
    if not gone:
        row = Thumbnail.objects.get(recording_id=recording.pk)
        assert (row.template, row.changed_at) == (templates[1], changed_at)
    assert_clean()

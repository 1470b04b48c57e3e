"""An upload whose name somebody else took, while storage has its troubles."""

from __future__ import annotations

import pytest
from django.conf import settings

from recordings.ledger import names
from recordings.ledger.exceptions import NameTaken
from recordings.ledger.models import StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.publish import Publication
from recordings.ledger.purge import purge
from recordings.ledger.storages import DiskStorage

pytestmark = pytest.mark.django_db(transaction=True)


class Flaky(DiskStorage):
    """A disk that cannot be asked about a file the first time."""

    asked = 0

    def take_back(self, name, part):
        Flaky.asked += 1
        if Flaky.asked == 1:
            raise OSError(5, "Input/output error")
        return super().take_back(name, part)


@pytest.fixture
def flaky(settings):
    Flaky.asked = 0
    disk = {**settings.STORAGES["disk"], "BACKEND": f"{__name__}.Flaky"}
    settings.STORAGES = {**settings.STORAGES, "disk": disk}


def test_file_of_somebody_else_survives_though_it_could_not_be_told_at_once(flaky, make_recording):
    recording = make_recording(files=0)
    publication = Publication.begin(
        name=names.of_kind(Kind.AUDIO, recording.owner_id, recording.pk),
        kind=Kind.AUDIO,
        owner_id=recording.owner_id,
        recording_id=recording.pk,
        size=10,
    )
    publication.write(b"mine")
    theirs = settings.MEDIA_ROOT / publication.stored.file.name
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"theirs")

    with pytest.raises(NameTaken), publication:
        publication.finish()
    StoredFile.objects.update(not_before="2026-01-01T00:00Z")
    purge()

    assert theirs.read_bytes() == b"theirs"
    assert not StoredFile.objects.exists()

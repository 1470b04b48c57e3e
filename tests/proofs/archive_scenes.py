"""The archive as scenes of the proofs: a recording is put away as by a policy, or brought back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recordings import archive, archive_restore, trash
from recordings.ledger.models import StoredFile
from recordings.ledger.purge import purge
from recordings.ledger.transactions import retried
from recordings.models import ArchivedFile, ArchivedRecording, Recording, RecordingFile

if TYPE_CHECKING:
    from tests.proofs.scenes import World


def put_away(world: World) -> None:
    """Archive a recording as the sweep of a policy does."""
    archive.copy(world.recording.pk, alive=lambda: None)
    retried(lambda: erase_for_copy(world.recording.pk))


def erase_for_copy(pk: int) -> None:
    with trash.locked([pk]) as found:
        archive.archive_locked(found, by="policy old v1")


def archived(world: World) -> World:
    put_away(world)
    purge()
    return world


def bring_back(world: World) -> None:
    archive_restore.restore(ArchivedRecording.objects.get().pk, by="anna")


def check_in_one_place(world: World) -> None:
    """The recording is whole in the library, or whole in the archive; a copy beside it is whole."""
    archive.let_go_unused()
    there = Recording.objects.count()
    gone = ArchivedRecording.objects.archived().count()
    assert there + gone == 1
    assert RecordingFile.objects.count() == 3 * there
    assert world.account.used == 3003 * there
    assert world.account.reserved == 0
    copies = ArchivedRecording.objects.count()
    assert ArchivedFile.objects.count() == 3 * copies
    assert StoredFile.objects.count() == 3 * (there + copies)
    if gone:
        assert len(ArchivedRecording.objects.get().columns) > 20
    else:  # and it can be done again, over whatever was left
        put_away(world)
        assert ArchivedFile.objects.count() == 3
        purge()

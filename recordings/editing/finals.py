"""Final videos that their owner wants no longer: away before a policy takes them."""

from __future__ import annotations

from functools import partial

from recordings.editing.exceptions import CannotEdit
from recordings.ledger.models import StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.release import release
from recordings.ledger.transactions import retried
from recordings.models import RecordingFile
from recordings.trash import delete_rows, locked, unheld


def refuse(file: RecordingFile) -> None:
    """Raise Held, or CannotEdit for a file of another kind, or of a recording in the trash."""
    if file.kind != Kind.FINAL:
        raise CannotEdit(
            "Only final videos can be removed by themselves: the other files go with their "
            "recording."
        )
    if file.recording.trashed_at is not None:
        raise CannotEdit(
            "This recording is in the trash, from where it comes back whole: restore it first."
        )
    unheld([file.recording])


def remove(file: RecordingFile, *, by: str, of: int | None = None) -> bool:
    """Release one final video for ever; False where it went meanwhile. `of` as for `trash.locked`.

    Raises what `refuse` does.
    """
    return retried(partial(_remove, file.pk, file.recording_id, by, of))


def _remove(pk: int, recording_id: int, by: str, of: int | None) -> bool:
    with locked([recording_id], of=of) as found:
        files = RecordingFile.objects.filter(pk=pk, recording__in=[one.pk for one in found])
        file = files.select_related("recording").first()
        if file is None:
            return False
        refuse(file)
        release([file.stored_id], reason=StoredFile.Reason.DELETED, by=by)
        return bool(delete_rows(RecordingFile, [pk]))

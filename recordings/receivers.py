"""What happens when rows go or are saved elsewhere: one statement each."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models.signals import post_delete, post_save, pre_delete
from django.dispatch import receiver

from recordings.archive import refuse_held_in_archive
from recordings.ledger.models import Account, StoredFile
from recordings.ledger.release import release
from recordings.ledger.reservations import give_back
from recordings.ledger.resuming import let_go
from recordings.models import (
    ArchivedFile,
    ArchivedRecording,
    Job,
    Recording,
    RecordingFile,
    ResumableUpload,
)
from recordings.trash import locked, unheld


@receiver(post_delete, sender=RecordingFile)
def release_bytes(instance: RecordingFile, **kwargs: Any) -> None:
    release([instance.stored_id], reason=StoredFile.Reason.DELETED)


@receiver(pre_delete, sender=Recording)
def refuse_when_held(instance: Recording, **kwargs: Any) -> None:
    """A recording without files is held too; asked of the row, since the one in hand may be old."""
    with locked([instance.pk]) as found:
        unheld(found)


@receiver(post_delete, sender=ArchivedFile)
def release_archived_bytes(instance: ArchivedFile, **kwargs: Any) -> None:
    release([instance.stored_id], reason=StoredFile.Reason.DELETED)


@receiver(pre_delete, sender=ArchivedRecording)
def refuse_when_archived_is_held(instance: ArchivedRecording, **kwargs: Any) -> None:
    refuse_held_in_archive(instance.pk)


@receiver(pre_delete, sender=ArchivedFile)
def refuse_when_file_is_held(instance: ArchivedFile, **kwargs: Any) -> None:
    refuse_held_in_archive(instance.archived_id)


@receiver(post_save, sender=get_user_model())
def keep_name(instance: Any, raw: bool, **kwargs: Any) -> None:
    """Receipts outlive users, so the account knows the name."""
    Account.objects.update_or_create(owner_id=instance.pk, defaults={"name": instance.username})


@receiver(post_delete, sender=get_user_model())
def forget_imports(instance: Any, **kwargs: Any) -> None:
    """Jobs without a recording are tied to nothing that goes with their owner."""
    Job.objects.filter(owner_id=instance.pk, recording=None).delete()


@receiver(post_delete, sender=Job)
def give_back_room(instance: Job, **kwargs: Any) -> None:
    if instance.reservation_id is not None:
        give_back([instance.reservation_id])


@receiver(post_delete, sender=ResumableUpload)
def give_back_room_of_upload(instance: ResumableUpload, **kwargs: Any) -> None:
    if instance.reservation_id is not None:
        give_back([instance.reservation_id])


@receiver(post_delete, sender=ResumableUpload)
def let_go_of_upload(instance: ResumableUpload, **kwargs: Any) -> None:
    let_go([instance.recording_id])

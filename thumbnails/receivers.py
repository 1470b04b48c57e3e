"""What happens when rows go: one statement each.

The row in hand may be older than its picture, which was replaced meanwhile. So the picture is asked
for again, under the lock that replacing takes, before the row goes.
"""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete, pre_delete
from django.dispatch import receiver

from recordings import trash
from recordings.ledger.models import StoredFile
from recordings.ledger.release import release
from thumbnails import editing
from thumbnails.models import Thumbnail, ThumbnailTemplate


@receiver(pre_delete, sender=Thumbnail)
def look_at_picture_again(instance: Thumbnail, **kwargs: Any) -> None:
    with trash.locked([instance.recording_id]):
        rows = Thumbnail.objects.filter(pk=instance.pk)
        instance.stored_id = rows.values_list("stored_id", flat=True).first()


@receiver(post_delete, sender=Thumbnail)
def release_picture(instance: Thumbnail, **kwargs: Any) -> None:
    editing.release_own(instance.stored_id)


@receiver(pre_delete, sender=ThumbnailTemplate)
def look_at_template_again(instance: ThumbnailTemplate, **kwargs: Any) -> None:
    for now in ThumbnailTemplate.objects.select_for_update().filter(pk=instance.pk):
        instance.stored_id = now.stored_id


@receiver(post_delete, sender=ThumbnailTemplate)
def release_template(instance: ThumbnailTemplate, **kwargs: Any) -> None:
    release([instance.stored_id], reason=StoredFile.Reason.DELETED)

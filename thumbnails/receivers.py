"""What happens when rows go: one statement each."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete
from django.dispatch import receiver

from recordings.ledger.models import StoredFile
from recordings.ledger.release import release
from thumbnails import editing
from thumbnails.models import Thumbnail, ThumbnailTemplate


@receiver(post_delete, sender=Thumbnail)
def release_picture(instance: Thumbnail, **kwargs: Any) -> None:
    editing.release_own(instance.stored_id)


@receiver(post_delete, sender=ThumbnailTemplate)
def release_template(instance: ThumbnailTemplate, **kwargs: Any) -> None:
    release([instance.stored_id], reason=StoredFile.Reason.DELETED)

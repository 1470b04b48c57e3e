"""The thumbnails' share of the audit."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import F, Q

from recordings.ledger.audit import extra_checks
from recordings.ledger.names import Kind
from thumbnails.models import Thumbnail, ThumbnailTemplate


def own_pictures_are_their_recordings() -> Iterator[str]:
    """I16: an own picture belongs to the recording it shows, and to that one's owner."""
    right = Q(
        stored__kind=Kind.THUMBNAIL,
        stored__recording_id=F("recording_id"),
        stored__owner_id=F("recording__owner_id"),
    )
    for thumbnail in Thumbnail.objects.filter(stored__isnull=False).exclude(right).iterator():
        yield f"the picture of recording {thumbnail.recording_id} is somebody else's file"


def templates_are_nobodys() -> Iterator[str]:
    """I1: a template is in no quota."""
    wrong = ~Q(stored__kind=Kind.TEMPLATE) | Q(stored__owner_id__isnull=False)
    for template in ThumbnailTemplate.objects.filter(wrong).iterator():
        yield f"the template {template.slug} is paid for by an owner, or no template's file"


extra_checks["I16-thumbnails"] = own_pictures_are_their_recordings
extra_checks["I1-templates"] = templates_are_nobodys

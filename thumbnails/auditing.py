"""The thumbnails' share of the audit."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Exists, OuterRef

from recordings.ledger.audit import extra_checks
from recordings.ledger.models import StoredFile
from recordings.ledger.names import Kind
from thumbnails.models import Thumbnail, ThumbnailTemplate


def own_pictures_are_their_recordings() -> Iterator[str]:
    """I16: an own picture is stored for the recording it shows and that one's owner."""
    right = StoredFile.objects.ready().filter(
        pk=OuterRef("stored_id"),
        kind=Kind.THUMBNAIL,
        recording_id=OuterRef("recording_id"),
        owner_id=OuterRef("recording__owner_id"),
    )
    for thumbnail in Thumbnail.objects.exclude(stored=None).exclude(Exists(right)).iterator():
        yield f"the picture of recording {thumbnail.recording_id} is not stored for it"


def templates_are_nobodys() -> Iterator[str]:
    """I1: a template is stored, and in no quota."""
    right = StoredFile.objects.ready().filter(
        pk=OuterRef("stored_id"), kind=Kind.TEMPLATE, owner_id=None
    )
    for template in ThumbnailTemplate.objects.exclude(Exists(right)).iterator():
        yield f"the template {template.slug} is paid for by an owner, or is no stored template"


extra_checks["I16-thumbnails"] = own_pictures_are_their_recordings
extra_checks["I1-templates"] = templates_are_nobodys

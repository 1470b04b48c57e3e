"""Which picture a recording shows: own → chosen template → poster → owner's default → site's.

Nothing is copied and nothing written. For a recording that came `with_files()` only the last step
asks the database, so a page asks once, through one `SiteDefault`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

from django.urls import reverse
from django.utils.http import urlencode

from recordings.ledger.models import StoredFile
from recordings.ledger.names import Kind
from recordings.models import Recording
from thumbnails.models import ThumbnailTemplate

# What `with_files()` brings along for `resolve`.
RELATED: Final = (
    "thumbnail__stored",
    "thumbnail__template__stored",
    "owner__thumbnail_default__template__stored",
)
# Pixels: the width and height that a picture is cut or fitted to.
SIZES: Final = {"list": (320, 180), "card": (640, 360), "player": (1280, 720)}
DIGITS: Final = 20  # of a SHA-256, enough to tell versions apart


class Source(StrEnum):
    OWN = "own"
    TEMPLATE = "template"
    POSTER = "poster"
    OWNER_DEFAULT = "owner_default"
    SITE_DEFAULT = "site_default"


@dataclass(frozen=True, slots=True)
class Picture:
    """What is shown, and why; `template` where it is one, which all may see."""

    source: Source
    stored: StoredFile
    template: ThumbnailTemplate | None = None

    @property
    def version(self) -> str:
        return self.stored.sha256[:DIGITS]

    def address(self, recording_id: int, size: str = "") -> str:
        """Where it is served, for good: another picture has another address."""
        if self.template:
            return template_address(self.template, size)
        return own_address(recording_id, self.version, size)


def template_address(template: ThumbnailTemplate, size: str = "") -> str:
    parts = [template.slug, template.stored.sha256[:DIGITS], size or "full"]
    return reverse("template-picture", args=parts)


def own_address(recording_id: int, version: str = "", size: str = "") -> str:
    asked = {name: value for name, value in (("v", version), ("size", size)) if value}
    address = reverse("api-thumbnail", args=[recording_id])
    return f"{address}?{urlencode(asked)}" if asked else address


class SiteDefault:
    """The site's default, asked for once and only if it is needed."""

    @cached_property
    def template(self) -> ThumbnailTemplate | None:
        rows = ThumbnailTemplate.objects.filter(is_site_default=True)
        return rows.select_related("stored").first()


def resolve(recording: Recording, default: SiteDefault) -> Picture | None:
    """Say what a recording from `with_files()` shows; None on a site without templates."""
    return before_default(recording) or _of_template(Source.SITE_DEFAULT, default.template)


def before_default(recording: Recording) -> Picture | None:
    """Say what it shows by itself or by its owner's wish."""
    chosen = getattr(recording, "thumbnail", None)
    if chosen and chosen.stored:
        return Picture(Source.OWN, chosen.stored)
    if chosen and chosen.template:
        return _of_template(Source.TEMPLATE, chosen.template)
    if poster := _poster(recording):
        return Picture(Source.POSTER, poster)
    return _liked(recording)


def without_poster(recording: Recording, default: SiteDefault) -> Picture | None:
    """Say what a recording shows whose poster cannot be shown."""
    return _liked(recording) or _of_template(Source.SITE_DEFAULT, default.template)


def _liked(recording: Recording) -> Picture | None:
    liked = getattr(recording.owner, "thumbnail_default", None)
    return _of_template(Source.OWNER_DEFAULT, liked.template) if liked else None


def _of_template(source: Source, template: ThumbnailTemplate | None) -> Picture | None:
    return Picture(source, template.stored, template) if template else None


def _poster(recording: Recording) -> StoredFile | None:
    if not hasattr(recording, "current_files"):
        file = recording.file(Kind.POSTER)
        return file.stored if file else None
    files = recording.current_files
    return next((file.stored for file in files if file.kind == Kind.POSTER), None)


def listed(recording: Recording) -> str:
    """Where a list of any length sends its readers: without a query for any of its rows."""
    picture = before_default(recording)
    return picture.address(recording.pk) if picture else own_address(recording.pk)

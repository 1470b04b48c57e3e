"""The thumbnails' tables: shared templates, what a recording shows, what an owner likes best.

A row here is thin: the bytes are in the ledger, once for each template and once for each picture
that somebody edited. A recording without a row costs nothing.
"""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import CASCADE, PROTECT, Q
from django.db.models.functions import Now

from recordings.ledger.models import StoredFile
from recordings.models import Recording


class ThumbnailTemplateQuerySet(models.QuerySet["ThumbnailTemplate"]):
    def offered(self) -> Self:
        """What the gallery shows, in its order; retired ones stay where they were chosen."""
        return self.filter(retired_at=None).order_by("position", "pk")


class ThumbnailTemplate(models.Model):
    """A picture that any number of recordings show. It is in nobody's quota.

    Replacing it changes the picture of everyone who did not edit; retiring it takes it out of the
    gallery. It is never deleted, since recordings may show it.
    """

    slug = models.CharField(
        max_length=60,
        unique=True,
        # What names.template() makes a stored name of.
        validators=[RegexValidator(r"^[a-z0-9]+(-[a-z0-9]+)*\Z", "Use a-z, 0-9 and hyphens.")],
        help_text="Its name in the API and in storage; it cannot be changed later.",
    )
    name = models.CharField(max_length=80, help_text="What people read below it.")
    stored = models.OneToOneField(
        StoredFile,
        on_delete=PROTECT,
        related_name="thumbnail_template",
        editable=False,
        db_constraint=False,  # as with Thumbnail.stored
    )
    version = models.PositiveIntegerField(default=1, editable=False)  # in the stored name
    position = models.PositiveIntegerField(default=0, help_text="Small numbers come first.")
    is_site_default = models.BooleanField(
        "shown where there is nothing else", default=False, editable=False
    )
    retired_at = models.DateTimeField("retired", null=True, blank=True, editable=False)
    created_at = models.DateTimeField(db_default=Now())

    objects = ThumbnailTemplateQuerySet.as_manager()

    class Meta:
        ordering = ("position", "pk")
        constraints = [
            # Also the index that resolve.site_default() reads.
            models.UniqueConstraint(
                fields=["is_site_default"],
                condition=Q(is_site_default=True),
                name="thumbnail_template_one_default",
            ),
            models.CheckConstraint(
                condition=Q(is_site_default=False) | Q(retired_at=None),
                name="thumbnail_template_default_is_offered",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Thumbnail(models.Model):
    """What a recording's owner has chosen or made; deleting the row releases the bytes.

    `stored` is his own picture, and shown when there is one; `template` the one chosen, or the one
    that his own picture was made from and goes back to.
    """

    recording = models.OneToOneField(Recording, on_delete=CASCADE, related_name="thumbnail")
    template = models.ForeignKey(
        ThumbnailTemplate, on_delete=PROTECT, null=True, related_name="thumbnails"
    )
    stored = models.OneToOneField(
        StoredFile,
        on_delete=PROTECT,
        null=True,
        related_name="thumbnail",
        # The database would look here for each of millions of purged files, a quarter of what
        # the purge costs, and only when the bytes are gone. The audit looks for such rows.
        db_constraint=False,
    )
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(template__isnull=False) | Q(stored__isnull=False),
                name="thumbnail_says_something",
            ),
        ]

    def __str__(self) -> str:
        return f"thumbnail of {self.recording_id}"


class OwnerDefault(models.Model):
    """The template an owner wants for recordings that have neither a choice nor a poster frame."""

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=CASCADE, related_name="thumbnail_default"
    )
    template = models.ForeignKey(ThumbnailTemplate, on_delete=PROTECT, related_name="defaults")

    def __str__(self) -> str:
        return f"default of {self.owner}: {self.template}"

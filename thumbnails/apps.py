"""The thumbnails' Django app."""

from __future__ import annotations

from django.apps import AppConfig


class ThumbnailsConfig(AppConfig):
    name = "thumbnails"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from recordings import archive, pictures
        from recordings.api.errors import ANSWERS
        from thumbnails import auditing, editing, receivers, resolve  # noqa: F401  (connects them)
        from thumbnails.exceptions import ANSWERS as OURS

        ANSWERS.update(OURS)
        archive.beside.append(editing.choices)
        pictures.related.extend(resolve.RELATED)
        pictures.address_above = resolve.listed

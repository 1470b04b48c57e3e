"""The thumbnails' Django app."""

from __future__ import annotations

from django.apps import AppConfig


class ThumbnailsConfig(AppConfig):
    name = "thumbnails"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from recordings import pictures, tasks
        from recordings.api.errors import ANSWERS
        from thumbnails import auditing, derive, receivers, resolve  # noqa: F401  (connects them)
        from thumbnails.exceptions import ANSWERS as OURS

        ANSWERS.update(OURS)
        tasks.upkeep.append(derive.tidy)
        pictures.related.extend(resolve.RELATED)
        pictures.addresses.append(resolve.listed)

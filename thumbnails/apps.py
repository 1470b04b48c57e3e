"""The thumbnails' Django app."""

from __future__ import annotations

from django.apps import AppConfig


class ThumbnailsConfig(AppConfig):
    name = "thumbnails"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from recordings import archive, pictures, tasks
        from recordings.api.errors import ANSWERS
        from thumbnails import (  # noqa: F401  (importing some connects them)
            auditing,
            derive,
            editing,
            receivers,
            resolve,
        )
        from thumbnails.exceptions import ANSWERS as OURS

        ANSWERS.update(OURS)
        tasks.upkeep.append(derive.tidy)
        archive.beside.append(editing.choices)
        pictures.related.extend(resolve.RELATED)
        pictures.address_above = resolve.listed

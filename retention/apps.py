"""The retention engine's Django app."""

from __future__ import annotations

from django.apps import AppConfig


class RetentionConfig(AppConfig):
    name = "retention"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from recordings.transfer import followers
        from recordings.trash import period_sources
        from recordings.uploads import resumable
        from retention import auditing, keeping, receivers  # noqa: F401  (connects them)
        from retention.targets import trash, uploads

        period_sources.append(trash.period)
        resumable.period_sources.append(uploads.period)
        followers.append(keeping.follow)

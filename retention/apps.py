"""The retention engine's Django app."""

from __future__ import annotations

from django.apps import AppConfig


class RetentionConfig(AppConfig):
    name = "retention"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from recordings import periods
        from recordings.transfer import followers
        from retention import auditing, keeping, promises, receivers  # noqa: F401  (connects them)

        periods.sources.append(promises.period_of)
        followers.append(keeping.follow)

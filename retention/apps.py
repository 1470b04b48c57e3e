"""The retention engine's Django app."""

from __future__ import annotations

from functools import partial

from django.apps import AppConfig


class RetentionConfig(AppConfig):
    name = "retention"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from recordings.editing.deadlines import final_sources, idle_sources
        from recordings.transfer import followers
        from recordings.trash import period_sources
        from recordings.uploads import resumable
        from retention import auditing, keeping, promises, receivers  # noqa: F401  (connects them)
        from retention.targets import trash

        period_sources.append(trash.period)
        resumable.period_sources.append(partial(promises.period_of, "uploads"))
        idle_sources.append(partial(promises.period_of, "sessions"))
        final_sources.append(partial(promises.period_of, "finals"))
        followers.append(keeping.follow)

"""The site as an app, for its checks and for the command `up`."""

from __future__ import annotations

from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "mediasite"

    def ready(self) -> None:
        from mediasite import checks  # noqa: F401  (registers them)

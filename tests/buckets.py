"""A bucket whose store does not answer."""

from __future__ import annotations

from typing import Any

from botocore.config import Config


def take_away(settings: Any) -> None:
    """Point the storage `s3` at a port where nobody listens; it gives up at once."""
    bucket = settings.STORAGES["s3"]
    options = {
        **bucket["OPTIONS"],
        "endpoint_url": "http://127.0.0.1:9",
        "client_config": Config(retries={"max_attempts": 0}),
    }
    settings.STORAGES = {**settings.STORAGES, "s3": {**bucket, "OPTIONS": options}}

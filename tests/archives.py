"""Archives to test with: a folder or a bucket of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.files.storage import storages


def use_folder(settings: Any, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    backend = {
        "BACKEND": "recordings.ledger.storages.DiskStorage",
        "OPTIONS": {"location": folder},
    }
    settings.STORAGES = {**settings.STORAGES, "archive": backend}


def use_bucket(settings: Any) -> Iterator[None]:
    """Put the archive in a bucket beside that of the media."""
    media = settings.STORAGES["s3"]
    options = {**media["OPTIONS"], "bucket_name": "archive"}
    settings.STORAGES = {**settings.STORAGES, "archive": {**media, "OPTIONS": options}}
    bucket = storages["archive"]
    bucket.client.create_bucket(Bucket="archive")
    yield
    for left in list(bucket.leftovers()):
        bucket.forget("" if left.part else left.name, left.part)
    bucket.bulk_delete([entry.name for entry in bucket.listing()])
    bucket.client.delete_bucket(Bucket="archive")

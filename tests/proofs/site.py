"""An empty site for the commands of this folder: a test database, a media folder or a bucket."""

from __future__ import annotations

import argparse
import logging
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.test.utils import override_settings, setup_databases, teardown_databases

from recordings.ledger.storages import storage


def options(
    description: str | None, *, scenes: Sequence[str] = (), lines: bool = False
) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--storage", choices=["disk", "s3"], default="disk")
    parser.add_argument("--scene", choices=scenes)
    if lines:
        parser.add_argument("--lines", action="store_true", help="stop at every line of code too")
    return parser.parse_args()


def described(place: str) -> str:
    return f"{connection.vendor}, {place}"


@contextmanager
def made(place: str) -> Iterator[None]:
    """Make an empty site on the database of DATABASE_URL and take it down again."""
    logging.disable(logging.INFO)  # thousands of lines about what was purged
    databases = setup_databases(verbosity=0, interactive=False, serialized_aliases=set())
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            stored_in(place, Path(folder) / "media"),
        ):
            yield
    finally:
        teardown_databases(databases, verbosity=0)


@contextmanager
def stored_in(place: str, folder: Path) -> Iterator[None]:
    archive = folder.parent / "archive"
    for place_for in (folder, archive):
        place_for.mkdir()
    disk, kept = on_disk(folder), on_disk(archive)
    aliases: dict[str, Any] = {**settings.STORAGES, "default": disk, "disk": disk, "archive": kept}
    if place == "disk":
        with override_settings(STORAGES=aliases, MEDIA_ROOT=folder, MEDIA_STORAGE="disk"):
            yield
        return
    with s3_server() as address:
        aliases["s3"] = bucket(address)
        with override_settings(STORAGES=aliases, MEDIA_ROOT=folder, MEDIA_STORAGE="s3"):
            storage("s3").client.create_bucket(Bucket="media")  # type: ignore[attr-defined]
            yield


def on_disk(folder: Path) -> dict[str, Any]:
    return {
        "BACKEND": "recordings.ledger.storages.DiskStorage",
        "OPTIONS": {"location": folder},
    }


def bucket(address: str) -> dict[str, Any]:
    return {
        "BACKEND": "recordings.ledger.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": "media",
            "endpoint_url": address,
            "access_key": "test",
            "secret_key": "test",
            "region_name": "us-east-1",
        },
    }


@contextmanager
def s3_server() -> Iterator[str]:
    """Run an S3 server in a process of its own, so that it outlives the killed ones."""
    command = [sys.executable, "-m", "tests.proofs.s3_server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()

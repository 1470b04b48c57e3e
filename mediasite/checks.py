"""System checks: settings that are each right and wrong together, folders, programs.

Tagged `mediasite`; those that concern only a site open to others are deployment checks.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as Doubt
from django.utils.module_loading import import_string

from retention.folders import overlapped

TAG = "mediasite"
ROOTS = (
    "MEDIA_ROOT", "SCRATCH_ROOT", "LOG_ROOT", "BROKER_ROOT", "CACHE_ROOT", "MANAGED_ROOT",
    "BACKUP_ROOT", "ARCHIVE_ROOT",
)  # fmt: skip
BROKERS = ("redis", "rediss", "sentinel", "amqp", "amqps", "pyamqp", "sqs")
PLUGS = {"TRANSCRIBER": "transcribe", "ANALYSER": "analyse"}  # and what each is asked to do

Apps = Sequence[AppConfig] | None


def roots() -> dict[str, Path]:
    """The folders that the site writes to, by name; none for an archive that is no folder."""
    found = {name: getattr(settings, name) for name in ROOTS}
    return {name: Path(folder) for name, folder in found.items() if folder is not None}


@register(TAG)
def check_roots_apart(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Clean-up of one folder must never walk into another one's files."""
    folders = {**roots(), "STATIC_ROOT": Path(settings.STATIC_ROOT)}
    return [
        Error(
            f"{inner}, {folders[inner]}, lies inside {outer}, {folders[outer]}.",
            hint="Give each a folder of its own: what tidies one would meet files of the other.",
            id="mediasite.E001",
        )
        for inner, outer in permutations(folders, 2)
        if folders[inner].is_relative_to(folders[outer])
    ]


@register(TAG)
def check_database_apart(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    name = settings.DATABASES["default"]["NAME"]
    if not settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        return []
    return [
        Error(
            f"The SQLite database {name} lies inside {root}, {folder}.",
            hint="Move it to a folder that nothing tidies, and say so in DATABASE_URL.",
            id="mediasite.E002",
        )
        for root, folder in roots().items()
        if Path(name).is_relative_to(folder)
    ]


@register(TAG)
def check_retention_roots(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    return [
        Error(
            f"RETENTION_ROOTS names {root}, which is, holds or lies in {what}.",
            hint="Policies remove files from these folders: name only such as hold nothing else.",
            id="mediasite.E011",
        )
        for root in settings.RETENTION_ROOTS
        if (what := overlapped(root))
    ]


@register(TAG)
def check_roots_writable(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    return [
        Error(
            f"{name}, {folder}, cannot be written to.",
            hint="Give the user of the site the right to write there, or name another folder.",
            id="mediasite.E003",
        )
        for name, folder in roots().items()
        if not is_writable(folder)
    ]


def is_writable(folder: Path) -> bool:
    """Tell whether `folder` can be written to, or made where it is missing."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


@register(TAG)
def check_ffmpeg(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    if settings.FFMPEG_BINARY and not shutil.which(settings.FFMPEG_BINARY):
        return [
            Error(
                f"FFMPEG_BINARY is {settings.FFMPEG_BINARY!r}, and no such program can be run.",
                hint="Give the full path of ffmpeg, or leave it empty for the one at hand.",
                id="mediasite.E004",
            )
        ]
    if not shutil.which("ffmpeg") and importlib.util.find_spec("imageio_ffmpeg") is None:
        return [
            Error(
                "There is no ffmpeg, and nothing can be processed without it.",
                hint="Install requirements/base.txt, which brings one, or: apt install ffmpeg",
                id="mediasite.E005",
            )
        ]
    return []


@register(TAG)
def check_broker(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    url = settings.CELERY_BROKER_URL
    scheme, separator, _ = url.partition("://")
    if url == "files://" or (separator and scheme in BROKERS):
        return []
    return [
        Error(
            "CELERY_BROKER_URL is no address of a broker that the site can use.",
            hint="Give redis://host:6379/0 or amqp://user:password@host:5672//, or leave it unset "
            f"for files in DATA_DIR. It may begin with {', '.join(BROKERS)}.",
            id="mediasite.E009",
        )
    ]


@register(TAG)
def check_plugs(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    return [
        Error(
            f"{name} is {getattr(settings, name)!r}, and there is no such class with a method "
            f"{method!r}.",
            hint="Give the full path of one, as in package.module.Class, or leave it unset.",
            id="mediasite.E010",
        )
        for name, method in PLUGS.items()
        if not can(getattr(settings, name), method)
    ]


def can(path: str, method: str) -> bool:
    """Tell whether `path` names a class that can be imported and has the method."""
    try:
        found = import_string(path)
    except ImportError:
        return False
    return isinstance(found, type) and callable(getattr(found, method, None))


@register(TAG)
def check_s3_keys(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    if "s3" not in settings.STORAGES:
        return []
    options = settings.STORAGES["s3"]["OPTIONS"]
    given = [bool(options["access_key"]), bool(options["secret_key"])]
    if all(given):
        return []
    if any(given):
        return [
            Error(
                "Of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is set.",
                hint="Set both, or neither where the machine has a role that opens the bucket.",
                id="mediasite.E006",
            )
        ]
    return [
        Doubt(
            f"The bucket {options['bucket_name']} is used without keys.",
            hint="Right where the machine has a role that opens it; else set AWS_ACCESS_KEY_ID "
            "and AWS_SECRET_ACCESS_KEY.",
            id="mediasite.W001",
        )
    ]


@register(TAG)
def check_upload_fits_quota(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    quota, largest = settings.DEFAULT_QUOTA_BYTES, settings.UPLOAD_MAX_BYTES
    if quota is None or largest is None or largest <= quota:
        return []
    return [
        Doubt(
            f"UPLOAD_MAX_BYTES ({largest}) is more than DEFAULT_QUOTA_BYTES ({quota}).",
            hint="Nobody with the default quota can upload that much: raise it or lower the other.",
            id="mediasite.W002",
        )
    ]


@register(TAG)
def check_imports(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    if settings.IMPORT_BY_URL or not settings.IMPORT_ALLOWED_HOSTS:
        return []
    return [
        Doubt(
            "IMPORT_ALLOWED_HOSTS names hosts, and importing by address is off.",
            hint="Set IMPORT_BY_URL=on, or leave IMPORT_ALLOWED_HOSTS empty.",
            id="mediasite.W010",
        )
    ]


@register(TAG)
def check_x_accel_prefix(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    prefix = settings.X_ACCEL_PREFIX
    if not prefix or (prefix.startswith("/") and prefix.endswith("/") and prefix != "/"):
        return []
    return [
        Error(
            f"X_ACCEL_PREFIX is {prefix!r}: nginx would not find the files.",
            hint="It begins and ends with a slash, as the internal location does: /protected/",
            id="mediasite.E007",
        )
    ]


@register(TAG, deploy=True)
def check_debug(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    if not (settings.DEBUG and settings.HTTPS):
        return []
    return [
        Error(
            "DEBUG is on for a site that is served over HTTPS.",
            hint="Error pages would show settings to strangers: unset DEBUG.",
            id="mediasite.E008",
        )
    ]


@register(TAG, deploy=True)
def check_hosts(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    if "*" not in settings.ALLOWED_HOSTS:
        return []
    return [
        Doubt(
            "ALLOWED_HOSTS takes any name.",
            hint="Name the site's own: links in mails are built from what a stranger sent.",
            id="mediasite.W003",
        )
    ]


@register(TAG, deploy=True)
def check_one_machine(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    sqlite = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    if not sqlite or settings.CELERY_BROKER_URL.startswith("files:"):
        return []
    return [
        Doubt(
            "The broker reaches other machines, the SQLite database does not.",
            hint="Workers elsewhere would look into an empty database: use PostgreSQL in "
            "DATABASE_URL. With all workers on this machine this can be silenced.",
            id="mediasite.W004",
        )
    ]

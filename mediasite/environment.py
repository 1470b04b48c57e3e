"""Values from the environment that settings.py reads: each is right, or refused in a sentence.

All raise ImproperlyConfigured. No value that may hold a password is repeated in a sentence.
"""

from __future__ import annotations

import fcntl
import ipaddress
import os
import re
import secrets
import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import environ
from django.core.exceptions import ImproperlyConfigured

ENGINES = ("postgresql", "sqlite3")
SWITCHED_ON = ("1", "on", "true", "yes")
SWITCHED_OFF = ("0", "off", "false", "no")

env = environ.FileAwareEnv()


def reason(error: Exception) -> str:
    """What another program complains of, on one line that ends as a sentence does."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if text.endswith((".", "?", "!")) else f"{text}."


def unusable(error: Exception) -> str:
    return f"The database cannot be used: {reason(error)} See DATABASE_URL."


def read_bytes(name: str) -> int | None:
    """Read a size in bytes; unset or empty means no limit."""
    text = env.str(name, default="")
    if not text:
        return None
    if not text.isdecimal() or int(text) == 0:
        raise ImproperlyConfigured(
            f"{name} is {text!r}: give a whole number of bytes above zero, or leave it empty."
        )
    return int(text)


def read_port(name: str, *, default: int) -> int:
    """Read a port; 0 lets the system choose one."""
    text = env.str(name, default="") or str(default)
    if not (text.isascii() and text.isdecimal()) or int(text) > 65535:
        raise ImproperlyConfigured(f"{name} is {text!r}: give a number from 1024 to 65535.")
    return int(text)


def read_count(name: str, *, default: int) -> int:
    """Read how many processes or threads there are to be."""
    text = env.str(name, default="") or str(default)
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= 1000:
        raise ImproperlyConfigured(f"{name} is {text!r}: give a whole number from 1 to 1000.")
    return int(text)


def read_switch(name: str) -> bool:
    """Read on or off; unset or empty is off."""
    text = env.str(name, default="").lower()
    if text not in {"", *SWITCHED_ON, *SWITCHED_OFF}:
        raise ImproperlyConfigured(f"{name} is {text!r}: give on or off.")
    return text in SWITCHED_ON


def read_seconds(name: str, *, default: timedelta) -> timedelta:
    """Read how long something may take."""
    text = env.str(name, default="") or str(int(default.total_seconds()))
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= 31_536_000:
        raise ImproperlyConfigured(f"{name} is {text!r}: give a whole number of seconds above 0.")
    return timedelta(seconds=int(text))


def read_hosts(name: str) -> list[str]:
    """Read host names and addresses, with a port or without, and networks, with commas between."""
    hosts = [part.strip().lower() for part in env.str(name, default="").split(",")]
    hosts = [host for host in hosts if host]
    if wrong := [host for host in hosts if not _is_host(host)]:
        raise ImproperlyConfigured(
            f"{name} has {wrong[0]!r}: give names, addresses and networks with commas between, "
            "such as media.example.org, 10.1.2.3:8080, [fd00::1], 10.1.0.0/16."
        )
    return hosts


def _is_host(text: str) -> bool:
    try:
        if "/" in text:
            return bool(ipaddress.ip_network(text))
        parts = urlsplit(f"//{text}")
        return parts.port != 0 and bool(re.fullmatch(r"[a-z0-9_.:-]+", parts.hostname or ""))
    except ValueError:  # bits beyond the network, a port or brackets that are none
        return False


def read_folders(name: str) -> list[Path]:
    """Read full paths with colons between, links resolved."""
    folders = [Path(part) for part in env.str(name, default="").split(":") if part]
    if wrong := [str(folder) for folder in folders if not folder.is_absolute()]:
        raise ImproperlyConfigured(f"{name} has {wrong[0]!r}: give full paths, colons between.")
    return [folder.resolve() for folder in folders]


def read_time_zone(name: str) -> str:
    zone = env.str(name, default="") or "UTC"
    if zone not in available_timezones():
        raise ImproperlyConfigured(f"{name} is {zone!r}: give a name such as Europe/Berlin or UTC.")
    return zone


def read_database(name: str, *, default: str) -> dict[str, Any]:
    """Read the address of a database that this site can use."""
    try:
        with warnings.catch_warnings(action="ignore"):  # about an unknown engine, as below
            database: dict[str, Any] = env.db(name, default=default)
        known = str(database.get("ENGINE")).endswith(ENGINES)
    except ValueError:  # a port that is none
        known = False
    if not known:
        raise ImproperlyConfigured(
            f"{name} is no address of a database that the site can use: give "
            "postgres://user:password@host:5432/name, or leave it unset for SQLite in DATA_DIR."
        )
    return database


def read_address(name: str) -> str:
    """Read an address on the web; unset or empty means none."""
    text = str(env.str(name, default=""))
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # a port or an IPv6 address that is none
        usable = False
    if text and not usable:
        raise ImproperlyConfigured(
            f"{name} is no address of a web server: give one such as "
            "https://chat.example.org/hooks/42, or leave it empty."
        )
    return text


def read_mail(name: str) -> dict[str, Any]:
    """Read where mail goes, as Django's EMAIL settings."""
    try:
        settings: dict[str, Any] = env.email(name, default="consolemail://")
    except (ImproperlyConfigured, ValueError) as error:
        raise ImproperlyConfigured(
            f"{name} is no address of a mail server: give smtp+tls://user:password@host:587, or "
            "leave it unset to have mails printed."
        ) from error
    if settings["EMAIL_BACKEND"].endswith(".filebased.EmailBackend"):
        # The parser drops the first slash, and the folder would depend on where one stands.
        folder = settings["EMAIL_FILE_PATH"]
        if urlsplit(env.str(name)).netloc or not folder:
            raise ImproperlyConfigured(
                f"{name} names no full path to write mails to: give filemail:///srv/mails."
            )
        settings["EMAIL_FILE_PATH"] = f"/{folder}"
    return settings


def read_bucket(bucket: str) -> dict[str, Any]:
    """Return the storage that is a bucket; address and keys are the same for all."""
    return {
        "BACKEND": "recordings.ledger.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": bucket,
            "endpoint_url": env.str("AWS_S3_ENDPOINT_URL", default="") or None,
            "access_key": env.str("AWS_ACCESS_KEY_ID", default="") or None,
            "secret_key": env.str("AWS_SECRET_ACCESS_KEY", default="") or None,
            "querystring_expire": 300,
            "max_memory_size": 16 * 1024**2,  # of a file that is opened; the rest goes to disk
        },
    }


def read_archive() -> tuple[Path | None, dict[str, Any] | None]:
    """Return the folder of the archive, where it is one, and its storage; None without one."""
    root, bucket = env.str("ARCHIVE_ROOT", default=""), env.str("ARCHIVE_BUCKET_NAME", default="")
    if root and bucket:
        raise ImproperlyConfigured(
            "ARCHIVE_ROOT and ARCHIVE_BUCKET_NAME are both set: the archive is in one place, so "
            "leave one of them empty."
        )
    if bucket and bucket == env.str("AWS_STORAGE_BUCKET_NAME", default=""):
        raise ImproperlyConfigured(
            "ARCHIVE_BUCKET_NAME is the bucket of the media: the archive needs one of its own."
        )
    if bucket:
        return None, read_bucket(bucket)
    if not root:
        return None, None
    folder = Path(root).resolve()
    disk = {
        "BACKEND": "recordings.ledger.storages.DiskStorage",
        "OPTIONS": {"location": folder},
    }
    return folder, disk


def read_or_make_secret(path: Path) -> str:
    """Return the key kept in `path`, making it (readable by us alone) on the first start."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # of two that begin at once, one makes it
            key = file.read().strip()
            if not key:
                key = secrets.token_urlsafe(48)
                file.write(key)
    except OSError as error:
        raise ImproperlyConfigured(
            f"DATA_DIR, {path.parent}, cannot be written to ({error.strerror}): give this user the "
            "right to, or name another folder."
        ) from error
    return key

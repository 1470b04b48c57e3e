"""System checks: wrong combinations are found, and the shipped settings are right."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from mediasite import checks
from mediasite.environment import read_archive

S3 = {"BACKEND": "recordings.ledger.s3.S3Storage"}


def found(*, deploy: bool = False) -> set[str]:
    return {
        str(message.id)
        for message in run_checks(tags=[checks.TAG], include_deployment_checks=deploy)
    }


def with_keys(settings, access_key, secret_key):
    options = {"bucket_name": "media", "access_key": access_key, "secret_key": secret_key}
    settings.STORAGES = {**settings.STORAGES, "s3": {**S3, "OPTIONS": options}}


def test_shipped_settings_are_right(settings):
    settings.ALLOWED_HOSTS = ["media.example.org"]

    assert found(deploy=True) == set()


@pytest.mark.parametrize(
    ("inner", "outer"),
    [
        ("MEDIA_ROOT", "SCRATCH_ROOT"),
        ("SCRATCH_ROOT", "MEDIA_ROOT"),
        ("ARCHIVE_ROOT", "MEDIA_ROOT"),
        ("BACKUP_ROOT", "MANAGED_ROOT"),
    ],
)
def test_folder_inside_another_is_found(settings, tmp_path, inner, outer):
    setattr(settings, outer, tmp_path / "outer")
    setattr(settings, inner, tmp_path / "outer" / "inner")

    assert found() == {"mediasite.E001"}


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"ARCHIVE_ROOT": "/a", "ARCHIVE_BUCKET_NAME": "b"}, "leave one of them empty"),
        ({"AWS_STORAGE_BUCKET_NAME": "b", "ARCHIVE_BUCKET_NAME": "b"}, "one of its own"),
    ],
)
def test_archive_is_in_one_place_of_its_own(monkeypatch, values, refusal):
    for name, value in values.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(ImproperlyConfigured, match=refusal):
        read_archive()


def test_archive_is_a_folder_a_bucket_or_nothing(monkeypatch):
    assert read_archive() == (None, None)
    monkeypatch.setenv("ARCHIVE_BUCKET_NAME", "old")
    root, storage = read_archive()
    assert (root, storage["OPTIONS"]["bucket_name"]) == (None, "old")
    monkeypatch.setenv("ARCHIVE_BUCKET_NAME", "")
    monkeypatch.setenv("ARCHIVE_ROOT", "/old")
    root, storage = read_archive()
    assert root == storage["OPTIONS"]["location"] == Path("/old")


def test_same_folder_for_both_is_found(settings, tmp_path):
    settings.MEDIA_ROOT = settings.SCRATCH_ROOT = tmp_path / "one"

    assert found() == {"mediasite.E001"}


@pytest.mark.parametrize("what", ["/", "MEDIA_ROOT", "BASE_DIR"])
def test_retention_root_that_meets_the_sites_own_is_found(settings, what):
    settings.RETENTION_ROOTS = [Path(getattr(settings, what, what))]

    assert found() == {"mediasite.E011"}


def test_database_among_media_is_found(settings, monkeypatch):
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": settings.MEDIA_ROOT / "data.db"}
    monkeypatch.setitem(settings.DATABASES, "default", sqlite)

    assert found() == {"mediasite.E002"}


def test_folder_that_cannot_be_made_is_found(settings, tmp_path):
    (tmp_path / "file").write_text("")
    settings.MEDIA_ROOT = tmp_path / "file" / "media"

    assert found() == {"mediasite.E003"}


def test_ffmpeg_that_is_not_there_is_found(settings):
    settings.FFMPEG_BINARY = "/nowhere/ffmpeg"

    assert found() == {"mediasite.E004"}


@pytest.mark.parametrize(
    ("access_key", "secret_key", "expected"),
    [
        ("a", "b", set()),
        ("a", None, {"mediasite.E006"}),
        (None, "b", {"mediasite.E006"}),
        (None, None, {"mediasite.W001"}),
    ],
)
def test_missing_keys_of_a_bucket_are_found(settings, access_key, secret_key, expected):
    with_keys(settings, access_key, secret_key)

    assert found() == expected


def test_upload_larger_than_the_quota_is_found(settings):
    settings.DEFAULT_QUOTA_BYTES, settings.UPLOAD_MAX_BYTES = 10, 11

    assert found() == {"mediasite.W002"}


def test_hosts_to_import_from_without_imports_are_found(settings):
    settings.IMPORT_ALLOWED_HOSTS = ["media.intern"]

    assert found() == {"mediasite.W010"}


@pytest.mark.parametrize("prefix", ["/", "protected", "/protected", "protected/"])
def test_x_accel_prefix_without_its_slashes_is_found(settings, prefix):
    settings.X_ACCEL_PREFIX = prefix

    assert found() == {"mediasite.E007"}


def test_debug_over_https_is_found_at_deployment(settings):
    settings.ALLOWED_HOSTS = ["media.example.org"]
    settings.DEBUG = settings.HTTPS = True

    assert found() == set()
    assert found(deploy=True) == {"mediasite.E008"}


def test_any_host_is_found_at_deployment(settings):
    settings.ALLOWED_HOSTS = ["*"]

    assert found(deploy=True) == {"mediasite.W003"}


def test_broker_that_reaches_further_than_the_database_is_found(settings, monkeypatch):
    settings.ALLOWED_HOSTS = ["media.example.org"]
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    monkeypatch.setitem(settings.DATABASES, "default", sqlite)
    settings.CELERY_BROKER_URL = "redis://localhost:6379/0"

    assert found(deploy=True) == {"mediasite.W004"}

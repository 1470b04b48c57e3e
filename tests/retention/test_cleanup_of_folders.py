"""Managed folders cleaned by an age for this once, and the shipped upkeep as a whole."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from retention.models import RetentionPolicy, RetentionRun
from tests.api.conftest import admin_api  # noqa: F401  (a fixture)
from tests.conftest import TRANSACTIONAL, assert_clean
from tests.retention.test_cleanup import report

pytestmark = pytest.mark.django_db


@pytest.fixture
def managed(tmp_path, settings) -> Path:
    settings.DATA_DIR = tmp_path
    settings.MANAGED_ROOT = tmp_path / "managed"
    settings.LOG_ROOT = tmp_path / "logs"
    (settings.MANAGED_ROOT / "exports").mkdir(parents=True)
    return settings.MANAGED_ROOT


@pytest.fixture
def clean(admin_api):  # noqa: F811
    def clean(**body: Any) -> Any:
        return admin_api.post("/api/cleanup/files", body, content_type="application/json").json()

    return clean


def old(path: Path, hours: float = 30) -> Path:
    path.write_bytes(b"x" * 1000)
    then = time.time() - hours * 3600
    os.utime(path, (then, then))
    return path


def test_managed_folder_is_cleaned_by_name_and_nothing_else(managed, clean):
    going, young = old(managed / "exports" / "a.png"), old(managed / "exports" / "b.png", hours=1)
    beside = old(managed / "c.png")

    found = clean(upload_folder="exports", file_hours=24)

    assert found["counters"]["files"] == 1, found
    assert found["bytes_freed"] == 1000
    assert (going.exists(), young.exists(), beside.exists()) == (False, True, True)
    assert [r.policy_slug for r in RetentionRun.objects.all()] == ["directory-once"]


def test_folder_of_a_policy_is_cleaned_by_what_that_chooses(managed, clean, make_policy):
    RetentionPolicy.objects.all().delete()
    make_policy("directory", path="managed/exports", glob="*.png", enabled=False)
    going, other = old(managed / "exports" / "a.png"), old(managed / "exports" / "a.txt")

    found = clean(upload_folder="exports", file_hours=0)

    assert found["counters"]["files"] == 1, found
    assert (going.exists(), other.exists()) == (False, True)


@pytest.mark.parametrize("name", ["link", "nothing", "exports/../exports", "..", "managed"])
def test_what_is_no_managed_folder_is_refused(managed, clean, tmp_path, name):
    (tmp_path / "elsewhere").mkdir()
    stays = old(tmp_path / "elsewhere" / "a.png")
    (managed / "link").symlink_to(tmp_path / "elsewhere")

    found = clean(upload_folder=name, file_hours=0)

    assert "upload_folder" in found
    assert stays.exists()


def test_folder_of_a_policy_that_only_reports_is_not_cleaned(
    managed, clean, make_policy, settings, tmp_path
):
    RetentionPolicy.objects.all().delete()
    (tmp_path / "nas" / "exports").mkdir(parents=True)
    settings.RETENTION_ROOTS = [tmp_path / "nas"]
    path = str(tmp_path / "nas" / "exports")
    make_policy("directory", path=path, action="report", max_age_seconds=10)
    here, there = old(managed / "exports" / "a.png"), old(tmp_path / "nas" / "exports" / "b.png")

    clean(upload_folder="exports", file_hours=0)
    refused = clean(upload_folder=path, file_hours=0)

    assert (here.exists(), there.exists()) == (False, True)
    assert "upload_folder" in refused


@TRANSACTIONAL
def test_shipped_upkeep_leaves_recordings_alone(managed, shipped, recording):
    code, found = report("--aggressive", "--yes")

    assert (code, found["ok"]) == (0, True), found
    assert recording.files.count() == 5
    assert_clean()

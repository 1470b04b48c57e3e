"""Policies to test with, and ways to make things old."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core import mail
from django.utils import timezone

from recordings.models import Recording
from retention import notify, runs, schedule, sweep
from retention.choices import Mode
from retention.models import RetentionPolicy, RetentionRun

DAY = 86400


@pytest.fixture
def make_policy(db: None) -> Callable[..., RetentionPolicy]:
    """Make a policy the way the admin and the API do, accepted unless told otherwise."""

    def make(target: str = "recordings", *, accepted: bool = True, **values: Any) -> Any:
        values.setdefault("name", f"Old {target}")
        values.setdefault("action", "trash" if target == "recordings" else "delete")
        values.setdefault("max_age_seconds", DAY)
        policy = RetentionPolicy(target=target, **values)
        policy.full_clean(exclude=["slug"])
        policy.save()
        if accepted:
            assert policy.accept(version=policy.version, by="anna")
        return policy

    return make


def letters() -> list[Any]:
    """Have what waits in the outbox sent and return all mails of the test."""
    notify.send_due()
    return mail.outbox


@pytest.fixture
def shipped(db: None) -> dict[str, RetentionPolicy]:
    """The policies as a new site has them, by slug."""
    for name in ("0002_shipped", "0003_shipped_upkeep"):
        import_module(f"retention.migrations.{name}").install(apps, None)
    schedule.sync_all()
    return {policy.slug: policy for policy in RetentionPolicy.objects.filter(shipped=True)}


@pytest.fixture
def folders(data_dir: Path, settings: Any) -> Path:
    """Give the site all its folders below one of this test; return that."""
    settings.DATA_DIR = data_dir
    places = {"LOG": "logs", "BROKER": "broker", "CACHE": "cache", "MANAGED": "managed"}
    for name, folder in {**places, "STATIC": "static"}.items():
        setattr(settings, f"{name}_ROOT", data_dir / folder)
        (data_dir / folder).mkdir()
    settings.RETENTION_ROOTS = []
    return data_dir


def age(path: Path, **span: float) -> Path:
    """Make a file look as if it was last changed so long ago."""
    moment = ago(**span).timestamp()
    os.utime(path, (moment, moment))
    return path


@pytest.fixture
def scratch_file(settings: Any) -> Callable[..., Path]:
    """Put a file into the scratch area, modified so many hours ago."""

    def make(name: str, hours: float, size: int = 100) -> Any:
        path = settings.SCRATCH_ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
        os.utime(path, (time.time() - hours * 3600,) * 2)
        return path

    return make


def run(policy: RetentionPolicy, mode: Mode = Mode.EXECUTE) -> RetentionRun:
    """Do what asking for a run and a worker together do."""
    asked = runs.ask(policy, mode=mode, by="anna")
    assert sweep.execute(asked.pk)
    asked.refresh_from_db()
    return asked


def ago(**span: float) -> datetime:
    return timezone.now() - timedelta(**span)


def make_old(recording: Recording, **values: Any) -> Recording:
    """Upload a recording 200 days ago."""
    Recording.objects.filter(pk=recording.pk).update(**{"created_at": ago(days=200), **values})
    recording.refresh_from_db()
    return recording


@pytest.fixture
def owners(make_user):
    return [make_user("olga"), make_user("boris")]

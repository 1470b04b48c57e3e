"""Policies to test with, and ways to make things old."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.utils import timezone

from recordings.models import Recording
from retention import runs, schedule, sweep
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


@pytest.fixture
def shipped(db: None) -> dict[str, RetentionPolicy]:
    """The policies as a new site has them, by slug."""
    import_module("retention.migrations.0002_shipped").install(apps, None)
    schedule.sync_all()
    return {policy.slug: policy for policy in RetentionPolicy.objects.filter(shipped=True)}


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

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from recordings.processing.steps.base import Context, Options
from recordings.processing.steps.probe import Probe


@pytest.fixture(autouse=True)
def scratch_root(settings, tmp_path: Path) -> Path:
    settings.SCRATCH_ROOT = tmp_path / "scratch"
    settings.SCRATCH_ROOT.mkdir()
    return settings.SCRATCH_ROOT


@pytest.fixture
def stop() -> Event:
    return Event()


@pytest.fixture
def probed(tmp_path: Path, stop: Event) -> Callable[..., Context]:
    """Make a context for a clip and run the first step."""

    def start(clip: Path, **options) -> Context:
        workdir = tmp_path / "work"
        workdir.mkdir()
        deadline = time.monotonic() + 120
        context = Context(clip, workdir, deadline, Options(**options), stop)
        Probe().run(context)
        return context

    return start

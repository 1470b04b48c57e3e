from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.processing import clips


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make a clip by its name in tests/processing/clips.py, each only once."""

    @cache
    def make(name: str, *args: float, **options: float) -> Path:
        made: Path = getattr(clips, name)(tmp_path_factory.mktemp(name), *args, **options)
        return made

    return make

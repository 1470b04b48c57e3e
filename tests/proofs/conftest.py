"""A ground for the attacks: committed rows, no flush of every table between two tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import archives
from tests.proofs import scenes, site


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Serve from a process of its own, since the tests fork and kill."""
    with site.s3_server() as address:
        yield address


@pytest.fixture
def _django_db_helper() -> None:
    """Replace what pytest-django does around a test marked `django_db`: `ground` does it here.

    Its flush truncates every table of the site, which takes PostgreSQL seconds a test.
    """


@pytest.fixture
def ground(
    django_db_setup: None, django_db_blocker: Any, data_dir: Path, settings: Any
) -> Iterator[Path]:
    """An empty site whose transactions really commit; wiped before and after."""
    archives.use_folder(settings, data_dir / "archive")
    with django_db_blocker.unblock():
        scenes.wipe()
        yield data_dir
        scenes.wipe()

"""What the benchmarks share: a database and folders of their own, interleaved rounds, a ratio.

Every figure is a ratio to a bare cost measured in the same run, because machines differ and the
same machine differs from minute to minute. `DATABASE_URL` and `BENCH_DIR` say where to run.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def site() -> Iterator[Path]:
    """Set Django up on an empty database and a folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="mediasite-bench-", dir=os.environ.get("BENCH_DIR")))
    os.environ["DATA_DIR"] = str(folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "mediasite.settings"
    import django
    from django.conf import settings

    settings.LOGGING_CONFIG = None
    database = settings.DATABASES["default"]
    name = f"bench_{os.getpid()}"
    database["TEST"] = {
        "NAME": folder / "bench.sqlite3" if "sqlite" in database["ENGINE"] else name
    }
    django.setup()
    from django.db import connection

    old = connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    settings.MEDIA_ROOT.mkdir(parents=True, exist_ok=True)
    print(f"{Path(sys.argv[0]).stem}: {connection.vendor}, {folder.parent}")
    try:
        yield folder
    finally:
        connection.creation.destroy_test_db(old, verbosity=0)
        shutil.rmtree(folder)


def seconds(work: Callable[[], object]) -> float:
    """Time one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def compare(what: str, ours: list[float], bare: list[float], *, limit: float) -> bool:
    """Print medians and their ratio beside the limit; return whether it holds."""
    mine, theirs = statistics.median(ours), statistics.median(bare)
    ratio = mine / theirs
    verdict = "holds" if ratio <= limit else "MISSED"
    print(
        f"{what}: {mine:.3f} s against {theirs:.3f} s bare, median of {len(ours)}: "
        f"{ratio:.2f} times (at most {limit}: {verdict})"
    )
    return ratio <= limit


def resident_mb() -> float:
    """Return the resident memory of this process now, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6

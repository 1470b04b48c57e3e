"""Database and media on one disk that fills up: refused in words, and tidied up all the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

DISK = 160 * 1024 * 1024
SCRIPT = """
import json, os
import django
django.setup()
from django.contrib.auth import get_user_model
from django.core.management import call_command
from recordings.ledger import spare
from recordings.ledger.audit import audit
from recordings.ledger.exceptions import StorageFull
from recordings.ledger.models import Account, StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.purge import purge
from recordings.models import Recording
from recordings.trash import erase
from tests.conftest import store
from datetime import timedelta
from django.db import OperationalError

call_command("migrate", verbosity=0)
spare.keep()
owner = get_user_model().objects.create_user("olga")
refusals, kept = [], []
while len(refusals) < 3:
    try:
        recording = Recording.objects.create(owner=owner, title="Lecture", state="ready")
        store(recording, Kind.ORIGINAL, os.urandom(7_000_003))
        kept.append(recording.pk)
    except (StorageFull, OperationalError) as error:
        refusals.append(str(error))
full = {
    "refusals": refusals,
    "kept": len(kept),
    "used": Account.objects.get(owner_id=owner.pk).used,
    "reserved": Account.objects.get(owner_id=owner.pk).reserved,
    "unfinished": StoredFile.objects.exclude(state="ready").count(),
    "clean": audit(hashes=True, grace=timedelta(0)).ok,
}
erase(list(Recording.objects.values_list("pk", flat=True)), by="olga")
report = purge()
full["purged"], full["failed"] = report.deleted, report.failed
full["used_after"] = Account.objects.get(owner_id=owner.pk).used
full["clean_after"] = audit(grace=timedelta(0)).ok
print("RESULT" + json.dumps(full))
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "disk"
    root.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(root)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield root
    subprocess.run(["umount", "--lazy", str(root)], check=True)


def test_full_disk_is_refused_and_can_be_emptied(disk: Path) -> None:

    environment = {
        **os.environ,
        "DATA_DIR": str(disk),
        "DATABASE_URL": f"sqlite:///{disk}/db.sqlite3",
        "DJANGO_SETTINGS_MODULE": "mediasite.settings",
    }
    root = Path(__file__).resolve().parents[2]

    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=environment, cwd=root, capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip

    lines = [line for line in ended.stdout.splitlines() if line.startswith("RESULT")]
    assert lines, ended.stderr[-3000:]
    said = json.loads(lines[0].removeprefix("RESULT"))
    assert all("full" in sentence for sentence in said["refusals"])
    assert said["used"] == said["kept"] * 7_000_003 > 0
    assert (said["reserved"], said["unfinished"], said["clean"]) == (0, 0, True)
    assert (said["purged"], said["failed"]) == (said["kept"], 0)
    assert (said["used_after"], said["clean_after"]) == (0, True)

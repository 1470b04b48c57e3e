"""Three in a hundred deletions fail: the counts and receipts are right, the next run does the rest.

Which fail is told by the name alone, so that a repeated run meets the same ones.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings as site
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db.models.functions import Now
from django.utils import timezone

from recordings.ledger import names
from recordings.ledger.models import Account, Receipt, StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.purge import PurgeReport, purge
from recordings.ledger.storages import DiskStorage, storage
from recordings.models import Recording, RecordingFile
from tests.conftest import assert_clean
from tests.retention.conftest import age, make_old, run

pytestmark = pytest.mark.django_db(transaction=True)

RECORDINGS, KINDS = 60, (Kind.ORIGINAL, Kind.TRIMMED, Kind.AUDIO, Kind.TRANSCRIPT, Kind.SUBTITLES)
FILES, SIZE, REFUSED = RECORDINGS * len(KINDS), 100, 9  # 3 % of 300


class Stubborn(DiskStorage):
    """A disk that will not let go of some names."""

    refused: frozenset[str] = frozenset()

    def bulk_delete(self, wanted: Collection[str]) -> dict[str, str]:
        errors = super().bulk_delete([name for name in wanted if name not in self.refused])
        return errors | dict.fromkeys(self.refused.intersection(wanted), "Permission denied")


def few(wanted: Collection[str]) -> frozenset[str]:
    """Choose three in a hundred, spread over all, the same ones each time."""
    spread = sorted(wanted, key=lambda name: hashlib.sha256(name.encode()).digest())
    return frozenset(spread[: len(spread) * 3 // 100])


@contextmanager
def refusing_on_disk(refused: frozenset[str], settings: Any) -> Iterator[None]:
    kept = settings.STORAGES
    disk = {**kept["disk"], "BACKEND": f"{__name__}.Stubborn"}
    settings.STORAGES = {**kept, "disk": disk, "default": disk}
    storages["disk"].refused = refused
    yield
    settings.STORAGES = kept


@contextmanager
def refusing_on_s3(refused: frozenset[str], settings: Any) -> Iterator[None]:
    """Take keys out of each request, and answer for them as a store with locks does: 200."""
    events = storages["s3"].client.meta.events
    denied: list[dict[str, str]] = []

    def ask(params: dict[str, Any], **kwargs: Any) -> None:
        objects = params["Delete"]["Objects"]
        locked = [one for one in objects if one["Key"] in refused]
        denied[:] = [{**one, "Code": "AccessDenied", "Message": "Locked"} for one in locked]
        params["Delete"]["Objects"] = [one for one in objects if one not in locked]

    def answer(parsed: dict[str, Any], **kwargs: Any) -> None:
        parsed["Errors"] = [*parsed.get("Errors", []), *denied]

    watched = {"provide-client-params.s3.DeleteObjects": ask, "after-call.s3.DeleteObjects": answer}
    for event, hook in watched.items():
        events.register(event, hook)
    yield
    for event, hook in watched.items():
        events.unregister(event, hook)


@pytest.fixture
def refusing(anywhere: str, settings: Any) -> Callable[[frozenset[str]], Any]:
    """Have the storage refuse names for a while."""
    way = refusing_on_disk if anywhere == "disk" else refusing_on_s3
    return lambda refused: way(refused, settings)


@pytest.fixture
def library(refusing: Any, owner: Any) -> list[Recording]:
    """Old recordings with real files, put in place at once instead of one by one."""
    stored = []
    for _ in range(RECORDINGS):
        recording = make_old(Recording.objects.create(owner=owner, title="x", state="ready"))
        stored += [put(recording, kind) for kind in KINDS]
    StoredFile.objects.bulk_create(stored)
    RecordingFile.objects.bulk_create(
        RecordingFile(recording_id=one.recording_id, kind=one.kind, stored=one) for one in stored
    )
    account = Account.objects.of(owner.pk)
    Account.objects.filter(pk=account.pk).update(used=FILES * SIZE)
    return list(Recording.objects.all())


def put(recording: Recording, kind: Kind) -> StoredFile:
    place, content = (recording.owner_id, recording.pk), os.urandom(SIZE)
    name = names.original(*place, "mp4") if kind == Kind.ORIGINAL else names.of_kind(kind, *place)
    if site.MEDIA_STORAGE == "s3":
        storages["s3"].client.put_object(Bucket="media", Key=name, Body=content)
    else:
        storages["disk"].save(name, ContentFile(content))
    return StoredFile(
        storage=site.MEDIA_STORAGE, file=name, kind=kind, owner_id=recording.owner_id,
        recording_id=recording.pk, size=SIZE, sha256=hashlib.sha256(content).hexdigest(),
        state="ready", ready_at=timezone.now(),
    )  # fmt: skip


def listed() -> set[str]:
    return {entry.name for entry in storage(site.MEDIA_STORAGE).listing()}


def receipts() -> list[str]:
    return sorted(Receipt.objects.values_list("name", flat=True))


def test_files_that_a_store_refuses_are_counted_and_go_next_time(
    library, refusing, make_policy, account
):
    assert_clean()
    everything = listed()
    refused = few(everything)
    assert (len(everything), len(refused)) == (FILES, REFUSED)

    done = run(make_policy(action="delete"))
    with refusing(refused):
        first = purge()

    assert (done.state, done.deleted, done.failed) == ("succeeded", RECORDINGS, 0)
    assert done.bytes_freed == FILES * SIZE
    assert account().used == account().reserved == 0
    gone = FILES - REFUSED
    assert first == PurgeReport(deleted=gone, failed=REFUSED, bytes_freed=gone * SIZE)
    assert listed() == refused
    assert receipts() == sorted(everything - refused)
    waiting = StoredFile.objects.values_list("file", "state", "attempts")
    assert set(waiting) == {(name, "condemned", 1) for name in refused}
    assert all(StoredFile.objects.values_list("last_error", flat=True))
    assert_clean()

    StoredFile.objects.update(not_before=Now())  # as the wait before another try would end
    second = purge()

    assert second == PurgeReport(deleted=REFUSED, failed=0, bytes_freed=REFUSED * SIZE)
    assert listed() == set()
    assert receipts() == sorted(everything)
    assert sum(Receipt.objects.values_list("size", flat=True)) == FILES * SIZE
    assert account().used == 0
    assert purge() == PurgeReport()
    assert_clean()


def test_items_that_a_folder_refuses_are_counted_and_go_next_time(
    folders, make_policy, monkeypatch
):
    marked = folders / "managed" / "marked"
    marked.mkdir()
    for number in range(FILES):
        (marked / f"{number:03}.png").write_bytes(b"x" * SIZE)
        age(marked / f"{number:03}.png", days=3)
    policy = make_policy("directory", path="managed/marked", glob="*.png")
    everything = {path.name for path in marked.iterdir()}
    refused, real = few(everything), os.unlink

    def unlink(path: Any, **values: Any) -> None:
        if path in refused:
            raise PermissionError(13, "Permission denied")
        real(path, **values)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", unlink)
        first = run(policy)

    gone = FILES - REFUSED
    assert (first.state, first.matched) == ("partial", FILES)
    assert (first.deleted, first.failed, first.skipped) == (gone, REFUSED, 0)
    assert first.bytes_freed == gone * SIZE
    assert {path.name for path in marked.iterdir()} == refused
    failed = first.items.filter(outcome="failed")
    assert {one.name.rpartition("/")[2] for one in failed} == refused
    assert all("Permission denied" in one.detail for one in failed)

    second = run(policy)

    assert (second.state, second.matched) == ("succeeded", REFUSED)
    assert (second.deleted, second.failed) == (REFUSED, 0)
    assert second.bytes_freed == REFUSED * SIZE
    assert list(marked.iterdir()) == []
    assert Receipt.objects.count() == 0  # those are of stored media

"""What all tests share: owners, recordings with real bytes, and both storages."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.core.files.storage import storages
from django.db import connection, transaction
from django.test import TransactionTestCase
from storages.backends.s3 import S3Storage as DjangoS3Storage

from recordings.ledger import names
from recordings.ledger.audit import audit
from recordings.ledger.entries import MARKER
from recordings.ledger.models import Account
from recordings.ledger.names import Kind
from recordings.ledger.publish import Publication
from recordings.ledger.storages import LedgerStorage, storage
from recordings.models import Recording, RecordingFile
from tests import archives

FIVE = (Kind.TRIMMED, Kind.AUDIO, Kind.TRANSCRIPT, Kind.SUBTITLES)
TRANSACTIONAL = pytest.mark.django_db(transaction=True)
DERIVED = {"django_content_type", "auth_permission"}  # from the models, the same in every test


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with a reason, what this run cannot show; fail instead where servers are required."""
    required = os.environ.get("REQUIRE_SERVERS") == "1"
    postgres = django_settings.DATABASES["default"]["ENGINE"].endswith("postgresql")
    for item in items:
        if item.get_closest_marker("postgres") and not postgres:
            item.add_marker(pytest.mark.skip(reason="runs in the PostgreSQL pass"))
        if item.get_closest_marker("redis") and not required and not redis_answers():
            item.add_marker(pytest.mark.skip(reason=f"no Redis at {redis_url()}"))


def redis_url() -> str:
    return os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")


def redis_answers() -> bool:
    address = urlsplit(redis_url())
    with closing(socket.socket()) as probe:
        probe.settimeout(1)
        return probe.connect_ex((address.hostname or "", address.port or 6379)) == 0


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, settings: Any) -> Path:
    """Give each test folders of its own for media, scratch and logs."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.SCRATCH_ROOT = tmp_path / "scratch"
    settings.BACKUP_ROOT = tmp_path / "backups"
    settings.MEDIA_ROOT.mkdir()
    disk = {
        "BACKEND": "recordings.ledger.storages.DiskStorage",
        "OPTIONS": {"location": settings.MEDIA_ROOT},
    }
    settings.STORAGES = {**settings.STORAGES, "default": disk, "disk": disk}
    settings.MEDIA_STORAGE = "disk"
    return tmp_path


@pytest.fixture(scope="session", autouse=True)
def quick_flush(django_db_setup: None, django_db_blocker: Any) -> None:
    """Empty tables between tests that commit by one round of DELETE, and make nothing anew.

    Django's own flush empties every table, which takes PostgreSQL a second when it truncates, and
    then fills two with what it reads from the models: the rows that stood there.
    """
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        tables = connection.introspection.django_table_names(only_existing=True)
        deletions = [
            f"DELETE FROM {connection.ops.quote_name(table)}"
            for table in sorted(set(tables) - DERIVED)
        ]
        if connection.vendor == "postgresql":
            cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
            if not cursor.fetchone()[0]:  # only a superuser may skip the order of foreign keys
                return
            deletions.insert(0, "SET LOCAL session_replication_role = replica")

    def empty(case: TransactionTestCase) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in deletions:
                cursor.execute(statement)

    TransactionTestCase._fixture_teardown = empty


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session", autouse=True)
def one_session_with_stores() -> Iterator[None]:
    """Have the client's description of the service read once, not for every test."""
    one = boto3.session.Session("test", "test", region_name="us-east-1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DjangoS3Storage, "_create_session", lambda storage: one)
        yield


@pytest.fixture
def s3(s3_server: str, settings: Any, data_dir: Path) -> Iterator[Any]:
    """Make an empty bucket the place for new files; yields its storage."""
    options = {
        "bucket_name": "media",
        "endpoint_url": s3_server,
        "access_key": "test",
        "secret_key": "test",
        "region_name": "us-east-1",
    }
    backend = {"BACKEND": "recordings.ledger.s3.S3Storage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "s3": backend}
    settings.MEDIA_STORAGE = "s3"
    bucket = storages["s3"]
    bucket.client.create_bucket(Bucket="media")
    yield bucket
    for left in list(bucket.leftovers()):
        bucket.forget("" if left.part else left.name, left.part)
    bucket.bulk_delete([MARKER, *(entry.name for entry in bucket.listing())])
    bucket.client.delete_bucket(Bucket="media")


@pytest.fixture(params=["disk", pytest.param("s3", marks=pytest.mark.s3)])
def anywhere(request: pytest.FixtureRequest) -> str:
    """Run the test on each storage."""
    if request.param == "s3":
        request.getfixturevalue("s3")
    return str(request.param)


@pytest.fixture
def archive(anywhere: str, settings: Any, tmp_path: Path) -> Iterator[LedgerStorage]:
    """Set up an archive of the kind that the media are in, and yield its storage."""
    if anywhere == "disk":
        archives.use_folder(settings, tmp_path / "archive")
        yield storage("archive")
    else:
        with contextmanager(archives.use_bucket)(settings):
            yield storage("archive")


@pytest.fixture
def stored_names() -> Callable[[], set[str]]:
    """Tell what stands in the storage for new files."""
    return lambda: {e.name for e in storage(django_settings.MEDIA_STORAGE).listing()}


@pytest.fixture
def make_user(db: None) -> Callable[..., Any]:
    def make(username: str = "olga", **values: Any) -> Any:
        return get_user_model().objects.create_user(username, password="a-long-one", **values)

    return make


@pytest.fixture
def owner(make_user: Callable[..., Any]) -> Any:
    return make_user()


@pytest.fixture
def administrator(db: None) -> Any:
    return get_user_model().objects.create_superuser("anna", password="a-long-one")


def store(
    recording: Recording,
    kind: Kind,
    content: bytes,
    *,
    extension: str = "mp4",
    session_id: int = 0,
) -> RecordingFile:
    """Put bytes in place for a recording, or an editing session of it, as the product does."""
    with transaction.atomic():
        locked = Recording.objects.select_for_update().get(pk=recording.pk)
        number = locked.take_number(kind)
    if kind == Kind.ORIGINAL:
        name = names.original(recording.owner_id, recording.pk, extension, number)
    elif kind == Kind.SESSION_AUDIO:
        name = names.session_audio(recording.owner_id, session_id, number)
    elif kind == Kind.FINAL:
        name = names.final(recording.owner_id, recording.pk, session_id, number)
    else:
        name = names.of_kind(kind, recording.owner_id, recording.pk, number)
    with Publication.begin(
        name=name,
        kind=kind,
        owner_id=recording.owner_id,
        recording_id=recording.pk,
        size=len(content),
    ) as publication:
        publication.write(content)
        publication.finish()
        with transaction.atomic():
            stored = publication.settle()
            return RecordingFile.objects.create(
                recording=recording, kind=kind, stored=stored, version=number
            )


@pytest.fixture
def make_recording(owner: Any) -> Callable[..., Recording]:
    """Make a ready recording with five real files of 1000, 1001 ... bytes."""

    def make(of: Any = None, title: str = "Lecture", files: int = 5, **values: Any) -> Recording:
        values.setdefault("state", Recording.State.READY)
        recording = Recording.objects.create(owner=of or owner, title=title, **values)
        for index, kind in enumerate((Kind.ORIGINAL, *FIVE)[:files]):
            store(recording, kind, os.urandom(1000 + index))
        recording.refresh_from_db()
        return recording

    return make


@pytest.fixture
def recording(make_recording: Callable[..., Recording]) -> Recording:
    return make_recording()


@pytest.fixture
def account(owner: Any) -> Callable[[], Account]:
    return lambda: Account.objects.get(owner_id=owner.pk)


@pytest.fixture
def committed(django_capture_on_commit_callbacks: Any) -> Callable[[Callable[[], Any]], Any]:
    """Do something, and what waits for its commit, in a test that never commits."""

    def do(work: Callable[[], Any]) -> Any:
        with django_capture_on_commit_callbacks(execute=True):
            return work()

    return do


def assert_clean() -> None:
    """Assert that every invariant holds, with no grace for objects without rows."""
    from datetime import timedelta

    report = audit(hashes=True, grace=timedelta(0))
    assert report.ok, [(check.id, check.samples) for check in report.checks if not check.ok]


def free_disk(path: Path) -> int:
    return shutil.disk_usage(path).free


def is_sqlite() -> bool:
    return connection.vendor == "sqlite"

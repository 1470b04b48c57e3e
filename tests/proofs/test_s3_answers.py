"""A store that says 200 and removes only some keys, or answers half: each key is believed alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import storages
from django.db.models.functions import Now

from recordings.ledger.models import Receipt, StoredFile
from recordings.ledger.purge import purge
from tests.conftest import assert_clean
from tests.proofs.scenes import erased, wipe

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.s3]

DELETE = "after-call.s3.DeleteObjects"


def denied(answer: dict[str, Any]) -> None:
    key = answer["Deleted"].pop(0)["Key"]
    answer["Errors"] = [{"Key": key, "Code": "AccessDenied", "Message": "Object Lock"}]


def forgotten(answer: dict[str, Any]) -> None:
    answer["Deleted"].pop(0)


def marked(answer: dict[str, Any]) -> None:
    answer["Deleted"][0] |= {"DeleteMarker": True, "DeleteMarkerVersionId": "1"}


@contextmanager
def answering(change: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    bucket: Any = storages["s3"]

    def changed(parsed: dict[str, Any], **kwargs: Any) -> None:
        change(parsed)

    bucket.client.meta.events.register(DELETE, changed)
    try:
        yield
    finally:
        bucket.client.meta.events.unregister(DELETE, changed)


@pytest.mark.parametrize("change", [denied, forgotten, marked])
def test_key_that_was_not_said_to_be_gone_is_tried_again(
    s3: Any, ground: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    erased()

    with answering(change):
        report = purge()

    (left,) = StoredFile.objects.all()
    assert (report.deleted, report.failed) == (2, 1)
    assert (left.state, left.attempts, bool(left.last_error)) == ("condemned", 1, True)
    assert Receipt.objects.count() == 2
    StoredFile.objects.update(not_before=Now())
    assert purge().deleted == 1
    assert_clean()
    wipe()


def test_one_upload_that_cannot_be_aborted_holds_nobody_else_up(s3: Any, ground: Path) -> None:
    erased()
    first = StoredFile.objects.order_by("pk")[0]
    StoredFile.objects.filter(pk=first.pk).update(ready_at=None)
    event = "before-call.s3.ListMultipartUploads"

    def refuse(**kwargs: Any) -> None:
        raise ConnectionError("the store hung up")

    bucket: Any = storages["s3"]
    bucket.client.meta.events.register(event, refuse)
    try:
        report = purge()
    finally:
        bucket.client.meta.events.unregister(event, refuse)

    assert report.deleted == 2
    assert StoredFile.objects.get().last_error

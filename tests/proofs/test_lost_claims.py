"""A writer whose claim was taken learns it in a word of the ledger, and leaves nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from recordings.ledger import leases, publish
from recordings.ledger.exceptions import Lost, StorageFault
from recordings.ledger.models import StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.storages import storage
from tests.conftest import assert_clean
from tests.proofs.scenes import CONTENT, begin, empty, strays
from tests.proofs.stop import take_over

pytestmark = pytest.mark.django_db(transaction=True)


def test_settling_what_was_taken_back_says_lost(anywhere: str, ground: Path) -> None:
    world = empty()

    with begin(world, Kind.ORIGINAL) as publication:
        publication.write(CONTENT)
        publication.finish()
        take_over()
        with pytest.raises(Lost), transaction.atomic():
            publication.settle()

    assert_clean()


def test_finishing_what_was_taken_back_is_refused_and_leaves_no_part(
    anywhere: str, ground: Path
) -> None:
    world = empty()

    with begin(world, Kind.ORIGINAL) as publication:
        take_over()
        publication.write(CONTENT[:10])
        with pytest.raises((Lost, StorageFault)):
            publication.finish()

    assert strays() == []
    assert_clean()


def test_removed_upload_is_told_as_a_fault_of_the_storage(anywhere: str, ground: Path) -> None:
    world = empty()

    with begin(world, Kind.ORIGINAL) as publication:
        publication.write(CONTENT)
        stored = publication.stored
        storage(stored.storage).forget(str(stored.file.name), stored.part)
        with pytest.raises(StorageFault):
            publication.finish()

    assert strays() == []
    assert_clean()


def test_recovery_spares_a_writer_that_renewed_after_it_looked(ground: Path) -> None:
    publication = begin(empty(), Kind.ORIGINAL)
    StoredFile.objects.update(lease_until=Now() - timedelta(seconds=1))
    renewals: list[int] = []

    def renew_once(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if "lease_until" in sql and sql.startswith("SELECT") and not renewals:
            renewals.append(1)
            publication.renew()
        return result

    with connection.execute_wrapper(renew_once):
        taken = publish.recover()

    assert (renewals, taken) == ([1], 0)
    publication.renew()
    publication.abandon()


def test_machine_of_the_same_name_is_not_taken_for_ours_rebooted() -> None:
    host, namespace, _boot, pid, ticks = leases.holder().split("/")
    elsewhere = "/".join([host, namespace, "another-boot", pid, ticks])

    assert not leases.is_gone(elsewhere)

"""The ledger's tables: accounts, reservations, stored files, holds, receipts.

They keep plain ids of users and recordings, never foreign keys: cascades run while we write, and
history outlives what it is about.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import ClassVar, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from recordings.ledger.exceptions import AccountClosed, QuotaExceeded
from recordings.ledger.fields import StoredFileField
from recordings.ledger.names import Kind
from recordings.ledger.wording import full_stop, moment

maintenance = logging.getLogger("mediasite.maintenance")


class AccountQuerySet(models.QuerySet["Account"]):
    def of(self, owner_id: int) -> Account:
        """Return the owner's account, opening it when there is none."""
        account, _ = self.get_or_create(owner_id=owner_id)
        return account

    def lock(self, owner_ids: Iterable[int]) -> dict[int, Account]:
        """Lock accounts, opening the missing ones, in the one order everybody uses."""
        wanted = sorted(set(owner_ids))
        found = self._locked(wanted)
        if missing := [owner_id for owner_id in wanted if owner_id not in found]:
            self.bulk_create([Account(owner_id=o) for o in missing], ignore_conflicts=True)
            found = self._locked(wanted)
        return found

    def _locked(self, wanted: list[int]) -> dict[int, Account]:
        rows = self.filter(owner_id__in=wanted).order_by("owner_id").select_for_update()
        return {account.owner_id: account for account in rows}


class Account(models.Model):
    """What one owner may store, stores and has set aside, in bytes.

    Kept by publish and release under the row's lock, so reading a quota is reading one row.
    `in_trash` is part of `used`. Survives its user, because receipts ask it for his name.
    """

    owner_id = models.BigIntegerField(unique=True)
    name = models.CharField(max_length=150, blank=True)  # username, for receipts
    used = models.BigIntegerField(default=0)
    reserved = models.BigIntegerField(default=0)
    in_trash = models.BigIntegerField(default=0)
    uses_default_limit = models.BooleanField(
        "site default",
        default=True,
        help_text="Follow the site's default limit instead of the one below.",
    )
    own_limit = models.BigIntegerField(
        "limit in bytes", null=True, blank=True, help_text="Empty means unlimited."
    )
    closing_since = models.DateTimeField(null=True, editable=False)

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = "quota"
        verbose_name_plural = "quotas"
        constraints = [
            # A bug in the bookkeeping must fail at the write, not show as a negative quota.
            models.CheckConstraint(
                condition=Q(used__gte=F("in_trash"), in_trash__gte=0, reserved__gte=0),
                name="account_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(own_limit=None) | Q(own_limit__gte=0), name="account_limit_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"owner {self.owner_id}"

    @property
    def limit_bytes(self) -> int | None:
        """The limit in force; None is unlimited."""
        default: int | None = settings.DEFAULT_QUOTA_BYTES
        return default if self.uses_default_limit else self.own_limit

    @property
    def available(self) -> int | None:
        """Bytes that may still be taken in; None is unlimited, never below zero."""
        if self.limit_bytes is None:
            return None
        return max(0, self.limit_bytes - self.used - self.reserved)

    def reserve(self, size: int) -> None:
        """Set room aside; the caller holds the row's lock. Raises QuotaExceeded, AccountClosed."""
        if self.closing_since:
            raise AccountClosed("This account is being closed and takes nothing new.")
        limit = self.limit_bytes
        # Nothing more is no growth: what drew on room of its own goes on under a lowered limit.
        if size and limit is not None and self.used + self.reserved + size > limit:
            raise QuotaExceeded(used=self.used + self.reserved, limit=limit, needed=size)
        self.reserved += size
        self.save(update_fields=["reserved"])


class Reservation(models.Model):
    """Room set aside for work that has yet to make its files, such as a processing job."""

    owner_id = models.BigIntegerField()
    size = models.BigIntegerField()  # bytes left of it
    purpose = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(size__gte=0), name="reservation_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.size} bytes for {self.purpose}"


class StoredFileQuerySet(models.QuerySet["StoredFile"]):
    def ready(self) -> Self:
        return self.filter(state=StoredFile.State.READY)

    def unowned(self) -> Self:
        """Leave out files that a recording, thumbnail or template still points at."""
        owners = StoredFile._meta.related_objects
        return self.filter(**{f"{owner.name}__isnull": True for owner in owners})

    def due_for_purge(self) -> Self:
        free = Q(lease_until=None) | Q(lease_until__lt=Now())
        return self.filter(
            free, state=StoredFile.State.CONDEMNED, not_before__lte=Now(), parked_at=None
        )


class StoredFile(models.Model):
    """Bytes in storage, from the moment room is made for them until they are verified gone.

    writing -> ready -> condemned -> (row dropped, receipt kept); an orphan found in storage:
    quarantined -> condemned, or the row dropped when it was put back. Only `publish`, `release`,
    `quarantine` and `purge` move a file on, each by one conditional UPDATE. Name and storage never
    change.
    """

    class State(models.TextChoices):
        WRITING = "writing", "being written"
        READY = "ready", "verified"
        CONDEMNED = "condemned", "to be removed"
        QUARANTINED = "quarantined", "in quarantine"

    class Reason(models.TextChoices):
        DELETED = "deleted", "a person deleted it"
        REPLACED = "replaced", "a newer version took its place"
        ABANDONED = "abandoned", "an upload or job never finished"
        POLICY = "policy", "a retention policy removed it"
        SOURCE_RULE = "source_rule", "a source rule removed it after processing"
        RESTORED = "restored", "it was brought back from the archive"

    PARK_AFTER: ClassVar[int] = 12  # failures; about two days of doubling waits

    storage = models.CharField(max_length=32)  # a permanent alias in STORAGES
    file = StoredFileField()
    kind = models.CharField(max_length=16, choices=Kind)
    owner_id = models.BigIntegerField(null=True)  # null: shared or archived
    recording_id = models.BigIntegerField(null=True)  # asked by holds when the owning row is gone
    size = models.BigIntegerField(default=0)  # bytes; 0 until ready
    reserved = models.BigIntegerField(default=0)  # bytes set aside in the account while writing
    sha256 = models.CharField(max_length=64, blank=True)
    trashed = models.BooleanField(default=False)  # counted in the account's in_trash
    state = models.CharField(max_length=12, choices=State, default=State.WRITING)
    reason = models.CharField(max_length=12, choices=Reason, blank=True)
    released_by = models.CharField(max_length=200, blank=True)  # a person, or policy and version
    part = models.UUIDField(null=True)  # of the writer: names the part file or upload
    claim = models.UUIDField(null=True)
    claimed_by = models.CharField(max_length=255, blank=True)  # leases.holder()
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.TextField(blank=True)
    parked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    ready_at = models.DateTimeField(null=True)
    condemned_at = models.DateTimeField(null=True)

    objects = StoredFileQuerySet.as_manager()

    class Meta:
        constraints = [
            # I4: also the index that the storage scan and /media/ read.
            models.UniqueConstraint(fields=["storage", "file"], name="stored_file_name_once"),
            models.CheckConstraint(
                condition=Q(size__gte=0, reserved__gte=0), name="stored_file_size_not_negative"
            ),
            # I5: nothing is ready that was not hashed and verified.
            models.CheckConstraint(
                condition=~Q(state="ready") | Q(ready_at__isnull=False, reserved=0) & ~Q(sha256=""),
                name="stored_file_ready_is_verified",
            ),
        ]
        indexes = [
            # Read by purge.due() on every tick; ready files, the many, are not in it.
            models.Index(fields=["id"], condition=Q(state="condemned"), name="stored_file_purge"),
            # Read by publish.recover() on every tick. Not on the lease: then PostgreSQL could not
            # claim or renew in place.
            models.Index(fields=["id"], condition=Q(state="writing"), name="stored_file_writing"),
            # Read by quarantine's list, policy and recovery.
            models.Index(
                fields=["id"], condition=Q(state="quarantined"), name="stored_file_quarantine"
            ),
            # Read by release and holds for a recording; with the size, so that the bytes of each of
            # a million recordings are added up without a look at the table.
            models.Index(fields=["recording_id", "state", "size"], name="stored_file_recording"),
            # Read by audit and by holds on an owner.
            models.Index(fields=["owner_id", "state"], name="stored_file_owner"),
        ]

    def __str__(self) -> str:
        return str(self.file.name)


class Quarantined(StoredFile):
    """A stored file as the page of the quarantine shows it."""

    goes_at: datetime | None  # set by that page

    class Meta:
        proxy = True
        verbose_name = "file in quarantine"
        verbose_name_plural = "files in quarantine"


class Lease(models.Model):
    """The right to do one thing alone for a while, such as purging; see leases.py."""

    name = models.CharField(max_length=100, primary_key=True)
    claim = models.UUIDField(null=True)
    claimed_by = models.CharField(max_length=255, blank=True)  # leases.holder()
    lease_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class HoldQuerySet(models.QuerySet["Hold"]):
    def active(self) -> Self:
        """Holds in force by the database's clock: a lapsed `until` stops blocking at once."""
        return self.filter(Q(until=None) | Q(until__gt=Now()), released_at=None)

    def covering(self, *, owner_ids: Collection[int], recording_ids: Collection[int]) -> Self:
        return self.filter(Q(owner_id__among=owner_ids) | Q(recording_id__among=recording_ids))


class Hold(models.Model):
    """A reason why a recording, or everything of an owner, must not be removed by any path."""

    recording_id = models.BigIntegerField(null=True, blank=True)
    owner_id = models.BigIntegerField(null=True, blank=True)
    reason = models.CharField(max_length=500)
    until = models.DateTimeField(null=True, blank=True, help_text="Empty means until released.")
    placed_by = models.CharField(max_length=150)
    placed_at = models.DateTimeField(db_default=Now())
    released_by = models.CharField(max_length=150, blank=True)
    released_at = models.DateTimeField(null=True)

    objects = HoldQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(recording_id=None, owner_id__isnull=False)
                | Q(recording_id__isnull=False, owner_id=None),
                name="hold_on_one_thing",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="hold_has_a_reason"),
        ]
        indexes = [
            # Both read by release under the account's lock.
            models.Index(
                fields=["recording_id"], condition=Q(released_at=None), name="hold_recording"
            ),
            models.Index(fields=["owner_id"], condition=Q(released_at=None), name="hold_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.reason.rstrip('.')}, placed by {self.placed_by}"

    @property
    def sentence(self) -> str:
        what = "This recording" if self.recording_id else "Everything of this owner"
        until = f" until {moment(self.until)}" if self.until else ""
        return full_stop(f"{what} is on hold{until}, placed by {self.placed_by}: {self.reason}")

    def release(self, *, by: str) -> bool:
        """Lift the hold; False when it was lifted before."""
        mine = Hold.objects.filter(pk=self.pk, released_at=None)
        if not mine.update(released_at=Now(), released_by=by):
            return False
        self.log("released", by=by)
        return True

    def log(self, verb: str, *, by: str) -> None:
        """Write a line into the maintenance log once the change is committed."""
        what = f"recording {self.recording_id}" if self.recording_id else f"owner {self.owner_id}"
        transaction.on_commit(
            lambda: maintenance.info("hold %s %s on %s by=%s", self.pk, verb, what, by), robust=True
        )


class Receipt(models.Model):
    """That one stored file was physically removed: what, whose, why and when. Append-only.

    Written by purge in the transaction that drops the row; sealed later into a chain, each hash
    taken over the receipt and the hash before it.

    `sha256` was taken while the bytes came in. It is empty for what came from quarantine: no row
    knew those bytes, and they were moved by a second link, or by the store, without being read.
    """

    storage = models.CharField(max_length=32)
    name = models.CharField(max_length=255)
    kind = models.CharField(max_length=16, choices=Kind)
    owner_id = models.BigIntegerField(null=True)
    owner_name = models.CharField(max_length=150, blank=True)
    recording_id = models.BigIntegerField(null=True)
    size = models.BigIntegerField()  # bytes
    sha256 = models.CharField(max_length=64)
    reason = models.CharField(max_length=12, choices=StoredFile.Reason)
    released_by = models.CharField(max_length=200, blank=True)
    released_at = models.DateTimeField(null=True)
    gone_at = models.DateTimeField(db_default=Now())  # verified gone
    sequence = models.BigIntegerField(null=True)  # place in the chain, from 1
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["storage", "name"], name="receipt_once_per_name"),
            # Also the index that receipts.seal() finds the head by; purge, which writes receipts
            # without a place, has nothing to add to it.
            models.UniqueConstraint(
                fields=["sequence"],
                condition=Q(sequence__isnull=False),
                name="receipt_one_at_a_place",
            ),
        ]
        indexes = [
            # Read by receipts.seal().
            models.Index(fields=["id"], condition=Q(sequence=None), name="receipt_unsealed"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.size} bytes)"

    def digest(self) -> str:
        """Hash what the receipt says, its place and the hash before it."""
        said = [
            self.sequence, self.previous_hash, self.storage, self.name, self.kind, self.owner_id,
            self.owner_name, self.recording_id, self.size, self.sha256, self.reason,
            self.released_by, _iso(self.released_at), _iso(self.gone_at),
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


from recordings.ledger.clock import Clock  # noqa: E402
from recordings.ledger.findings import Scan, Sighting, StorageBond  # noqa: E402

__all__ = [
    "Account",
    "Clock",
    "Hold",
    "Lease",
    "Quarantined",
    "Receipt",
    "Reservation",
    "Scan",
    "Sighting",
    "StorageBond",
    "StoredFile",
]

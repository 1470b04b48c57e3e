"""recordings/ledger/audit.py: count everything again and say where the books are wrong.

Reads only, unless asked to repair; then it corrects accounts by what their files add up to, under
the account's lock, and logs the drift. It never removes bytes.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import BigIntegerField, F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from recordings.ledger import receipts
from recordings.ledger.models import Account, Reservation, StoredFile
from recordings.ledger.scan import Block, compare
from recordings.ledger.storages import places, storage
from recordings.ledger.wording import printable

maintenance = logging.getLogger("mediasite.maintenance")

GRACE = timedelta(hours=1)  # an object younger than this may still get its row
SAMPLES = 20


@dataclass
class Check:
    """One invariant: how many rows or objects break it, and a few of them in words."""

    id: str
    count: int = 0
    samples: list[str] = field(default_factory=list)
    young: int = 0  # objects without a row that may still get one

    @property
    def ok(self) -> bool:
        return self.count == 0

    def broken(self, sentence: str) -> None:
        self.count += 1
        if len(self.samples) < SAMPLES:
            self.samples.append(printable(sentence))


@dataclass(frozen=True)
class AuditReport:
    checks: list[Check]

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)


# Checks that upper layers add: each yields a sentence for every row that breaks it.
extra_checks: dict[str, Callable[[], Iterator[str]]] = {}


def audit(*, hashes: bool = False, repair: bool = False, grace: timedelta = GRACE) -> AuditReport:
    """Check the invariants; with `hashes` read every ready file again.

    `grace` is how long an object may stand without a row: a listing is older than the rows.
    """
    checks = [check_accounts(repair=repair), check_pending(), check_owners(), check_receipts()]
    checks += check_storages(hashes=hashes, before=timezone.now() - grace)
    for name, sentences in extra_checks.items():
        check = Check(name)
        for sentence in sentences():
            check.broken(sentence)
        checks.append(check)
    return AuditReport(sorted(checks, key=lambda check: check.id))


def counted(accounts: QuerySet[Account]) -> QuerySet[Account]:
    """Annotate accounts with what their rows add up to, in one statement, so in one snapshot."""
    files = StoredFile.objects.filter(owner_id=OuterRef("owner_id"))
    rooms = Reservation.objects.filter(owner_id=OuterRef("owner_id"))
    return accounts.annotate(
        true_used=_sum(files.ready(), "size"),
        true_trash=_sum(files.ready().filter(trashed=True), "size"),
        true_reserved=_sum(files.filter(state=StoredFile.State.WRITING), "reserved")
        + _sum(rooms, "size"),
    )


def _sum(rows: QuerySet[StoredFile] | QuerySet[Reservation], column: str) -> Coalesce:
    total = rows.order_by().values("owner_id").annotate(total=Sum(column)).values("total")
    return Coalesce(Subquery(total, output_field=BigIntegerField()), Value(0))


def check_accounts(*, repair: bool) -> Check:
    """I1: used, in_trash and reserved are what the rows add up to."""
    check = Check("I1")
    drifted = counted(Account.objects.all()).exclude(
        used=F("true_used"), in_trash=F("true_trash"), reserved=F("true_reserved")
    )
    for drifted_id in list(drifted.values_list("owner_id", flat=True)):
        sentence = recount(drifted_id, repair=repair)
        if sentence and not repair:
            check.broken(sentence)
    known = Account.objects.values("owner_id")
    for owner_id in (
        StoredFile.objects.exclude(state=StoredFile.State.CONDEMNED)
        .filter(owner_id__isnull=False)
        .exclude(owner_id__in=known)
        .values_list("owner_id", flat=True)
        .distinct()
    ):
        if repair and owner_id is not None:
            recount(owner_id, repair=True)
        else:
            check.broken(f"owner {owner_id} has files and no account")
    return check


def recount(owner_id: int, *, repair: bool) -> str:
    """Compare one account under its lock; return the drift in words, empty when there is none."""
    with transaction.atomic():
        Account.objects.lock([owner_id])
        account: Any = counted(Account.objects.filter(owner_id=owner_id)).get()
        true = (account.true_used, account.true_trash, account.true_reserved)
        said = (account.used, account.in_trash, account.reserved)
        if true == said:
            return ""
        sentence = (
            f"account of {account}: used {said[0]} should be {true[0]}, in trash {said[1]} should "
            f"be {true[1]}, reserved {said[2]} should be {true[2]}"
        )
        if repair:
            Account.objects.filter(pk=account.pk).update(
                used=true[0], in_trash=true[1], reserved=true[2]
            )
            maintenance.warning("audit repaired %s", sentence)
        return sentence


def check_pending() -> Check:
    """I13: nothing waits to be purged, or is parked, for longer than an hour."""
    check = Check("I13")
    late = StoredFile.objects.filter(
        Q(condemned_at__lt=Now() - timedelta(hours=1)) | Q(parked_at__isnull=False),
        state=StoredFile.State.CONDEMNED,
    )
    for stored in late.iterator():
        check.broken(f"{stored} should be gone: {stored.last_error or 'purge has not run'}")
    return check


def check_owners() -> Check:
    """I16: every ready file has the row it belongs to, and no such row points elsewhere."""
    check = Check("I16")
    for stored in StoredFile.objects.ready().unowned().iterator():
        check.broken(f"{stored} is kept and paid for, but nothing shows it")
    for owner in StoredFile._meta.related_objects:
        wrong = StoredFile.objects.exclude(state=StoredFile.State.READY)
        for stored in wrong.filter(**{f"{owner.name}__isnull": False}).iterator():
            check.broken(f"{stored} is {stored.state}, but a {owner.name} points at it")
    return check


def check_receipts() -> Check:
    """I15: the chain of receipts is whole."""
    check = Check("I15")
    for sentence in receipts.broken():
        check.broken(sentence)
    return check


def check_storages(*, hashes: bool, before: datetime) -> list[Check]:
    """I2 and I3: every object has its row and every ready row its object, size and hash."""
    orphans, missing = Check("I2"), Check("I3")
    aliases = set(StoredFile.objects.values_list("storage", flat=True).distinct())
    for alias in sorted(aliases.union(places())):
        for block in compare(alias, columns=COLUMNS):
            _check_orphans(block, orphans, before)
            for row in block.rows:
                ready = Ready(alias, *row)
                if ready.state == StoredFile.State.READY:
                    _check_ready(ready, block, missing, hashes=hashes)
    return [orphans, missing]


COLUMNS = ("pk", "state", "size", "sha256")


class Ready(NamedTuple):
    """What the audit needs to know of a file; whole rows would cost more than the walk."""

    storage: str
    name: str
    pk: int
    state: str
    size: int
    sha256: str


def _check_orphans(block: Block, orphans: Check, before: datetime) -> None:
    for name in block.strays:
        entry = block.page.entry(name) if block.page else None
        if entry and entry.modified < before:
            orphans.broken(f"{name} ({entry.size} bytes) has no row")
        elif entry:
            orphans.young += 1


def _check_ready(stored: Ready, block: Block, missing: Check, *, hashes: bool) -> None:
    entry = block.page.entry(stored.name) if block.page else None
    entry = entry or storage(stored.storage).entry(stored.name)  # it may be newer than the listing
    digest = _hash(stored) if hashes and entry is not None else stored.sha256
    if entry is None or digest is None:
        if _still_ready(stored):
            missing.broken(f"{stored.name} is not in storage")
    elif entry.size != stored.size:
        missing.broken(f"{stored.name} has {entry.size} bytes instead of {stored.size}")
    elif digest != stored.sha256:
        missing.broken(f"{stored.name} is not what was stored: its hash differs")


def _still_ready(stored: Ready) -> bool:
    """It may have been released between the reading of the row and of the listing."""
    return StoredFile.objects.ready().filter(pk=stored.pk).exists()


def _hash(stored: Ready) -> str | None:
    """Read a file again; None when it is gone by now."""
    digest = hashlib.sha256()
    try:
        for chunk in storage(stored.storage).chunks(stored.name):
            digest.update(chunk)
    except FileNotFoundError:
        return None
    return digest.hexdigest()

"""What can go wrong between a caller and the ledger; each says it in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.template.defaultfilters import filesizeformat

if TYPE_CHECKING:
    from recordings.ledger.models import Hold


class LedgerError(Exception):
    """Anything the ledger refuses or could not do."""


class QuotaExceeded(LedgerError):
    """There is no room for `needed` bytes; `used` includes what is reserved."""

    def __init__(self, *, used: int, limit: int, needed: int) -> None:
        self.used, self.limit, self.needed = used, limit, needed
        super().__init__(
            f"This needs {filesizeformat(needed)}, and {filesizeformat(used)} of your "
            f"{filesizeformat(limit)} are in use. Delete something for ever, or have an "
            "administrator give you more room."
        )


class Held(LedgerError):
    """A hold covers what was to be removed or replaced."""

    def __init__(self, holds: Sequence[Hold]) -> None:
        self.holds = list(holds)
        super().__init__(" ".join(hold.sentence for hold in self.holds))


class AccountClosed(LedgerError):
    """The account is being closed and takes nothing new."""


class NameTaken(LedgerError):
    """Something stands under that name in storage already; take the next number."""


class Lost(LedgerError):
    """The claim on this file is someone else's now, so what was done with it is void."""


class StorageFull(LedgerError):
    """The disk under the storage has no room left."""


class StorageFault(LedgerError):
    """The storage did not do what it was asked, or what it holds is not what was written."""


class Damaged(StorageFault):
    """What a storage has of an unfinished file is not what came in; nobody can go on with it."""


class Busy(LedgerError):
    """Another process has this file open for writing."""


class NotOurs(LedgerError):
    """The storage may belong to another database, or to another state of this one."""

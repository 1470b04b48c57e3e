"""What an editing session refuses, each in a sentence."""

from __future__ import annotations

from recordings.ledger.exceptions import LedgerError


class NoSession(LedgerError):
    """The session or its recording is gone, or somebody else's."""

    def __init__(self) -> None:
        super().__init__("There is no such thing here, or it is not yours.")


class CannotEdit(LedgerError):
    """Editing or rendering makes no sense now; says why."""


class StaleRevision(LedgerError):
    """The session was changed from elsewhere; `revision` is what it has now."""

    def __init__(self, revision: int) -> None:
        self.revision = revision
        super().__init__(
            "These captions were changed from elsewhere meanwhile, in another tab perhaps: load "
            "them again before you go on."
        )

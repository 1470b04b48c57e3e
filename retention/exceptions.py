"""What a policy or run refuses; each says it in a sentence."""

from __future__ import annotations

from retention.choices import State


class RetentionError(Exception):
    """Anything retention refuses; `code` is its machine word."""

    code = "refused"


class Running(RetentionError):
    """A run of this policy is under way already."""

    code = "running"


class NotAccepted(RetentionError):
    """The policy may not delete in this version yet."""

    code = "not_accepted"


class Stopped(RetentionError):
    """A run ends before its time, for a reason that is no fault."""

    def __init__(self, sentence: str, *, state: State = State.REFUSED) -> None:
        self.sentence, self.state = sentence, state
        super().__init__(sentence)


class UnsafeFolder(Stopped):
    """A policy's folder is not one that files may be removed from."""

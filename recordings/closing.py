"""recordings/closing.py: close an account, in steps that any account is small enough for.

It ends with a user and all that is his gone, so a mistake is dear. What keeps it safe:

- the account takes nothing new from the first transaction on, and its owner is signed out;
- recordings leave through trash.py and transfer.py only, which ask about holds under the lock;
- what is held, still arriving or being processed waits, and the closure says what it waits for;
- what is in the archive goes as the recordings go, but never before what could still come back;
- the user row goes last, under the account's lock, when no recording and no stored file is left.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.db.models.deletion import ProtectedError
from django.db.models.functions import Now

from recordings import archive
from recordings.archive_models import ArchivedRecording, ArchivedRecordingQuerySet
from recordings.ledger.exceptions import AccountClosed, Held, LedgerError
from recordings.ledger.models import Account, Hold, StoredFile
from recordings.ledger.transactions import retried
from recordings.ledger.wording import full_stop, moment
from recordings.models import ApiToken, Closure, Job, Recording, ResumableUpload
from recordings.processing import jobs
from recordings.querysets import RecordingQuerySet
from recordings.transfer import transfer
from recordings.trash import BATCH_SIZE, erase, move_to_trash
from recordings.uploads import resumable

logger = logging.getLogger(__name__)
maintenance = logging.getLogger("mediasite.maintenance")

STEPS = 10  # of BATCH_SIZE recordings for one account in one tick
ARCHIVED = 100  # of what is in the archive in one step: a transaction each
NAMED = 5  # held recordings in the sentence that says what a closure waits for
CANCELS = 100  # jobs stopped in one step


class CannotClose(LedgerError):
    """Closing this account that way makes no sense; says why."""


def close_account(
    user: Any, *, by: str, transfer_to: Any | None = None, at_once: bool = False
) -> Closure:
    """Shut the user out and start moving what he has; `continue_closures` does the rest.

    His recordings go to `transfer_to`, or for ever `at_once`, or into the trash for its usual
    time. Asking again changes the way of a closure under way. Raises CannotClose.
    """
    refuse_pointless(user, transfer_to=transfer_to, at_once=at_once)

    def begin() -> Closure:
        with transaction.atomic():
            shut_out(user)
            Account.objects.lock([user.pk])
            mine = Account.objects.filter(owner_id=user.pk, closing_since=None)
            mine.update(closing_since=Now())
            closure, _ = Closure.objects.update_or_create(
                owner_id=user.pk,
                finished_at=None,
                defaults={
                    "owner_name": user.get_username(),
                    "closed_by": by,
                    "transfer_to": transfer_to and transfer_to.pk,
                    "at_once": at_once,
                    "message": "",
                },
            )
            return closure

    closure = retried(begin)
    maintenance.info("account %s is being closed, %s, by=%s", user, way_of(closure), by)
    return closure


def refuse_pointless(user: Any, *, transfer_to: Any | None, at_once: bool) -> None:
    """Raise CannotClose with the reason."""
    if transfer_to is not None:
        if at_once:
            raise CannotClose("Either transfer the recordings or delete them, not both.")
        if transfer_to.pk == user.pk:
            raise CannotClose("Choose someone else to get the recordings.")
        if not transfer_to.is_active or Account.objects.of(transfer_to.pk).closing_since:
            raise CannotClose(f"{transfer_to}'s account is closed: choose someone who is active.")
    others = get_user_model().objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    if user.is_superuser and not others.exists():
        raise CannotClose("This is the last superuser: make another one before closing it.")


def shut_out(user: Any) -> None:
    """End tokens and sessions: an unusable password makes every session's hash wrong."""
    mine = get_user_model().objects.filter(pk=user.pk)
    mine.update(is_active=False, password=make_password(None))
    ApiToken.objects.filter(user=user, revoked_at=None).update(revoked_at=Now())


def call_off(closure: Closure, *, by: str) -> bool:
    """Let the user in again, with what is still his; False when he is gone.

    He needs a new password, and tokens anew; what went to the trash can be restored.
    """
    with transaction.atomic():
        Account.objects.lock([closure.owner_id])
        mine = Closure.objects.filter(pk=closure.pk, finished_at=None)
        if not mine.update(finished_at=Now(), message=f"Called off by {by}."):
            return False
        Account.objects.filter(owner_id=closure.owner_id).update(closing_since=None)
        get_user_model().objects.filter(pk=closure.owner_id).update(is_active=True)
    maintenance.info("closing of account %s called off by=%s", closure.owner_name, by)
    return True


def continue_closures() -> int:
    """Take every closure a bounded way further; return how many recordings moved."""
    count = 0
    for closure in Closure.objects.filter(finished_at=None).order_by("id"):
        try:
            count += carry_on(closure)
        except Exception:
            logger.exception("%s: this round failed, the next one tries again", closure)
    return count


def carry_on(closure: Closure, *, steps: int = STEPS) -> int:
    """Do up to `steps` steps of one closure; return how many recordings moved."""
    count = 0
    for _ in range(steps):
        moved = step(closure)
        if not moved:
            break
        count += moved
    return count


def step(closure: Closure) -> int:
    """Move up to BATCH_SIZE recordings, or ARCHIVED of the archive; where none can be, say why.

    With nothing left it ends.
    """
    stop_jobs(closure)
    stop_uploads(closure)
    pks = list(movable(closure).order_by("pk").values_list("pk", flat=True)[:BATCH_SIZE])
    kept = [] if pks else list(archived(closure).order_by("pk")[:ARCHIVED])
    if not pks and not kept:
        say(closure, finish(closure) or "")
        return 0
    try:
        moved = move(closure, pks) if pks else clear(closure, kept)
    except Held:  # placed since we looked; the next step leaves it out
        return 0
    except LedgerError as refusal:
        say(closure, f"The recordings cannot be transferred: {refusal}")
        return 0
    Closure.objects.filter(pk=closure.pk).update(moved=F("moved") + moved, message="Under way.")
    return moved


def movable(closure: Closure) -> RecordingQuerySet:
    """What of the owner's can go now. Files still being written have an account to settle with."""
    mine = Recording.objects.filter(owner_id=closure.owner_id).not_held()
    mine = mine.exclude(state=Recording.State.UPLOADING)
    if closure.transfer_to is not None:
        return mine.filter(~Exists(Job.objects.open().filter(recording=OuterRef("pk"))))
    return mine if closure.at_once else mine.live()


def archived(closure: Closure) -> ArchivedRecordingQuerySet:
    """What of the owner's in the archive can go now, the archive having no trash."""
    mine = ArchivedRecording.objects.archived().filter(owner_id=closure.owner_id)
    if closure.transfer_to is not None:
        on_hold = Hold.objects.active().filter(owner_id=closure.owner_id)
        return mine.filter(~Exists(on_hold))
    if not closure.at_once and Recording.objects.filter(owner_id=closure.owner_id).exists():
        return mine.none()
    return mine.not_held()


def clear(closure: Closure, rows: Sequence[ArchivedRecording]) -> int:
    """Let what is in the archive go, each in its own transaction, or give it away."""
    by = f"{closure.closed_by}, closing the account"
    if closure.transfer_to is None:
        return sum(archive.let_go(one.pk, by=by) for one in rows)
    to = receiver_of(closure)
    return sum(archive.give(one.pk, to=to, by=by) for one in rows)


def stop_jobs(closure: Closure) -> None:
    """Before a transfer nothing may be under way; trash and erase stop jobs themselves.

    All but imports, which have no recording yet that could go.
    """
    mine = Job.objects.open().filter(owner_id=closure.owner_id, cancel_requested_at=None)
    if closure.transfer_to is None:
        mine = mine.filter(recording=None)
    for job in mine.order_by("pk")[:CANCELS]:
        jobs.cancel(job)


def stop_uploads(closure: Closure) -> None:
    """Give up what waits for bytes that its owner cannot send any more."""
    mine = ResumableUpload.objects.filter(recording__owner=closure.owner_id, finished_at=None)
    for upload in mine.order_by("pk")[:CANCELS]:
        resumable.cancel(upload)


def move(closure: Closure, pks: list[int]) -> int:
    by = f"{closure.closed_by}, closing the account"
    if closure.transfer_to is not None:
        return transfer(pks, to=receiver_of(closure), by=by)
    return erase(pks, by=by) if closure.at_once else move_to_trash(pks, by=by)


def receiver_of(closure: Closure) -> Any:
    """Return who gets the recordings. Raises AccountClosed."""
    receiver = get_user_model().objects.filter(pk=closure.transfer_to or 0).first()
    if receiver is None:
        raise AccountClosed("the user who was to get them is gone; close the account anew.")
    return receiver


def finish(closure: Closure) -> str | None:
    """Remove the user when nothing of his is left; else return what the closure waits for."""
    if reason := waits_for(closure):
        return reason
    try:
        retried(partial(remove_user, closure))
    except ProtectedError as error:
        return full_stop(f"The user cannot be removed: {error.args[0]}")
    return None


def waits_for(closure: Closure) -> str | None:
    mine = Recording.objects.filter(owner_id=closure.owner_id)
    if held := mine.held().count():
        return _waits_for_holds(mine.held(), held)
    imports = Job.objects.open().filter(owner_id=closure.owner_id, recording=None)
    if mine.live().exists() or imports.exists():
        return "Waiting for uploads and jobs to stop."
    last = mine.trashed().order_by("-purge_after").values_list("purge_after", flat=True).first()
    if last is not None:
        return full_stop(f"Waiting for the trash, at least until {moment(last)}")
    kept = ArchivedRecording.objects.archived().filter(owner_id=closure.owner_id)
    if count := kept.count():
        return _waits_for_archive(count, held=count - kept.not_held().count())
    if StoredFile.objects.filter(owner_id=closure.owner_id).exists():
        return "Waiting for the last bytes to be removed."
    return None


def _waits_for_holds(held: RecordingQuerySet, count: int) -> str:
    pks = [str(pk) for pk in held.order_by("pk").values_list("pk", flat=True)[:NAMED]]
    which = ", ".join(pks) + (" and more" if count > NAMED else "")
    if count == 1:
        return f"Recording {which} is on hold and stays until the hold is released."
    return f"{count} recordings are on hold and stay until the holds are released: {which}."


def _waits_for_archive(count: int, *, held: int) -> str:
    if not held:
        return f"Archived recordings that wait to go: {count}."
    if held == 1:
        return "1 archived recording is on hold: it stays until the hold is released."
    return f"{held} archived recordings are on hold: they stay until the holds are released."


def remove_user(closure: Closure) -> None:
    with transaction.atomic():
        Account.objects.lock([closure.owner_id])
        if waits_for(closure):  # something was restored or transferred to him meanwhile
            return
        for user in get_user_model().objects.filter(pk=closure.owner_id):
            user.delete()
        Closure.objects.filter(pk=closure.pk, finished_at=None).update(
            finished_at=Now(), message="Closed: nothing of this account is left."
        )
    maintenance.info("account %s is closed", closure.owner_name)


def say(closure: Closure, message: str) -> None:
    """Note what a closure waits for, where that has changed."""
    if message and message != closure.message:
        Closure.objects.filter(pk=closure.pk, finished_at=None).update(message=message)
        maintenance.info("%s: %s", closure, message)


def way_of(closure: Closure) -> str:
    """Say in words where the recordings go."""
    if closure.transfer_to is not None:
        return f"recordings to {Account.objects.of(closure.transfer_to)}"
    return "recordings deleted for ever" if closure.at_once else "recordings into the trash"

"""Runs as rows: asked for, approved, called off, taken back from the dead."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now

from recordings.ledger import leases
from retention.choices import Mode, State
from retention.exceptions import NotAccepted, RetentionError, Running
from retention.models import RetentionPolicy, RetentionRun

maintenance = logging.getLogger("mediasite.maintenance")

FORGOTTEN_AFTER = timedelta(seconds=10)  # of a queued run whose message may be lost


def ask(policy: RetentionPolicy, *, mode: Mode, by: str, ring_worker: bool = True) -> RetentionRun:
    """Queue a run for a person and ring for a worker. Raises Running, NotAccepted."""
    if mode == Mode.EXECUTE and not policy.may_act:
        raise NotAccepted(
            "This version of the policy is not accepted yet: look at what it would remove, "
            "then accept it."
        )
    run = queue(policy, mode=mode, by=by)
    if run is None:
        raise Running("A run of this policy is under way: wait for its end, or cancel it.")
    if ring_worker:
        ring(run)
    return run


def queue(policy: RetentionPolicy, *, mode: Mode, by: str) -> RetentionRun | None:
    """Make a run's row; None while another run of the policy is under way."""
    try:
        with transaction.atomic():
            return RetentionRun.objects.create(
                policy=policy,
                policy_slug=policy.slug,
                policy_version=policy.version,
                mode=mode,
                started_by=by,
            )
    except IntegrityError:
        return None


def ring(run: RetentionRun) -> None:
    """Tell a worker after the commit; when the broker is down the tick finds the row."""
    from retention import tasks

    # Not a partial: Django logs what failed by its __qualname__.
    transaction.on_commit(lambda: tasks.run.delay(run.pk), robust=True)


def approve(run: RetentionRun, *, by: str) -> RetentionRun:
    """Have exactly the items of a plan removed, as far as they are still due.

    Raises Running, NotAccepted, and RetentionError where there is nothing to approve.
    """
    policy = run.policy
    if policy is None or run.is_outdated:
        raise RetentionError("The policy has changed since this plan was made: make a new one.")
    if not policy.may_act:
        raise NotAccepted("This version of the policy is not accepted yet: accept it first.")
    waiting = RetentionRun.objects.filter(pk=run.pk, state__in=RetentionRun.APPROVABLE)
    waited = f"It waited for approval: {run.message} Approved by {by}."
    message = waited if run.state == State.WAITING else ""
    try:
        with transaction.atomic():
            approved = waiting.update(
                state=State.QUEUED,
                mode=Mode.EXECUTE,
                approved_by=by,
                finished_at=None,
                message=message,
            )
    except IntegrityError as error:
        raise Running("Another run of this policy is under way: wait for its end.") from error
    run.refresh_from_db()
    if not approved:
        raise RetentionError(f"This run is {run.get_state_display()}, so it waits for no approval.")
    maintenance.info("run %s of %s approved by=%s", run.pk, run.policy_slug, by)
    ring(run)
    return run


def cancel(run: RetentionRun, *, by: str) -> bool:
    """Call a run off: one that waits ends here, one under way after its batch. False: too late."""
    rows = RetentionRun.objects.filter(pk=run.pk)
    idle = rows.filter(state__in=(State.QUEUED, *RetentionRun.APPROVABLE))
    message = f"{run.message} It was cancelled by {by}.".lstrip()
    ended = idle.update(state=State.CANCELLED, finished_at=Now(), message=message)
    asked = ended or rows.filter(state=State.RUNNING).update(cancel_requested_at=Now())
    run.refresh_from_db()
    return bool(asked)


def recover() -> int:
    """Close the runs of dead processes with what they had done; return how many.

    What they left undone, the policy's next run finds.
    """
    running = RetentionRun.objects.filter(state=State.RUNNING)
    holders = running.exclude(claimed_by="").values_list("claimed_by", flat=True).distinct()
    gone = [holder for holder in holders if leases.is_gone(holder)]
    count = running.filter(Q(lease_until__lt=Now()) | Q(claimed_by__in=gone)).update(
        state=State.FAILED,
        finished_at=Now(),
        message="The worker stopped in the middle; what it had removed is counted.",
        claim=None,
        claimed_by="",
        lease_until=None,
    )
    if count:
        maintenance.warning("%s runs ended with their worker", count)
    return count


def waiting() -> list[int]:
    """Return queued runs that nobody has begun, oldest first."""
    rows = RetentionRun.objects.filter(state=State.QUEUED, created_at__lt=Now() - FORGOTTEN_AFTER)
    return list(rows.order_by("pk").values_list("pk", flat=True)[:100])

"""retention/sweep.py: one run of a policy: plan, guard, then remove in batches.

A policy reaches everyone's recordings unattended, so a mistake here is the dearest of all. What
keeps it safe:

- a policy acts only in the version an administrator accepted, asked again in every batch's
  transaction; a change of the policy stops a run that is under way;
- nothing goes that is not an item of the run's plan, and each item is decided again while its row
  is locked, by the function that made the plan;
- one run of a policy at a time, by a unique constraint; every write repeats the run's claim, so
  a process that slept past its lease changes nothing, and its batch is rolled back;
- over a limit of the policy the run stops before the first removal and waits for approval;
- what goes is counted in the transaction that removes it, so a killed run tells the truth.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from uuid import uuid4

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Now

from recordings import backup
from recordings.ledger import clock, leases
from recordings.ledger.exceptions import Lost
from recordings.ledger.transactions import retried
from recordings.tasks import purge_soon
from retention import fit, guard, notices, report, schedule, tally
from retention.choices import Action, Mode, Outcome, State
from retention.clock import database_now
from retention.decide import Facts, decide
from retention.exceptions import Stopped
from retention.models import RetentionPolicy, RetentionRun, RunItem
from retention.targets import Target, get
from retention.targets.base import BATCH_SIZE, Result, Work

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)  # longer than the slowest batch


def execute(pk: int, *, once: RetentionPolicy | None = None) -> bool:
    """Do one queued run, if it waits for us; False when another has it or it is over.

    `once` is a policy without a row, made for this run alone.
    """
    run = claim(pk)
    if run is None:
        return False
    started = time.monotonic()
    try:
        state, message = carry_through(run, once)
    except Lost:
        logger.warning("%s was taken over or closed; this process leaves it", run)
        return True
    except Stopped as stop:
        state, message = stop.state, stop.sentence
    except Exception:
        logger.exception("%s failed", run)
        state, message = State.FAILED, "It failed unexpectedly; the site's log says why."
    if close(run, state, message):
        tally.count(run)
        idle = is_idle(run)
        if idle:
            forget_idle_before(run)
        report.summarise(run, seconds=time.monotonic() - started, quiet=idle)
        notices.tell_of(run)
    return True


def is_idle(run: RetentionRun) -> bool:
    """Whether a scheduled run found nothing: of a policy that runs every ten seconds most do."""
    return RetentionRun.objects.idle().filter(pk=run.pk).exists()


def forget_idle_before(run: RetentionRun) -> None:
    """Keep the last idle run of a policy alone, as its last run; the others say nothing."""
    former = RetentionRun.objects.idle().filter(policy=run.policy_id, pk__lt=run.pk)
    retried(former.delete)


def claim(pk: int) -> RetentionRun | None:
    """Take a queued run for this process."""
    token = uuid4()
    taken = RetentionRun.objects.filter(pk=pk, state=State.QUEUED).update(
        state=State.RUNNING,
        claim=token,
        claimed_by=leases.holder(),
        lease_until=Now() + LEASE,
        started_at=Coalesce("started_at", Now()),  # an approved run goes on with what it began
    )
    if not taken:
        return None
    return RetentionRun.objects.select_related("policy").get(pk=pk)


def close(run: RetentionRun, state: State, message: str) -> bool:
    """End the run we hold, beside why it had waited; False when it was no longer ours."""
    message = " ".join(filter(None, [run.message, message]))
    mine = RetentionRun.objects.filter(pk=run.pk, claim=run.claim, state=State.RUNNING)
    ended = retried(
        partial(
            mine.update, state=state, message=message, finished_at=Now(), claim=None,
            claimed_by="", lease_until=None,
        )
    )  # fmt: skip
    run.refresh_from_db()
    return bool(ended)


def carry_through(run: RetentionRun, once: RetentionPolicy | None) -> tuple[State, str]:
    """Plan, guard and remove; return how it ended. Raises Stopped, Lost."""
    policy = once or current_policy(run)
    stop_unless_safe(policy)
    if run.mode == Mode.EXECUTE:
        stop_in_doubt()
    target = get(policy.target)
    if run.planned_at is None:
        plan(run, policy, target)
    if run.mode == Mode.PLAN:
        return State.PLANNED, target.remark()
    if not run.approved_by and (sentence := guard.over_limit(run, policy)):
        return State.WAITING, sentence
    if policy.action != Action.REPORT:
        remove(run, policy, target)
    run.refresh_from_db(fields=["failed"])
    return (State.PARTIAL if run.failed else State.SUCCEEDED), target.remark()


def current_policy(run: RetentionRun) -> RetentionPolicy:
    """Return the run's policy as it is now. Raises Stopped where it must not be carried out."""
    policy = RetentionPolicy.objects.filter(pk=run.policy_id or 0).first()
    if policy is None:
        raise Stopped("The policy was deleted.")
    if policy.version != run.policy_version:
        raise Stopped("The policy was changed since this run was asked for: start it again.")
    if run.mode == Mode.EXECUTE and not policy.may_act:
        raise Stopped("This version of the policy is not accepted: an administrator has to.")
    if run.by_itself and not schedule.acts_by_itself(policy):
        raise Stopped("The policy was turned off, or all are paused, before the run began.")
    return policy


def stop_unless_safe(policy: RetentionPolicy) -> None:
    """Raise Stopped where the policy cannot do what it says, or must not now."""
    if problems := fit.problems(policy):
        raise Stopped(" ".join(sentence for found in problems.values() for sentence in found))
    if sentence := get(policy.target).refusal(policy, database_now()):
        raise Stopped(sentence)


def plan(run: RetentionRun, policy: RetentionPolicy, target: Target) -> None:
    """Store what would go, and what the rules match but something keeps."""
    at = database_now()
    for batch in target.candidates(policy, at):
        stop_when_asked(run)
        items = [item for facts in batch if (item := to_item(run, policy, facts, at))]
        retried(partial(note_planned, run, items))
    mine = RetentionRun.objects.filter(pk=run.pk, claim=run.claim, state=State.RUNNING)
    if not mine.update(planned_at=Now()):
        raise Lost("This run is no longer ours.")


def to_item(
    run: RetentionRun, policy: RetentionPolicy, facts: Facts, at: datetime
) -> RunItem | None:
    decision = decide(policy.rules(), facts, at)
    if not decision.matched:
        return None
    return RunItem(
        run=run,
        kind=policy.target,
        row_id=facts.id,
        name=facts.name[:512],
        recording_id=facts.recording_id,
        owner_id=facts.owner_id,
        size=facts.size,
        reason=f"{policy.title}: {decision.reason}",
        outcome=Outcome.WOULD if decision.due else Outcome.SKIPPED,
        detail="" if decision.due else decision.sentence,
    )


def note_planned(run: RetentionRun, items: Sequence[RunItem]) -> None:
    with transaction.atomic():
        RunItem.objects.bulk_create(items)
        progress(
            run,
            matched=len(items),
            skipped=sum(item.outcome == Outcome.SKIPPED for item in items),
            bytes_matched=sum(item.size for item in items),
        )


def progress(run: RetentionRun, **counts: int) -> None:
    """Count what was done and renew the lease, in the caller's transaction. Raises Lost."""
    mine = RetentionRun.objects.filter(pk=run.pk, claim=run.claim, state=State.RUNNING)
    added = {name: F(name) + number for name, number in counts.items()}
    if not mine.update(lease_until=Now() + LEASE, **added):
        raise Lost("This run is no longer ours.")


def stop_when_asked(run: RetentionRun) -> None:
    """Raise Stopped when somebody cancelled the run, Lost when it is no longer ours."""
    mine = RetentionRun.objects.filter(pk=run.pk, claim=run.claim, state=State.RUNNING)
    asked = mine.values_list("cancel_requested_at", flat=True).first()
    if asked is not None:
        raise Stopped("It was cancelled; what went before stays gone.", state=State.CANCELLED)
    if not mine.exists():
        raise Lost("This run is no longer ours.")


def stop_in_doubt() -> None:
    """Raise Stopped while the clock that deadlines go by is in doubt."""
    if doubt := clock.look():
        raise Stopped(doubt)


def back_up(run: RetentionRun) -> None:
    """Make the backup that the policy wants before anything goes. Raises Stopped, Lost."""
    try:
        backup.make(alive=partial(retried, partial(progress, run)))
    except backup.BackupFailed as failure:
        raise Stopped(f"Nothing was removed, for there is no backup. {failure}") from failure


def remove(run: RetentionRun, policy: RetentionPolicy, target: Target) -> None:
    """Remove what the plan names, in the order of the plan."""
    last = 0
    left = RunItem.objects.filter(run=run, outcome=Outcome.WOULD).order_by("pk")
    size = min(BATCH_SIZE, target.batch_size(policy))
    if policy.backup_first and left.exists():
        back_up(run)
    while batch := list(left.filter(pk__gt=last)[:size]):
        stop_when_asked(run)
        stop_in_doubt()
        remove_batch(run, policy, target, batch)
        last = batch[-1].pk
    if policy.action in {Action.DELETE, Action.ARCHIVE}:
        purge_soon()


def remove_batch(
    run: RetentionRun, policy: RetentionPolicy, target: Target, items: Sequence[RunItem]
) -> None:
    """Remove a batch; when one item spoils it, remove each by itself. Raises Stopped, Lost."""
    try:
        target.prepare(work_of(policy, items), partial(retried, partial(progress, run)))
        if target.in_database:
            results = retried(partial(remove_and_note, run, policy, target, items))
        else:
            retried(partial(confirm, run, policy))
            results = work_on(policy, target, items)
            retried(partial(note_removed, run, items, results))
    except (Lost, Stopped):
        raise
    except Exception as error:
        logger.exception("%s: a batch of %s failed", run, len(items))
        if len(items) > 1:
            for item in items:
                remove_batch(run, policy, target, [item])
            return
        results = {items[0].key: Result(Outcome.FAILED, f"It could not be removed: {error}")}
        retried(partial(note_removed, run, items, results))
    report.log_items(run, policy, items, results)


def remove_and_note(
    run: RetentionRun, policy: RetentionPolicy, target: Target, items: Sequence[RunItem]
) -> Mapping[int | str, Result]:
    with transaction.atomic():
        results = work_on(policy, target, items)
        confirm(run, policy)
        note_removed(run, items, results)
    return results


def work_on(
    policy: RetentionPolicy, target: Target, items: Sequence[RunItem]
) -> Mapping[int | str, Result]:
    return target.remove(work_of(policy, items))


def work_of(policy: RetentionPolicy, items: Sequence[RunItem]) -> Work:
    keys = [item.key for item in items]
    return Work(policy=policy, keys=keys, at=database_now(), by=policy.title)


def confirm(run: RetentionRun, policy: RetentionPolicy) -> None:
    """See, and hold until the commit, that the policy still says the same. Raises Stopped, Lost."""
    with transaction.atomic():
        if policy._state.adding:  # made for this once: no row of it can change
            progress(run)
            return
        same = RetentionPolicy.objects.accepted().filter(pk=policy.pk, version=policy.version)
        if not same.select_for_update().exists():
            raise Stopped("The policy was changed during the run, so it stopped.")
        if run.by_itself and not schedule.acts_by_itself(same.get()):
            raise Stopped("The policy was turned off, or all were paused, during the run.")
        progress(run)


def note_removed(
    run: RetentionRun, items: Sequence[RunItem], results: Mapping[int | str, Result]
) -> None:
    """Write down what became of a batch. Raises Lost."""
    counts = Counter(result.outcome for result in results.values())

    def became(item: RunItem) -> tuple[Outcome, str]:
        result = results[item.key]
        return result.outcome, result.detail

    with transaction.atomic():
        for (outcome, detail), group in groupby(sorted(items, key=became), key=became):
            pks = [item.pk for item in group]
            RunItem.objects.filter(pk__in=pks).update(outcome=outcome, detail=detail)
        progress(
            run,
            deleted=counts[Outcome.DELETED] + counts[Outcome.TRASHED],
            skipped=counts[Outcome.SKIPPED],
            failed=counts[Outcome.FAILED],
            bytes_freed=sum(result.freed for result in results.values()),
        )

"""Policies on celery beat: the only module that knows django_celery_beat.

Periodic tasks are copies, derived here from the rows that rule: they ring, and whoever hears it
asks the policy. What says when a policy runs next is its own `next_due_at`; the tick looks at it
too, so a ring that beat missed, lost or doubled changes nothing but a few seconds.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Exists
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from recordings.ledger import clock
from recordings.ledger.transactions import retried
from retention import calendar, runs
from retention.choices import Mode
from retention.clock import database_now
from retention.models import RetentionPolicy, RetentionRun, RetentionSwitch

PREFIX: Final = "retention policy "
RING: Final = "retention.tasks.ring"
TICK_SECONDS: Final = 15
TICKS: Final = {"library tick": "recordings.tasks.tick", "retention tick": "retention.tasks.tick"}
EXPIRE_SECONDS: Final = 60  # rings that nobody heard for so long say nothing new


def next_after(policy: RetentionPolicy, moment: datetime) -> datetime | None:
    """Return when the policy's schedule comes first after `moment`; None without a schedule."""
    if policy.every_seconds:
        anchor = policy.next_due_at or moment
        return calendar.next_interval(policy.every_seconds, anchor, moment)
    if policy.crontab:
        return calendar.next_crontab(policy.crontab, ZoneInfo(policy.timezone), moment)
    return None


def first_run(policy: RetentionPolicy, moment: datetime) -> datetime | None:
    """Return when the policy runs first from `moment` on; None when only by hand or at start-up."""
    if not has_schedule(policy):
        return None
    if policy.next_due_at is not None and policy.next_due_at >= moment:
        return policy.next_due_at
    return next_after(policy, moment - timedelta(microseconds=1))


def sync_policy(pk: int) -> None:
    """Bring a policy's periodic task and its next run in step with its committed row.

    The row is read under its lock, so of two edits the one committed last is what stays, in
    whatever order they get here.
    """
    retried(partial(_sync_policy, pk))


def _sync_policy(pk: int) -> None:
    with transaction.atomic():
        policy = RetentionPolicy.objects.select_for_update().filter(pk=pk).first()
        task = PeriodicTask.objects.filter(name=f"{PREFIX}{pk}").first()
        scheduled = policy is not None and has_schedule(policy)
        if policy is not None:
            same = task is not None and _schedule_of(task) == _wanted_schedule(policy)
            _set_due(policy, same=same, had_schedule=task is not None)
        if policy is not None and scheduled:
            _write(policy, task, enabled=acts_by_itself(policy))
        elif task is not None:
            task.delete()


def _set_due(policy: RetentionPolicy, *, same: bool, had_schedule: bool) -> None:
    """Give the next run a date where it has none or the schedule is new; take it where it rests."""
    due = policy.next_due_at
    if not acts_by_itself(policy) or (had_schedule and not has_schedule(policy)):
        due = None
    elif has_schedule(policy) and (due is None or not same):
        policy.next_due_at = None  # a new schedule starts its own grid
        due = next_after(policy, database_now())
    RetentionPolicy.objects.filter(pk=policy.pk).update(next_due_at=due)


def acts_by_itself(policy: RetentionPolicy) -> bool:
    return policy.enabled and policy.may_act and not is_paused()


def has_schedule(policy: RetentionPolicy) -> bool:
    return bool(policy.crontab or policy.every_seconds)


def is_paused() -> bool:
    return RetentionSwitch.paused() is not None


def stopped() -> str:
    """Say why no policy acts by itself now; empty when they do."""
    if is_paused():
        return _("All scheduled policies are paused.")
    return clock.Clock.objects.values_list("doubt", flat=True).first() or ""


def once_accepted(policy: RetentionPolicy) -> str:
    """Say when a policy that awaits acceptance would run first if it were accepted now."""
    if not policy.enabled:
        return "It is disabled, so it does nothing by itself even when it is accepted."
    if halt := stopped():
        return f"Once it is accepted it still waits: {halt}"
    first = first_run(policy, database_now())
    if first is None:
        sentence = "It has no schedule: once it is accepted it runs when somebody asks for it."
    else:
        there = first.astimezone(ZoneInfo(policy.timezone))
        sentence = f"Accepted now, it runs first on {there:%Y-%m-%d at %H:%M:%S} {policy.timezone}."
    start_up = " It runs at every start of the scheduler too." if policy.at_startup else ""
    return f"{sentence}{start_up}"


def _schedule_of(task: PeriodicTask) -> tuple[Any, ...]:
    if task.interval is not None:
        return (task.interval.every, task.interval.period)
    cron = task.crontab
    if cron is None:
        return ()
    return (
        cron.minute, cron.hour, cron.day_of_month, cron.month_of_year, cron.day_of_week,
        str(cron.timezone),
    )  # fmt: skip


def _wanted_schedule(policy: RetentionPolicy) -> tuple[Any, ...]:
    if policy.every_seconds:
        return (policy.every_seconds, IntervalSchedule.SECONDS)
    return (*policy.crontab.split(), policy.timezone) if policy.crontab else ()


def _write(policy: RetentionPolicy, task: PeriodicTask | None, *, enabled: bool) -> None:
    task = task or PeriodicTask(name=f"{PREFIX}{policy.pk}")
    task.task, task.args = RING, json.dumps([policy.pk])
    task.description = policy.slug
    task.expire_seconds, task.enabled = EXPIRE_SECONDS, enabled
    task.interval = task.crontab = None
    if policy.every_seconds:
        task.interval = _interval(policy.every_seconds)
    else:
        task.crontab = _crontab(policy)
    task.save()  # not update(): beat only notices what save() tells it


def _interval(seconds: int) -> IntervalSchedule:
    wanted = {"every": seconds, "period": IntervalSchedule.SECONDS}
    return IntervalSchedule.objects.filter(**wanted).first() or IntervalSchedule.objects.create(
        **wanted
    )


def _crontab(policy: RetentionPolicy) -> CrontabSchedule:
    # Neither table has a unique constraint, so get_or_create could find two.
    wanted: dict[str, Any] = dict(zip(calendar.FIELDS, policy.crontab.split(), strict=True))
    wanted["timezone"] = ZoneInfo(policy.timezone)
    return CrontabSchedule.objects.filter(**wanted).first() or CrontabSchedule.objects.create(
        **wanted
    )


def sync_all() -> int:
    """Make every periodic task what the policies say, ticks included; return how many are on."""
    retried(_sync_ticks)
    pks = list(RetentionPolicy.objects.values_list("pk", flat=True))
    for pk in pks:
        sync_policy(pk)
    ours = {f"{PREFIX}{pk}" for pk in pks}
    for task in PeriodicTask.objects.filter(name__startswith=PREFIX).exclude(name__in=ours):
        task.delete()
    return int(PeriodicTask.objects.filter(name__startswith=PREFIX, enabled=True).count())


def _sync_ticks() -> None:
    with transaction.atomic():
        for name, task in TICKS.items():
            PeriodicTask.objects.update_or_create(
                name=name,
                defaults={
                    "task": task,
                    "interval": _interval(TICK_SECONDS),
                    "crontab": None,
                    "expire_seconds": TICK_SECONDS,
                    "enabled": True,
                },
            )


def beat_started() -> None:
    """Bring the periodic tasks in step and make what runs at start-up due, once for this start."""
    sync_all()
    if not is_paused():
        rows = RetentionPolicy.objects.in_force().filter(at_startup=True)
        rows.update(next_due_at=database_now())


def due() -> list[int]:
    """Return the policies whose time has come, longest waiting first; none on a clock in doubt."""
    if clock.look():
        return []
    rows = RetentionPolicy.objects.in_force().filter(next_due_at__lte=Now())
    return list(rows.order_by("next_due_at", "pk").values_list("pk", flat=True))


def claim(pk: int) -> RetentionRun | None:
    """Take the turn of a policy that is due and make its run; None when there is none to take.

    However often it is rung and by whomever: one turn is taken once, and turns that nobody took
    while the site was down are one. On a clock in doubt no time has come.
    """
    if clock.look():
        return None
    return retried(partial(_claim, pk))


def _claim(pk: int) -> RetentionRun | None:
    with transaction.atomic():
        policy = RetentionPolicy.objects.filter(pk=pk).first()
        if policy is None or policy.next_due_at is None:
            return None
        mine = RetentionPolicy.objects.in_force().filter(
            ~Exists(RetentionSwitch.objects.filter(paused_at__isnull=False)),
            pk=pk,
            version=policy.version,
            next_due_at__lte=Now(),
        )
        if not mine.update(next_due_at=next_after(policy, database_now())):
            return None
        return runs.queue(policy, mode=Mode.EXECUTE, by="schedule")

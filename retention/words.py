"""Policies in plain sentences."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db.models import Model

from recordings.spans import counted as counted
from recordings.spans import period as period
from retention.choices import Action, Clock
from retention.targets import find, get

if TYPE_CHECKING:
    from retention.models import RetentionPolicy, RetentionRun

WEEKDAYS: Final = (
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
)  # fmt: skip
DOES: Final = {
    Action.REPORT: "are reported, and stay",
    Action.TRASH: "go to the trash",
    Action.DELETE: "are deleted for ever",
    Action.ARCHIVE: "are archived, then deleted",
}
AGED: Final = {
    Clock.UPLOADED: "older than {}",
    Clock.RECORDED: "recorded more than {} ago",
    Clock.PROCESSED: "processed more than {} ago",
    Clock.WATCHED: "not watched for {}",
    Clock.TRASHED: "trashed more than {} ago",
    Clock.MODIFIED: "unchanged for {}",
}


def went(run: RetentionRun) -> str:
    """Say how many things a run removed, and whether they can be brought back."""
    policy = run.policy
    if policy is None or policy.version != run.policy_version:
        return f"{run.deleted} removed"  # what its policy did then is not known any more
    where = "moved to the trash" if policy.action == Action.TRASH else "deleted"
    return f"{run.deleted} {where}"


def freed(run: RetentionRun) -> str:
    """Say how many bytes a run made free, to follow what went; empty for the trash."""
    if run.policy is not None and run.policy.action == Action.TRASH:
        return ""
    return f", {megabytes(run.bytes_freed)} freed"


def going(run: RetentionRun) -> str:
    """Say what a preview found: bytes are those of what would go, without the skipped."""
    size = megabytes(run.bytes_going())
    return f"{run.matched - run.skipped} would go ({size}), {run.skipped} skipped"


def megabytes(size: int) -> str:
    return f"{size / 1024**2:.1f} MB"


def aged(policy: RetentionPolicy, noun: str) -> str:
    """Name things by the age the policy asks for."""
    seconds = policy.max_age_seconds or 0
    if policy.clock == Clock.EXPIRE_AT:
        words = f"{noun} whose own date has passed"
        return f"{words} more than {period(seconds)} ago" if seconds else words
    if not seconds:
        return f"all {noun}"
    target = find(policy.target)
    clock = Clock(policy.clock) if policy.clock or target is None else target.clocks[0]
    return f"{noun} {AGED[clock].format(period(seconds))}"


def summary(policy: RetentionPolicy) -> str:
    """Say in one sentence when the policy does what to which things."""
    target = find(policy.target)
    if target is None:
        return f"Does nothing: {policy.target} is no target."
    spared = "" if policy.action == Action.REPORT or not target.spares else f", {target.spares}"
    return f"{when(policy)}: {subject(policy)} {DOES[Action(policy.action)]}{spared}."


def subject(policy: RetentionPolicy) -> str:
    """Name the things the policy is about."""
    return get(policy.target).phrase(policy, scope(policy))


def scope(policy: RetentionPolicy) -> str:
    """Narrow the things down to people and labels; empty for everyone's."""
    owners, groups = policy.scope.get("owners") or [], policy.scope.get("groups") or []
    users = get_user_model().objects.filter(pk__in=owners).values_list("username", flat=True)
    people = [*sorted(users), *(f"user {pk}" for pk in _gone(owners, get_user_model()))]
    names = Group.objects.filter(pk__in=groups).values_list("name", flat=True)
    people += [f"the group {name}" for name in sorted(names)]
    people += [f"group {pk}" for pk in _gone(groups, Group)]
    labels = [f"“{name}”" for name in policy.scope.get("labels") or []]
    words = f" of {' or '.join(people)}" if people else ""
    return words + (f" labelled {' or '.join(labels)}" if labels else "")


def _gone(pks: list[int], model: type[Model]) -> list[int]:
    there = set(model._default_manager.filter(pk__in=pks).values_list("pk", flat=True))
    return [pk for pk in pks if pk not in there]


def when(policy: RetentionPolicy) -> str:
    """Say when the policy runs, starting the sentence."""
    if policy.every_seconds:
        words = f"Every {period(policy.every_seconds).removeprefix('1 ')}"
    elif policy.crontab:
        words = f"{_crontab(policy.crontab)} {policy.timezone}"
    elif policy.at_startup:
        return "At start-up"
    else:
        return "Only when started by hand"
    return f"{words} and at start-up" if policy.at_startup else words


def _crontab(text: str) -> str:
    """Put the usual kinds of crontab lines in words, and quote the others."""
    quoted = f"On the schedule “{text}”"
    fields = text.split()
    if len(fields) != 5:
        return quoted
    minute, hour, day, month, weekday = fields
    if month != "*" or not minute.isdecimal():
        return quoted
    if hour.isdecimal():
        return _at(f"{int(hour):02}:{int(minute):02}", day, weekday) or quoted
    if day != "*" or weekday != "*":
        return quoted
    past = f" at minute {int(minute)}" if int(minute) else ""
    if hour == "*":
        return f"Every hour{past}"
    steps = re.fullmatch(r"\*/(\d+)", hour)
    return f"Every {counted(int(steps[1]), 'hour')}{past}" if steps else quoted


def _at(clock: str, day: str, weekday: str) -> str:
    if day == weekday == "*":
        return f"Every day at {clock}"
    if day == "*" and weekday.isdecimal():
        return f"Every {WEEKDAYS[int(weekday) % 7]} at {clock}"
    if weekday == "*" and day.isdecimal():
        return f"On day {int(day)} of every month at {clock}"
    return ""

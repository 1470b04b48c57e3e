"""Policies in plain sentences."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from recordings.spans import counted as counted
from recordings.spans import period as period
from recordings.spans import size_in_words
from retention.choices import Action, Clock, Outcome, State
from retention.targets import find, get
from retention.targets.base import Weight

if TYPE_CHECKING:
    from retention.impact import Change
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
WENT: Final = {Action.TRASH: "moved to the trash", Action.ARCHIVE: "archived"}
AFTERWARDS: Final = {
    Action.REPORT: "Nothing is removed: it only reports.",
    Action.TRASH: "What goes to the trash can be brought back from there.",
    Action.DELETE: "What is deleted does not come back.",
    Action.ARCHIVE: "What is archived can be restored by administrators.",
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
    return f"{run.deleted} {_verb(run)}"


def afterwards(policy: RetentionPolicy) -> str:
    """Say whether what the policy removes can come back."""
    action, target = Action(policy.action), find(policy.target)
    usual = AFTERWARDS[action]
    return target.afterwards.get(action, usual) if target else usual


def _verb(run: RetentionRun) -> str:
    """Take the word from the run's policy, or from what it removed where that is another by now."""
    if run.state in (State.UNDOING, State.UNDONE):  # only what went to the trash comes back
        return WENT[Action.TRASH]
    if run.policy and not (run.deleted and run.is_outdated):
        target = find(run.policy.target)
        return WENT.get(Action(run.policy.action)) or (target and target.verb) or "deleted"
    kind, outcome = run.what_went
    if outcome == Outcome.TRASHED:
        return WENT[Action.TRASH]
    target = find(kind)
    if target is None or Action.ARCHIVE in target.actions:
        return "removed"  # whether it was archived before is not known any more
    return target.verb or "deleted"


def stands(run: RetentionRun) -> str:
    """Say how a run stands; a preview waits for nobody, and what is out of date is not approved."""
    if run.is_approvable and run.is_outdated:
        return "out of date"
    return "preview made" if run.state == State.PLANNED else str(run.get_state_display())


def freed(run: RetentionRun) -> str:
    """Say how many bytes a run made free, to follow what went; empty for the trash."""
    if run.policy is not None and run.policy.action == Action.TRASH:
        return ""
    return f", {megabytes(run.bytes_freed)} freed"


def going(run: RetentionRun) -> str:
    """Say what a preview found: bytes are those of what would go, without the skipped."""
    size = megabytes(run.bytes_going())
    return f"{run.matched - run.skipped} would go ({size}), {run.skipped} skipped"


def weighed(weight: Weight, noun: str) -> str:
    """Say how many things, bytes and owners: `312 recordings, 1.1 TB, 14 owners`."""
    words = f"{weight.items:,} {singular(noun) if weight.items == 1 else noun}"
    words += f", {'about ' if weight.about else ''}{size_in_words(weight.size)}"
    return f"{words}, {counted(weight.owners, 'owner')}" if weight.owners else words


def singular(noun: str) -> str:
    """Name one of what a target names many of: `cache entry`, `file in a folder`."""
    things, preposition, place = noun.partition(" in ")
    one = f"{things.removesuffix('ies')}y" if things.endswith("ies") else things.removesuffix("s")
    return f"{one}{preposition}{place}"


def changed(change: Change, noun: str) -> str:
    """Say what a policy takes more and less than the version that was accepted."""
    least = "at least " if change.more else ""
    parts = [f"{least}+{weighed(change.added, noun)}"] if change.added.items else []
    if change.removed.items:
        parts.append(f"no longer {least}{weighed(change.removed, noun)}")
    return "; ".join(parts) or "nothing more and nothing less goes today"


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


def terms(policy: RetentionPolicy) -> str:
    """Say how far the rules beside the age let it go; with a space before it, or empty."""
    words = ""
    if policy.max_total_bytes is not None:
        words += f" until they fit into {size_in_words(policy.max_total_bytes)}"
    if policy.disk_high_percent is not None:
        high, low = policy.disk_high_percent, policy.disk_low_percent
        words += f" while the disk is more than {high} % full, down to {low} %"
    return words


def spared(policy: RetentionPolicy) -> str:
    """Name what stays whatever its age; with a sign before it, or empty."""
    target = get(policy.target)
    kept = "" if policy.action == Action.REPORT or not target.spares else f", {target.spares}"
    if policy.keep_newest is None:
        return kept
    return f"{kept}; the newest {policy.keep_newest} of each owner stay"


def summary(policy: RetentionPolicy) -> str:
    """Say in one sentence when the policy does what to which things."""
    target = find(policy.target)
    if target is None:
        return f"Does nothing: {policy.target} is no target."
    action = Action(policy.action)
    does = f"{target.does.get(action, DOES[action])}{terms(policy)}{spared(policy)}"
    return f"{when(policy)}: {subject(policy)} {does}."


def subject(policy: RetentionPolicy) -> str:
    """Name the things the policy is about."""
    return get(policy.target).phrase(policy, scope(policy))


def scope(policy: RetentionPolicy) -> str:
    """Narrow the things down to people and labels; empty for everyone's."""
    known, scope = policy.known_people, policy.scope
    people = _named(scope.get("owners") or [], known.users, "{}", "user {}")
    people += _named(scope.get("groups") or [], known.groups, "the group {}", "group {}")
    labels = [f"“{name}”" for name in policy.scope.get("labels") or []]
    words = f" of {' or '.join(people)}" if people else ""
    return words + (f" labelled {' or '.join(labels)}" if labels else "")


def _named(pks: list[int], names: dict[int, str], there: str, gone: str) -> list[str]:
    """Name those who are there in the order of their names, then those who are not by id."""
    known = sorted(names[pk] for pk in pks if pk in names)
    return [*map(there.format, known), *(gone.format(pk) for pk in pks if pk not in names)]


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

"""Whether a policy's rules, action, scope and schedule fit its target; each misfit a sentence."""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.utils import timezone

from recordings.ledger.storages import has_archive
from retention import calendar
from retention.choices import Action, Clock, Rule
from retention.models import RetentionPolicy, everyone
from retention.targets import Target, find, slugs

Problem = tuple[str, str]  # field, sentence


def tidy(policy: RetentionPolicy) -> None:
    """Fill in what is understood: the target's clock, age 0 for a date of its own, ids of people.

    A folder loses what its path says twice.

    Raises ValidationError for a scope that cannot be read.
    """
    target = find(policy.target)
    if target and not policy.clock and chosen(policy):
        policy.clock = target.clocks[0]
    if policy.clock == Clock.EXPIRE_AT and policy.max_age_seconds is None:
        policy.max_age_seconds = 0
    policy.crontab = " ".join((policy.crontab or "").split())
    policy.path = os.path.normpath(policy.path) if policy.path.strip() else ""
    policy.scope = read_scope(policy.scope)


def read_scope(given: Any) -> dict[str, list[Any]]:
    """Turn names of users and groups into ids. Raises ValidationError."""
    if not isinstance(given, dict) or given.keys() - everyone().keys():
        raise ValidationError({"scope": "The scope is owners, groups and labels, each a list."})
    owners = get_user_model().objects.all()
    return {
        "owners": _ids(given.get("owners") or [], owners, "username", "user"),
        "groups": _ids(given.get("groups") or [], Group.objects.all(), "name", "group"),
        "labels": _names(given.get("labels") or []),
    }


def _ids(given: Any, rows: Any, key: str, noun: str) -> list[int]:
    if not isinstance(given, list):
        raise ValidationError({"scope": f"Give every {noun} of the scope in a list."})
    found = []
    for one in given:
        if isinstance(one, bool) or not isinstance(one, int | str):
            raise ValidationError({"scope": f"{one!r} is neither a name nor the id of a {noun}."})
        by_id = isinstance(one, int)
        pk = one if by_id else rows.filter(**{key: one}).values_list("pk", flat=True).first()
        # An id may outlive its user; a name that nobody has is a slip.
        if pk is None:
            raise ValidationError({"scope": f"There is no {noun} called “{one}”."})
        found.append(int(pk))
    return sorted(set(found))


def _names(given: Any) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(one, str) and one for one in given):
        raise ValidationError({"scope": "Give the labels of the scope as a list of names."})
    return sorted(set(given))


def problems(policy: RetentionPolicy) -> dict[str, list[str]]:
    """Collect every misfit by field; empty when the policy can do what it says."""
    target = find(policy.target)
    if target is None:
        return {"target": [f"“{policy.target}” is no target: choose one of {', '.join(slugs())}."]}
    collected: dict[str, list[str]] = {}
    found = (_rules(policy, target), _action(policy, target), target.misfits(policy), _when(policy))
    for field, sentence in chain.from_iterable(found):
        collected.setdefault(field, []).append(sentence)
    return collected


def chosen(policy: RetentionPolicy) -> dict[Rule, str]:
    """The rules that a policy uses, and the field that each is in."""
    fields = {
        Rule.AGE: "max_age_seconds",
        Rule.KEEP_NEWEST: "keep_newest",
        Rule.TOTAL_SIZE: "max_total_bytes",
        Rule.DISK: "disk_high_percent",
    }
    return {rule: field for rule, field in fields.items() if getattr(policy, field) is not None}


def _rules(policy: RetentionPolicy, target: Target) -> Iterator[Problem]:
    rules = chosen(policy)
    if not rules:
        yield "max_age_seconds", "A policy needs a rule: give an age; 0 means everything."
    for rule, field in rules.items():
        if rule not in target.rules:
            known = _list(known.label for known in target.rules)
            yield field, f"This rule does not fit {target.noun}: they are chosen by {known}."
    if policy.clock and policy.clock not in target.clocks:
        known = _list(clock.value for clock in target.clocks)
        yield "clock", f"This clock does not fit {target.noun}: their age counts from {known}."
    yield from _disk(policy)
    for name in everyone():
        if policy.scope.get(name) and name not in target.scopes:
            yield "scope", f"{target.noun.capitalize()} cannot be narrowed by {name}."


def _disk(policy: RetentionPolicy) -> Iterator[Problem]:
    high, low = policy.disk_high_percent, policy.disk_low_percent
    if (high is None) != (low is None):
        missing = "disk_low_percent" if low is None else "disk_high_percent"
        yield missing, "A rule for a full disk needs both marks: from where on, and down to where."
    elif high is not None and low is not None and not low < high <= 100:
        yield "disk_low_percent", "The low mark must be below the high one, and that at most 100."
    if high is not None and policy.action == Action.TRASH:
        yield "action", "The trash frees no room on a full disk: choose another action."


def _action(policy: RetentionPolicy, target: Target) -> Iterator[Problem]:
    if policy.action not in target.actions:
        known = _list(action.value for action in target.actions)
        yield "action", f"This action does not fit {target.noun}: choose {known}."
    for name in ("path", "glob", "recursive"):
        if getattr(policy, name) and not target.has_path:
            yield name, f"{target.noun.capitalize()} are not chosen by path: leave this empty."
    if policy.action == Action.ARCHIVE and not has_archive():
        yield (
            "action",
            "There is no archive: set ARCHIVE_ROOT or ARCHIVE_BUCKET_NAME, or choose another.",
        )
    if policy.backup_first and not target.in_database:
        yield "backup_first", f"Removing {target.noun} takes no backup first: turn this off."
    elif policy.backup_first and policy.action == Action.REPORT:
        yield "backup_first", "A policy that only reports takes no backup first: turn this off."
    if policy.limit_percent is not None and not target.has_percent:
        yield "limit_percent", f"A limit in percent does not fit {target.noun}."
    if policy.action == Action.REPORT and policy.limits:
        yield "action", "A policy that only reports needs no limits: leave them empty."


def _when(policy: RetentionPolicy) -> Iterator[Problem]:
    if policy.timezone not in available_timezones():
        yield "timezone", f"“{policy.timezone}” is no time zone, such as Europe/Berlin is one."
        return
    if policy.crontab and policy.every_seconds is not None:
        yield "crontab", "Give a crontab or an interval, not both."
    if policy.crontab:
        try:
            coming = calendar.next_crontab(
                policy.crontab, ZoneInfo(policy.timezone), timezone.now()
            )
        except ValueError as error:
            yield "crontab", str(error)
        else:
            if coming is None:
                yield "crontab", f"“{policy.crontab}” does not come for years: choose days that do."


def _list(words: Iterable[Any]) -> str:
    *most, last = map(str, words)
    return f"{', '.join(most)} or {last}" if most else last

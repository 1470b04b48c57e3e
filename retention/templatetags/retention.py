"""`{% explain recording as why %}`: what becomes of a recording, for pages of the apps below."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django import template
from django.utils.translation import gettext

from recordings.models import Recording
from retention import dashboard, departures, keeping, notify, resting, schedule
from retention.clock import database_now
from retention.explain import Explanation
from retention.explain import explain as _explain
from retention.models import Correspondent, KeepRequest, RetentionPolicy, RetentionSwitch
from retention.views import AskForm

register = template.Library()

SHOWN = 20  # lines of each list on the account page

PUT_BY_POLICY = re.compile(r"policy (?P<slug>[-\w]+) v\d+")


@register.simple_tag
def policy_names() -> dict[str, str]:
    """The names of all policies by slug, in one query for a page."""
    return dict(RetentionPolicy.objects.values_list("slug", "name"))


@register.simple_tag
def pause() -> RetentionSwitch | None:
    """The switch while it pauses all scheduled policies."""
    return RetentionSwitch.paused()


@register.inclusion_tag("admin/_glance.html")
def site_at_a_glance() -> dict[str, Any]:
    """How the site is, in the first lines of the admin."""
    return dashboard.glance()


@register.simple_tag
def without(policies: RetentionPolicy | Iterable[RetentionPolicy]) -> list[str]:
    """What will not happen any more without a policy, or without many."""
    return resting.without([policies] if isinstance(policies, RetentionPolicy) else list(policies))


@register.filter
def by_whom(said: str, names: dict[str, str]) -> str:
    """Name a policy as its page does, where a row says it as logs do; people stay as they are."""
    found = PUT_BY_POLICY.fullmatch(said)
    name = names.get(found["slug"]) if found else None
    return gettext("the policy “%(name)s”") % {"name": name} if name else said


@register.simple_tag
def explain(recording: Recording) -> Explanation:
    return _explain(recording)


@register.simple_tag
def leaving_dates(recordings: Sequence[Recording]) -> dict[int, datetime]:
    """When those of a page leave that leave soon, in the same queries for any page."""
    return departures.dates(recordings, database_now())


@register.filter
def of(dates: dict[int, datetime], recording: Recording) -> datetime | None:
    return dates.get(recording.pk)


@register.inclusion_tag("retention/_keep.html", takes_context=True)
def keep_request(context: Any, recording: Recording) -> dict[str, Any]:
    """The newest request to keep a recording, or the form to make one."""
    asked = KeepRequest.objects.filter(recording_id=recording.pk).order_by("-id").first()
    return {
        "recording": recording,
        "asked": asked,
        "outcome": asked and keeping.with_outcomes([asked])[0][1],
        "form": AskForm(),
        "request": context["request"],
        "user": context["user"],
        "csrf_token": context.get("csrf_token"),
    }


@register.inclusion_tag("retention/_notices.html", takes_context=True)
def owner_notices(context: Any) -> dict[str, Any]:
    """What of a user's leaves soon, and what he asked for."""
    user = context["user"]
    requests = list(KeepRequest.objects.filter(owner_id=user.pk).order_by("-id")[:SHOWN])
    there = Recording.objects.visible_to(user).filter(pk__in=[one.recording_id for one in requests])
    off = Correspondent.objects.filter(owner_id=user.pk, wants_mail=False)
    return {
        "user": user,
        "leaving": departures.first_of(user.pk, at=database_now(), most=SHOWN),
        "stopped": schedule.stopped(),
        "most": SHOWN,
        "requests": keeping.with_outcomes(requests),
        "there": set(there.values_list("pk", flat=True)),
        "mails_go_out": notify.mails_go_out(),
        "wants_mail": not off.exists(),
        "csrf_token": context.get("csrf_token"),
    }

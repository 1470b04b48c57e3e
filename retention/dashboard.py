"""The dashboard's figures: read from rows that are kept, never counted over the library.

What a day's snapshot says is of that day, the forecast of the policies it was made from; accounts,
runs and what waits to be purged are of this moment.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Min, OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.utils.formats import date_format
from django.utils.timezone import localdate
from django.views.decorators.http import require_safe

from recordings.ledger.models import Account, StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.permissions import ADMINISTER
from retention import charts, foreseen, notify
from retention.choices import Mode, State
from retention.clock import database_now
from retention.health import NO_MAIL, OK, health
from retention.leaving import AHEAD
from retention.models import (
    Forecast,
    KeepRequest,
    RetentionPolicy,
    RetentionRun,
    StorageSnapshot,
)
from retention.snapshots import ALL

OWNERS: Final = 20
RUNS: Final = 10
GROWTH: Final = timedelta(days=90)  # shown, and what the trend is taken from
COUNTED: Final = 10_000  # files waiting for the purge; beyond that it is `at least`
COLOURS: Final = 6
ENOUGH: Final = timedelta(days=3)  # of snapshots, before a trend is told
FARTHEST: Final = 3650  # days; a trend says nothing of later


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole: its name, bytes and percent of the largest part."""

    name: str
    bytes: int
    percent: float
    count: int = 0


@dataclass(frozen=True, slots=True)
class Room:
    """Disk room and, where it shrinks steadily, how many days are left."""

    free: int
    total: int
    a_day: int | None  # bytes the library grows by; None without a trend
    days: int | None  # None: never, or nobody can tell


@dataclass(frozen=True, slots=True)
class Waiting:
    """Files let go and not yet removed; with `more` they are at least so many."""

    files: int
    bytes: int
    since: datetime | None
    more: bool


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show the whole site's storage to administrators."""
    if not request.user.has_perm(ADMINISTER):
        raise PermissionDenied
    context = {**admin.site.each_context(request), "title": "Dashboard", **figures()}
    return TemplateResponse(request, "admin/dashboard.html", {**context, "health": health()})


def glance() -> dict[str, Any]:
    """What the first lines of the admin say: how the site is, and what waits for somebody."""
    found = health()
    return {
        "health": found,
        "unwell": [check for check in found.checks if check.status != OK],
        "no_mail": no_mail(),
        "unapproved": unapproved().count(),
    }


def no_mail() -> str:
    """Say that mails go nowhere; empty where they do."""
    return "" if notify.mails_go_out() else NO_MAIL


def figures() -> dict[str, Any]:
    """Everything the page shows."""
    today = localdate(database_now())
    history = list(StorageSnapshot.objects.filter(day__gt=today - GROWTH, kind=ALL).order_by("day"))
    return {
        "snapshot": history[-1] if history else None,
        "kinds": kinds(history[-1].day) if history else [],
        "owners": owners(),
        "total": Account.objects.aggregate(Sum("used"), Sum("in_trash"), Sum("reserved")),
        "history": history[::-1],
        "growth": charts.line([(one.day.toordinal(), one.bytes) for one in history]),
        "room": room(history),
        "coming": coming(today),
        "waiting": waiting(),
        "unapproved": unapproved(),
        "no_mail": no_mail(),
        "open_requests": KeepRequest.objects.open()[: COUNTED + 1].count(),
        "runs": RetentionRun.objects.select_related("policy").order_by("-id")[:RUNS],
        "width": charts.WIDTH,
        "height": charts.HEIGHT,
    }


def unapproved() -> QuerySet[RetentionRun]:
    """The last run of each policy where it stopped over a limit and waits for an administrator."""
    runs = RetentionRun.objects.filter(policy=OuterRef("pk"), mode=Mode.EXECUTE).order_by("-id")
    last = RetentionPolicy.objects.order_by().values(last=Subquery(runs.values("pk")[:1]))
    waiting = RetentionRun.objects.current().filter(pk__in=last, state=State.WAITING)
    return waiting.select_related("policy").order_by("-id")


def kinds(day: date) -> list[Share]:
    """What is stored by kind, as a day's snapshot has it."""
    rows = StorageSnapshot.objects.filter(day=day).exclude(kind=ALL).order_by("-bytes", "kind")
    names = dict(Kind.choices)
    return shares([(str(names.get(row.kind, row.kind)), row.bytes, row.files) for row in rows])


def owners() -> list[Share]:
    """The owners who store the most."""
    rows = Account.objects.filter(used__gt=0).order_by("-used", "owner_id")[:OWNERS]
    return shares([(str(account), account.used, 0) for account in rows])


def shares(found: Sequence[tuple[str, int, int]]) -> list[Share]:
    most = max((size for _, size, _ in found), default=0) or 1
    return [Share(name, size, round(100 * size / most, 1), count) for name, size, count in found]


def room(history: Sequence[StorageSnapshot]) -> Room | None:
    """Say how long the disk lasts, on the line through the snapshots; None on S3."""
    if settings.MEDIA_STORAGE != "disk":
        return None
    folder = Path(settings.MEDIA_ROOT)
    usage = shutil.disk_usage(folder if folder.exists() else settings.DATA_DIR)
    grows = trend([(one.day.toordinal(), one.bytes) for one in history])
    days = int(usage.free / grows) if grows and grows > 0 else None
    within = None if days is not None and days > FARTHEST else days
    return Room(usage.free, usage.total, None if grows is None else round(grows), within)


def trend(points: Sequence[tuple[int, int]]) -> float | None:
    """Return the slope of the line of least squares; None where the points are too near."""
    if not points or points[-1][0] - points[0][0] < ENOUGH.days:
        return None
    count = len(points)
    middle = sum(x for x, _ in points) / count
    height = sum(y for _, y in points) / count
    across = sum((x - middle) ** 2 for x, _ in points)
    return sum((x - middle) * (y - height) for x, y in points) / across


def coming(today: date) -> dict[str, Any]:
    """What leaves in the next weeks by day and policy, as it was last foreseen."""
    rows = list(Forecast.objects.filter(day__gte=today).order_by("day", "policy_slug"))
    policies = dict(RetentionPolicy.objects.values_list("slug", "name"))
    slugs = sorted({row.policy_slug for row in rows})
    by_day = {day: list(found) for day, found in groupby(rows, key=lambda row: row.day)}
    days = [today + timedelta(days=number) for number in range(AHEAD.days + 1)] if rows else []
    columns = [
        [
            (slugs.index(row.policy_slug) % COLOURS, row.bytes, _label(row, policies))
            for row in by_day.get(day, [])
        ]
        for day in days
    ]
    stands = foreseen.found()
    return {
        "foreseen_at": stands and stands.at,
        "changes": foreseen.sentence(stands.changes, policies) if stands else "",
        "rows": [(row, policies.get(row.policy_slug, row.policy_slug)) for row in rows],
        "bars": charts.bars(columns),
        "names": [(policies.get(slug, slug), n % COLOURS) for n, slug in enumerate(slugs)],
        "items": sum(row.items for row in rows),
        "bytes": sum(row.bytes for row in rows),
        "first": days[0] if days else None,
        "last": days[-1] if days else None,
    }


def _label(row: Forecast, policies: dict[str, str]) -> str:
    day, size = date_format(row.day, "DATE_FORMAT"), filesizeformat(row.bytes)
    return f"{day}: {row.items} by {policies.get(row.policy_slug, row.policy_slug)}, {size}"


def waiting() -> Waiting:
    """What was let go and still takes room, counted up to a bound."""
    rows = StoredFile.objects.filter(state=StoredFile.State.CONDEMNED).order_by("pk")
    first = StoredFile.objects.filter(pk__in=rows.values("pk")[:COUNTED])
    found = first.aggregate(files=Count("pk"), size=Sum("size"), since=Min("condemned_at"))
    more = found["files"] == COUNTED and rows[COUNTED : COUNTED + 1].exists()
    return Waiting(found["files"], found["size"] or 0, found["since"], more)

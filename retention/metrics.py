"""The site's figures for Prometheus, and the counting of what is dear to count.

The text format is a page of lines, so it is written here rather than by a library that keeps a
registry in each process. Up to COUNTED files are added up when asked; above, what the tick counted
last. Totals of runs are kept as they end, since the history they came from is pruned.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Final, NamedTuple

from django.conf import settings
from django.db.models import Min, OuterRef, Subquery, Sum

from recordings.ledger.models import Account, Sighting, StoredFile
from recordings.ledger.names import Kind
from retention.choices import Mode, State
from retention.clock import database_now
from retention.health import GRADES, Health, condemned, folder_size, health
from retention.models import Figure, RetentionPolicy, RetentionRun
from retention.tally import FREED, RUN_ITEMS

COUNTED: Final = 50_000  # stored files that are counted in a request
EVERY: Final = timedelta(minutes=10)  # the tick counts those of bigger sites
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
STORED: Final = "stored"  # when all kinds were counted; its value is the number of files
STORED_BYTES: Final = "stored_bytes"

Sample = tuple[Mapping[str, str], float]


class Metric(NamedTuple):
    name: str
    kind: str  # gauge or counter
    says: str
    samples: Iterable[Sample]


def stored_files() -> int:
    """How many ready files owners have: exact on a small site, else as last counted."""
    counted = few_files()
    if counted is not None:
        return counted
    return Figure.objects.filter(name=STORED).values_list("value", flat=True).first() or COUNTED


def few_files() -> int | None:
    """Return the number of ready files where they are few enough to count now."""
    few = StoredFile.objects.ready().order_by().values("pk")[: COUNTED + 1].count()
    return few if few <= COUNTED else None


def measure_when_due() -> bool:
    """Count what a big site does not count in requests; False when it was counted lately."""
    age = Figure.age(STORED)
    if few_files() is not None or (age is not None and age < EVERY):
        return False
    for kind, size in by_kind().items():
        Figure.note(STORED_BYTES, kind, size)
    Figure.note(STORED, value=StoredFile.objects.ready().count())
    return True


def by_kind() -> dict[str, int]:
    """Add up the bytes of every kind, those of which there is nothing among them."""
    rows = StoredFile.objects.ready().order_by().values_list("kind")
    return {**dict.fromkeys(Kind.values, 0), **dict(rows.annotate(total=Sum("size")))}


def page() -> str:
    """Return all metrics as text."""
    return "".join(line for metric in metrics() for line in lines(metric))


def metrics() -> Iterator[Metric]:
    yield from _sizes()
    yield from _purge()
    yield from _runs()
    yield from _totals()
    yield _health(health())


def _sizes() -> Iterator[Metric]:
    kinds = by_kind() if few_files() is not None else _figures(STORED_BYTES)
    used = Account.objects.aggregate(total=Sum("used", default=0))["total"]
    yield _gauge(
        "storage_bytes", "Verified files in storage.", [({"kind": k}, v) for k, v in kinds.items()]
    )
    yield _gauge(
        "scratch_bytes", "The scratch folder.", _one(folder_size(settings.SCRATCH_ROOT)[0])
    )
    yield _gauge("log_bytes", "The log folder.", _one(folder_size(settings.LOG_ROOT)[0]))
    yield _gauge("orphan_bytes", "Orphans that scans saw and are in place.", _one(orphan_bytes()))
    yield _gauge("quota_used_bytes", "What all owners use, trash included.", _one(used))


def orphan_bytes() -> int:
    """Add up what scans saw and what is not in quarantine since."""
    return int(Sighting.objects.aggregate(total=Sum("size", default=0))["total"])


def _purge() -> Iterator[Metric]:
    found = condemned().aggregate(size=Sum("size", default=0), first=Min("condemned_at"))
    oldest = (database_now() - found["first"]).total_seconds() if found["first"] else 0
    yield _gauge("pending_purge_bytes", "Released, still in storage.", _one(found["size"]))
    yield _gauge(
        "pending_purge_oldest_seconds", "How long the oldest of it waits.", _one(max(0, oldest))
    )


def _runs() -> Iterator[Metric]:
    ended = RetentionRun.objects.filter(
        policy=OuterRef("pk"), mode=Mode.EXECUTE, finished_at__isnull=False
    ).order_by("-id")
    well = ended.filter(state=State.SUCCEEDED).values("finished_at")[:1]
    straight = ended.filter(approved_by="")  # others waited for a person
    rows = RetentionPolicy.objects.annotate(
        began=Subquery(straight.values("started_at")[:1]),
        ended=Subquery(straight.values("finished_at")[:1]),
        well=Subquery(well),
    ).values_list("slug", "began", "ended", "well")
    found = list(rows)
    yield _gauge(
        "run_duration_seconds",
        "How long the last run of a policy took.",
        [
            ({"policy": slug}, (ended - began).total_seconds())
            for slug, began, ended, _well in found
            if began and ended
        ],
    )
    yield _gauge(
        "policy_last_success_timestamp",
        "When the last run of a policy that ended well did so, in seconds since 1970.",
        [({"policy": slug}, well.timestamp()) for slug, _began, _ended, well in found if well],
    )


def _totals() -> Iterator[Metric]:
    items = [(label.rpartition(" "), number) for label, number in _figures(RUN_ITEMS).items()]
    yield Metric(
        "mediasite_run_items_total",
        "counter",
        "What became of the items of all runs of a policy.",
        [({"policy": slug, "outcome": outcome}, n) for (slug, _, outcome), n in items],
    )
    freed = [({"policy": slug}, size) for slug, size in _figures(FREED).items()]
    yield Metric(
        "mediasite_freed_bytes_total", "counter", "What all runs of a policy freed.", freed
    )


def _health(found: Health) -> Metric:
    samples = [({"check": check.name}, GRADES.index(check.status)) for check in found.checks]
    return _gauge("health_status", "0 is ok, 1 a warning, 2 critical.", samples)


def _figures(name: str) -> dict[str, int]:
    rows = Figure.objects.filter(name=name).order_by("label")
    return dict(rows.values_list("label", "value"))


def _gauge(name: str, says: str, samples: Iterable[Sample]) -> Metric:
    return Metric(f"mediasite_{name}", "gauge", says, samples)


def _one(number: float) -> list[Sample]:
    return [({}, number)]


def lines(metric: Metric) -> Iterator[str]:
    """Write a metric in the text format of Prometheus, version 0.0.4."""
    yield f"# HELP {metric.name} {metric.says}\n"
    yield f"# TYPE {metric.name} {metric.kind}\n"
    for labels, number in metric.samples:
        inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
        yield f"{metric.name}{f'{{{inside}}}' if inside else ''} {_number(number)}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(number: float) -> str:
    return str(int(number)) if math.isfinite(number) and number == int(number) else repr(number)

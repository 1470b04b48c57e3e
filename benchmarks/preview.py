"""Preview of a policy over 100,000 and 1,000,000 recordings of 5 files on PostgreSQL.

Run: `DATABASE_URL=postgres://... python -m benchmarks.preview [recordings ...]`. What is shown
before a policy is accepted must come within a second, whatever its rules: items, bytes, owners,
what is kept, examples, and what is different from the version before. Half of the recordings are
old enough; some are on hold. The last lines are for runs: how long a locked batch of 500 takes to
be compared with the rest again. All of it needs two processors of its own; the load is shown.
"""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.bench import resident_mb, seconds, site

ROUNDS = 5
LIMIT = 1.0  # seconds
SIZES = (100_000, 1_000_000)
BATCH = 500
DAY = 86400
KINDS = ("trimmed", "audio", "transcript", "subtitles", "poster")

MAKE = (
    """INSERT INTO auth_user (username, password, first_name, last_name, email, is_superuser,
           is_staff, is_active, date_joined)
       SELECT 'owner' || n, '', '', '', '', false, false, true, now()
       FROM generate_series(1, {owners}) n""",
    """INSERT INTO recordings_recording (owner_id, title, description, language, original_name,
           state, warning, keep, given_captions, created_at, expire_at, trashed_by,
           numbers)
       SELECT u.first + n % {owners}, 'Lecture ' || n, '', '', '', 'ready', '', n % 1000 = 0, '',
           now() - n * interval '400 days' / {count},
           CASE WHEN n % 5 = 0 THEN now() + (n % 100 - 50) * interval '1 day' END, '', '{{}}'
       FROM generate_series(1, {count}) n, (SELECT min(id) AS first FROM auth_user) u""",
    """INSERT INTO ledger_storedfile (storage, file, kind, owner_id, recording_id, size, reserved,
           sha256, trashed, state, reason, released_by, claimed_by, attempts, last_error,
           created_at, ready_at)
       SELECT 'disk', 'user_' || r.owner_id || '/' || k || '/' || r.id, k, r.owner_id, r.id,
           1000000 + (r.id * length(k)) % 1000003, 0, repeat('0', 64), false, 'ready', '', '',
           '', 0, '', now(), now()
       FROM recordings_recording r, unnest('{{{kinds}}}'::text[]) k""",
    """INSERT INTO ledger_hold (recording_id, reason, placed_by, placed_at, released_by)
       SELECT id, 'case', 'bench', now(), '' FROM recordings_recording WHERE id % 777 = 0""",
    """INSERT INTO ledger_account (owner_id, name, used, reserved, in_trash, uses_default_limit)
       SELECT owner_id, '', sum(size), 0, 0, true FROM ledger_storedfile GROUP BY owner_id""",
    "VACUUM ANALYZE",
)  # fmt: skip
POLICIES: dict[str, dict[str, Any]] = {
    "older than 200 days": {"max_age_seconds": 200 * DAY},
    "everything": {"max_age_seconds": 0},
    "one owner, older than 200 days": {"max_age_seconds": 200 * DAY, "one": True},
    "not watched for 200 days": {"max_age_seconds": 200 * DAY, "clock": "watched"},
    "past its own date": {"max_age_seconds": 0, "clock": "expire_at"},
    "newest 100 of each stay": {"keep_newest": 100},
    "until they fit into a fifth": {"fit": 0.2},
    "until they fit into half": {"fit": 0.5},
    "until they fit into most": {"fit": 0.9},
    "until all but a few fit": {"fit": 0.9995},
}
CHANGES = (
    ("100 days instead of 200", {"max_age_seconds": 200 * DAY}, {"max_age_seconds": 100 * DAY}),
    ("newest 50 instead of 100", {"keep_newest": 100}, {"keep_newest": 50}),
)


def make(count: int) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE auth_user, ledger_storedfile, ledger_hold, ledger_account CASCADE")
        for statement in MAKE:
            cursor.execute(
                statement.format(count=count, owners=max(10, count // 1000), kinds=",".join(KINDS))
            )
        cursor.execute("UPDATE recordings_recording SET last_watched_at = created_at "
                       "WHERE id IN (SELECT max(id) FROM recordings_recording)")  # fmt: skip


def policy(rules: dict[str, Any]) -> Any:
    from django.contrib.auth import get_user_model
    from django.db.models import Sum

    from recordings.ledger.models import StoredFile
    from retention.models import RetentionPolicy, everyone

    values, scope = dict(rules), everyone()
    if values.pop("one", False):
        scope["owners"] = [get_user_model().objects.order_by("pk")[1].pk]
    if part := values.pop("fit", None):
        total = StoredFile.objects.aggregate(size=Sum("size"))["size"]
        values["max_total_bytes"] = int(total * part)
    values.setdefault("clock", "uploaded")
    return RetentionPolicy(target="recordings", action="trash", scope=scope, **values)


def timed(name: str, asked: Callable[[], Any], said: Callable[[Any], str]) -> bool:
    """Print how long an answer takes beside the limit; return whether it holds."""
    found = asked()
    took = [seconds(asked) for _ in range(ROUNDS)]
    middle, worst = statistics.median(took), max(took)
    verdict = "holds" if middle <= LIMIT else "MISSED"
    load = os.getloadavg()[0]
    print(
        f"  {name}: {middle:.3f} s, worst {worst:.3f} s of {ROUNDS} (at most {LIMIT}: {verdict}; "
        f"load {load:.1f}): {said(found)}"
    )
    return middle <= LIMIT


def compare(name: str, former: dict[str, Any], rules: dict[str, Any]) -> bool:
    """Time the difference to the version that was accepted."""
    from retention.impact import change

    asked = policy(rules)
    accepted = policy(former)
    asked.accepted_rules = {
        field: getattr(accepted, field) for field in ("target", "clock", "action", "scope", *former)
    }
    asked.accepted_version, asked.version = 1, 2
    return timed(
        name,
        partial(change, asked),
        lambda found: (
            f"{found.added.items:,} more of {found.added.owners:,} owners, "
            f"{found.added.size / 1e12:.2f} TB, {found.removed.items:,} less"
        ),
    )


def preview(name: str, rules: dict[str, Any]) -> bool:
    from retention.impact import impact

    def said(found: Any) -> str:
        goes, about = found.goes, "about " if found.goes.about else ""
        return (
            f"{goes.items:,} items, {goes.owners:,} owners, {about}{goes.size / 1e12:.2f} TB, "
            f"{found.blocked:,} kept{found.refusal}"
        )

    return timed(name, partial(impact, policy(rules)), said)


def batch(name: str, rules: dict[str, Any]) -> None:
    """Time what a run asks again while it has a batch locked, which has no limit."""
    from recordings.models import Recording
    from retention.clock import database_now
    from retention.targets import get
    from retention.targets.base import Work

    target, asked = get("recordings"), policy(rules)
    rows = list(Recording.objects.order_by("owner_id", "pk")[:BATCH])
    work = Work(policy=asked, keys=[row.pk for row in rows], at=database_now())
    took = statistics.median(seconds(partial(target.now, work, rows)) for _ in range(ROUNDS))
    print(f"  a locked batch of {BATCH}, {name}: {took:.3f} s")


def measure(count: int) -> bool:
    print(f"{count:,} recordings, {count * len(KINDS):,} files")
    held = [preview(name, rules) for name, rules in POLICIES.items()]
    held += [compare(*change) for change in CHANGES]
    for name, rules in POLICIES.items():
        if "keep_newest" in rules or "fit" in rules:
            batch(name, rules)
    print(f"  resident memory {resident_mb():.0f} MB")
    return all(held)


def main(sizes: list[int]) -> int:
    with site():
        from django.db import connection

        if connection.vendor != "postgresql":
            print("Give the address of a PostgreSQL server in DATABASE_URL.")
            return 2
        results = []
        for count in sizes:
            print(f"making {count:,} recordings took {seconds(partial(make, count)):.0f} s")
            results.append(measure(count))
        return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main([int(given) for given in sys.argv[1:]] or list(SIZES)))

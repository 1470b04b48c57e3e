"""Preview of a policy over 10,000, 100,000 and 1,000,000 recordings of 5 files on PostgreSQL.

Run: `DATABASE_URL=postgres://... python -m benchmarks.preview [recordings ...]`. What is shown
before a policy is accepted must come within a second: items, bytes, owners, what is kept, and
examples. Half of the recordings are old enough; some are on hold.
"""

from __future__ import annotations

import statistics
import sys
from functools import partial
from typing import Any

from benchmarks.bench import resident_mb, seconds, site

ROUNDS = 5
LIMIT = 1.0  # seconds, for the policies of an age
SIZES = (10_000, 100_000, 1_000_000)
KINDS = ("trimmed", "audio", "transcript", "subtitles", "poster")

MAKE = (
    """INSERT INTO auth_user (username, password, first_name, last_name, email, is_superuser,
           is_staff, is_active, date_joined)
       SELECT 'owner' || n, '', '', '', '', false, false, true, now()
       FROM generate_series(1, {owners}) n""",
    """INSERT INTO recordings_recording (owner_id, title, description, language, original_name,
           state, warning, keep, given_captions, created_at, trashed_by, numbers)
       SELECT u.first + n % {owners}, 'Lecture ' || n, '', '', '', 'ready', '', n % 1000 = 0, '',
           now() - n * interval '400 days' / {count}, '', '{{}}'
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
    "VACUUM ANALYZE",
)  # fmt: skip
POLICIES: dict[str, dict[str, Any]] = {
    "older than 200 days": {"max_age_seconds": 200 * 86400},
    "everything": {"max_age_seconds": 0},
    "one owner, older than 200 days": {"max_age_seconds": 200 * 86400, "one": True},
    "not watched for 200 days": {"max_age_seconds": 200 * 86400, "clock": "watched"},
    "newest 100 of each stay": {"keep_newest": 100},
    "until they fit into 1 TB": {"max_total_bytes": 1024**4},
}
COMPARED = {"newest 100 of each stay", "until they fit into 1 TB"}  # measured, without a limit


WIDER = {"target": "recordings", "clock": "uploaded", "action": "trash", "scope": {}}


def make(count: int) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE auth_user, ledger_storedfile, ledger_hold CASCADE")
        for statement in MAKE:
            cursor.execute(
                statement.format(count=count, owners=max(10, count // 1000), kinds=",".join(KINDS))
            )
        cursor.execute("UPDATE recordings_recording SET last_watched_at = created_at "
                       "WHERE id IN (SELECT max(id) FROM recordings_recording)")  # fmt: skip


def policy(name: str) -> Any:
    from django.contrib.auth import get_user_model

    from retention.models import RetentionPolicy, everyone

    rules = dict(POLICIES[name])
    scope = everyone()
    if rules.pop("one", False):
        scope["owners"] = [get_user_model().objects.order_by("pk")[1].pk]
    rules.setdefault("clock", "uploaded")
    return RetentionPolicy(target="recordings", action="trash", scope=scope, **rules)


def compare(count: int) -> None:
    """Time the difference between 200 days, as accepted, and 100."""
    from retention.impact import change

    asked = policy("older than 200 days")
    asked.accepted_rules = {**WIDER, "max_age_seconds": 200 * 86400}
    asked.max_age_seconds, asked.accepted_version, asked.version = 100 * 86400, 1, 2
    found = change(asked)
    took = statistics.median(seconds(partial(change, asked)) for _ in range(ROUNDS))
    assert found is not None
    print(f"  100 days against 200: {took:.3f} s: {found.added.items:,} more")


def measure(count: int) -> bool:
    from retention.impact import impact

    holds = True
    print(f"{count:,} recordings, {count * len(KINDS):,} files")
    compare(count)
    for name in POLICIES:
        asked = policy(name)
        found = impact(asked)
        took = [seconds(partial(impact, asked)) for _ in range(ROUNDS)]
        middle, worst = statistics.median(took), max(took)
        good = name in COMPARED or middle <= LIMIT
        holds = holds and good
        verdict = "" if name in COMPARED else f" (at most {LIMIT}: {'holds' if good else 'MISSED'})"
        goes, about = found.goes, "about " if found.goes.about else ""
        print(
            f"  {name}: {middle:.3f} s, worst {worst:.3f} s of {ROUNDS}{verdict}: "
            f"{goes.items:,} items, {goes.owners:,} owners, {about}{goes.size / 1e12:.2f} TB, "
            f"{found.blocked:,} kept{found.refusal}"
        )
    print(f"  resident memory {resident_mb():.0f} MB")
    return holds


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

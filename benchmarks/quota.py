"""Read a quota of owners with 100, 10,000 and 1,000,000 files: one query, the same time.

Run: `python -m benchmarks.quota [files]`.
"""

from __future__ import annotations

import statistics
import sys

from benchmarks.bench import seconds, site

READS = 200


def fill(owner_id: int, count: int) -> None:
    """Make `count` ready rows in the database itself."""
    from django.db import connection

    series = (
        f"generate_series(1, {count}) n"
        if connection.vendor == "postgresql"
        else "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s "
        f"WHERE n < {count}) SELECT n FROM s) n"
    )
    number = "n" if connection.vendor == "postgresql" else "n.n"
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ledger_storedfile (storage, file, kind, owner_id, size, reserved, sha256,"
            " trashed, state, reason, released_by, claimed_by, attempts, last_error, ready_at)"
            f" SELECT 'disk', 'user_{owner_id}/audio/' || {number} || '_processed.mp3', 'audio',"
            f" {owner_id}, 1000, 0, 'x', false, 'ready', '', '', '', 0, '', CURRENT_TIMESTAMP"
            f" FROM {series}"
        )


def main(most: int) -> int:
    with site():
        from django.contrib.auth import get_user_model
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        from recordings.ledger.models import Account

        medians = []
        for count in (100, 10_000, most):
            owner = get_user_model().objects.create_user(f"bench{count}")
            fill(owner.pk, count)
            with CaptureQueriesContext(
                connection,
            ) as queries:
                Account.objects.of(owner.pk)
            times = [seconds(lambda o=owner: Account.objects.of(o.pk)) for _ in range(READS)]
            medians.append(statistics.median(times))
            print(f"  {count:>9} files: {len(queries)} query, {medians[-1] * 1e6:.0f} µs")
            assert len(queries) == 1
        ratio = medians[-1] / medians[0]
        print(f"quota: {ratio:.2f} times from 100 to {most} files (at most 1.5)")
        return 0 if ratio <= 1.5 else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))

"""The daily figures, the digests and the dashboard over a big library.

    DATABASE_URL=postgres://... python -m benchmarks.dashboard [recordings]

One file a recording and 1,000 recordings an owner; uploads spread over 180 days and a policy of
180 days, so that a sixth of the library leaves within the next 30 days.
"""

from __future__ import annotations

import sys
from datetime import timedelta

from benchmarks.bench import resident_mb, seconds, site

AN_OWNER = 1000


def fill(recordings: int) -> None:
    """Make users, accounts, recordings and files, a statement a table, on PostgreSQL."""
    from django.contrib.auth import get_user_model
    from django.db import connection

    from recordings.ledger.models import Account

    users = get_user_model().objects.bulk_create(
        get_user_model()(username=f"u{n}", email=f"u{n}@example.org")
        for n in range(max(1, recordings // AN_OWNER))
    )
    Account.objects.bulk_create(Account(owner_id=user.pk, name=user.username) for user in users)
    owner = f"{users[0].pk} + n % {len(users)}"
    age = f"n * interval '{180 * 86400 / recordings} seconds'"
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO recordings_recording (id, owner_id, title, description, language,"
            " original_name, state, warning, keep, given_captions, created_at, trashed_by, numbers)"
            f" SELECT n, {owner}, 'Lecture ' || n, '', '', '', 'ready', '', false, '',"
            f" now() - {age}, '', '{{}}' FROM generate_series(1, {recordings}) n"
        )
        cursor.execute(
            "INSERT INTO ledger_storedfile (storage, file, kind, owner_id, recording_id, size,"
            " reserved, sha256, trashed, state, reason, released_by, claimed_by, attempts,"
            " last_error, ready_at)"
            f" SELECT 'disk', n::text, 'trimmed', {owner}, n, 1000, 0, 'x', false, 'ready', '',"
            f" '', '', 0, '', now() FROM generate_series(1, {recordings}) n"
        )
        cursor.execute("ANALYZE")


def measure(recordings: int) -> None:
    from django.contrib.auth import get_user_model
    from django.core import mail
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from retention import dashboard, leaving, notices, snapshots
    from retention.clock import database_now
    from retention.models import Correspondent, Forecast, RetentionPolicy

    fill(recordings)
    policy = RetentionPolicy.objects.create(
        name="Half a year", target="recordings", action="trash", clock="uploaded",
        max_age_seconds=180 * 86400, crontab="0 2 * * *",
    )  # fmt: skip
    policy.accept(version=1, by="bench")
    at = database_now()
    print(f"{recordings:,} recordings")
    print(f"  files by kind: {seconds(lambda: snapshots._stored(at.date())):.2f} s")
    before = resident_mb()
    print(f"  all figures of a day: {seconds(snapshots.take):.2f} s", end=", ")
    print(f"{resident_mb() - before:.0f} MB more, {sum(f.items for f in Forecast.objects.all()):,}"
          " foreseen")  # fmt: skip
    owner = get_user_model().objects.first()
    print(
        f"  digests of {notices.OWNERS_AT_ONCE} owners: {seconds(notices.send_due):.2f} s", end=""
    )
    print(f", {len(getattr(mail, 'outbox', []))} mails")
    Correspondent.objects.update(looked_on=at.date() - timedelta(days=1))
    print(f"  the day after: {seconds(notices.send_due):.2f} s")
    first = seconds(lambda: leaving.first_of(owner.pk, at=at, most=20))
    print(f"  what leaves first, of one owner: {first * 1000:.0f} ms")
    with CaptureQueriesContext(connection) as queries:
        page = seconds(dashboard.figures)
    slowest = max(float(query["time"]) for query in queries)
    print(f"  dashboard: {page * 1000:.0f} ms, {len(queries)} queries, ", end="")
    print(f"the slowest {slowest * 1000:.0f} ms")


def main(recordings: int) -> None:
    with site():
        from django.conf import settings
        from django.core import mail

        settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
        mail.outbox = []
        measure(recordings)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)

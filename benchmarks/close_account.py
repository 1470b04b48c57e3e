"""Close an account with 2,000 recordings of 5 files, step by step: queries, seconds and memory.

Run: `python -m benchmarks.close_account [recordings]`. A step must cost the same however much the
account holds, and nothing of its owner may be left but his receipts.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from benchmarks.bench import resident_mb, seconds, site
from benchmarks.purge import make


def main(count: int) -> int:
    with site():
        from django.conf import settings
        from django.contrib.auth import get_user_model
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        from recordings.closing import close_account, step
        from recordings.ledger.audit import audit
        from recordings.ledger.models import Receipt
        from recordings.ledger.purge import purge

        owner = get_user_model().objects.create_user("leaver")
        make(owner.pk, count, Path(settings.MEDIA_ROOT))
        closure = close_account(owner, by="benchmark", at_once=True)
        moved: list[int] = []
        while not closure.finished_at:
            with CaptureQueriesContext(connection) as queries:
                took = seconds(lambda: moved.append(step(closure)))
            print(f"  {moved[-1]} moved: {len(queries)} queries, {took:.2f} s, "
                  f"{resident_mb():.0f} MB")  # fmt: skip
            purge()
            closure.refresh_from_db()
        gone = not get_user_model().objects.filter(username="leaver").exists()
        named = Receipt.objects.filter(owner_name="leaver").count()
        clean = audit(hashes=True, grace=timedelta(0)).ok
        print(f"user gone: {gone}, receipts with his name: {named}, audit clean: {clean}")
        return 0 if gone and clean and named == count * 5 else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000))

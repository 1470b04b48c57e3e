"""How full the disk with the media is, and how much a policy with a rule for that has to free."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Sum

from recordings.ledger.models import StoredFile
from recordings.ledger.storages import DiskStorage, storage

if TYPE_CHECKING:
    from retention.models import RetentionPolicy


def refusal(policy: RetentionPolicy) -> str:
    """Say why a rule for a full disk cannot be carried out; empty where there is none or it can."""
    if policy.disk_high_percent is None:
        return ""
    if not isinstance(storage(settings.MEDIA_STORAGE), DiskStorage):
        return (
            "The media are kept in a bucket, which is never full, so a rule for a full disk cannot "
            "be carried out: take it out of the policy."
        )
    if not Path(settings.MEDIA_ROOT).is_dir():
        return f"The media folder {settings.MEDIA_ROOT} is not there; is its disk mounted?"
    return ""


def needed(policy: RetentionPolicy, *, under_way: bool = False) -> int:
    """Return the bytes to free down to the low mark; 0 below the high one, unless `under_way`.

    Also 0 where the rule cannot be carried out, as over a bucket.
    Condemned bytes that wait for the purge are as good as free. They are read first: a purge in
    between makes the answer smaller, never larger.
    """
    high, low = policy.disk_high_percent, policy.disk_low_percent
    if high is None or low is None or refusal(policy):
        return 0
    waiting = StoredFile.objects.filter(
        state=StoredFile.State.CONDEMNED, storage=settings.MEDIA_STORAGE
    ).aggregate(size=Sum("size", default=0))["size"]
    usage = shutil.disk_usage(settings.MEDIA_ROOT)
    taken = usage.total - usage.free - waiting
    if not under_way and taken * 100 < usage.total * high:
        return 0
    return max(0, int(taken - usage.total * low / 100))

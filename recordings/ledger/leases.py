"""Who holds a lease, and whether that process still lives.

A lease ends by the database's clock. Work of a process on this host that is no more is taken back
sooner, because a dead process cannot renew.
"""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from functools import cache
from pathlib import Path
from uuid import UUID, uuid4

from django.db.models import Q
from django.db.models.functions import Now

from recordings.ledger.models import Lease


def take(name: str, period: timedelta) -> UUID | None:
    """Take the lease called `name` for a while, or None while a living process has it."""
    row, _ = Lease.objects.get_or_create(name=name)
    free = Q(claim=None) | Q(lease_until__lt=Now())
    if row.claim is not None and is_gone(row.claimed_by):
        free |= Q(claim=row.claim)
    token = uuid4()
    taken = Lease.objects.filter(free, name=name).update(
        claim=token, claimed_by=holder(), lease_until=Now() + period
    )
    return token if taken else None


def renew(name: str, token: UUID, period: timedelta) -> bool:
    """Keep a lease; False when it was lost."""
    mine = Lease.objects.filter(name=name, claim=token)
    return bool(mine.update(lease_until=Now() + period))


def give(name: str, token: UUID) -> None:
    """Let go of a lease that we may still have."""
    Lease.objects.filter(name=name, claim=token).update(claim=None, lease_until=None)


def holder() -> str:
    """Name this process: `host/pid namespace/boot/pid/start ticks`; no two processes share it."""
    return _name(os.getpid())


def is_gone(holder: str) -> bool:
    """Tell whether `holder` was a process of this host that is certainly no more.

    One from before a reboot cannot be told from one of another machine of the same name, so it
    keeps its lease to the end.
    """
    here, _, rest = holder.rpartition("/")
    here, _, pid = here.rpartition("/")
    if here != _here() or not pid.isdecimal():
        return False
    return _started(int(pid)) != rest


@cache
def _name(pid: int) -> str:
    return f"{_here()}/{pid}/{_started(pid)}"


@cache
def _here() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{socket.gethostname()}/{os.stat('/proc/self/ns/pid').st_ino}/{boot}"


def _started(pid: int) -> str:
    """Start time in clock ticks since boot, from /proc; empty where there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in {"Z", "X"} else fields[19]

"""Who holds a lease, and whether that process still lives.

A lease ends by the database's clock. Work of a process on this host that is no more is taken back
sooner, because a dead process cannot renew.
"""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path


def holder() -> str:
    """Name this process: `host/pid namespace/boot/pid/start ticks`; no two processes share it."""
    return _name(os.getpid())


def is_gone(holder: str) -> bool:
    """Tell whether `holder` was a process of this host that is certainly no more."""
    here, _, rest = holder.rpartition("/")
    here, _, pid = here.rpartition("/")
    if here != _here() or not pid.isdecimal():
        return _rebooted(holder)
    return _started(int(pid)) != rest


@cache
def _name(pid: int) -> str:
    return f"{_here()}/{pid}/{_started(pid)}"


@cache
def _here() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{_host()}/{boot}"


@cache
def _host() -> str:
    return f"{socket.gethostname()}/{os.stat('/proc/self/ns/pid').st_ino}"


def _rebooted(holder: str) -> bool:
    """The same host and namespace, but another boot."""
    return holder.startswith(f"{_host()}/") and not holder.startswith(f"{_here()}/")


def _started(pid: int) -> str:
    """Start time in clock ticks since boot, from /proc; empty where there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in {"Z", "X"} else fields[19]

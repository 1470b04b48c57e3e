"""Bind this process to its parent's life and to limits, then become another program.

    python -I -S launch.py PARENT_PID {"RLIMIT_AS": bytes, ...} program argument ...

A launcher of its own instead of `preexec_fn`, which may deadlock in a threaded worker. The kernel
sends the death signal when the *thread* that started us ends; `child.run` waits in that thread.
"""

import ctypes
import json
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
ORPHANED = 125  # exit status; nobody is left to read it


libc = ctypes.CDLL(None, use_errno=True)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent's thread ends."""
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:  # it died before the line above
        sys.exit(ORPHANED)


def main(parent: int, limits: dict[str, int], command: list[str]) -> None:
    die_with(parent)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for name, value in limits.items():
        which = getattr(resource, name)
        most = resource.getrlimit(which)[1]
        # Five more for the hard limit: processor seconds at both at once would end in SIGKILL,
        # which does not say why.
        hard = value + 5 if most == resource.RLIM_INFINITY else min(value + 5, most)
        resource.setrlimit(which, (min(value, hard), hard))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores both, and exec passes that on
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execvp(command[0], command)  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    main(int(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3:])

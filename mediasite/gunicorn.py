"""How gunicorn serves the site: `python -m gunicorn -c mediasite/gunicorn.py`.

The environment: HOST and PORT, WEB_WORKERS, WEB_THREADS. Options given on the command line win.
"""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings

from recordings.processing.children.launch import die_with

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mediasite.settings")
wsgi_app = "mediasite.wsgi:application"
bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
worker_class = "gthread"  # keep-alive, and slow uploads do not hold a process each
workers = settings.WEB_WORKERS
threads = settings.WEB_THREADS
preload_app = True  # one import, shared by the workers
keepalive = 30
timeout = 60  # for a worker that hangs as a whole; a request may take longer
graceful_timeout = 5  # `up` stops everything within 10 s
control_socket_disable = True  # it would lie outside DATA_DIR


def post_fork(server: Any, worker: Any) -> None:
    """Let no worker outlive its master, which would hold the port and the lock of DATA_DIR."""
    die_with(server.pid)

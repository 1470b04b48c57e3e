"""The Celery application: two queues, one for processing and one for purge and upkeep."""

from __future__ import annotations

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

TRANSPORT_ALIASES["files"] = "mediasite.broker:Transport"  # a name, so that it loads when used

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mediasite.settings")

app = Celery("mediasite")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

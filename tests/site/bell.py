"""A Celery application over the file broker, for test_workers.py: a task that leaves a mark."""

from __future__ import annotations

import os
from pathlib import Path

from celery import Celery

import mediasite.celery  # noqa: F401  (registers files://)

ROOT = Path(os.environ["BELL_ROOT"])

app = Celery("bell", broker="files://", set_as_current=False)
app.conf.update(
    broker_transport_options={
        "data_folder_in": str(ROOT / "messages"),
        "processed_folder": str(ROOT / "processed"),
        "control_folder": str(ROOT / "control"),
        "polling_interval": 0.05,
    },
    broker_connection_retry_on_startup=True,
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    beat_schedule={"ring": {"task": "ring", "schedule": 0.5, "args": ["beat"]}},
    beat_schedule_filename=str(ROOT / "schedule"),
)


@app.task(name="ring")
def ring(name: str) -> None:
    with open(ROOT / "rung", "a") as file:
        file.write(f"{name}\n")

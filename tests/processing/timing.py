"""How long each step takes for a minute of 720p with speech: `python -m tests.processing.timing`.

Prints a line for each step: seconds of wall clock, and of processor time in children.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import django


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from django.conf import settings
    from django.utils.module_loading import import_string

    from recordings.demo import film
    from recordings.processing.steps.base import Context

    with tempfile.TemporaryDirectory() as name:
        folder, work = Path(name), Path(name) / "work"
        work.mkdir()
        began = time.monotonic()
        clip = film.make(folder)
        print(f"{'make the clip':14} {time.monotonic() - began:6.1f} s")
        context = Context(clip, work, time.monotonic() + 3600)
        for path in settings.PROCESSING_STEPS:
            step = import_string(path)()
            before = os.times()
            step.run(context)
            after = os.times()
            used = after.children_user + after.children_system
            used -= before.children_user + before.children_system
            wall = after.elapsed - before.elapsed
            print(f"{step.name:14} {wall:6.1f} s, processor {used:5.1f} s", flush=True)
        said = len(context.transcript.segments) if context.transcript else 0
        print(
            f"{context.media.duration:.0f} s of media, {said} segments; warnings:", context.warnings
        )


if __name__ == "__main__":
    main()

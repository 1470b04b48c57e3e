"""Find out what the source holds, and whether what was asked of it can be done."""

from __future__ import annotations

from recordings.processing.exceptions import MediaError
from recordings.processing.probe import probe
from recordings.processing.steps.base import Context, Output

SHORTEST = 0.1  # seconds that must be left between the trim points


class Probe:
    name = "probe"
    weight = 2

    def run(self, context: Context) -> list[Output]:
        """Fill in `info`. Raises MediaError, also for trim points that leave nothing."""
        context.info = probe(context.source, stop=context.stop)
        start = context.options.trim_start or 0.0
        end = context.options.trim_end
        last = context.info.duration if end is None else min(end, context.info.duration)
        if start < 0 or last - start < SHORTEST:
            raise MediaError(
                f"The trim points leave nothing of this recording, which is "
                f"{context.info.duration:.1f} s long; the first must come before the second."
            )
        return []

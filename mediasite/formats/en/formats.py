"""English dates as browsers write them, with a clock of 24 hours.

No full stop after a month or in "p.m.", which would double a sentence's own.
"""

from __future__ import annotations

DATE_FORMAT = "M j, Y"
DATETIME_FORMAT = "M j, Y, H:i"
TIME_FORMAT = "H:i"

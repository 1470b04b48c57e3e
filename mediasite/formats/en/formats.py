"""English dates with a clock of 24 hours: no "p.m." whose full stop doubles a sentence's own."""

from __future__ import annotations

DATETIME_FORMAT = "N j, Y, H:i"
TIME_FORMAT = "H:i"

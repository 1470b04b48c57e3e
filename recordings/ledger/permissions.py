"""The one permission that makes an administrator; retention, which owns it, is a layer above."""

from __future__ import annotations

from typing import Final

ADMINISTER: Final = "retention.administer"

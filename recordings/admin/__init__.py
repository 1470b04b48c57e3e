"""The library in the admin. Each module registers its pages."""

from __future__ import annotations

from recordings.admin import (
    archive,
    closures,
    holds,
    others,
    quarantine,
    recordings,
    source_rules,
    stored,
    users,
)

__all__ = [
    "archive",
    "closures",
    "holds",
    "others",
    "quarantine",
    "recordings",
    "source_rules",
    "stored",
    "users",
]

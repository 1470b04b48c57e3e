"""The library in the admin. Each module registers its pages."""

from __future__ import annotations

from recordings.admin import closures, holds, others, recordings, users

__all__ = ["closures", "holds", "others", "recordings", "users"]

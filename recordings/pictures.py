"""Where the picture of a recording is; an app above says so, and the poster's file until then."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from recordings.ledger.names import Kind

if TYPE_CHECKING:
    from recordings.models import Recording

# An upper layer adds what it needs of a recording beside its own rows, so that lists bring it
# along, and says how it finds the address from that.
related: list[str] = []
address_above: Callable[[Recording], str] | None = None


def address(recording: Recording) -> str | None:
    """Return the address of the picture of a recording that came `with_files()`."""
    if address_above is not None:
        return address_above(recording)
    posters = (file for file in recording.current_files if file.kind == Kind.POSTER)
    return next((poster.url for poster in posters), None)

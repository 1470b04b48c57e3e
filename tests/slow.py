"""A client that takes his time."""

from __future__ import annotations

import io
from collections.abc import Callable


class SlowBody(io.BytesIO):
    """What a client sends, with something that happens before its first byte is read."""

    def __init__(self, content: bytes, meanwhile: Callable[[], object]) -> None:
        super().__init__(content)
        self.meanwhile: Callable[[], object] | None = meanwhile

    def read(self, size: int | None = -1, /) -> bytes:
        if self.meanwhile:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        return super().read(size)

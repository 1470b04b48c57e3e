"""Bodies of requests, bounded: what the framework reads, it reads without end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any, ClassVar, Final

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework import parsers

BESIDE_FILE: Final = 64 * 1024  # bytes that a form may have beside its file


def refuse_large(meta: Mapping[str, Any], most: int, sentence: str = "") -> None:
    """Raise RequestDataTooBig for a body of more than `most` bytes, or of no sensible length."""
    length = str(meta.get("CONTENT_LENGTH") or "0")
    if not length.isdecimal() or len(length) > 18 or int(length) > most:
        raise RequestDataTooBig(sentence)


class Bounded(parsers.BaseParser):
    """What any body goes through before it is read. Raises RequestDataTooBig."""

    most: ClassVar[int | None] = None  # bytes of a body, where not as many as of any request
    sentence: ClassVar[str] = ""  # for who sends more

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE if self.most is None else self.most
        refuse_large((parser_context or {})["request"].META, most, self.sentence)
        return super().parse(stream, media_type, parser_context)


class JSONParser(Bounded, parsers.JSONParser):
    pass


class LongJSONParser(parsers.BaseParser):
    """JSON that may be longer than other bodies: no JSONParser, which the framework bounds."""

    media_type = "application/json"

    def parse(self, *given: Any, **named: Any) -> Any:
        return parsers.JSONParser().parse(*given, **named)


class MultiPartParser(Bounded, parsers.MultiPartParser):
    """For forms with small files; uploads of recordings are streamed past it."""


class FormParser(Bounded, parsers.FormParser):
    pass

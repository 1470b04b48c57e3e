"""Bodies of requests, bounded: what the framework reads, it reads without end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework import parsers


def refuse_large(context: Mapping[str, Any] | None) -> None:
    """Raise RequestDataTooBig for a body above the limit of forms."""
    request = (context or {})["request"]
    length = str(request.META.get("CONTENT_LENGTH") or "0")
    if not length.isdecimal() or len(length) > 18:
        return
    if int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        raise RequestDataTooBig


class Bounded(parsers.BaseParser):
    """What any body goes through before it is read."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        refuse_large(parser_context)
        return super().parse(stream, media_type, parser_context)


class JSONParser(Bounded, parsers.JSONParser):
    pass


class MultiPartParser(Bounded, parsers.MultiPartParser):
    """For forms with small files; uploads of recordings are streamed past it."""


class FormParser(Bounded, parsers.FormParser):
    pass

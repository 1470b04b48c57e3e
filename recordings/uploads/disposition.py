"""The name of a file that comes from the web, as its server or its address gives it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import unquote, unquote_to_bytes

# RFC 6266: name=token, name="quoted", or name*=charset'language'percent-encoded.
_PARAMETER = re.compile(r";\s*(filename\*?)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^;\"\s]+))", re.I)


def suggested_name(dispositions: Sequence[str] | None, target: str) -> str:
    """Return the name in `Content-Disposition`, else the end of the address's path; maybe empty."""
    for text in dispositions or ():
        given = {name.lower(): (quoted, token) for name, quoted, token in _PARAMETER.findall(text)}
        if name := _extended(given.get("filename*")) or _plain(given.get("filename")):
            return name
    return unquote(target.partition("?")[0].rpartition("/")[2], errors="replace")


def _extended(found: tuple[str, str] | None) -> str:
    charset, _, rest = (found[0] or found[1] if found else "").partition("'")
    value = unquote_to_bytes(rest.partition("'")[2])
    with suppress(UnicodeDecodeError):
        return value.decode("latin-1" if charset.lower() == "iso-8859-1" else "utf-8")
    return ""


def _plain(found: tuple[str, str] | None) -> str:
    """Undo what quoting added; headers are read as Latin-1, and many servers mean UTF-8."""
    if found is None:
        return ""
    text = re.sub(r"\\(.)", r"\1", found[0]) or found[1]
    with suppress(UnicodeError):
        return text.encode("latin-1").decode("utf-8")
    return text

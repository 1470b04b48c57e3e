"""The languages that people choose from: the likely ones first, without regional variants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from django.conf.locale import LANG_INFO
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation.trans_real import parse_accept_lang_header

NAMES: Final[dict[str, str]] = {
    code: str(info["name_local"]) for code, info in LANG_INFO.items() if len(info) > 1
}
# For who writes down what is said `es-ni` is `es`; Chinese has its two scripts and no plain code.
PLAIN: Final = frozenset(
    code for code in NAMES if code.partition("-")[0] not in NAMES.keys() - {code}
)

Named = list[tuple[str, str]]


def choices(*, current: str = "", accepted: str = "") -> list[tuple[str, Any]]:
    """Return the choices of a field, in two groups; `accepted` is the header Accept-Language.

    `current` is what a recording has already, and stays whatever it is.
    """
    return [("", _("Not said")), *groups(current=current, accepted=accepted)]


def groups(*, current: str = "", accepted: str = "") -> list[tuple[str, Named]]:
    """Return the likely ones, in their order, and all others by name."""
    first = list(dict.fromkeys([*filter(None, [current]), *_likely(accepted)]))
    rest = sorted(PLAIN.difference(first), key=lambda code: NAMES[code].casefold())
    named = [[(code, NAMES.get(code, code)) for code in codes] for codes in (first, rest)]
    return [(_("Likely here"), named[0]), (_("Others"), named[1])]


def _likely(accepted: str) -> Iterator[str]:
    """What is written down here where that is not everything, the reader's, and the site's."""
    yield from getattr(import_string(settings.TRANSCRIBER), "languages", ())
    for asked in (
        *(code for code, _weight in parse_accept_lang_header(accepted)),
        settings.LANGUAGE_CODE,
    ):
        info: Any = LANG_INFO.get(asked, {})
        near = (asked.partition("-")[0], asked, *info.get("fallback", ()))
        yield from (code for code in near if code in PLAIN)

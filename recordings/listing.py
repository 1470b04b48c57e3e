"""Pages of recordings: filtered, sorted, cut by keyset so that page 900 costs as page 1."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from recordings.models import Recording

PAGE_SIZE: Final = 24  # fills rows of two, three and four


@dataclass(frozen=True, slots=True)
class Order:
    """One way to sort: by an expression and then by id, which parts equals."""

    key: Any
    descending: bool
    read: Callable[[str], Any]  # from the text of a cursor; raises ValueError


ORDERS: Final[Mapping[str, Order]] = {
    "newest": Order(F("created_at"), True, datetime.fromisoformat),
    "oldest": Order(F("created_at"), False, datetime.fromisoformat),
    "title": Order(Lower("title"), False, str),
    "trashed": Order(F("trashed_at"), True, datetime.fromisoformat),
}


@dataclass(frozen=True, slots=True)
class Page:
    recordings: list[Recording]
    after: str  # the cursor of the next page; empty on the last


def matching(text: str) -> Q:
    """Find words of the title or description, in any case, in any script."""
    # SQLite's LIKE knows the case of ASCII only; its REGEXP here is Python's.
    lookup = "icontains"
    if connection.vendor == "sqlite":
        lookup, text = "iregex", re.escape(text)
    return Q(**{f"title__{lookup}": text}) | Q(**{f"description__{lookup}": text})


def page(rows: QuerySet[Recording], *, order: str, after: str = "") -> Page:
    """Return one page with all that a list shows, in the same queries for any number of rows.

    Raises ValidationError when `after` is no cursor of this order.
    """
    how = ORDERS[order]
    rows = rows.annotate(sort_key=how.key)
    if after:
        rows = rows.filter(_behind(how, *_read(how, after)))
    sign = "-" if how.descending else ""
    shown = rows.order_by(f"{sign}sort_key", f"{sign}id").with_files().with_held()  # type: ignore[attr-defined]
    found = list(shown[: PAGE_SIZE + 1])
    here = found[:PAGE_SIZE]
    return Page(here, _cursor(here[-1]) if len(found) > PAGE_SIZE else "")


def _behind(how: Order, value: Any, pk: int) -> Q:
    beyond = "lt" if how.descending else "gt"
    # The first condition repeats what follows from the second, in a form an index can use.
    return Q(**{f"sort_key__{beyond}e": value}) & (
        Q(**{f"sort_key__{beyond}": value}) | Q(**{f"id__{beyond}": pk})
    )


def _cursor(last: Any) -> str:
    key = last.sort_key
    return f"{key.isoformat() if isinstance(key, datetime) else key}~{last.pk}"


def _read(how: Order, after: str) -> tuple[Any, int]:
    text, _tilde, pk = after.rpartition("~")
    try:
        value, number = how.read(text), int(pk)
    except ValueError as error:
        raise ValidationError(_("This link to a further page is damaged.")) from error
    if (isinstance(value, datetime) and value.tzinfo is None) or number >= 2**63:
        raise ValidationError(_("This link to a further page is damaged."))
    return value, number

"""Pages of recordings: filtered, sorted, cut by keyset so that page 900 costs as page 1."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import F, Q, QuerySet, Subquery
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from recordings.models import Recording
from recordings.querysets import RecordingQuerySet

PAGE_SIZE: Final = 24  # fills rows of two, three and four


@dataclass(frozen=True, slots=True)
class Order:
    """One way to sort: by an expression and then by id, which parts equals."""

    key: Any
    descending: bool


ORDERS: Final[Mapping[str, Order]] = {
    "newest": Order(F("created_at"), descending=True),
    "oldest": Order(F("created_at"), descending=False),
    "title": Order(Lower("title"), descending=False),
    "trashed": Order(F("trashed_at"), descending=True),
}


@dataclass(frozen=True, slots=True)
class Page:
    recordings: list[Recording]
    after: str  # the id after which the next page begins; empty on the last


def matching(text: str) -> Q:
    """Find words of the title or description, in any case, in any script."""
    # SQLite's LIKE knows the case of ASCII only; its REGEXP here is Python's.
    lookup = "icontains"
    if connection.vendor == "sqlite":
        lookup, text = "iregex", re.escape(text)
    return Q(**{f"title__{lookup}": text}) | Q(**{f"description__{lookup}": text})


def page(
    rows: RecordingQuerySet, *, within: RecordingQuerySet, order: str, after: str = ""
) -> Page:
    """Return one page with all that a list shows, in the same queries for any number of rows.

    `after` is the id of the last row seen, one of `within`. Raises ValidationError.
    """
    how = ORDERS[order]
    rows = rows.annotate(sort_key=how.key)
    if after:
        rows = rows.filter(_behind(how, _anchor(how, within, after)))
    sign = "-" if how.descending else ""
    found = list(
        rows.order_by(f"{sign}sort_key", f"{sign}id").with_files().with_held()[: PAGE_SIZE + 1]
    )
    here = found[:PAGE_SIZE]
    return Page(here, str(here[-1].pk) if len(found) > PAGE_SIZE else "")


def _anchor(how: Order, within: RecordingQuerySet, after: str) -> QuerySet[Any]:
    """Find the row that the page before ended with."""
    if not (after.isascii() and after.isdecimal()) or len(after) > 18:
        raise ValidationError(_("This link to a further page is damaged."))
    anchor = within.filter(pk=int(after)).annotate(sort_key=how.key).exclude(Q(sort_key=None))
    if not anchor.exists():
        raise ValidationError(_("The list has changed meanwhile: begin again at the first page."))
    return anchor


def _behind(how: Order, anchor: QuerySet[Any]) -> Q:
    """Say what comes after a row, the first condition once more in a form an index can use."""
    # The database compares its own values: SQLite writes the moments it takes itself with fewer
    # digits than it is given, as text, so one read and handed back is not equal to itself.
    beyond = "lt" if how.descending else "gt"
    value, pk = Subquery(anchor.values("sort_key")), Subquery(anchor.values("pk"))
    return Q(**{f"sort_key__{beyond}e": value}) & (
        Q(**{f"sort_key__{beyond}": value}) | Q(**{f"id__{beyond}": pk})
    )

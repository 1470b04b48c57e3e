"""`among`: a row whose number is one of many.

Like `in`, but PostgreSQL gets all numbers as one array. As a parameter each, a batch of 500 costs
more to put together than to carry out. SQLite has no arrays and goes on with `in`.
"""

from __future__ import annotations

from typing import Any

from django.db.models import BigIntegerField, ForeignKey
from django.db.models.lookups import In


@BigIntegerField.register_lookup
@ForeignKey.register_lookup
class Among(In):
    lookup_name = "among"

    def get_prep_lookup(self) -> list[int]:
        return list(self.rhs)

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        left, parameters = self.process_lhs(compiler, connection)
        return f"{left} = ANY(%s::bigint[])", [*parameters, self.rhs]

"""`among`: a row whose number is one of many.

Like `in`, but PostgreSQL gets all numbers as one array. As a parameter each, a batch of 500 costs
more to put together than to carry out. SQLite has no arrays and goes on with `in`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import BigIntegerField, ForeignKey
from django.db.models.lookups import In


def array(numbers: Iterable[int]) -> str:
    """Write numbers as PostgreSQL does an array; of a list the driver looks at each."""
    return f"{{{','.join(map(str, map(int, numbers)))}}}"


@BigIntegerField.register_lookup
@ForeignKey.register_lookup
class Among(In):
    lookup_name = "among"

    def get_prep_lookup(self) -> list[int]:
        return list(self.rhs)

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        left, parameters = self.process_lhs(compiler, connection)
        return f"{left} = ANY(%s::bigint[])", [*parameters, array(self.rhs)]

"""What the database is asked in ways that Django has no words for.

- `among`: a row whose number is one of many. Like `in`, but PostgreSQL gets all numbers as one
  array. As a parameter each, a batch of 500 costs more to put together than to carry out. SQLite
  has no arrays and goes on with `in`.
- `Lines`: a column of many rows as one text, which costs a fraction of a value for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Aggregate, BigIntegerField, ForeignKey, TextField, Value
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


class Lines(Aggregate):
    """A column's texts with a line feed between them; None of no rows."""

    name = "Lines"
    function = "GROUP_CONCAT"
    output_field = TextField()

    def __init__(self, column: str) -> None:
        super().__init__(column, Value("\n"))

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, Sequence[Any]]:
        return self.as_sql(compiler, connection, function="STRING_AGG")

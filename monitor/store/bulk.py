"""Many rows of an ordinary table, each changed to its own values, in one statement: thousands of rules do so."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from django.db.models import Model


def update(model: type[Model], ids: Sequence[int], columns: Mapping[str, Sequence[Any]]) -> None:
    """Set fields of the rows with these primary keys; each column has a value for each of them, in their order."""
    if not ids:
        return
    meta, quote = model._meta, connection.ops.quote_name  # noqa: SLF001 — Django documents it
    known = {field.name: field for field in meta.concrete_fields}
    fields = [known[name] for name in columns]
    types = [f"%s::{field.db_type(connection)}[]" for field in fields]
    names = [quote(str(field.column)) for field in fields]
    table, key = quote(meta.db_table), quote(str(meta.pk.column))
    sql = (
        f"UPDATE {table} SET {', '.join(f'{name} = new.{name}' for name in names)}"
        f" FROM unnest(%s::bigint[], {', '.join(types)}) AS new(the_key, {', '.join(names)})"
        f" WHERE {table}.{key} = new.the_key"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [list(ids), *(list(values) for values in columns.values())])

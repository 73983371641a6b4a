"""Which values of a label a project's derived series have: asked of the table, for those who keep few series."""

from django.db import connection


def values(project_id: int, name: str, label: str, *, limit: int) -> set[str]:
    """Up to ``limit`` values of ``label`` among the series called ``name``."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT labels->>%s FROM monitor_series WHERE project_id = %s AND name = %s LIMIT %s",
            [label, project_id, name, limit],
        )
        return {row[0] for row in cursor.fetchall() if row[0] is not None}

"""The tables spread over a Citus cluster: those with a shard key by it. All others stay on the coordinator, or become
reference tables, whole on every node, where that is asked for.

Citus 14 refuses to write to a reference table after a statement over several shards in the same transaction (XX000),
which rules, judges and the removal of a project do. Written against its documentation and checked on plain PostgreSQL
only (every unique key begins with the shard key, no foreign key crosses, each table is named once, parents before
children); it has not been run on a cluster.
"""

from dataclasses import dataclass

from django.db import connection, transaction

from monitor.store.shards import KEYS

COLUMN = "shard"
# partitions follow their parent, and what an extension brought is its own affair
_TABLES = """
    SELECT c.relname, EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = %s) AS spread
    FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    ORDER BY 2 DESC, 1
"""
_KEYS = """
    SELECT DISTINCT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
    WHERE contype = 'f' AND conrelid <> confrelid AND connamespace = 'public'::regnamespace
"""
_DONE = "SELECT logicalrelid::text FROM pg_dist_partition"


class NoCitusError(RuntimeError):
    """DATABASE_URL does not lead to the coordinator of a Citus cluster."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``spread``: by the shard key, lying together; ``whole``: on every node, what others point at first; ``left``:
    on the coordinator alone.
    """

    spread: tuple[str, ...]
    whole: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    def statements(self) -> list[tuple[str, list[str | int]]]:
        """In the order in which they are to be run."""
        found: list[tuple[str, list[str | int]]] = [
            ("SELECT create_reference_table(%s)", [table]) for table in self.whole
        ]
        for number, table in enumerate(self.spread):
            if number == 0:
                ask = "SELECT create_distributed_table(%s, %s, shard_count => %s)"
                found.append((ask, [table, COLUMN, len(KEYS)]))
            else:
                ask = "SELECT create_distributed_table(%s, %s, colocate_with => %s)"
                found.append((ask, [table, COLUMN, self.spread[0]]))
        return found


def plan(done: frozenset[str] = frozenset(), *, reference: bool = False) -> Plan:
    """What is to be done with the tables that are there, but for those that are spread already."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLES, [COLUMN])
        tables = cursor.fetchall()
        cursor.execute(_KEYS)
        keys = cursor.fetchall()
    spread = [name for name, by_shard in tables if by_shard]
    others = [
        name for name in _parents_first([name for name, by in tables if not by], keys) if name not in done
    ]
    # the first keeps its place also when it is done: the others lie where it lies
    mine = (
        tuple(name for name in spread if name == spread[0] or name not in done) if set(spread) - done else ()
    )
    return Plan(mine, tuple(others)) if reference else Plan(mine, left=tuple(others))


def _parents_first(tables: list[str], keys: list[tuple[str, str]]) -> list[str]:
    waiting, found = list(tables), list[str]()
    while waiting:
        held = {child for child, parent in keys if parent in waiting}
        free = [table for table in waiting if table not in held] or waiting
        found += free
        waiting = [table for table in waiting if table not in free]
    return found


def run(*, reference: bool = False) -> Plan:
    """Spread what is not spread yet; all or nothing. Raises NoCitusError."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'citus'")
        if cursor.fetchone() is None:
            message = (
                "this PostgreSQL has no extension citus; install it on all nodes, run CREATE EXTENSION citus on the"
                " coordinator, add the nodes with citus_add_node, and set DATABASE_URL to the coordinator"
            )
            raise NoCitusError(message)
        cursor.execute(_DONE)
        done = frozenset(row[0] for row in cursor.fetchall())
    return apply(plan(done, reference=reference), done)


def apply(wanted: Plan, done: frozenset[str] = frozenset()) -> Plan:
    """Run the plan's statements in one transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        for statement, values in wanted.statements():
            if values[0] not in done:
                cursor.execute(statement, values)
    return wanted

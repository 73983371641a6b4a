"""What has changed since a reader last looked, in one call that costs next to nothing where nothing has.

A snapshot that names the same transactions as the last one shows the same rows, so none is asked for again. Who
writes in the same transaction sees more than a snapshot names, and is always told. The statements are planned
once for a connection: to plan them took longer than to run them.
"""

from django.db import migrations

FORWARD = """
    CREATE FUNCTION monitor_changes(of_project bigint, since bigint, seen text)
    RETURNS TABLE (what integer, number bigint, content text, sort smallint, early float8, until float8)
    LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
    DECLARE
        present text := CASE WHEN pg_current_xact_id_if_assigned() IS NULL THEN pg_current_snapshot()::text END;
        unending CONSTANT bigint := 9223372036854775807;
    BEGIN
        IF present = seen THEN
            RETURN QUERY SELECT 0, NULL::bigint, present, NULL::smallint,
                extract(epoch FROM clock_timestamp())::float8, NULL::float8;
            RETURN;
        END IF;
        -- between: an open end would be taken for a third of the table
        RETURN QUERY
        SELECT 0, pg_snapshot_xmin(pg_current_snapshot())::text::bigint, present, NULL::smallint,
               extract(epoch FROM clock_timestamp())::float8,
               (SELECT p.buckets::float8 FROM monitor_project p WHERE p.id = of_project)
        UNION ALL
        SELECT 1, s.id, s.labels::text, s.kind, extract(epoch FROM s.first_seen)::float8,
               extract(epoch FROM s.last_seen)::float8
        FROM monitor_series s WHERE s.project_id = of_project AND s.xid BETWEEN since AND unending
        UNION ALL
        SELECT 2, b.late, NULL, NULL, min(b.min_ms)::float8, NULL FROM monitor_sample_batch b
        WHERE b.project_id = of_project AND b.late BETWEEN since AND unending GROUP BY b.late
        UNION ALL
        SELECT 2, l.xid, NULL, NULL, l.min_ms::float8, NULL FROM monitor_late_batch l
        WHERE l.project_id = of_project AND l.xid BETWEEN since AND unending;
    END $$
"""


class Migration(migrations.Migration):
    dependencies = [("monitor", "0022_membership_from_sign_on")]
    operations = [migrations.RunSQL(FORWARD, "DROP FUNCTION monitor_changes")]

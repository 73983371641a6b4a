"""Hashes of user ids get the salt of their project: without it nobody can try names until one fits.

What stands there is hashed once more with the salt, as new ones are, so the same person stays the same.
"""

import hashlib

from django.conf import settings
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_KNOWN = "SELECT DISTINCT project_id, user_hash FROM monitor_generation WHERE user_hash IS NOT NULL"
_SALT = """
    UPDATE monitor_generation AS g SET user_hash = u.made
    FROM unnest(%s::bigint[], %s::bytea[], %s::bytea[]) AS u (project_id, inner_hash, made)
    WHERE g.project_id = u.project_id AND g.user_hash = u.inner_hash
"""


def salted(project_id: int, inner: bytes) -> bytes:
    key = settings.SECRET_KEY.encode()[:64]
    salt = hashlib.blake2b(f"redaction {project_id}".encode(), key=key).digest()
    return hashlib.blake2b(inner, digest_size=8, key=salt, person=b"user").digest()


def forward(_apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(_KNOWN)
        known = [(project_id, bytes(inner)) for project_id, inner in cursor.fetchall()]
        if known:
            made = [salted(*one) for one in known]
            cursor.execute(_SALT, [[one[0] for one in known], [one[1] for one in known], made])


class Migration(migrations.Migration):
    dependencies = [("monitor", "0028_what_changed")]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]

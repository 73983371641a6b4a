"""``manage.py prepare``: what must be done once before the servers start. Running it again changes nothing, and of
several at once (each pod does it) the later ones wait for the first.
"""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from monitor.core import clock
from monitor.core.env import Env
from monitor.store import partitions
from monitor.store.models import Membership, Project, Role
from monitor.store.servers.layout import local_secret
from monitor.store.turns import turn

ADMIN = "admin"


class Command(BaseCommand):
    help = "Migrate, create partitions, the first admin and the first project."

    def handle(self, *_args: Any, **_options: Any) -> None:
        with turn("preparing", wait=True):
            self._prepare()

    def _prepare(self) -> None:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", verbosity=0, interactive=False)
        partitions.ahead(clock.now())
        call_command("compile_texts", verbosity=0)
        self._first_admin()

    def _first_admin(self) -> None:
        """An admin with a password that is printed once, and a project to send to."""
        users = get_user_model()
        if users.objects.exists():
            return
        password = Env().text("VIGIL_ADMIN_PASSWORD") or local_secret(settings.LAYOUT, "admin_password")[:16]
        admin = users.objects.create_superuser(ADMIN, "", password)
        project = Project.objects.create(slug="main", name="Main", created_at=clock.now())
        Membership.objects.create(user=admin, project=project, role=Role.ADMIN)
        shown = "the one in VIGIL_ADMIN_PASSWORD" if Env().text("VIGIL_ADMIN_PASSWORD") else password
        if settings.EMBEDDED_DATABASE:
            # tables and first rows are in their files before anybody counts on them
            with connection.cursor() as cursor:
                cursor.execute("CHECKPOINT")
        self.stdout.write(f"log in as {ADMIN} with the password {shown}")

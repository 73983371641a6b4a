"""``manage.py prepare``: what must be done once before the servers start. Running it again changes nothing, and of
several at once (each pod does it) the later ones wait for the first.
"""

from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_permission_codename, get_user_model
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection, transaction
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
        if executor.migration_plan(executor.loader.graph.leaf_nodes()) or _rights_missing():
            call_command("migrate", verbosity=0, interactive=False)
        partitions.ahead(clock.now())
        call_command("compile_texts", verbosity=0)
        self._first_admin()

    def _first_admin(self) -> None:
        """An admin with a password that is printed once, and a project to send to."""
        users = get_user_model()
        if users.objects.exists():
            return
        with transaction.atomic():
            shown = self._make_admin()
            # before they are there for good: whoever is killed in between says it again, with the same password
            self.stdout.write(f"log in as {ADMIN} with the password {shown}")
            self.stdout.flush()
        if settings.EMBEDDED_DATABASE:
            # tables and first rows are in their files before anybody counts on them
            with connection.cursor() as cursor:
                cursor.execute("CHECKPOINT")

    def _make_admin(self) -> str:
        """The admin and what they own; what to show as their password."""
        password = Env().text("VIGIL_ADMIN_PASSWORD") or local_secret(settings.LAYOUT, "admin_password")[:16]
        admin = get_user_model().objects.create_superuser(ADMIN, "", password)
        project = Project.objects.create(slug="main", name="Main", created_at=clock.now())
        Membership.objects.create(user=admin, project=project, role=Role.ADMIN)
        return "the one in VIGIL_ADMIN_PASSWORD" if Env().text("VIGIL_ADMIN_PASSWORD") else password


def _rights_missing() -> bool:
    """Whether the rights that people can be given are not all written down: Django does so after the last migration,
    when nothing tells of it any more that it was cut off.
    """
    kinds = [model._meta for model in apps.get_models()]  # noqa: SLF001 — Django's name for what is public
    wanted = {
        (kind.app_label, get_permission_codename(action, kind))
        for kind in kinds
        for action in kind.default_permissions
    }
    return not wanted <= set(Permission.objects.values_list("content_type__app_label", "codename"))

"""What is done before the servers start, killed again and again on its way: the next start goes on from there."""

import datetime as dt
import itertools
import random
from pathlib import Path
from unittest.mock import patch

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from monitor.core import clock
from monitor.store.models import Membership, Role
from monitor.store.servers import backup
from monitor.store.servers.layout import Layout, local_secret
from tests.fixtures.fix_forks import Copies, apart, begun, ended, inside, seen

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
EARLIER = Path(__file__).parent / "fixtures" / "releases" / "earlier.backup"
# at so many statements after it was begun again; a start without anything left to do has fewer
KILLS, NEAREST, FARTHEST = 5, 20, 220
SHAPE = """
    SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || coalesce(column_default, '')
    FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT app_label || '.' || codename FROM auth_permission JOIN django_content_type t ON t.id = content_type_id
    ORDER BY 1
"""


class Start:
    """What a start does with the database; all that it says goes into a file."""

    def __init__(self, said: Path, now: dt.datetime) -> None:
        self.said, self.now = said, now

    def __call__(self) -> None:
        with patch.object(clock, "now", lambda: self.now), self.said.open("a") as out:
            call_command("prepare", stdout=out)


@pytest.fixture
def start(tmp_path: Path, now: dt.datetime) -> Start:
    return Start(tmp_path / "said", now)


def shape(copies: Copies, database: str) -> list[str]:
    return [row[0] for row in copies.inside(database, SHAPE)]


def test_every_migration_is_one_transaction() -> None:
    """So one that is cut off has done nothing, wherever that was."""
    migrations = MigrationLoader(connection).graph.nodes.values()
    assert [str(one) for one in migrations if one is not None and not one.atomic] == []


def test_an_upgrade_that_is_killed_anywhere_is_taken_up_again(
    copies: Copies, start: Start, tmp_path: Path
) -> None:
    killed = copies.make("migrated", "template0")
    backup.restore(EARLIER, {**connection.settings_dict, "NAME": killed}, Layout(tmp_path))
    whole = copies.make("undisturbed", killed)
    chance, died = random.Random(2), 0
    for _ in range(KILLS):
        (code,) = ended(begun(killed, start, killed_at=chance.randint(NEAREST, FARTHEST)))
        assert code in {0, -9}
        died += code == -9
        copies.wait_until_left(killed)
    assert ended(begun(killed, start), begun(whole, start)) == [0, 0]
    assert died > 1
    assert shape(copies, killed) == shape(copies, whole)
    assert apart(seen(killed), seen(whole)) == {}


def test_rights_that_were_not_written_down_any_more_are_written_at_the_next_start(start: Start) -> None:
    Permission.objects.filter(codename="change_rule").delete()
    start()
    assert Permission.objects.filter(codename="change_rule").exists()


def test_a_first_start_that_is_killed_anywhere_still_has_its_admin_and_says_the_password(
    copies: Copies, start: Start
) -> None:
    database = copies.make("first")
    for number in itertools.count(1):
        (code,) = ended(begun(database, start, killed_at=number))
        if code != -9:
            break
        copies.wait_until_left(database)
    assert code == 0
    with inside(database):
        (admin,) = get_user_model().objects.all()
        (owned,) = Membership.objects.select_related("project", "user")
        assert (owned.user, owned.role, owned.project.slug) == (admin, Role.ADMIN, "main")
        password = local_secret(settings.LAYOUT, "admin_password")[:16]
        assert admin.check_password(password)
        assert password in start.said.read_text()

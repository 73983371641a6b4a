import datetime as dt
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from monitor.ingest import keys
from tests.fixtures.fix_cast import Cast


def create(project: str, *scopes: str) -> str:
    out = StringIO()
    wanted = [argument for scope in scopes for argument in ("--scope", scope)]
    call_command("key", "create", "--project", project, "--name", "test", *wanted, stdout=out)
    return out.getvalue()


def test_the_key_stands_alone_on_stdout_and_works(cast: Cast, now: dt.datetime) -> None:
    known = keys.find(create("shop", "ingest", "query").removesuffix("\n"), now=now)
    assert known is not None
    assert (known.project_id, known.scopes) == (cast.project.pk, frozenset({"ingest", "query"}))


def test_an_unknown_project_is_named(cast: Cast) -> None:
    with pytest.raises(CommandError, match="no project 'nowhere'"):
        create("nowhere", "ingest")


def test_an_unknown_scope_is_named(cast: Cast) -> None:
    with pytest.raises(CommandError, match="'everything' does not exist"):
        create("shop", "everything")

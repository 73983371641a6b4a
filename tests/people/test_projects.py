import datetime as dt

from monitor.people import projects
from monitor.people import read as people
from tests.fixtures.fix_cast import Cast


def test_a_deleted_project_is_gone_at_once(cast: Cast, now: dt.datetime) -> None:
    assert projects.delete(cast.project.id, now)
    assert people.place(cast.ada, "shop") is None


def test_a_project_is_deleted_only_once(cast: Cast, now: dt.datetime) -> None:
    projects.delete(cast.project.id, now)
    assert not projects.delete(cast.project.id, now)

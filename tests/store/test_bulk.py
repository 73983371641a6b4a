"""Many rows are changed by one statement, each to its own values."""

from typing import Any

from monitor.store import bulk
from monitor.store.models import Project
from tests.fixtures.fix_cast import NOON, Cast


def test_each_row_gets_its_own_values(cast: Cast) -> None:
    other = Project.objects.create(slug="second-shop", created_at=NOON)
    columns: dict[str, list[Any]] = {
        "name": ["一 %", "b"],
        "content_days": [3, None],
        "raw_from": [None, NOON],
    }
    bulk.update(Project, [cast.project.pk, other.pk], columns)
    rows = Project.objects.filter(pk__in=[cast.project.pk, other.pk]).order_by("pk")
    assert list(rows.values_list("name", "content_days", "raw_from")) == [
        ("一 %", 3, None),
        ("b", None, NOON),
    ]


def test_rows_that_are_gone_stay_gone(cast: Cast) -> None:
    before = Project.objects.count()
    bulk.update(Project, [10**9], {"name": ["x"]})
    bulk.update(Project, [], {"name": []})
    assert Project.objects.count() == before

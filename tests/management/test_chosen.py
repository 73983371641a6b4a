import pytest
from django.core.management.base import CommandError

from monitor.management import chosen
from tests.fixtures.fix_cast import Cast


def test_a_project_is_found_by_its_slug(cast: Cast) -> None:
    assert chosen.project("shop") == cast.project


@pytest.mark.django_db
def test_a_project_that_is_not_there_is_said_with_the_way_to_make_it() -> None:
    with pytest.raises(CommandError, match=r"no project 'nowhere'.*project create"):
        chosen.project("nowhere")

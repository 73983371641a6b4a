import pytest
from django.core.management import CommandError, call_command

from monitor.store.models import Project
from tests.fixtures.fix_cast import Cast


def test_a_project_is_created(cast: Cast) -> None:
    call_command("project", "create", "garden", "--name", "The garden")
    assert Project.objects.get(slug="garden").name == "The garden"


@pytest.mark.parametrize("slug", ["shop", "no spaces", ""])
def test_a_slug_that_exists_or_is_none_is_refused(cast: Cast, slug: str) -> None:
    with pytest.raises(CommandError):
        call_command("project", "create", slug)

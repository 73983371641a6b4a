import pytest
from django.core.management import CommandError, call_command

from monitor.ingest.models import ScrapeTarget
from monitor.rules.models import RuleGroup
from monitor.store.models import Project
from tests.fixtures.fix_cast import Cast


def test_a_project_is_created(cast: Cast) -> None:
    call_command("project", "create", "garden", "--name", "The garden")
    assert Project.objects.get(slug="garden").name == "The garden"


@pytest.mark.parametrize("slug", ["shop", "no spaces", ""])
def test_a_slug_that_exists_or_is_none_is_refused(cast: Cast, slug: str) -> None:
    with pytest.raises(CommandError):
        call_command("project", "create", slug)


@pytest.mark.parametrize("choice, found", [("none", []), ("off", [False]), ("on", [True])])
def test_a_project_begins_with_rules_by_choice(cast: Cast, choice: str, found: list[bool]) -> None:
    call_command("project", "create", "garden", "--rules", choice)
    groups = RuleGroup.objects.filter(project__slug="garden")
    assert sorted(set(groups.values_list("enabled", flat=True))) == found
    jobs = ScrapeTarget.objects.filter(project__slug="garden").values_list("job", flat=True)
    assert list(jobs) == (["vigil"] if found else [])

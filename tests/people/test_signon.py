import pytest

from monitor.core.env import BadSettingError
from monitor.people import signon
from monitor.store.models import Membership, Role
from tests.fixtures.fix_cast import Cast

RULES = [("sre", "shop:editor"), ("llm", "*:viewer"), ("*", "other:labeller")]


def test_the_strongest_matching_rule_wins() -> None:
    rules = signon.grants([*RULES, ("sre", "*:admin")])
    assert signon.wanted(rules, {"sre", "llm"}, ["shop"]) == {"shop": Role.ADMIN}


def test_a_star_stands_for_everybody_and_for_every_project() -> None:
    rules = signon.grants(RULES)
    assert signon.wanted(rules, {"llm"}, ["shop", "other"]) == {"shop": Role.VIEWER, "other": Role.LABELLER}


@pytest.mark.parametrize("given", ["shop", "shop:king", ":viewer"])
def test_a_rule_that_cannot_be_read_is_refused_with_its_text(given: str) -> None:
    with pytest.raises(BadSettingError, match=f"sre={given}"):
        signon.grants([("sre", given)])


def test_a_claim_is_a_text_a_list_or_a_path() -> None:
    claims = {"groups": ["a", "b", 3], "one": "c", "realm": {"roles": ["d"]}}
    found = [signon.values(claims, name) for name in ("groups", "one", "realm.roles", "none")]
    assert found == [{"a", "b"}, {"c"}, {"d"}, set()]


def test_roles_follow_the_claim_and_hands_stay_untouched(cast: Cast) -> None:
    rules = signon.grants([("sre", "*:editor")])
    signon.keep_in_step(cast.cy, rules, {"sre"})
    mine = Membership.objects.filter(user=cast.cy)
    assert mine.get(project=cast.project).role == Role.EDITOR
    assert cast.cy.is_staff
    signon.keep_in_step(cast.cy, rules, set())
    assert [(row.project, row.role) for row in mine] == [(cast.other, Role.ADMIN)]

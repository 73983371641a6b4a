from monitor.people import read as people
from tests.fixtures.fix_cast import Cast


def test_a_person_sees_the_projects_of_which_she_is_a_member(cast: Cast) -> None:
    assert [place.slug for place in people.places(cast.ben)] == ["shop"]


def test_a_stranger_cannot_enter(cast: Cast) -> None:
    assert people.place(cast.cy, "shop") is None


def test_a_role_allows_itself_and_what_is_below(cast: Cast) -> None:
    place = people.place(cast.ben, "shop")
    assert place is not None
    assert (place.allows("viewer"), place.allows("labeller")) == (True, False)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerting import matching
from monitor.alerting.routing import DEFAULT, Way, digest, group_labels, names, ways_for
from monitor.core.labels import Labels, Matcher

CRITICAL = Labels({"alertname": "Slow", "severity": "critical", "team": "a"})


def way(number: int, text: str = "", *, go_on: bool = False) -> Way:
    return Way(id=number, matchers=matching.parse(text), go_on=go_on)


def taken(*ways: Way) -> list[int | None]:
    return [one.id for one in ways_for(CRITICAL, ways)]


def test_without_routes_the_default_takes_everything() -> None:
    assert ways_for(CRITICAL, []) == [DEFAULT]


def test_the_first_route_that_matches_takes_the_alert() -> None:
    assert taken(way(1, 'team="b"'), way(2, 'severity="critical"'), way(3)) == [2]


def test_a_route_that_goes_on_lets_the_next_ones_have_it_too() -> None:
    assert taken(way(1, go_on=True), way(2, 'team="b"'), way(3), way(4)) == [1, 3]


def test_with_routes_an_alert_that_none_matches_goes_to_nobody() -> None:
    assert taken(way(1, 'team="b"')) == []


@pytest.mark.parametrize(
    "group_by, expected",
    [(("alertname",), {"alertname": "Slow"}), ((), {}), (("...",), dict(CRITICAL)), (("nosuch",), {})],
)
def test_a_group_shares_the_labels_it_is_grouped_by(
    group_by: tuple[str, ...], expected: dict[str, str]
) -> None:
    assert dict(group_labels(CRITICAL, group_by)) == expected


def test_groups_with_other_labels_have_other_names() -> None:
    found = {
        digest(Labels(pairs)) for pairs in ({}, {"a": "bc"}, {"ab": "c"}, {"a": "b", "c": ""}, {"a": "b"})
    }
    assert len(found) == 4


def test_group_by_is_read_as_people_type_it() -> None:
    assert names(" alertname, team\nversion,, ") == ("alertname", "team", "version")


@pytest.mark.parametrize(
    "text, matches",
    [
        ('severity="critical"', True), ("severity=critical", True), ('severity!="critical"', False),
        ('severity=~"crit.*|warning"', True), ('severity=~"crit"', False), ('team!~"b|c"', True),
        ('{severity="critical", team="b"}', False), ('severity="critical"\nteam="a"', True), ('nosuch=""', True),
        ("", True), ('"team"="a",', True),
    ],
)  # fmt: skip
def test_matchers_are_alertmanagers(text: str, matches: bool) -> None:
    assert matching.all_match(matching.parse(text), CRITICAL) is matches


@pytest.mark.parametrize("text", ["severity", 'a="b" c="d"', '="x"', 'a=~"("', 'a="b', "a==b"])
def test_what_is_no_matcher_is_refused(text: str) -> None:
    with pytest.raises(matching.BadMatchersError):
        matching.parse(text)


MATCHERS = st.builds(
    Matcher, st.text(min_size=1, max_size=8), st.sampled_from(["=", "!="]), st.text(max_size=8)
)


@given(st.lists(MATCHERS, max_size=3))
def test_matchers_survive_being_written_and_read(matchers: list[Matcher]) -> None:
    assert list(matching.parse(matching.text(matchers))) == matchers


def tree() -> tuple[Way, ...]:
    inner = Way(id=3, matchers=matching.parse('severity="critical"'))
    first = Way(id=2, matchers=matching.parse('team="a"'), children=(inner,), go_on=True)
    return (Way(id=1, children=(first, Way(id=4, matchers=matching.parse("team=~'a|b'".replace("'", '"'))))),)


@pytest.mark.parametrize("labels, expected", [
    ({"team": "a", "severity": "critical"}, [3, 4]),
    ({"team": "a"}, [2, 4]),
    ({"team": "b"}, [4]),
    ({"team": "z"}, [1]),
])  # fmt: skip
def test_the_deepest_route_that_matches_takes_the_alert(labels: dict[str, str], expected: list[int]) -> None:
    assert [way.id for way in ways_for(Labels(labels), tree())] == expected


def test_a_dash_groups_by_no_label() -> None:
    assert names("-") == ()


@pytest.mark.parametrize("text", ['模型="通义"', '"模型"=~"通.*"', '模型!="x"', '"a.b"!="c"'])
def test_matchers_may_name_labels_in_any_script(text: str) -> None:
    assert matching.all_match(matching.parse(text), {"模型": "通义"})

import datetime as dt

from monitor.alerting import policy, routing
from monitor.alerting.models import Contact, Inhibition, Route, TimeInterval
from tests.fixtures.fix_alerting import Pager
from tests.fixtures.fix_cast import Cast


def route(cast: Cast, name: str, parent: Route | None = None, **changes: str) -> Route:
    return Route.objects.create(project=cast.project, name=name, parent=parent, **changes)


def test_what_is_left_empty_is_the_parents(pager: Pager) -> None:
    root = route(
        pager.cast, "root", group_by="job", group_wait="3s", group_interval="7s", repeat_interval="1h"
    )
    root.contacts.add(pager.contact)
    route(pager.cast, "child", root, matchers='job="a"', group_wait="1s")
    (top,) = policy.ways_of(pager.cast.project.id)
    (child,) = top.children
    assert (child.group_by, child.contacts) == (("job",), (pager.contact.pk,))
    assert [span.total_seconds() for span in (child.wait, child.interval, child.repeat)] == [1, 7, 3600]


def test_quiet_times_are_not_inherited(cast: Cast) -> None:
    root = route(cast, "root")
    root.mute_intervals.add(
        TimeInterval.objects.create(project=cast.project, name="always", spec="years: ['2000:2999']")
    )
    route(cast, "child", root)
    (top,) = policy.ways_of(cast.project.id)
    assert (top.quiet_by(cast.project.created_at), top.children[0].quiet_by(cast.project.created_at)) == (
        ("always",),
        (),
    )


def test_a_way_is_named_by_the_matchers_that_lead_to_it(cast: Cast) -> None:
    root = route(cast, "root")
    route(cast, "child", root, matchers='severity="critical", team=~"a|b"')
    (top,) = policy.ways_of(cast.project.id)
    assert (top.key, top.children[0].key) == ("{}", '{}/{severity="critical",team=~"a|b"}')


def test_a_route_that_is_off_or_can_not_be_read_takes_its_children_with_it(cast: Cast) -> None:
    broken, off = route(cast, "broken", matchers="!!"), route(cast, "off")
    Route.objects.filter(pk=off.pk).update(enabled=False)
    for parent in (broken, off):
        route(cast, "child", parent)
    assert policy.ways_of(cast.project.id) == ()


def test_top_routes_without_contacts_tell_nobody(pager: Pager) -> None:
    route(pager.cast, "root")
    known = policy.load(pager.cast.project.id, now=pager.moment(0))
    assert known.told(known.ways[0]) == []


def test_receivers_are_known_by_the_word_they_share(pager: Pager) -> None:
    Contact.objects.create(
        project=pager.cast.project, name="mail", kind="email", receiver="ops", enabled=False
    )
    Contact.objects.create(project=pager.cast.project, name="other", kind="email")
    known = policy.load(pager.cast.project.id, now=pager.moment(0))
    assert known.receivers(routing.DEFAULT) == ["ops", "other"]
    assert [one.name for one in known.told(routing.DEFAULT)] == ["ops", "other"]


def test_an_inhibition_that_can_not_be_read_keeps_nothing_quiet(pager: Pager) -> None:
    Inhibition.objects.create(project=pager.cast.project, source_matchers="!!", target_matchers="")
    pager.fire(at=0)
    assert policy.inhibitor_of(pager.cast.project.id, now=pager.moment(1)).by({"a": "b"}) == ""


def test_a_run_believes_what_it_read_for_a_second(pager: Pager) -> None:
    book, project = policy.Book(), pager.cast.project.id
    first = book.of(project, now=pager.moment(0))
    assert book.of(project, now=pager.moment(0.9)) is first
    assert book.of(project, now=pager.moment(0) + dt.timedelta(seconds=1)) is not first

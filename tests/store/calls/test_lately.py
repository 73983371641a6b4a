import datetime as dt

from monitor.store.calls import lately
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast

HOUR = dt.timedelta(hours=1)


def test_every_version_is_found_however_many_calls_another_has(
    push: Push, cast: Cast, now: dt.datetime
) -> None:
    push([{"at": now - HOUR, "version": "v0"}, {"at": now - HOUR, "model": "rare", "version": "r1"}])
    push([{"at": now - dt.timedelta(seconds=one)} for one in range(1, 30)])
    found = lately.versions(cast.project.pk, now - 2 * HOUR, now, most=10)
    assert [(one.model, one.version, one.n) for one in found] == [
        ("qwen", "v1", 10), ("qwen", "v0", 1), ("rare", "r1", 1),
    ]  # fmt: skip
    assert found[0].first == now - dt.timedelta(seconds=29)
    assert found[0].last == now - dt.timedelta(seconds=1)


def test_what_lies_outside_the_span_or_the_model_is_left_out(
    push: Push, cast: Cast, now: dt.datetime
) -> None:
    push([{"at": now - 30 * HOUR, "version": "gone"}, {"model": "other"}, {}])
    found = lately.versions(cast.project.pk, now - HOUR, now, model="qwen")
    assert [(one.model, one.version) for one in found] == [("qwen", "v1")]
    assert not lately.versions(cast.other.pk, now - HOUR, now)

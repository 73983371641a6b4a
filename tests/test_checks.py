"""Each mistake in the configuration is found by its id."""

import pytest
from django.test import override_settings

from monitor import checks
from monitor.registry import Registry


def test_the_shipped_plugins_load() -> None:
    assert checks.plugins_load() == []


@pytest.mark.parametrize("path", ["monitor.nothing.Thing", "monitor.registry.Nothing"])
def test_a_typo_in_a_list_is_an_error(path: str) -> None:
    (problem,) = checks.broken(Registry("thing", {"x": path}))
    assert (problem.id, path in problem.msg) == ("monitor.E001", True)


def test_a_bind_that_nobody_can_name_is_a_warning() -> None:
    with override_settings(VIGIL_BIND=("0.0.0.0", 80), ALLOWED_HOSTS=["localhost"]):
        assert [problem.id for problem in checks.reachable_by_name()] == ["monitor.W001"]
    with override_settings(VIGIL_BIND=("0.0.0.0", 80), ALLOWED_HOSTS=["vigil.example.com"]):
        assert checks.reachable_by_name() == []


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"METRICS_URL": ""}, []),
        ({"METRICS_URL": "http://mimir/prometheus"}, []),
        ({"METRICS_URL": "mimir"}, ["monitor.E002"]),
        ({"METRICS_URL": "http://mimir", "METRICS_HISTOGRAMS": "old"}, ["monitor.E002"]),
        ({"METRICS_WRITE_URL": "http://mimir"}, ["monitor.W002"]),
    ],
)
def test_a_series_store_that_cannot_be_used_is_an_error(settings: dict[str, str], found: list[str]) -> None:
    with override_settings(**settings):
        problems = checks.series_store_readable()
    assert [problem.id for problem in problems] == found
    assert all(problem.hint for problem in problems)

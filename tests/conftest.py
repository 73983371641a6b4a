"""Gathers the fixtures; each subject has its own file under ``fixtures/``."""

from collections.abc import Iterator

import hypothesis
import pytest
from django.conf import settings
from django.utils import translation

from dashboards import assets, texts

pytest_plugins = [
    "tests.fixtures.fix_emptied",
    "tests.fixtures.fix_cast",
    "tests.fixtures.fix_calls",
    "tests.fixtures.fix_world",
    "tests.fixtures.fix_browser",
    "tests.fixtures.fix_gpu",
    "tests.fixtures.fix_outside",
    "tests.fixtures.fix_alerting",
    "tests.fixtures.fix_product",
    "tests.fixtures.fix_traffic",
    "tests.fixtures.fix_release",
    "tests.fixtures.fix_nginx",
    "tests.fixtures.fix_paddle",
    "tests.fixtures.fix_engines",
    "tests.fixtures.fix_cache",
    "tests.fixtures.fix_forks",
    "tests.fixtures.fix_work",
]


def pytest_configure() -> None:
    """The real hasher takes 0.2 s per person, and the cast has three in each test; each client of a test would look
    through all static files first, as a server does when it starts.
    """
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.WHITENOISE_AUTOREFRESH = True
    # ten seconds of a core that tests can use better
    assets.BEST_AFTER_SECONDS = 86_400.0
    # how long an example takes says something of the machine, not of the code
    hypothesis.settings.register_profile(
        "untimed",
        hypothesis.settings(),
        deadline=None,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
    hypothesis.settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that start programs come first: where several workers share the files, short ones fill the end."""
    items.sort(key=lambda item: item.get_closest_marker("processes") is None)


@pytest.fixture(autouse=True)
def _language() -> Iterator[None]:
    """A page that was asked for in Chinese leaves its thread speaking it."""
    yield
    translation.deactivate()


@pytest.fixture(scope="session", autouse=True)
def _texts() -> None:
    """Pages in Chinese need the compiled catalogue, which `make up` would have made."""
    texts.compile_all()

"""Gathers the fixtures; each subject has its own file under ``fixtures/``."""

pytest_plugins = ["tests.fixtures.fix_cast", "tests.fixtures.fix_gpu", "tests.fixtures.fix_outside", "tests.fixtures.fix_product"]

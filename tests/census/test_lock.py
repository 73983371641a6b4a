"""The lock names everything that the product depends on, by hash, and no machine it came from."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SERVER: list[str] = PROJECT["project"]["optional-dependencies"]["server"]
LOCKS = {
    "requirements.txt": SERVER,
    "requirements-dev.txt": SERVER + PROJECT["dependency-groups"]["dev"],
}


def name_of(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def entries(lock: str) -> list[str]:
    text = (ROOT / lock).read_text("utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("lock", LOCKS)
def test_it_holds_every_dependency(lock: str) -> None:
    assert {name_of(one) for one in LOCKS[lock]} - {name_of(one) for one in entries(lock)} == set()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_entry_is_pinned_and_hashed(lock: str) -> None:
    assert [one[:60] for one in entries(lock) if "==" not in one or "--hash=sha256:" not in one] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_no_address_stands_in_it(lock: str) -> None:
    assert not re.search(r"://|--index|--find-links| @ ", (ROOT / lock).read_text("utf-8"))


def test_tests_run_on_the_versions_that_are_shipped() -> None:
    def pins(lock: str) -> set[str]:
        return {one.split(";")[0].split("--hash")[0].strip() for one in entries(lock)}

    assert pins("requirements.txt") <= pins("requirements-dev.txt")


def test_what_a_gpu_host_needs_is_part_of_the_whole() -> None:
    assert set(PROJECT["project"]["optional-dependencies"]["gpu-agent"]) <= set(SERVER)
    assert PROJECT["project"]["dependencies"] == []

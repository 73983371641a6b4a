"""The production shape stays in step with the product: its variables, its folders, its commands."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

ROOT = Path(__file__).parents[2]
SHAPE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
OURS = ("prepare", "web", "worker", "beat", "gpu")
LIBRARIES = {"PROMETHEUS_MULTIPROC_DIR"}


def test_every_variable_it_sets_is_in_the_manual() -> None:
    manual = (ROOT / "templates" / "docs" / "configuration.md").read_text("utf-8")
    told = set(re.findall(r"^\| `(\w+)`", manual, re.MULTILINE))
    names = {name.removesuffix("_FILE") for name in SHAPE["services"]["web"]["environment"]}
    assert names - LIBRARIES - told == set()


def test_what_the_image_copies_is_there() -> None:
    build = SHAPE["services"]["web"]["build"]["dockerfile_inline"]
    copied = [word for line in re.findall(r"^COPY (.+) \S+$", build, re.MULTILINE) for word in line.split()]
    assert copied
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_the_command_that_prepares_exists() -> None:
    assert SHAPE["services"]["prepare"]["command"][-1] in get_commands()


@pytest.mark.parametrize("name", OURS)
def test_nothing_of_ours_runs_as_root(name: str) -> None:
    assert SHAPE["services"][name]["user"] == "10001:10001"
    assert SHAPE["services"][name]["cap_drop"] == ["ALL"]


@pytest.mark.parametrize("name", [name for name in SHAPE["services"] if name != "prepare"])
def test_every_service_that_stays_has_a_health_check(name: str) -> None:
    assert SHAPE["services"][name]["healthcheck"]["test"]


def test_every_secret_comes_from_a_file() -> None:
    assert all(secret["file"].startswith("./secrets/") for secret in SHAPE["secrets"].values())
    text = (ROOT / "templates" / "docs" / "operations.md").read_text("utf-8")
    assert [name for name in SHAPE["secrets"] if f"secrets/{name}" not in text] == []


def test_the_texts_are_compiled_into_the_image() -> None:
    build = SHAPE["services"]["web"]["build"]["dockerfile_inline"]
    assert "compile_texts" in build.partition("USER vigil")[0]

"""The manifest runs what Compose runs, with the same variables, and nothing of ours has rights."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ITEMS: list[dict[str, Any]] = yaml.safe_load((ROOT / "templates/deploy/kubernetes.yaml").read_text("utf-8"))[
    "items"
]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
OURS = {
    item["metadata"]["name"].removeprefix("vigil-"): item["spec"]["template"]["spec"]
    for item in ITEMS
    if item["kind"] == "Deployment"
}


def test_it_runs_the_commands_of_compose() -> None:
    assert {name: pod["containers"][0]["command"] for name, pod in OURS.items()} == {
        name: COMPOSE[name]["command"] for name in ("web", "worker", "beat")
    }
    assert {tuple(pod["initContainers"][0]["command"]) for pod in OURS.values()} == {
        tuple(COMPOSE["prepare"]["command"])
    }


def test_every_variable_it_sets_is_in_the_manual() -> None:
    manual = (ROOT / "templates" / "docs" / "configuration.md").read_text("utf-8")
    told = set(re.findall(r"^\| `(\w+)`", manual, re.MULTILINE)) | {"PROMETHEUS_MULTIPROC_DIR"}
    (settings,) = [item["data"] for item in ITEMS if item["kind"] == "ConfigMap"]
    assert {name.removesuffix("_FILE") for name in settings} - told == set()


def test_its_images_are_those_of_compose() -> None:
    text = (ROOT / "templates/deploy/kubernetes.yaml").read_text("utf-8")
    assert set(re.findall(r"image: (\S+)", text)) == {one["image"] for one in COMPOSE.values()}


@pytest.mark.parametrize("name", OURS)
def test_nothing_of_ours_has_rights(name: str) -> None:
    pod = OURS[name]
    assert pod["securityContext"]["runAsNonRoot"]
    assert not pod["automountServiceAccountToken"]
    for container in [*pod["initContainers"], *pod["containers"]]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_selectors_find_their_pods() -> None:
    pods = [
        item["spec"]["template"]["metadata"]["labels"] for item in ITEMS if "template" in item.get("spec", {})
    ]
    for item in ITEMS:
        if item["kind"] == "Service":
            assert any(item["spec"]["selector"].items() <= labels.items() for labels in pods), item[
                "metadata"
            ]["name"]

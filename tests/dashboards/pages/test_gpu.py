import dataclasses
import datetime as dt

import pytest

from dashboards.pages import gpu
from monitor.gpu import read
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_world import Look


def test_every_card_has_its_place(look: Look, world: object) -> None:
    assert [card.uuid for card, *_ in look("gpu").context["cards"]] == ["GPU-0", "GPU-1"]


def test_a_figure_that_no_card_tells_is_unknown(look: Look, world: object) -> None:
    assert "throttling: unknown" in look("gpu").content.decode()


def test_without_cards_the_page_says_how_to_poll(look: Look) -> None:
    assert "gpu_agent" in look("gpu").content.decode()


@pytest.mark.parametrize("change, state", [
    ({}, "good"), ({"temperature_celsius": 90.0}, "bad"), ({"memory_used_bytes": 79e9}, "warn"),
    ({"throttle": {"hw_thermal": True}}, "warn"), ({"throttle": {"gpu_idle": True}}, "good"),
    ({"ecc_errors": {"uncorrected": 1.0}}, "bad"),
    ({"temperature_celsius": None, "memory_used_bytes": None}, "unknown"),
    ({"temperature_celsius": 84.0, "temperature_limit_celsius": 87.0}, "bad"),
])  # fmt: skip
def test_a_card_is_judged_by_its_worst_figure(
    world: object, cast: Cast, now: dt.datetime, change: dict[str, object], state: str
) -> None:
    card = read.cards(cast.project.id, now)[0]
    changed = dataclasses.replace(card, **change)  # type: ignore[arg-type] # fields by name
    assert gpu.verdict(changed)[0] == state

from pathlib import Path

from monitor.management.simulation.meters import Meters
from monitor.management.simulation.story import DAY, Story

ANCHOR = 1_795_200_000.0


def test_simulated_cards_say_so() -> None:
    assert all(labels["simulated"] == "true" for labels, _ in Meters(Story(ANCHOR)).gpus(ANCHOR))


def test_series_are_named_as_the_real_poller_names_them() -> None:
    names = {labels["__name__"] for labels, _ in Meters(Story(ANCHOR)).gpus(ANCHOR)}
    manual = (Path(__file__).parents[3] / "templates" / "docs" / "gpus.md").read_text(encoding="utf-8")
    assert {name for name in names if f"`{name}" not in manual} == set()


def test_only_the_badly_cooled_card_throttles() -> None:
    meters = Meters(Story(ANCHOR))
    throttled = {
        labels["gpu"]
        for at in range(0, int(DAY), 300)
        for labels, value in meters.gpus(ANCHOR + at)
        if labels["__name__"] == "gpu_throttle" and value
    }
    assert throttled == {"1"}

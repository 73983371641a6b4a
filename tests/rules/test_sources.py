"""A card that two sources tell of gives one alert."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from monitor import query
from monitor.core.labels import NAME, Labels
from monitor.core.samples import Series
from monitor.promql.values import Grid
from tests.promql.language import memory

STARTER = Path(__file__).parents[2] / "monitor" / "rules" / "starter.yml"
CARD = {"host": "h", "gpu": "0", "uuid": "GPU-1", "name": "H100"}
END = 3_600_000
TIMES = np.arange(0, END + 1, 15_000)


@pytest.mark.parametrize(
    "alert, figures",
    [
        ("GPUTooHot", {"gpu_temperature_celsius": np.full(len(TIMES), 95.0)}),
        (
            "GPUMemoryFull",
            {
                "gpu_memory_used_bytes": np.full(len(TIMES), 79e9),
                "gpu_memory_total_bytes": np.full(len(TIMES), 80e9),
            },
        ),
        ("GPUDoubleBitError", {"gpu_ecc_errors_total": np.arange(len(TIMES), dtype=float)}),
    ],
)
def test_two_sources_of_one_card_make_one_alert(alert: str, figures: dict[str, np.ndarray]) -> None:
    groups = yaml.safe_load(STARTER.read_text(encoding="utf-8"))["groups"]
    (expr,) = [rule["expr"] for group in groups for rule in group["rules"] if rule.get("alert") == alert]
    more = {"kind": "uncorrected"} if alert == "GPUDoubleBitError" else {}
    series = [
        Series(Labels({NAME: name, **CARD, **more, **source}), TIMES, values)
        for name, values in figures.items()
        for source in ({}, {"source": "dcgm"})
    ]
    assert len(query.ask(memory(series), expr, Grid(END, END, 1), at_once=True).labels) == 1

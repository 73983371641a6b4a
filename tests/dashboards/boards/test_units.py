import pytest

from dashboards.boards.units import show


@pytest.mark.parametrize(
    "value, unit, decimals, found",
    [
        (1500, "ms", None, "1.5 s"), (12.3, "percent", None, "12.3 %"), (0.5, "percentunit", 0, "50 %"), (2, "decmbytes", None, "1.91 MiB"),
        (5, "reqps", None, "5 /s"), (3, "Requests", None, "3 Requests"), (1e6, "Bps", None, "977 KiB/s"), (None, "s", None, "—"),
        (0, "dateTimeAsIso", None, "1970-01-01 00:00:00"), (3.14159, "none", 2, "3.14"), (1234567, "short", 1, "1.2 M"),
    ],
)  # fmt: skip
def test_a_value_is_written_in_its_unit(
    value: float | None, unit: str, decimals: int | None, found: str
) -> None:
    assert show(value, unit, decimals).replace("\u00a0", " ") == found

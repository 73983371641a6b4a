from dashboards.panels.timeline import PANEL
from tests.kits import panel as kit


def test_a_stretch_has_its_start_and_its_length() -> None:
    bars = PANEL.figure(kit.frames("timeline", 1), kit.options())["data"][0]
    assert (bars["base"], bars["x"]) == ([kit.START], [30_000])

"""Two simulated GPU cards, marked as such by a label; the second is badly cooled and throttles under load."""

from monitor.management.simulation.services import QWEN
from monitor.management.simulation.story import Story, wobble
from monitor.management.simulation.totals import Rates, Totals

Sample = tuple[dict[str, str], float]
HOST = "demo-gpu-1"
MEMORY = 80 * 2**30
CARDS = (0, 1)
LIMIT_CELSIUS, LIMIT_WATTS = 87.0, 700.0
THROTTLED_AT = 84.0
TOP_HERTZ = 1.98e9


def read(story: Story, energy: list[Totals], at: float) -> list[Sample]:
    """What both cards show at a moment, as the product's own poller names it."""
    return [sample for card in CARDS for sample in _card(story, card, energy[card].at(at)[0], at)]


def meters(story: Story) -> list[Totals]:
    """The energy counters of the cards."""
    return [Totals(_Watts(story, card)) for card in CARDS]


class _Watts:
    def __init__(self, story: Story, card: int) -> None:
        self.story, self.card = story, card

    def __call__(self, at: float) -> Rates:
        return (_watts(_load(self.story, self.card, at)),)


def _card(story: Story, card: int, joules: float, at: float) -> list[Sample]:
    load = _load(story, card, at)
    celsius = round(34 + (42 + 20 * card) * load + 2 * wobble(at, 11 + card, 240), 1)
    throttled = celsius >= THROTTLED_AT
    memory = float(int(MEMORY * min(0.98, 0.71 + 0.2 * load)))
    sm = TOP_HERTZ * (0.72 if throttled else 0.97)
    figures: list[tuple[str, dict[str, str], float]] = [
        ("gpu_up", {}, 1.0),
        ("gpu_utilization_ratio", {}, round(load, 4)),
        ("gpu_sm_activity_ratio", {}, round(0.9 * load, 4)),
        ("gpu_tensor_activity_ratio", {}, round(0.5 * load, 4)),
        ("gpu_dram_activity_ratio", {}, round(0.62 * load, 4)),
        ("gpu_memory_used_bytes", {}, memory),
        ("gpu_memory_total_bytes", {}, float(MEMORY)),
        ("gpu_temperature_celsius", {}, celsius),
        ("gpu_temperature_limit_celsius", {}, LIMIT_CELSIUS),
        ("gpu_power_watts", {}, round(_watts(load), 1)),
        ("gpu_power_limit_watts", {}, LIMIT_WATTS),
        ("gpu_energy_joules_total", {}, float(int(joules))),
        ("gpu_clock_hertz", {"clock": "sm"}, sm),
        ("gpu_clock_max_hertz", {"clock": "sm"}, TOP_HERTZ),
        ("gpu_throttle", {"reason": "hw_thermal"}, float(throttled)),
        ("gpu_throttle", {"reason": "power_cap"}, 0.0),
        ("gpu_ecc_errors_total", {"kind": "corrected"}, 0.0),
        ("gpu_ecc_errors_total", {"kind": "uncorrected"}, 0.0),
        ("gpu_xid_errors_total", {}, 0.0),
        (
            "gpu_process_memory_bytes",
            {"pid": str(4100 + card), "command": f"vllm {QWEN.model}"},
            memory * 0.98,
        ),
    ]
    same = {"host": HOST, "gpu": str(card), "uuid": f"GPU-simulated-{card}"}
    same |= {"name": "Simulated 80 GB", "simulated": "true"}
    return [({"__name__": name, **same, **more}, value) for name, more, value in figures]


def _load(story: Story, card: int, at: float) -> float:
    return min(1.0, max(0.03, 0.62 * story.level(at) + 0.12 * wobble(at, 5 + card, 90) + 0.08 * card))


def _watts(load: float) -> float:
    return 95 + 560 * load

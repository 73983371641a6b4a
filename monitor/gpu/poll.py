"""A reading of cards becomes points: one series per figure, labelled with host, gpu, uuid and name. Pure."""

from collections.abc import Iterator, Sequence

from monitor.core.labels import NAME, Labels
from monitor.gpu.cards import Card

Point = tuple[Labels, int, float]

PLAIN = {
    "gpu_utilization_ratio": "utilization_ratio",
    "gpu_memory_busy_ratio": "memory_busy_ratio",
    "gpu_memory_total_bytes": "memory_total_bytes",
    "gpu_memory_used_bytes": "memory_used_bytes",
    "gpu_memory_reserved_bytes": "memory_reserved_bytes",
    "gpu_temperature_celsius": "temperature_celsius",
    "gpu_temperature_limit_celsius": "temperature_limit_celsius",
    "gpu_power_watts": "power_watts",
    "gpu_power_limit_watts": "power_limit_watts",
    "gpu_energy_joules_total": "energy_joules",
    "gpu_pcie_replays_total": "pcie_replays",
}
LABELLED = {
    "gpu_clock_hertz": ("clock", "clocks_hertz"),
    "gpu_clock_max_hertz": ("clock", "clocks_max_hertz"),
    "gpu_throttle": ("reason", "throttle"),
    "gpu_ecc_errors_total": ("kind", "ecc_errors"),
}


def points(host: str, cards: Sequence[Card], at_ms: int) -> list[Point]:
    """Everything the cards told; what they did not tell makes no point."""
    return [
        (Labels({NAME: name, "host": host, **_identity(card), **more}), at_ms, value)
        for card in cards
        for name, more, value in _figures(card)
    ]


def _identity(card: Card) -> dict[str, str]:
    return {"gpu": str(card.index), "uuid": card.uuid, "name": card.name}


def _figures(card: Card) -> Iterator[tuple[str, dict[str, str], float]]:
    for name, attribute in PLAIN.items():
        value = getattr(card, attribute)
        if value is not None:
            yield name, {}, float(value)
    for name, (label, attribute) in LABELLED.items():
        for key, value in getattr(card, attribute).items():
            yield name, {label: key}, float(value)
    for process in card.processes or ():
        if process.memory_bytes is not None:
            more = {"pid": str(process.pid), "command": process.command}
            yield "gpu_process_memory_bytes", more, float(process.memory_bytes)

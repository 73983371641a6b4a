"""What four kinds of cards have and lack, after their data sheets and what nvidia-smi prints of them."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Slice:
    """A MIG instance: numbers, shares of the card, memory."""

    gpu_instance: int
    compute_instance: int
    slices: int
    memory_mib: int
    busy: float = 0.5


@dataclass(frozen=True, slots=True)
class Model:
    """One kind of card. None and empty: it does not have that, and NVML answers "Not Supported"."""

    name: str
    memory_bytes: int
    reserved_bytes: int
    watts: tuple[float, float]
    limit_watts: float
    most_watts: float
    sm_mhz: tuple[int, int]
    memory_mhz: int
    thresholds: dict[int, int]
    generation: int
    memory_celsius: bool = False
    ecc: bool = True
    rows: bool = True
    retired_pages: bool = False
    fan: bool = False
    nvlinks: int = 0
    gpm: bool = False
    xid: bool = True
    throttle_times: bool = True
    mig: bool | None = None
    process_utilization: bool = True
    energy: bool = True
    slices: tuple[Slice, ...] = field(default=())


H100 = Model(
    "Simulated H100 80GB HBM3", 85_520_809_984, 655_360_000, (70.0, 690.0), 700.0, 700.0, (345, 1980), 2619,
    {0: 95, 1: 92, 2: 105, 3: 87}, 5, memory_celsius=True, nvlinks=18, gpm=True, mig=False,
)  # fmt: skip
A100_MIG = Model(
    "Simulated A100-SXM4-80GB", 85_899_345_920, 661_651_456, (55.0, 390.0), 400.0, 400.0, (210, 1410), 1593,
    {0: 92, 1: 89, 2: 95, 3: 85}, 4, memory_celsius=True, nvlinks=12, mig=True, process_utilization=False,
    slices=(Slice(1, 0, 3, 40_192, 0.8), Slice(5, 0, 2, 19_968, 0.4), Slice(13, 0, 1, 9_728, 0.1)),
)  # fmt: skip
RTX4090 = Model(
    "Simulated GeForce RTX 4090", 25_757_220_864, 427_819_008, (18.0, 440.0), 450.0, 600.0, (210, 2745), 10_501,
    {0: 100, 1: 97, 2: 0, 3: 90}, 4, ecc=False, rows=False, fan=True,
)  # fmt: skip
T4 = Model(
    "Simulated T4", 16_106_127_360, 454_033_408, (10.0, 70.0), 70.0, 70.0, (300, 1590), 5001,
    {0: 96, 1: 93, 3: 85}, 3, rows=False, retired_pages=True, throttle_times=False,
)  # fmt: skip

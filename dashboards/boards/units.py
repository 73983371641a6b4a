"""Units of boards: ours by name, and Grafana's, which are ours with a factor or a suffix."""

import datetime as dt
import math
from dataclasses import dataclass

from dashboards import numbers

OURS = frozenset(numbers.UNITS)


@dataclass(frozen=True, slots=True)
class Unit:
    """``name`` is one of ours; shown is value × ``factor``, with ``before`` and ``after`` around it."""

    name: str = "number"
    factor: float = 1.0
    after: str = ""
    before: str = ""
    # the value is a moment: Unix milliseconds after the factor
    moment: bool = False


_KIB, _MIB, _GIB, _TIB = 1024.0, 1024.0**2, 1024.0**3, 1024.0**4
_TIMES = {"ns": 1e-9, "µs": 1e-6, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_SIZES = {
    "bytes": 1.0, "decbytes": 1.0, "kbytes": _KIB, "deckbytes": 1e3, "mbytes": _MIB, "decmbytes": 1e6, "gbytes": _GIB,
    "decgbytes": 1e9, "tbytes": _TIB, "dectbytes": 1e12, "bits": 0.125, "decbits": 0.125,
}  # fmt: skip
_SPEEDS = {
    "Bps": 1.0, "binBps": 1.0, "KBs": 1e3, "KiBs": _KIB, "MBs": 1e6, "MiBs": _MIB, "GBs": 1e9, "GiBs": _GIB, "TBs": 1e12,
    "bps": 0.125, "binbps": 0.125, "Kbits": 125.0, "Mbits": 125e3, "Gbits": 125e6,
}  # fmt: skip
_RATES = ("ops", "reqps", "rps", "wps", "iops", "cps", "eps", "mps", "recps", "pps", "rowsps", "countps")
_MINUTES = ("opm", "rpm", "wpm", "cpm", "epm", "mpm", "recpm")
_GRAFANA: dict[str, Unit] = {
    "": Unit(), "none": Unit(), "short": Unit(), "string": Unit(), "sishort": Unit(), "locale": Unit(), "hex": Unit(),
    "percent": Unit("ratio", 0.01), "percentunit": Unit("ratio"), "dtdurations": Unit("seconds"),
    "dtdurationms": Unit("seconds", 1e-3), "dtdhms": Unit("seconds"), "dthms": Unit("seconds"), "clocks": Unit("seconds"),
    "clockms": Unit("seconds", 1e-3), "timeticks": Unit("seconds", 0.01), "celsius": Unit("celsius"),
    "fahrenheit": Unit(after="°F"), "kelvin": Unit(after="K"), "watt": Unit("watts"), "kwatt": Unit("watts", 1e3),
    "mwatt": Unit("watts", 1e-3), "megwatt": Unit("watts", 1e6), "joule": Unit(after="J"), "watth": Unit(after="Wh"),
    "kwatth": Unit(after="kWh"), "volt": Unit(after="V"), "amp": Unit(after="A"), "rotrpm": Unit(after="rpm"),
    "hertz": Unit("hertz"), "rothz": Unit("hertz"), "rotmhz": Unit("hertz", 1e6), "currencyUSD": Unit("usd"),
    "currencyEUR": Unit(before="€"), "currencyCNY": Unit(before="¥"), "currencyGBP": Unit(before="£"),
    "currencyJPY": Unit(before="¥"), "humidity": Unit(after="%H"), "bool": Unit(), "bool_on_off": Unit(), "bool_yes_no": Unit(),
    "tokens/s": Unit("tokens_per_second"), "flops": Unit(after="FLOP/s"), "mflops": Unit(factor=1e6, after="FLOP/s"),
    "gflops": Unit(factor=1e9, after="FLOP/s"), "tflops": Unit(factor=1e12, after="FLOP/s"), "decibel": Unit(after="dB"),
    **{name: Unit("seconds", factor) for name, factor in _TIMES.items()},
    **{name: Unit("bytes", factor) for name, factor in _SIZES.items()},
    **{name: Unit("bytes", factor, after="/s") for name, factor in _SPEEDS.items()},
    **{name: Unit("per_second") for name in _RATES},
    **{name: Unit(after="/min") for name in _MINUTES},
}  # fmt: skip


def of(name: str) -> Unit:
    """The unit of that name; one that nobody knows is written behind the number, as Grafana does."""
    if name in _GRAFANA and name != "bytes":
        return _GRAFANA[name]
    if name in OURS:
        return Unit(name)
    if name.startswith(("dateTime", "time:")):
        return Unit(moment=True)
    for mark, where in (
        ("suffix:", "after"),
        ("prefix:", "before"),
        ("si:", "after"),
        ("count:", "after"),
        ("currency:", "before"),
    ):
        if name.startswith(mark):
            return Unit(after=name[len(mark) :]) if where == "after" else Unit(before=name[len(mark) :])
    return Unit(after=name)


def show(value: float | None, unit: str, decimals: int | None = None) -> str:
    """The value with its unit; a dash where it is unknown."""
    if value is None or not math.isfinite(value):
        return numbers.UNKNOWN
    kind = of(unit)
    scaled = value * kind.factor
    if kind.moment:
        return _moment(scaled)
    text = numbers.show(scaled, kind.name) if decimals is None else _fixed(scaled, kind, decimals)
    joint = numbers.NO_BREAK if kind.after and not kind.after.startswith("/") else ""
    return f"{kind.before}{text}{joint}{kind.after}"


def _fixed(value: float, kind: Unit, decimals: int) -> str:
    """With so many places after the point, in the unit that the short form would take."""
    short = numbers.show(value, kind.name)
    number, _, rest = short.partition(numbers.NO_BREAK)
    try:
        shown = float(number.replace(numbers.THIN, "").replace("\u2212", "-").lstrip("$"))
    except ValueError:
        return short
    exact = (
        value * 100 if kind.name == "ratio" else value if not rest or shown == 0 else _scaled(value, shown)
    )
    text = f"{exact:,.{max(0, min(decimals, 9))}f}".replace(",", numbers.THIN).replace("-", "\u2212")
    lead = "$" if number.startswith("$") else ""
    return lead + text + (numbers.NO_BREAK + rest if rest else "")


def _scaled(value: float, shown: float) -> float:
    """The value in the magnitude in which it is shown: 1234567 shown as 1.23 is 1.234567."""
    ratio = abs(value / shown)
    for base in (1000.0, 1024.0):
        power = round(math.log(ratio, base)) if ratio > 0 else 0
        if math.isclose(base**power, ratio, rel_tol=0.05):
            return value / base**power
    return shown


def _moment(milliseconds: float) -> str:
    try:
        found = dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)
    except (ValueError, OverflowError, OSError):
        return numbers.UNKNOWN
    return found.strftime("%Y-%m-%d %H:%M:%S")

"""A comparison as one sentence that a tired person understands, in English and in Chinese. Pure."""

import math
from typing import Literal

from monitor.canary.compare import LEAST_ITEMS_FOR_A_MEAN, Comparison, Difference

Language = Literal["en", "zh"]

NAMES = {
    "error_rate": ("errors", "错误率"),
    "latency_p50": ("p50 latency", "p50 延迟"),
    "latency_p95": ("p95 latency", "p95 延迟"),
    "latency_p99": ("p99 latency", "p99 延迟"),
    "ttft_p50": ("p50 time to first token", "p50 首字延迟"),
    "ttft_p95": ("p95 time to first token", "p95 首字延迟"),
    "ttft_p99": ("p99 time to first token", "p99 首字延迟"),
    "tokens_per_second": ("tokens per second", "每秒 token 数"),
    "quality": ("quality", "质量评分"),
}
WORSE = {
    "error_rate": ("fails more often", "出错更多"),
    "quality": ("answers worse", "回答质量更差"),
}
SLOWER = ("is slower", "更慢")


def sentence(comparison: Comparison, language: Language = "en") -> str:
    """What the evidence says, with the interval and the number of calls behind it."""
    if not comparison.differences:
        return _nothing(comparison, language)
    match comparison.verdict:
        case "worse":
            return _worse(comparison, language)
        case "not worse":
            return _not_worse(comparison, language)
        case "undecided":
            return _undecided(comparison, language)


def metric_name(name: str, language: Language) -> str:
    """The metric in words; a name that is not in the table stands for itself."""
    return NAMES.get(name, (name, name))[_place(language)]


def change(one: Difference) -> str:
    """The estimate: ``+212 ms``, ``×3.1`` or ``-0.4 points``."""
    return _signed(one, one.estimate)


def span(one: Difference, language: Language) -> str:
    """The interval in words, also where one end is open."""
    low, high = one.interval.low, one.interval.high
    open_low = not math.isfinite(low) or (one.metric.way == "ratio" and low == 0.0)
    open_high = not math.isfinite(high)
    first, last = _signed(one, low), _signed(one, high)
    if open_low and open_high:
        return _too_little(one, language)
    if open_low:
        return f"at most {last}" if language == "en" else f"至多 {last}"
    if open_high:
        return f"at least {first}" if language == "en" else f"至少 {first}"
    return f"between {first} and {last}" if language == "en" else f"介于 {first} 与 {last} 之间"


def _too_little(one: Difference, language: Language) -> str:
    """Why nothing can be said yet: for a mean, how many marks there are and how many it takes."""
    n = min(one.n_stable, one.n_canary)
    if one.metric.way == "mean" and n < LEAST_ITEMS_FOR_A_MEAN:
        least = LEAST_ITEMS_FOR_A_MEAN
        return f"too few to say: {n} of {least}" if language == "en" else f"样本不足：{n} / {least}"
    return "could be anything" if language == "en" else "目前无法判断"


def _worse(comparison: Comparison, language: Language) -> str:
    worse = [one for one in comparison.differences if one.verdict == "worse"]
    lead, rest = worse[0], worse[1:4]
    what = WORSE.get(lead.metric.name, SLOWER)[_place(language)]
    name, calls = metric_name(lead.metric.name, language), _count(comparison.calls_canary)
    others = [f"{metric_name(one.metric.name, language)} {change(one)}" for one in rest]
    if language == "en":
        also = f"; also {', '.join(others)}" if others else ""
        return (
            f"{comparison.canary} {what}: {name} {change(lead)} ({span(lead, language)}), "
            f"after {calls} calls{also}."
        )
    also = f"；此外 {'、'.join(others)}" if others else ""
    return f"{comparison.canary} {what}：{name} {change(lead)}（{span(lead, language)}），基于 {calls} 次调用{also}。"


def _not_worse(comparison: Comparison, language: Language) -> str:
    lead = _headline(comparison)
    name, calls = metric_name(lead.metric.name, language), _count(comparison.calls_canary)
    measures, a, b = len(comparison.differences), comparison.canary, comparison.stable
    if language == "en":
        return (
            f"{a} is not worse than {b} on {measures} measures, after {calls} calls: "
            f"{name} {change(lead)} ({span(lead, language)})."
        )
    return (
        f"在 {measures} 项指标上 {a} 不比 {b} 差，基于 {calls} 次调用："
        f"{name} {change(lead)}({span(lead, language)})。"
    )


def _undecided(comparison: Comparison, language: Language) -> str:
    unsure = [one for one in comparison.differences if one.verdict == "undecided"]
    lead = max(unsure, key=lambda one: (math.isfinite(one.interval.high), one.metric.name == "latency_p99"))
    name, calls = metric_name(lead.metric.name, language), _count(comparison.calls_canary)
    if language == "en":
        return (
            f"Not decided yet whether {comparison.canary} is worse than {comparison.stable}: "
            f"{name} {change(lead)} ({span(lead, language)}), after {calls} calls; more calls are needed."
        )
    return (
        f"尚不能判断 {comparison.canary} 是否比 {comparison.stable} 差："
        f"{name} {change(lead)}（{span(lead, language)}），基于 {calls} 次调用；需要更多数据。"
    )


def _nothing(comparison: Comparison, language: Language) -> str:
    a, n_a = comparison.canary, _count(comparison.calls_canary)
    b, n_b = comparison.stable, _count(comparison.calls_stable)
    if language == "en":
        return f"Nothing to compare yet: {a} has {n_a} calls and {b} has {n_b} in this time range."
    return f"暂无可比较的数据：此时间段内 {a} 有 {n_a} 次调用，{b} 有 {n_b} 次。"


def _headline(comparison: Comparison) -> Difference:
    by_name = {one.metric.name: one for one in comparison.differences}
    return by_name.get("latency_p99") or comparison.differences[0]


def _signed(one: Difference, value: float) -> str:
    match one.metric.unit:
        case "ratio":
            return f"×{value:.3g}" if math.isfinite(value) else "×∞"
        case "seconds":
            return _seconds(value)
        case "tokens/s":
            return f"{_minus(value, 3)} tok/s"
        case "points":
            return f"{_minus(value, 2)}"


def _seconds(value: float) -> str:
    if not math.isfinite(value):
        return "+∞" if value > 0 else "−∞"
    if abs(value) >= 1.0:
        return f"{_minus(value, 3)} s"
    size = abs(value) * 1000
    # a fraction of a millisecond is not nothing
    return f"{'−' if value < 0 else '+'}{size:.0f} ms" if size >= 9.5 else f"{_minus(value * 1000, 1)} ms"


def _minus(value: float, digits: int) -> str:
    return f"{'−' if value < 0 else '+'}{abs(value):.{digits}g}"


def _count(n: int) -> str:
    return f"{n:,}".replace(",", "\u202f")


def _place(language: Language) -> int:
    return 0 if language == "en" else 1

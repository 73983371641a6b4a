"""Pure: rules for people who don't write PromQL: what to watch, of which version, against what, put into an expression."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as lazy

BY = "sum by (model, version)"


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that can be watched. ``form`` has places for the filter ``{f}`` and the window ``{w}``."""

    title: str | Promise
    form: str
    unit: str
    limit: float
    op: str = ">"


def _quantile(q: float, name: str) -> str:
    return f"histogram_quantile({q}, {BY} (rate({name}{{f}}[{{w}}])))"


MEASURES: Mapping[str, Measure] = {
    "errors": Measure(
        lazy("Share of failed calls"),
        f"{BY} (increase(llm_errors_total{{f}}[{{w}}])) / {BY} (increase(llm_requests_total{{f}}[{{w}}]))",
        "ratio", 0.0125,
    ),
    "p99": Measure(lazy("Latency p99"), _quantile(0.99, "llm_request_duration_seconds"), "seconds", 30.0),
    "p95": Measure(lazy("Latency p95"), _quantile(0.95, "llm_request_duration_seconds"), "seconds", 15.0),
    "ttft": Measure(lazy("Time to first token p95"), _quantile(0.95, "llm_ttft_seconds"), "seconds", 3.0),
    "tpot": Measure(lazy("Time per output token p95"), _quantile(0.95, "llm_tpot_seconds"), "seconds", 0.1),
    "rate": Measure(lazy("Calls per second"), f"{BY} (rate(llm_requests_total{{f}}[{{w}}]))", "per_second", 0.1, "<"),
    "speed": Measure(
        lazy("Output tokens per second"), f"histogram_avg({BY} (rate(llm_output_tokens_per_second{{f}}[{{w}}])))",
        "number", 10.0, "<",
    ),
    "ungrounded": Measure(
        lazy("Answers that ignore what was retrieved"),
        f'{BY} (increase(llm_rag_requests_total{{f:grounding!="used"}}[{{w}}]))'
        f" / {BY} (increase(llm_rag_requests_total{{f}}[{{w}}]))",
        "ratio", 0.3,
    ),
    "quality": Measure(
        lazy("Mean mark of the judge"), f'histogram_avg({BY} (increase(llm_score{{f:source="judge"}}[{{w}}])))',
        "number", 3.5, "<",
    ),
    "logprob": Measure(
        lazy("Mean log-probability of a token"), f"histogram_avg({BY} (rate(llm_token_logprob{{f}}[{{w}}])))",
        "number", -1.5, "<",
    ),
}  # fmt: skip
WINDOWS = ("5m", "15m", "30m", "1h", "6h")
AGAINST = {
    "value": lazy("a fixed value"), "week": lazy("the same time last week"), "version": lazy("another version"),
}  # fmt: skip
OPS = (">", ">=", "<", "<=")
# enough calls for a share or a percentile to mean something
ENOUGH = 50


class BadWishError(ValueError):
    """A wish that can't be put into an expression; says which part."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to be told of. ``limit`` is a factor when it is compared with a week ago or a version."""

    measure: str = "errors"
    model: str = ""
    version: str = ""
    window: str = "15m"
    op: str = ">"
    limit: float = 0.0125
    against: str = "value"
    stable: str = ""
    least: int = ENOUGH


def expression(wish: Wish) -> str:
    """The PromQL of a wish; raises BadWishError."""
    if wish.measure not in MEASURES or wish.window not in WINDOWS or wish.op not in OPS:
        message = f"unknown choice: {wish.measure} {wish.window} {wish.op}"
        raise BadWishError(message)
    mine = _filled(wish.measure, wish.window, _matchers(wish.model, wish.version))
    limit = f"{wish.limit:.12g}"
    match wish.against:
        case "value":
            text = f"{mine} {wish.op} {limit}"
        case "week":
            before = _filled(wish.measure, f"{wish.window}] offset 1w", _matchers(wish.model, wish.version))
            text = f"{mine}\n  {wish.op} {limit} * (\n{before}\n)"
        case "version" if wish.stable:
            other = _filled(wish.measure, wish.window, _matchers(wish.model, wish.stable))
            other = other.replace("sum by (model, version)", "sum by (model)")
            mine = f"({mine})" if " / " in mine else mine
            text = f"{mine}\n  {wish.op} on (model) group_left () {limit} * (\n{other}\n)"
        case _:
            message = "choose the version to compare with"
            raise BadWishError(message)
    if wish.least and wish.measure != "rate":
        text += f"\nand\n{_calls(wish.window, wish.model, wish.version)} >= {wish.least}"
    return text


def busiest(window: str, model: str = "", version: str = "") -> str:
    """How many calls the busiest of the versions that are meant had in the window; counted, not extrapolated."""
    matchers = _matchers(model, version)
    now = f"llm_requests_total{{{matchers}}}"
    return f"max({BY} ({now} - ({now} offset {window} or {now} * 0)))"


def fitting(calls: float | None) -> int:
    """From how many calls on a rule may speak where there are so many: half of them, and never more than is enough."""
    return max(1, min(ENOUGH, int((calls or 0.0) / 2)))


def _calls(window: str, model: str, version: str) -> str:
    return _filled("rate", window, _matchers(model, version)).replace("rate(", "increase(")


def _filled(measure: str, window: str, matchers: str) -> str:
    text = MEASURES[measure].form
    text = text.replace("[{w}]", f"[{window}" if "offset" in window else f"[{window}]")
    while "{f:" in text:
        start = text.index("{f:")
        end = text.index("}", start)
        own = text[start + 3 : end]
        text = text[:start] + "{" + (f"{own},{matchers}" if matchers else own) + "}" + text[end + 1 :]
    return text.replace("{f}", f"{{{matchers}}}" if matchers else "")


def _matchers(model: str, version: str) -> str:
    quoted = {"model": model, "version": version}
    return ",".join(f"{name}={_text(value)}" for name, value in quoted.items() if value)


def _text(value: str) -> str:
    plain = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{plain}"'


def words(wish: Wish) -> tuple[str, str]:
    """A name and a summary to begin with."""
    measure = MEASURES[wish.measure]
    name = f"{wish.measure}{'Low' if wish.op.startswith('<') else 'High'}"
    shown = {"ratio": " | humanizePercentage", "seconds": " | humanizeDuration"}.get(
        measure.unit, " | humanize"
    )
    return name[0].upper() + name[
        1:
    ], f"{{{{ $labels.model }}}} {{{{ $labels.version }}}}: {measure.title} {{{{ $value{shown} }}}}"

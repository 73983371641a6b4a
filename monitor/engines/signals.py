"""What is asked of any inference engine, whatever it calls it: one PromQL expression per signal and instance.

Pure. A source says how one engine tells a signal; ``expression`` joins the sources that a project has names of.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal

from monitor.engines.names import FORMER, spellings

# sum, max, mean_of: of a gauge; rate: of a counter; share: of two counters; quantile: of a histogram;
# average: of a histogram's or two counters' sum and count; stages: the sum of quantiles of histograms, which is no
# less than that of the whole
Form = Literal["sum", "max", "mean_of", "rate", "share", "quantile", "average", "stages"]
KEY = "job, instance"
# ranks of one model tell the same numbers; only data-parallel ranks add up
RANKS = "tp_rank, pp_rank, moe_ep_rank"
# -1 while its cache is off
OFF_BELOW_ZERO = "vllm:gpu_prefix_cache_hit_rate"
TOTAL, BUCKET = "_total", "_bucket"


@dataclass(frozen=True, slots=True)
class Source:
    """One engine's way to tell a signal, in today's name. ``under``: the counter it is divided by. ``then``: what
    is added to it, each name with matchers of its own.
    """

    form: Form
    name: str
    under: str = ""
    q: float = 0.95
    scale: float = 1.0
    then: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Signal:
    name: str
    unit: str
    sources: tuple[Source, ...]


def _quantiles(q: float, *names: str) -> tuple[Source, ...]:
    return tuple(Source("quantile", name, q=q) for name in names)


_ALL = (
    Signal("running", "count", (
        Source("sum", "vllm:num_requests_running"), Source("sum", "sglang:num_running_reqs"),
        Source("sum", "tgi_batch_current_size"),
    )),
    Signal("waiting", "count", (
        Source("sum", "vllm:num_requests_waiting"), Source("sum", "vllm:num_requests_waiting_by_reason"),
        Source("sum", "sglang:num_queue_reqs"),
        Source("sum", "tgi_queue_size"), Source("sum", "nv_inference_pending_request_count"),
    )),
    Signal("kv", "ratio", (Source("max", "vllm:kv_cache_usage_perc"), Source("max", "sglang:token_usage"))),
    Signal("hits", "ratio", (
        Source("share", "vllm:prefix_cache_hits_total", "vllm:prefix_cache_queries_total"),
        Source("mean_of", "vllm:gpu_prefix_cache_hit_rate"), Source("mean_of", "sglang:cache_hit_rate"),
        Source("share", "vllm:prompt_tokens_cached_total", "vllm:prompt_tokens_total"),
        Source("share", "sglang:cached_tokens_total", "sglang:prompt_tokens_total"),
        Source("share", "nv_cache_num_hits_per_model", "nv_cache_num_misses_per_model"),
    )),
    Signal("preemptions", "per_second", (Source("rate", "vllm:num_preemptions_total"),)),
    Signal("retracted", "count", (Source("sum", "sglang:num_retracted_reqs"),)),
    Signal("queue_time", "seconds", (
        *_quantiles(
            0.95, "vllm:request_queue_time_seconds", "sglang:queue_time_seconds", "tgi_request_queue_duration",
        ),
        Source("average", "nv_inference_queue_duration_us", "nv_inference_request_success", scale=1e-6),
    )),
    Signal("ttft", "seconds", (
        *_quantiles(0.95, "vllm:time_to_first_token_seconds", "sglang:time_to_first_token_seconds"),
        Source("quantile", "nv_inference_first_response_histogram_ms", scale=1e-3),
        Source("stages", "tgi_request_validation_duration", then=(
            ("tgi_request_queue_duration", ""), ("tgi_batch_forward_duration", 'method="prefill"'),
        )),
    )),
    Signal("itl", "seconds", _quantiles(
        0.5, "vllm:inter_token_latency_seconds", "sglang:inter_token_latency_seconds",
        "tgi_request_mean_time_per_token_duration",
    )),
    Signal("tpot", "seconds", _quantiles(
        0.5, "vllm:request_time_per_output_token_seconds", "sglang:request_time_per_output_token_seconds",
        "tgi_request_mean_time_per_token_duration",
    )),
    Signal("e2e", "seconds", (
        *_quantiles(
            0.95, "vllm:e2e_request_latency_seconds", "sglang:e2e_request_latency_seconds", "tgi_request_duration",
        ),
        Source("average", "nv_inference_request_duration_us", "nv_inference_request_success", scale=1e-6),
    )),
    Signal("prompt_length", "tokens", (
        Source("average", "vllm:request_prompt_tokens"), Source("average", "tgi_request_input_length"),
        Source("average", "sglang:prompt_tokens_total", "sglang:num_requests_total"),
    )),
    Signal("prompt_tokens", "tokens_per_second", (
        Source("rate", "vllm:prompt_tokens_total"), Source("rate", "sglang:prompt_tokens_total"),
        Source("rate", "tgi_request_input_length_sum"),
    )),
    Signal("output_tokens", "tokens_per_second", (
        Source("rate", "vllm:generation_tokens_total"), Source("rate", "sglang:generation_tokens_total"),
        Source("rate", "tgi_request_generated_tokens_sum"), Source("sum", "sglang:gen_throughput"),
    )),
)  # fmt: skip
SIGNALS = {one.name: one for one in _ALL}
ENGINES = {"vllm": "vLLM", "sglang": "SGLang", "tgi": "TGI", "nv": "Triton"}


def expression(
    signal: str, names: AbstractSet[str], window: str, where: str = "", *, smooth: bool = False
) -> str | None:
    """PromQL for the signal by job and instance, out of the names that there are; None where nothing tells it.

    ``where``: matchers in braces that every selector gets. ``smooth``: gauges as their mean over the window, so
    that they lag behind as much as rates do.
    """
    asked = _Asked(names, window, where, smooth)
    found = [one for source in SIGNALS[signal].sources for one in asked.of(source)]
    return " or ".join(dict.fromkeys(found)) or None


def who(names: AbstractSet[str]) -> str | None:
    """PromQL for every engine's series by which it is known: alive within the hour, with all its labels."""
    told = [
        name
        for signal in ("running", "waiting")
        for source in SIGNALS[signal].sources
        for name in had(source.name, names)
    ]
    return f'last_over_time({{__name__=~"{"|".join(dict.fromkeys(told))}"}}[1h])' if told else None


def had(name: str, names: AbstractSet[str]) -> list[str]:
    """Every spelling of a name that there is, today's first; engines of several ages may run side by side."""
    return [one for one in (name, *spellings(name)) if one in names]


def engine_of(name: str) -> str:
    """The engine that a metric name belongs to, as people call it; empty for none."""
    bare = name.removeprefix("ray_")
    return next((said for mark, said in ENGINES.items() if bare.startswith((mark + ":", mark + "_"))), "")


def _beside(name: str, source: Source, names: AbstractSet[str]) -> str:
    """The denominator of the same age and wrapping as ``name``; else any."""
    pairs = had(source.under, names)
    like = [
        other for other in pairs
        if ("gpu_" in other) == ("gpu_" in name) and other.partition("vllm")[0] == name.partition("vllm")[0]
        and other.endswith(TOTAL) == name.endswith(TOTAL)
    ]  # fmt: skip
    return next(iter(like or pairs), "")


@dataclass(frozen=True, slots=True)
class _Asked:
    """The names that there are, and how they are asked."""

    names: AbstractSet[str]
    window: str
    where: str
    smooth: bool

    def of(self, source: Source) -> Iterator[str]:
        match source.form:
            case "sum" | "max" | "mean_of":
                fold = {"sum": "sum", "max": "max", "mean_of": "avg"}[source.form]
                for name in had(source.name, self.names):
                    told = self._gauge(name)
                    if source.name == OFF_BELOW_ZERO:
                        told = f"{told} >= 0"
                    yield f"{fold} by ({KEY}) (max without ({RANKS}) ({told}))"
            case "rate":
                yield from map(self._rate, had(source.name, self.names))
            case "share":
                yield from self._share(source)
            case "quantile":
                yield from self._quantile(source)
            case "average":
                yield from self._average(source)
            case "stages":
                yield from self._stages(source)

    def _gauge(self, name: str) -> str:
        return f"avg_over_time({name}{self.where}[{self.window}])" if self.smooth else name + self.where

    def _rate(self, name: str, more: str = "") -> str:
        return f"sum by ({KEY}{more}) (rate({name}{self.where}[{self.window}]))"

    def _share(self, source: Source) -> Iterator[str]:
        """Of prefix caches: hits of queries. Of Triton's response cache: hits of hits and misses."""
        for hit in had(source.name, self.names):
            under = _beside(hit, source, self.names)
            if under:
                whole = self._rate(under)
                if "misses" in under:
                    whole = f"({self._rate(hit)} + {whole})"
                yield f"{self._rate(hit)} / ({whole} > 0)"

    def _quantile(self, source: Source) -> Iterator[str]:
        scale, q = _scale(source), f"{source.q:g}"
        for name in had(source.name + BUCKET, self.names):
            yield f"{scale}histogram_quantile({q}, {self._rate(name, ', le')})"
        for base in filter(None, (source.name, FORMER.get(source.name))):
            if base in self.names and base + BUCKET not in self.names:
                # a native histogram has no buckets under a name of their own
                yield f"{scale}histogram_quantile({q}, {self._rate(base)})"

    def _stages(self, source: Source) -> Iterator[str]:
        stages = ((source.name, ""), *source.then)
        if all(name + BUCKET in self.names for name, _ in stages):
            inner = self.where.strip("{}")
            asked = (
                f"{name}{BUCKET}{{{','.join(filter(None, (inner, more)))}}}[{self.window}]"
                for name, more in stages
            )
            yield " + ".join(
                f"histogram_quantile({source.q:g}, sum by ({KEY}, le) (rate({one})))" for one in asked
            )

    def _average(self, source: Source) -> Iterator[str]:
        both = (source.name, source.under) if source.under else (source.name + "_sum", source.name + "_count")
        over, below = (had(one, self.names) for one in both)
        for top, bottom in zip(over, below, strict=False):
            yield f"{_scale(source)}{self._rate(top)} / ({self._rate(bottom)} > 0)"


def _scale(source: Source) -> str:
    return f"{source.scale:g} * " if source.scale != 1 else ""

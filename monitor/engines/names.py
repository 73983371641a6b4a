"""The one table of metric names that engines changed, and the other spellings under which a series may be sent.

Pure. Imported boards and rules are rewritten by it (``dashboards.boards.spelling``); ``signals`` finds by it
what a project has.
"""

from collections.abc import Callable

# vLLM: what died, and what came instead (same meaning, same unit)
VLLM = {
    "gpu_cache_usage_perc": "kv_cache_usage_perc",
    "time_per_output_token_seconds": "inter_token_latency_seconds",
    "gpu_prefix_cache_hits": "prefix_cache_hits",
    "gpu_prefix_cache_queries": "prefix_cache_queries",
    "gpu_prefix_cache_hits_total": "prefix_cache_hits_total",
    "gpu_prefix_cache_queries_total": "prefix_cache_queries_total",
}
# averages that vLLM no longer computes, as what one asks today
VLLM_EXPRESSIONS = {
    "gpu_prefix_cache_hit_rate": "(rate(vllm:prefix_cache_hits_total{}[5m]) / rate(vllm:prefix_cache_queries_total{}[5m]))",
    "avg_prompt_throughput_toks_per_s": "rate(vllm:prompt_tokens_total{}[1m])",
    "avg_generation_throughput_toks_per_s": "rate(vllm:generation_tokens_total{}[1m])",
}
# no successor: there is nothing left to count
GONE = {"vllm:num_requests_swapped", "vllm:cpu_cache_usage_perc"}
PARTS = ("", "_bucket", "_sum", "_count")
COUNTER_END = "_total"


def _table() -> dict[str, str]:
    return {
        f"vllm:{old}{part}": f"vllm:{new}{part}"
        for old, new in VLLM.items()
        for part in (PARTS if old.endswith("_seconds") else ("",))
    }


RENAMED = _table()
FORMER = {new: old for old, new in RENAMED.items()}


def spellings(name: str) -> list[str]:
    """Other names under which the same series may have been sent, the likeliest first."""
    bare, restore = plain(name)
    same = [bare, *(other for other in (RENAMED.get(bare), FORMER.get(bare)) if other)]
    found: list[str] = []
    for one in same:
        forms = [restore(one), one, *_prefixes(one)]
        found += [form for base in forms for form in (base, _counter(base))]
    return [one for one in dict.fromkeys(found) if one != name]


def plain(name: str) -> tuple[str, Callable[[str], str]]:
    """A name without the wrapping that Ray and Prometheus' escaping put around it, and how to put it back."""
    for engine in ("vllm", "sglang"):
        for before in ("ray_", ""):
            for mark in (":", "_"):
                start = f"{before}{engine}{mark}"
                if name.startswith(start):
                    rest = name[len(start) :]
                    return f"{engine}:{rest}", lambda bare, start=start: start + bare.partition(":")[2]
    return name, lambda bare: bare


def _prefixes(bare: str) -> list[str]:
    engine, colon, rest = bare.partition(":")
    if not colon or engine not in {"vllm", "sglang"}:
        return []
    return [f"{engine}_{rest}", f"ray_{engine}:{rest}", f"ray_{engine}_{rest}"]


def _counter(name: str) -> str:
    return name.removesuffix(COUNTER_END) if name.endswith(COUNTER_END) else name + COUNTER_END

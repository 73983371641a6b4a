"""Names of metrics that engines changed: the one table, and both ways of using it.

``renewed`` writes today's names into an imported expression and says which; ``present`` takes, where a project has
no series of the name that is asked but has them under another spelling, the spelling that it has.
"""

import re
from collections.abc import Callable
from collections.abc import Set as AbstractSet

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
BRACES = re.compile(r"\{[^{}]*\}")
SETS = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)", re.IGNORECASE)
ASKED = re.compile(r"(?<![\w:$.])([a-zA-Z_][\w:]*)(?![\w:]|\s*\()")
PARTS = ("", "_bucket", "_sum", "_count")
IDENTIFIER = re.compile(r"(?<![\w:$.])[a-zA-Z_][\w:]*(?![\w:])")
STRING = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`')


def _table() -> dict[str, str]:
    return {
        f"vllm:{old}{part}": f"vllm:{new}{part}"
        for old, new in VLLM.items()
        for part in (PARTS if old.endswith("_seconds") else ("",))
    }


RENAMED = _table()
FORMER = {new: old for old, new in RENAMED.items()}
COUNTER_END = "_total"


def renewed(expr: str) -> tuple[str, list[tuple[str, str]], list[str]]:
    """(the expression with today's names, what was replaced by what, names without a successor)."""
    changes: dict[str, str] = {}
    gone: dict[str, None] = {}

    def new_name(name: str) -> str:
        plain, restore = _plain(name)
        if plain in GONE:
            gone[name] = None
        if plain in RENAMED:
            changes[name] = restore(RENAMED[plain])
        return changes.get(name, name)

    expr = _expressions(expr, changes)
    return _each(expr, new_name), list(changes.items()), list(gone)


def present(expr: str, names: AbstractSet[str]) -> str:
    """The expression with every name that the project does not have in the spelling that it has."""
    if not names:
        return expr

    def known_name(name: str) -> str:
        if name in names or not _could_be(name):
            return name
        return next((other for other in spellings(name) if other in names), name)

    return _each(expr, known_name)


def missing(expr: str, names: AbstractSet[str]) -> list[str]:
    """The metrics that an expression asks and nobody sends."""
    bare = SETS.sub(" ", BRACES.sub(" ", STRING.sub('""', expr)))
    found = dict.fromkeys(match[1] for match in ASKED.finditer(bare))
    return [name for name in found if name not in names and _could_be(name)]


def spellings(name: str) -> list[str]:
    """Other names under which the same series may have been sent, the likeliest first."""
    plain, restore = _plain(name)
    same = [plain, *(restore_of for restore_of in (RENAMED.get(plain), FORMER.get(plain)) if restore_of)]
    found: list[str] = []
    for one in same:
        forms = [restore(one), one, *_prefixes(one)]
        found += [form for base in forms for form in (base, _counter(base))]
    return [one for one in dict.fromkeys(found) if one != name]


def _plain(name: str) -> tuple[str, Callable[[str], str]]:
    """A name without the wrapping that Ray and Prometheus' escaping put around it, and how to put it back."""
    for engine in ("vllm", "sglang"):
        for before in ("ray_", ""):
            for mark in (":", "_"):
                start = f"{before}{engine}{mark}"
                if name.startswith(start):
                    rest = name[len(start) :]
                    return f"{engine}:{rest}", lambda plain, start=start: start + plain.partition(":")[2]
    return name, lambda plain: plain


def _prefixes(plain: str) -> list[str]:
    engine, colon, rest = plain.partition(":")
    if not colon or engine not in {"vllm", "sglang"}:
        return []
    return [f"{engine}_{rest}", f"ray_{engine}:{rest}", f"ray_{engine}_{rest}"]


def _counter(name: str) -> str:
    return name.removesuffix(COUNTER_END) if name.endswith(COUNTER_END) else name + COUNTER_END


def _could_be(name: str) -> bool:
    return "_" in name or ":" in name


def _expressions(expr: str, changes: dict[str, str]) -> str:
    """Averages that are no longer sent, as expressions with the same matchers."""
    for old, form in VLLM_EXPRESSIONS.items():
        sought = re.compile(rf"(?<![\w:])vllm:{old}(?![\w:])(?P<matchers>\{{[^{{}}]*\}})?")

        def built(match: re.Match[str], form: str = form) -> str:
            changes[match[0].partition("{")[0]] = form.replace("{}", "")
            return form.replace("{}", match["matchers"] or "")

        expr = sought.sub(built, expr)
    return expr


def _each(expr: str, change: Callable[[str], str]) -> str:
    """The expression with every name outside of strings and label lists changed."""
    out, at = [], 0
    for text in STRING.finditer(expr):
        out += [
            IDENTIFIER.sub(lambda found: change(found[0]), expr[at : text.start()]),
            _quoted(text[0], change),
        ]
        at = text.end()
    out.append(IDENTIFIER.sub(lambda found: change(found[0]), expr[at:]))
    return "".join(out)


def _quoted(text: str, change: Callable[[str], str]) -> str:
    """A quoted name (``{"a.b"}``, ``__name__="…"``) is a name too when it looks like an engine's."""
    inside = text[1:-1]
    return (
        text[0] + change(inside) + text[-1] if inside.startswith(("vllm:", "sglang:", "ray_vllm")) else text
    )

"""What hints about engines and cards say to people: one honest sentence each, with its figures."""

from collections.abc import Callable, Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards.numbers import show
from monitor.engines.hints import Hint

TITLES: Mapping[str, str | Promise] = {
    "filling": lazy("KV cache fills"), "stuck": lazy("cards do nothing"), "cache_bound": lazy("KV cache is full"),
    "batch_bound": lazy("batch limit"), "machine_bound": lazy("cards are busy"),
    "preempting": lazy("preemptions"), "colder": lazy("prefix cache hits less"), "slowed": lazy("cards are slowed"),
}  # fmt: skip


def title(hint: Hint) -> str | Promise:
    return TITLES[hint.kind]


def sentence(hint: Hint) -> str:
    """What was seen, and what it most likely means."""
    return _SAID[hint.kind](hint.evidence)


def _filling(seen: Mapping[str, float]) -> str:
    return _(
        "At the growth of the last hour the KV cache is full in %(likely)s (between %(soonest)s and %(latest)s). "
        "It is at %(kv)s and grows by %(growth)s an hour. A growth may end by itself."
    ) % {
        "likely": _about(seen["likely"]), "soonest": _about(seen["soonest"]), "latest": _about(seen["latest"]),
        "kv": show(seen["kv"], "ratio"), "growth": show(seen["per_hour"], "ratio"),
    }  # fmt: skip


def _stuck(seen: Mapping[str, float]) -> str:
    return _(
        "%(waiting)s requests wait, and its cards have run next to nothing for ten minutes (%(gpu)s). The engine may "
        "hang, or the cards may be those of another engine: look at its log."
    ) % {"waiting": show(round(seen["waiting"]), "count"), "gpu": show(seen["gpu"], "ratio")}


def _cache_bound(seen: Mapping[str, float]) -> str:
    return _(
        "%(waiting)s requests wait and the KV cache is at %(kv)s: there is no room to begin them. More memory for the "
        "cache (gpu-memory-utilization, mem-fraction-static), shorter contexts, or another replica."
    ) % {"waiting": show(round(seen["waiting"]), "count"), "kv": show(seen["kv"], "ratio")}


def _batch_bound(seen: Mapping[str, float]) -> str:
    return _(
        "%(waiting)s requests wait while the GPU is at %(gpu)s, and never more than %(running)s run: most likely a limit "
        "on the batch (vLLM max-num-seqs, SGLang max-running-requests, TGI max-batch-total-tokens). It may also be a "
        "slow CPU side."
    ) % {
        "waiting": show(round(seen["waiting"]), "count"), "gpu": show(seen["gpu"], "ratio"),
        "running": show(seen["running"], "count"),
    }  # fmt: skip


def _machine_bound(seen: Mapping[str, float]) -> str:
    return _(
        "%(waiting)s requests wait and the cards are at work all the time (%(gpu)s): more load needs another replica. "
        "Utilisation says that something ran, not how much of the card was used."
    ) % {"waiting": show(round(seen["waiting"]), "count"), "gpu": show(seen["gpu"], "ratio")}


def _preempting(seen: Mapping[str, float]) -> str:
    cache = _(", KV cache up to %(kv)s") % {"kv": show(seen["kv"], "ratio")} if "kv" in seen else ""
    if "count" in seen:
        told = _("%(count)s preemptions in 30 minutes%(cache)s.") % {
            "count": show(round(seen["count"]), "count"), "cache": cache,
        }  # fmt: skip
    else:
        told = _("Requests are retracted again and again%(cache)s.") % {"cache": cache}
    return told + " " + _(
        "The KV cache is too small for what runs at once: work is thrown away and done again. Fewer requests at "
        "once, or more memory for the cache."
    )  # fmt: skip


def _colder(seen: Mapping[str, float]) -> str:
    return _(
        "The prefix cache hits %(now)s of the tokens, usually %(usual)s on this day. Prompts that no longer begin "
        "alike, other routing between replicas, or a cache that is too small."
    ) % {"now": show(seen["now"], "ratio"), "usual": show(seen["usual"], "ratio")}


def _slowed(seen: Mapping[str, float]) -> str:
    return _(
        "A card of its host is slowed down by heat or a fault %(share)s of the last ten minutes, while requests run."
    ) % {"share": show(seen["share"], "ratio")}


_SAID: Mapping[str, Callable[[Mapping[str, float]], str]] = {
    "filling": _filling, "stuck": _stuck, "cache_bound": _cache_bound, "batch_bound": _batch_bound,
    "machine_bound": _machine_bound, "preempting": _preempting, "colder": _colder, "slowed": _slowed,
}  # fmt: skip


def _about(seconds: float) -> str:
    """Whole minutes: more would be a promise."""
    return show(max(60.0, round(seconds / 60) * 60), "seconds")

"""A generation into its series. Pure: called for the rows that are new, never for a duplicate."""

from collections.abc import Iterable, Sequence

from monitor.core.labels import Labels
from monitor.ingest.envelope import Generation
from monitor.store.append import Deltas

IDENTITY = ("model", "version", "environment", "operation", "provider", "route")

# series name → the field whose value is observed
OBSERVED = {
    "llm_request_duration_seconds": "duration_seconds",
    "llm_ttft_seconds": "ttft_seconds",
    "llm_inference_seconds": "inference_seconds",
    "llm_queue_seconds": "queue_seconds",
    "llm_input_tokens": "input_tokens",
    "llm_output_tokens": "output_tokens",
}
COUNTED = {"llm_cached_input_tokens_total": "cached_input_tokens", "llm_cost_usd_total": "cost_usd"}


class Deriver:
    """Remembers label sets within one batch, where most generations share theirs."""

    def __init__(self) -> None:
        self._sets: dict[tuple[str, ...], Labels] = {}
        self.deltas = Deltas()

    def labels(self, name: str, generation: Generation, *more: str) -> Labels:
        """The series' labels; ``more`` is one label name and its value."""
        key = (name, *(getattr(generation, part) for part in IDENTITY), *more)
        found = self._sets.get(key)
        if found is None:
            pairs = dict(zip(IDENTITY, key[1:7], strict=True)) | {"__name__": name}
            if more:
                pairs[more[0]] = more[1]
            found = self._sets[key] = Labels(pairs)
        return found

    def take(self, generation: Generation, grounding: str, mean_logprob: float | None) -> None:
        """Add one call to every series it belongs to, at its own time."""
        at, deltas = generation.started_ms, self.deltas
        assert at is not None
        deltas.count(self.labels("llm_requests_total", generation), at)
        if generation.error is not None:
            deltas.count(
                self.labels("llm_errors_total", generation, "error", generation.error or "unknown"), at
            )
        for name, part in OBSERVED.items():
            value = getattr(generation, part)
            if value is not None:
                deltas.observe(self.labels(name, generation), at, float(value))
        for name, part in COUNTED.items():
            value = getattr(generation, part)
            if value:
                deltas.count(self.labels(name, generation), at, float(value))
        self._take_speed(generation, at)
        if grounding:
            deltas.count(self.labels("llm_rag_requests_total", generation, "grounding", grounding), at)
        if mean_logprob is not None:
            deltas.observe(self.labels("llm_token_logprob", generation), at, mean_logprob)

    def _take_speed(self, generation: Generation, at: int) -> None:
        tokens, duration, ttft = (
            generation.output_tokens,
            generation.duration_seconds,
            generation.ttft_seconds,
        )
        if not tokens or not duration:
            return
        decoding = duration - (ttft or 0.0)
        if ttft is not None and tokens > 1 and decoding >= 0:
            self.deltas.observe(self.labels("llm_tpot_seconds", generation), at, decoding / (tokens - 1))
        if decoding > 0:
            self.deltas.observe(
                self.labels("llm_output_tokens_per_second", generation), at, tokens / decoding
            )


def derive(generations: Iterable[tuple[Generation, str, float | None]]) -> Deltas:
    """What these calls add; each with its grounding and mean log-probability."""
    deriver = Deriver()
    for generation, grounding, mean_logprob in generations:
        deriver.take(generation, grounding, mean_logprob)
    return deriver.deltas


def mean_logprob(tokens: Sequence[dict[str, object]] | None) -> float | None:
    """The mean log-probability of the output's tokens; None where the server gave none."""
    values = [
        float(value)
        for token in tokens or ()
        if isinstance(value := token.get("logprob"), int | float) and value <= 0
    ]
    return sum(values) / len(values) if values else None

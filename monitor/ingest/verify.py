"""Do the derived series and the ledger still say what the stored rows say? Recounts all, names each difference."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from monitor.core import clock
from monitor.core.labels import Labels
from monitor.ingest.derive import IDENTITY, Deriver
from monitor.ingest.envelope import Generation
from monitor.ingest.ledger import ITEMS
from monitor.store.reading import audit
from monitor.store.samples import append, blocks
from monitor.store.samples.blocks import Block

# sums of floats may differ in the last bits with the order of addition; counts may not
SUM_TOLERANCE = 1e-9
# series that tell of Vigil itself, not of the rows
OWN = "vigil_"
REQUESTS = "llm_requests_total"
_FIELDS = (
    "model", "version", "environment", "operation", "provider", "route", "duration_seconds", "ttft_seconds",
    "inference_seconds", "queue_seconds", "input_tokens", "cached_input_tokens", "output_tokens", "error",
    "cost_usd",
)  # fmt: skip


@dataclass(slots=True)
class Verdict:
    """How much was compared and every series on which rows and deltas disagree.

    ``fates`` is the ledger: how many items that were sent were stored, known already, and dropped. ``since``: what
    is older has begun to be dropped for its age and is not compared.
    """

    since: int = audit.ALWAYS
    generations: int = 0
    scores: int = 0
    series: int = 0
    fates: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        return not self.differences


def verify(project_id: int) -> Verdict:
    """Recount one project. Rows and deltas are committed together, so they agree at any moment."""
    with audit.snapshot():
        return _recount(project_id)


def _recount(project_id: int) -> Verdict:
    since = audit.since(project_id)
    if not audit.holds_before(project_id, since):
        since = audit.ALWAYS
    verdict = Verdict(since)
    deriver = Deriver()
    for row in audit.rows(project_id, first_ms=since):
        generation = Generation(
            **{name: row[name] for name in _FIELDS}, started_ms=clock.to_ms(row["started_at"])
        )
        deriver.take(generation, row["grounding"], row["mean_logprob"])
        verdict.generations += 1
    for call, name, source, value in audit.score_rows(project_id, first_ms=since):
        labels = Labels(
            {
                **{part: call[part] for part in IDENTITY},
                "__name__": "llm_score",
                "score": name,
                "source": source,
            }
        )
        deriver.deltas.observe(labels, clock.to_ms(call["started_at"]), value)
        verdict.scores += 1
    expected = _totals(deriver.deltas)
    everything = _held(audit.derived_totals(project_id))
    totals = everything if since == audit.ALWAYS else _held(audit.derived_totals(project_id, first_ms=since))
    stored = {labels: block for labels, block in totals.items() if not labels.name.startswith(OWN)}
    verdict.series = len(expected)
    verdict.differences = [
        f"{dict(labels)}: {problem}"
        for labels in sorted(expected.keys() | stored.keys(), key=lambda one: one.items_sorted)
        if (problem := _difference(expected.get(labels), stored.get(labels)))
    ]
    # the ledger counts by when things came, so it can only be compared with all that ever did
    compared = _compare_ledger(verdict, everything)
    if _requests(everything) == _requests(totals):
        verdict.differences += compared
    return verdict


def _held(totals: Mapping[Labels, Block]) -> dict[Labels, Block]:
    return {labels: block for labels, block in totals.items() if _holds(block)}


def _requests(totals: Mapping[Labels, Block]) -> float:
    return sum(
        float(block.tables["f"]["v"].sum()) for labels, block in totals.items() if labels.name == REQUESTS
    )


def _compare_ledger(verdict: Verdict, totals: Mapping[Labels, Block]) -> list[str]:
    """The ledger's own sums, and whether it knows as many stored calls as there are rows."""
    calls = 0
    for labels, block in totals.items():
        if labels.name == ITEMS:
            n = round(float(block.tables["f"]["v"].sum()))
            verdict.fates[labels["outcome"]] += n
            calls += n if labels.get("kind") == "generation" else 0
    if calls == verdict.generations:
        return []
    return [f"{ITEMS}: the ledger says {calls} stored generations, there are {verdict.generations} rows"]


def _totals(deltas: append.Deltas) -> dict[Labels, Block]:
    """The deltas of a recount, per series, added over all time."""
    names = dict.fromkeys([*(row[0] for row in deltas.counts), *(row[0] for row in deltas.observations)])
    identity = {labels: number for number, labels in enumerate(names)}
    counts, observed = deltas.counts, deltas.observations
    block = blocks.add_up(
        blocks.join([
            blocks.of_floats(_ids(identity, counts), _zeros(counts), np.array([row[2] for row in counts], dtype=np.float64)),
            blocks.of_observations(
                _ids(identity, observed), _zeros(observed),
                np.array([row[2] for row in observed], dtype=np.float64), np.ones(len(observed)),
            ),
        ])
    )  # fmt: skip
    return {
        labels: block.of_series(np.array([number], dtype=np.int64)) for labels, number in identity.items()
    }


def _ids(
    identity: dict[Labels, int],
    rows: list[tuple[Labels, int, float]] | list[tuple[Labels, int, float, float]],
) -> blocks.Ints:
    return np.array([identity[row[0]] for row in rows], dtype=np.int64)


def _zeros(rows: list[tuple[Labels, int, float]] | list[tuple[Labels, int, float, float]]) -> blocks.Ints:
    return np.zeros(len(rows), dtype=np.int64)


def _holds(block: Block) -> bool:
    """Whether anything is left after marks that were taken back."""
    return bool(block.tables["f"]["v"].any() or block.tables["h"]["count"].any())


def _difference(expected: Block | None, stored: Block | None) -> str:
    if expected is None:
        return "the series counts something that no row says"
    if stored is None:
        return "the rows say something that the series lacks"
    pairs = [("f", "v"), ("h", "count"), ("h", "zero"), ("h", "sum")]
    for table, column in pairs:
        want, have = float(expected.tables[table][column].sum()), float(stored.tables[table][column].sum())
        close = abs(want - have) <= SUM_TOLERANCE * max(abs(want), 1.0)
        if not close:
            return f"{column} is {have:g}, the rows say {want:g}"
    return "" if _buckets(expected) == _buckets(stored) else "its buckets differ from the rows"


def _buckets(block: Block) -> dict[tuple[int, int], float]:
    rows = block.tables["b"]
    return {
        (int(side), int(index)): float(count)
        for side, index, count in zip(rows["side"], rows["index"], rows["count"], strict=True)
        if count
    }

"""Answers of two sides to like prompts: nearest by the vectors of the prompts, by their letters where there are none."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from dashboards import diffs
from dashboards.compared.sides import Side
from dashboards.reading import Piece
from dashboards.visit import Visit
from monitor.ingest import calls

PAIRS = 4
# prompts farther apart than this ask for different things
FARTHEST = 0.35
LIKE_ENOUGH = 0.45
NEWEST = 30
# of an answer on the page; the rest stands in the calls
SHOWN = 700


@dataclass(frozen=True, slots=True)
class Pair:
    """Two calls, how alike their prompts are (0 to 1), and their answers with the differences marked."""

    a: calls.GenerationDetail
    b: calls.GenerationDetail
    alike: float
    output_a: list[Piece]
    output_b: list[Piece]


def pairs(visit: Visit, a: Side, b: Side) -> list[Pair]:
    """The most alike first; no call and no prompt twice."""
    found: list[Pair] = []
    for one, other, alike in _candidates(visit, a, b):
        known = {text for pair in found for text in (pair.a.prompt, pair.b.prompt)}
        if one.prompt in known or other.prompt in known or not (one.output and other.output):
            continue
        marked = diffs.compare(one.output[:SHOWN], other.output[:SHOWN])
        found.append(Pair(one, other, alike, *marked))
        if len(found) == PAIRS:
            break
    return found


def _candidates(
    visit: Visit, a: Side, b: Side
) -> Iterator[tuple[calls.GenerationDetail, calls.GenerationDetail, float]]:
    nearest = calls.like_prompts(visit.project_id, _pool(a), _pool(b))
    by_meaning = [(one, other, 1.0 - far) for one, other, far in nearest if far <= FARTHEST]
    for one, other, alike in by_meaning or _by_letters(visit, a, b):
        left, right = calls.one(visit.project_id, one), calls.one(visit.project_id, other)
        if left and right:
            yield left, right, alike


def _pool(side: Side) -> calls.Pool:
    return calls.Pool(side.model, side.version, side.environment, (side.span.start, side.span.end))


def _by_letters(visit: Visit, a: Side, b: Side) -> list[tuple[UUID, UUID, float]]:
    left, right = ([(one.id, _letter_pairs(one.prompt)) for one in _newest(visit, side)] for side in (a, b))
    ranked = [(one, other, _alike(x, y)) for one, x in left for other, y in right if one != other]
    return sorted((pair for pair in ranked if pair[2] >= LIKE_ENOUGH), key=lambda pair: -pair[2])


def _newest(visit: Visit, side: Side) -> list[calls.GenerationSummary]:
    wanted = calls.Filter(
        visit.project_id, side.span.start, side.span.end, model=side.model, version=side.version,
        environment=side.environment,
    )  # fmt: skip
    found, _more = calls.page(wanted, limit=NEWEST)
    return [one for one in found if one.error is None]


def likeness(one: str, other: str) -> float:
    """The share of letter pairs that two texts have in common: works without spaces between words too."""
    return _alike(_letter_pairs(one), _letter_pairs(other))


def _letter_pairs(text: str) -> set[str]:
    return set(map(str.__add__, text.lower(), text.lower()[1:]))


def _alike(ours: set[str], theirs: set[str]) -> float:
    common = len(ours & theirs)
    return common / max(len(ours) + len(theirs) - common, 1)

"""What a judge looks at besides its fair sample: small versions, doubtful answers, calls under an alert."""

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

import numpy as np

from monitor import query
from monitor.quality.models import Extra, Judge
from monitor.store.calls import generations, lately

# so many calls of each version are judged in a quarter of an hour, where there are as many
LEAST_OF_A_VERSION = 12
SMALLEST_SHARE = 0.001
# of so many recent calls the most doubtful are taken
LOOKED_AT = 2_000
# the share of recent calls that counts as doubtful at all
DOUBTFUL_SHARE = 0.1
NEVER = -1e9


def chosen(
    judge: Judge, start: dt.datetime, end: dt.datetime, *, without: Sequence[UUID], limit: int
) -> dict[UUID, Extra]:
    """At most so many calls of the span, chosen as the judge's setting says."""
    how = Extra(judge.extra)
    choose = _WAYS.get(how)
    found = choose(judge, start, end, without, limit) if choose else []
    return dict.fromkeys(found[:limit], how)


def _versions(
    judge: Judge, start: dt.datetime, end: dt.datetime, without: Sequence[UUID], limit: int
) -> list[UUID]:
    """More of the versions that the judge would hardly see; within each the choice is as fair as before."""
    found: list[UUID] = []
    # a version with more calls than these is seen anyway
    most = 1 + math.ceil(LEAST_OF_A_VERSION / max(judge.sample_share, SMALLEST_SHARE))
    for row in lately.versions(judge.project_id, start, end, most=most):
        if judge.version not in {"", row.version} or judge.model not in {"", row.model}:
            continue
        share = min(1.0, LEAST_OF_A_VERSION / max(row.n, 1))
        if share > judge.sample_share:
            found += _sample(judge, start, end, (row.model, row.version), share, without, limit)
    return found


def _uncertain(
    judge: Judge, start: dt.datetime, end: dt.datetime, without: Sequence[UUID], limit: int
) -> list[UUID]:
    """The calls whose model was least sure of its words, or that made no use of what was retrieved."""
    found = generations.columns(
        judge.project_id, start, end, ("id", "mean_logprob", "grounding", "error"),
        model=judge.model, version=judge.version or None, limit=LOOKED_AT,
    )  # fmt: skip
    ungrounded = np.isin(found["grounding"].astype(str), ("unused", "empty"))
    unsure = np.where(np.isnan(found["mean_logprob"]), 0.0, found["mean_logprob"])
    doubt = -unsure + np.where(ungrounded, 5.0, 0.0)
    taken = set(without)
    usable = [
        place
        for place in np.argsort(-doubt, kind="stable")[: max(1, int(len(doubt) * DOUBTFUL_SHARE))]
        if doubt[place] > 0 and found["error"][place] is None and found["id"][place] not in taken
    ]
    return [found["id"][place] for place in usable[:limit]]


def _alert(
    judge: Judge, start: dt.datetime, end: dt.datetime, without: Sequence[UUID], limit: int
) -> list[UUID]:
    """Any calls of the model versions that an alert is firing for; of all, where it names none."""
    found: list[UUID] = []
    for model, version in _alerted(judge, end):
        found += _sample(judge, start, end, (model, version), 1.0, [*without, *found], limit - len(found))
    return found


def _alerted(judge: Judge, at: dt.datetime) -> list[tuple[str, str]]:
    try:
        firing = query.instant(judge.project_id, 'ALERTS{alertstate="firing"}', at)
    except query.Failed:
        return []
    named = {(labels.get("model", ""), labels.get("version", "")) for labels in firing.labels}
    return sorted(
        (model or judge.model, version or judge.version)
        for model, version in named
        if _fits(judge.model, model) and _fits(judge.version, version)
    )


def _fits(wanted: str, named: str) -> bool:
    """Whether both may mean the same; an empty name means any."""
    return not wanted or not named or wanted == named


def _sample(
    judge: Judge, start: dt.datetime, end: dt.datetime, of: tuple[str, str], share: float,
    without: Sequence[UUID], limit: int,
) -> list[UUID]:  # fmt: skip
    model, version = of
    return generations.sample_ids(
        judge.project_id, start, end, model=model, version=version or None, seed=judge.name, share=share,
        without=without, limit=max(0, limit),
    )  # fmt: skip


_WAYS: Mapping[Extra, Callable[[Judge, dt.datetime, dt.datetime, Sequence[UUID], int], list[UUID]]] = {
    Extra.VERSION: _versions,
    Extra.UNCERTAIN: _uncertain,
    Extra.ALERT: _alert,
}

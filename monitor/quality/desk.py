"""Where a judge works: verdicts on a few calls at once, within its limits, from memory where they are known.

What it gives for a call is a verdict, nothing to say, or the reason why there is none; never a guess.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from monitor.outside import llm
from monitor.outside.llm import Budget, Endpoint, RefusedError
from monitor.quality import epochs, paying
from monitor.quality.judges.base import Item, UnavailableError, Verdict
from monitor.quality.judges.base import Judge as JudgeContract
from monitor.quality.models import Judge, JudgeAnswer, JudgeEpoch
from monitor.store.calls.generations import GenerationDetail

T = TypeVar("T")
AT_ONCE = 4
KEPT = dt.timedelta(days=14)
CORRECTION = "correction"

Failure = UnavailableError | RefusedError
Result = Verdict | Failure | None


@dataclass(frozen=True, slots=True)
class Asker:
    """How judges ask: over the network, within the budget."""

    budget: Budget

    def __call__(
        self,
        endpoint: Endpoint,
        messages: Sequence[Mapping[str, str]],
        schema: Mapping[str, Any],
        check: Callable[[Any], T],
    ) -> T:
        return llm.ask(endpoint, messages, schema, check, budget=self.budget)


@dataclass(slots=True)
class Desk:
    """One judge at work in one epoch; ``epoch`` moves when the endpoint says that it is another model."""

    judge: Judge
    made: JudgeContract
    epoch: JudgeEpoch
    now: dt.datetime

    def verdicts(self, items: Sequence[Item], *, remembered: bool = True) -> list[Result]:
        """One result per item, in order; raises LimitReachedError before anything is asked."""
        if self.made.endpoint is None:
            return [self.made.judge(item, _nobody) for item in items]
        keys = [self._key(item) for item in items]
        found: dict[str, Result] = dict(self._known(keys)) if remembered else {}
        # the same texts side by side are one question
        new = {key: item for key, item in zip(keys, items, strict=True) if key not in found}
        if new:
            found |= dict(zip(new, self._asked(list(new.values())), strict=True))
        paying.note_cached(self.judge, len(items) - len(new), now=self.now)
        for key, item in new.items() if remembered else ():
            # under the epoch that the answers turned out to belong to
            if isinstance(result := found[key], Verdict):
                self._remember(item, result)
        return [found[key] for key in keys]

    def _asked(self, items: Sequence[Item]) -> list[Result]:
        held = paying.hold(self.judge, self.made, items, now=self.now)
        ask = Asker(held.budget)

        def one(item: Item) -> Result:
            try:
                return self.made.judge(item, ask)
            except (UnavailableError, RefusedError) as error:
                return error

        try:
            # only the network is used in the threads
            with ThreadPoolExecutor(AT_ONCE) as pool:
                results = list(pool.map(one, items))
        finally:
            paying.settle(self.judge, held)
        for model in sorted(held.budget.spent.models):
            self.epoch = epochs.served(self.judge, self.epoch, model, now=self.now)
        return results

    def _known(self, keys: Sequence[str]) -> dict[str, Verdict]:
        rows = JudgeAnswer.objects.filter(judge=self.judge, key__in=keys, made_at__gt=self.now - KEPT)
        return {row.key: Verdict(row.value, row.reason, row.tag) for row in rows}

    def _remember(self, item: Item, verdict: Verdict) -> None:
        JudgeAnswer.objects.update_or_create(
            judge=self.judge,
            key=self._key(item),
            defaults={
                "value": verdict.value, "reason": verdict.reason, "tag": verdict.tag, "made_at": self.now,
            },
        )  # fmt: skip

    def _key(self, item: Item) -> str:
        told = [self.epoch.fingerprint, self.epoch.served_model, asdict(item)]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def reason_of(failure: Failure) -> str:
    """The word by which failures are counted."""
    return failure.reason if isinstance(failure, UnavailableError) else "refused"


def _nobody(*_: Any, **__: Any) -> Any:
    message = "a judge without an endpoint has nobody to ask"
    raise RuntimeError(message)


def item_of(call: GenerationDetail, rivals: Mapping[str, str] | None = None) -> Item:
    """What a judge may see of a call. An empty search leaves no contexts, only its grounding.

    What a person corrected the answer to is an expected answer like one that came with the call.
    """
    contexts = call.detail.get("contexts")
    if contexts is None and call.summary.grounding == "empty":
        contexts = []
    texts = None if contexts is None else tuple(str(one.get("text", "")) for one in contexts)
    corrected = next((mark.reason for mark in call.scores if mark.name == CORRECTION), "")
    reference = corrected or str(call.detail.get("reference", ""))
    return Item(call.prompt, call.output, texts, reference, (rivals or {}).get(call.prompt))


def forget_old(*, now: dt.datetime) -> int:
    """Drop remembered verdicts that no judge uses any more; how many went."""
    return JudgeAnswer.objects.filter(made_at__lt=now - KEPT).delete()[0]

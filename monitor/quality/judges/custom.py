"""A model judges by a task that people wrote themselves, on a scale of their own."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _

from monitor.core.fields import Field
from monitor.quality.asking import FIELDS, endpoint_of, form, language_of, messages, number_in, reason_in
from monitor.quality.judges.base import BEST, Ask, Item, MisconfiguredError, Verdict

SHOWN = ("question", "answer", "documents", "expected")


class Custom:
    """The whole task is yours, and so are the ends of the scale; a scale that ends lower than it begins is turned."""

    fields: tuple[Field, ...] = (
        *FIELDS,
        Field(
            "task", _("Task"), kind="long_text", required=True,
            help=_("What the judge is to do, and what each end of the scale means. Texts are added below it."),
        ),
        Field(
            "shown", _("Texts"), kind="list", default=("question", "answer"),
            help=_("What of a call the judge sees: question, answer, documents, expected."),
        ),
        Field("worst", _("Worst"), kind="number", default=0.0, help=_("What the judge gives at the worst.")),
        Field("best", _("Best"), kind="number", default=5.0, help=_("What it gives at the best; becomes 5.")),
    )  # fmt: skip
    source = "judge"
    cost = "one request per judged call: the texts you choose in, about 60 tokens out"
    requests = 1
    rival_version = ""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.endpoint = endpoint_of(settings)
        self.settings = settings
        self.worst, self.best = float(settings.get("worst") or 0.0), float(settings.get("best", BEST))
        self.shown = tuple(settings.get("shown") or ())
        if self.worst == self.best:
            message = "worst and best are the same; a scale has two ends"
            raise MisconfiguredError(message)
        unknown = [name for name in self.shown if name not in SHOWN]
        if unknown or not self.shown:
            message = f"shown: {', '.join(unknown) or 'nothing'} can't be shown; known are {', '.join(SHOWN)}"
            raise MisconfiguredError(message)

    def judge(self, item: Item, ask: Ask) -> Verdict | None:
        texts = {
            "question": item.prompt,
            "answer": item.output,
            "documents": None if item.contexts is None else "\n\n".join(item.contexts),
            "expected": item.reference or None,
        }
        shown = [(name, text) for name in self.shown if (text := texts[name]) is not None]
        if len(shown) < len(self.shown):
            return None
        low, high = min(self.worst, self.best), max(self.worst, self.best)
        schema = form(score={"type": "number", "minimum": low, "maximum": high})
        language = language_of(self.settings, item.prompt, item.output)
        return ask(self.endpoint, messages(self.settings["task"], shown, language), schema, self._verdict)

    def _verdict(self, answer: Any) -> Verdict:
        low, high = min(self.worst, self.best), max(self.worst, self.best)
        given = number_in(answer, "score", low, high)
        return Verdict(BEST * (given - self.worst) / (self.best - self.worst), reason_in(answer))

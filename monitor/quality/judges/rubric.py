"""A model marks the answer against one criterion, reason first, 0 to 5."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _

from monitor.core.fields import Field
from monitor.quality.asking import (
    FIELDS,
    Language,
    endpoint_of,
    form,
    language_of,
    messages,
    number_in,
    reason_in,
)
from monitor.quality.judges.base import Ask, Item, Verdict

HELPFULNESS = (
    "How well does the answer do what was asked? 5: right, complete and clear. 3: usable, with gaps or "
    "flaws. 1: mostly wrong or beside the point. 0: no answer, or harmful."
)
HELPFULNESS_ZH = "回答在多大程度上完成了所问的事？5：正确、完整、清楚。3：可用，但有缺漏或瑕疵。1：大部分错误或答非所问。0：没有回答，或有害。"
SCHEMA = form(score={"type": "integer", "minimum": 0, "maximum": 5})
TASK: Mapping[Language, str] = {
    "en": (
        "You judge the answer that an assistant gave to a question.\nCriterion: {criterion}\n"
        "First give the reason, then a whole number from 0 (worst) to 5 (best)."
    ),
    "zh": "你评判一个助手对问题的回答。\n标准：{criterion}\n先写理由，再给出 0（最差）到 5（最好）的整数。",
}


class Rubric:
    """One criterion per judge, in English and Chinese; make several judges for several criteria."""

    fields: tuple[Field, ...] = (
        *FIELDS,
        Field(
            "criterion", _("Criterion"), kind="long_text", default=HELPFULNESS,
            help=_("What is judged, and what deserves 5, 3, 1 and 0; in English."),
        ),
        Field(
            "criterion_zh", _("Criterion in Chinese"), kind="long_text", default=HELPFULNESS_ZH,
            help=_("The same for calls in Chinese. Where you change one, change the other."),
        ),
    )  # fmt: skip
    source = "judge"
    cost = "one request per judged call: question and answer in, about 60 tokens out"
    requests = 1
    rival_version = ""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.endpoint = endpoint_of(settings)
        self.settings = settings
        self.criteria: Mapping[Language, str] = {
            "en": settings.get("criterion") or HELPFULNESS,
            "zh": settings.get("criterion_zh") or HELPFULNESS_ZH,
        }

    def judge(self, item: Item, ask: Ask) -> Verdict | None:
        language = language_of(self.settings, item.prompt, item.output)
        task = TASK[language].format(criterion=self.criteria[language])
        texts = [("question", item.prompt), ("answer", item.output)]
        return ask(self.endpoint, messages(task, texts, language), SCHEMA, _verdict)


def _verdict(answer: Any) -> Verdict:
    return Verdict(number_in(answer, "score", 0, 5), reason_in(answer))

"""Which of two versions answered the same prompt better? Both orders are asked, since the first answer wins too often."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _

from monitor.core.fields import Field
from monitor.quality.asking import FIELDS, Language, endpoint_of, form, language_of, messages, reason_in
from monitor.quality.judges.base import BEST, Ask, Item, Verdict

CHOICES = ("first", "second", "tie")
SCHEMA = form(better={"type": "string", "enum": list(CHOICES)})
TASK: Mapping[Language, str] = {
    "en": (
        "Two assistants answered the same question. Say which answer is better.\nCriterion: {criterion}\n"
        "The order says nothing, and a longer answer is not better for its length. Give the reason first, then "
        "first, second or tie."
    ),
    "zh": (
        "两个助手回答了同一个问题。说出哪个回答更好。\n标准：{criterion}\n顺序没有含义，长的回答也不因其长而更好。"
        "先写理由，再写 first、second 或 tie。"
    ),
}  # fmt: skip
CRITERION = "right, complete, clear, and does what was asked"
CRITERION_ZH = "正确、完整、清楚，做到了所问的事"


class Pairwise:
    """5: better in both orders. 0: worse in both. 2.5: a tie, or the orders disagree. Needs like prompts in both."""

    fields: tuple[Field, ...] = (
        *FIELDS,
        Field(
            "baseline", _("Compared with version"), required=True,
            help=_("The version whose answers to the same prompts are compared; the judged version stands above."),
        ),
        Field("criterion", _("Criterion"), kind="long_text", default=CRITERION, help=_("What better means.")),
        Field(
            "criterion_zh", _("Criterion in Chinese"), kind="long_text", default=CRITERION_ZH,
            help=_("The same for calls in Chinese."),
        ),
    )  # fmt: skip
    source = "judge"
    cost = "two requests per pair: question and both answers in, about 60 tokens out"
    requests = 2

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.endpoint = endpoint_of(settings)
        self.settings = settings
        self.rival_version = str(settings.get("baseline") or "")
        self.criteria: Mapping[Language, str] = {
            "en": settings.get("criterion") or CRITERION,
            "zh": settings.get("criterion_zh") or CRITERION_ZH,
        }

    def judge(self, item: Item, ask: Ask) -> Verdict | None:
        if item.rival is None:
            return None
        language = language_of(self.settings, item.prompt, item.output)
        task = TASK[language].format(criterion=self.criteria[language])
        (ahead, why), (behind, _) = (
            ask(
                self.endpoint,
                messages(task, [("question", item.prompt), ("first", one), ("second", two)], language),
                SCHEMA,
                _choice,
            )
            for one, two in ((item.output, item.rival), (item.rival, item.output))
        )
        return Verdict(*_outcome(ahead, behind, why))


def _choice(answer: Any) -> tuple[str, str]:
    better = answer["better"]
    if better not in CHOICES:
        message = f"better {str(better)[:40]!r} is none of {', '.join(CHOICES)}"
        raise ValueError(message)
    return better, reason_in(answer)


def _outcome(ahead: str, behind: str, why: str) -> tuple[float, str, str]:
    """``ahead``: what was said when ours stood first; ``behind``: when it stood second."""
    ours = (ahead == "first") + (behind == "second")
    theirs = (ahead == "second") + (behind == "first")
    if ours == 2:
        return BEST, f"Better in both orders: {why}", "won"
    if theirs == 2:
        return 0.0, f"Worse in both orders: {why}", "lost"
    if ahead == behind != "tie":
        return BEST / 2, f"The orders disagree, the {ahead} answer won each time: {why}", f"{ahead}_won"
    return BEST / 2, f"A tie in at least one order: {why}", "tie"

"""Does the answer say only what the retrieved documents say? Where words alone can't tell, a model checks it statement by statement."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _

from monitor.core.fields import Field
from monitor.quality.asking import FIELDS, Language, endpoint_of, language_of, messages, reason_in, storable
from monitor.quality.grounding.telling import EDITION, told
from monitor.quality.judges.base import BEST, Ask, Item, Verdict

SCHEMA = {
    "type": "object",
    "properties": {
        "statements": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"statement": {"type": "string"}, "supported": {"type": "boolean"}},
                "required": ["statement", "supported"],
                "additionalProperties": False,
            },
        },
        "reason": {"type": "string"},
    },
    "required": ["statements", "reason"],
    "additionalProperties": False,
}
TASK: Mapping[Language, str] = {
    "en": (
        "An assistant answered a question and was given documents to answer from. Take the answer apart into its "
        "factual statements. For each say whether the documents support it; your own knowledge does not count. "
        "An answer that only says it does not know makes no statement. Then sum up in one or two sentences."
    ),
    "zh": (
        "一个助手依据给定的文档回答了问题。把回答拆成一条条事实陈述，逐条判断文档是否支持；你自己的知识不算。"
        "只说自己不知道的回答没有陈述。最后用一两句话总结。"
    ),
}  # fmt: skip


IN_DOUBT, ALWAYS = "when in doubt", "always"
ASKING = Field(
    "ask", _("Ask the model"), kind="choice", choices=(IN_DOUBT, ALWAYS), default=IN_DOUBT,
    help=_("When in doubt: only about answers of which shared words alone can't tell; the others are marked by their words. Always: about every sampled answer, which costs more."),
)  # fmt: skip


class Groundedness:
    """The mark is 5 times the share of supported statements; calls without retrieval are passed over."""

    fields: tuple[Field, ...] = (*FIELDS, ASKING)
    source = "judge"
    cost = "one request per judged call that words alone leave in doubt (or per call, as set): documents, question and answer in, every statement out"
    requests = 1
    rival_version = ""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.endpoint = endpoint_of(settings)
        self.settings = settings
        self.in_doubt = settings.get("ask", IN_DOUBT) == IN_DOUBT
        self.edition = EDITION if self.in_doubt else 0

    def judge(self, item: Item, ask: Ask) -> Verdict | None:
        if item.contexts is None:
            return None
        if self.in_doubt:
            plain = told(item.prompt, item.output, item.contexts)
            if plain is not None and not plain.doubtful:
                return Verdict(plain.mark, f"Not asked: {plain.reason}")
        documents = "\n\n".join(f"[{n}] {text}" for n, text in enumerate(item.contexts, 1))
        texts = [
            ("documents", documents or "(the search found nothing)"),
            ("question", item.prompt),
            ("answer", item.output),
        ]
        language = language_of(self.settings, item.prompt, item.output)
        return ask(self.endpoint, messages(TASK[language], texts, language), SCHEMA, _verdict)


def _verdict(answer: Any) -> Verdict:
    statements, reason = answer["statements"], reason_in(answer)
    supported = [one["supported"] for one in statements]
    if not all(isinstance(one, bool) for one in supported):
        message = "a statement without a clear yes or no"
        raise ValueError(message)
    if not supported:
        return Verdict(BEST, f"No factual statement. {reason}")
    missing = [str(one["statement"]) for one in statements if not one["supported"]]
    told = storable(f" Not supported: {'; '.join(missing)[:600]}") if missing else ""
    return Verdict(BEST * sum(supported) / len(supported), reason + told)

"""A model marks the answer against one criterion, reason first, 0 to 5."""

from collections.abc import Mapping
from typing import Any

from monitor.core.fields import Field
from monitor.quality.asking import FIELDS, endpoint_of, messages
from monitor.quality.judges.base import Ask, Item, Verdict

HELPFULNESS = (
    "How well does the answer do what was asked? 5: right, complete and clear. 3: usable, with gaps or "
    "flaws. 1: mostly wrong or beside the point. 0: no answer, or harmful."
)
SCHEMA = {
    "type": "object",
    "properties": {
        "reason": {"type": "string", "description": "one or two sentences"},
        "score": {"type": "integer", "minimum": 0, "maximum": 5},
    },
    "required": ["reason", "score"],
    "additionalProperties": False,
}


class Rubric:
    """One criterion per judge; make several judges for several criteria."""

    fields: tuple[Field, ...] = (
        *FIELDS,
        Field(
            "criterion", "Criterion", kind="long_text", default=HELPFULNESS,
            help="What is judged, and what deserves 5, 3, 1 and 0.",
        ),
    )  # fmt: skip
    source = "judge"
    cost = "one request per judged call: question and answer in, about 60 tokens out"

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.endpoint = endpoint_of(settings)
        self.criterion = settings.get("criterion") or HELPFULNESS

    def judge(self, item: Item, ask: Ask) -> Verdict | None:
        task = (
            "You judge the answer that an assistant gave to a question.\n"
            f"Criterion: {self.criterion}\n"
            "First give the reason, then a whole number from 0 (worst) to 5 (best)."
        )
        texts = [("question", item.prompt), ("answer", item.output)]
        return ask(self.endpoint, messages(task, texts), SCHEMA, _verdict)


def _verdict(answer: Any) -> Verdict:
    score, reason = answer["score"], answer["reason"]
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 5:
        message = f"score {score!r} is not a number from 0 to 5"
        raise ValueError(message)
    if not isinstance(reason, str) or not reason.strip():
        message = "the reason is empty"
        raise ValueError(message)
    return Verdict(float(score), reason.strip())

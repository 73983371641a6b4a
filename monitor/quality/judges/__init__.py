"""Judges: each reads one call and gives a mark from 0 to 5 with a reason, or says why it can't.

A new one: a file here, its test, a line in this list.
"""

from monitor.registry import Registry

JUDGES = Registry(
    "judge",
    {
        "rubric": "monitor.quality.judges.rubric.Rubric",
        "groundedness": "monitor.quality.judges.groundedness.Groundedness",
        "sentences": "monitor.quality.judges.sentences.Sentences",
        "refusal": "monitor.quality.judges.refusal.Refusal",
        "toxicity": "monitor.quality.judges.toxicity.Toxicity",
        "custom": "monitor.quality.judges.custom.Custom",
        "pairwise": "monitor.quality.judges.pairwise.Pairwise",
        "bleu": "monitor.quality.judges.bleu.Bleu",
        "chrf": "monitor.quality.judges.chrf.Chrf",
        "rouge_l": "monitor.quality.judges.rouge_l.RougeL",
        "exact": "monitor.quality.judges.exact.Exact",
        "json_schema": "monitor.quality.judges.json_schema.JsonSchema",
        "business_rule": "monitor.quality.judges.business_rule.BusinessRule",
    },
)


def choices() -> list[tuple[str, str]]:
    """For the model's field; migrations record this function, not the names."""
    return JUDGES.choices()

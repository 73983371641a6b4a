"""Judges: each reads one call and gives a mark from 0 to 5 with a reason, or says why it can't.

A new one: a file here, its test, a line in this list.
"""

from monitor.registry import Registry

JUDGES = Registry(
    "judge",
    {
        "rubric": "monitor.quality.judges.rubric.Rubric",
        "groundedness": "monitor.quality.judges.groundedness.Groundedness",
        "overlap": "monitor.quality.judges.overlap.Overlap",
        "business_rule": "monitor.quality.judges.business_rule.BusinessRule",
    },
)


def choices() -> list[tuple[str, str]]:
    """For the model's field; migrations record this function, not the names."""
    return JUDGES.choices()

"""What judges and people wrote about calls that are to be forgotten."""

from collections.abc import Collection
from uuid import UUID

from monitor.quality.models import GoldenItem, JudgeAnswer, Label


def forget(project_id: int, calls: Collection[UUID]) -> int:
    """Frozen copies go, reasons are emptied; how many rows that were.

    Verdicts kept for reuse are known by their texts' hash alone, so all of the project's go: they are paid for anew.
    """
    mine = {"judge__project_id": project_id}
    golden, _ = GoldenItem.objects.filter(**mine, generation_id__in=calls).delete()
    labels = Label.objects.filter(**mine, generation_id__in=calls).exclude(reason="").update(reason="")
    answers, _ = JudgeAnswer.objects.filter(**mine).delete() if calls else (0, {})
    return golden + labels + answers

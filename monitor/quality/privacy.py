"""What judges and people wrote about calls that are to be forgotten."""

from collections.abc import Collection
from uuid import UUID

from monitor.quality.credit.models import ScoringRequest
from monitor.quality.models import GoldenItem, Judge, JudgeAnswer, JudgeClaim, JudgeFailure, Label


def forget(project_id: int, calls: Collection[UUID]) -> int:
    """Frozen copies and what documents gave to answers go, reasons and errors are emptied; how many rows that were.

    Verdicts kept for reuse are known by their texts' hash alone, so all of the project's go: they are paid for anew.
    Of an endpoint's last error, which may repeat what it was asked, nobody knows whose call it was: those go too.
    """
    if not calls:
        return 0
    mine = {"judge__project_id": project_id}
    golden, _ = GoldenItem.objects.filter(**mine, generation_id__in=calls).delete()
    credit, _ = ScoringRequest.objects.filter(project_id=project_id, generation_id__in=calls).delete()
    labels = Label.objects.filter(**mine, generation_id__in=calls).exclude(reason="").update(reason="")
    claims = JudgeClaim.objects.filter(**mine, generation_id__in=calls).exclude(error="").update(error="")
    answers, _ = JudgeAnswer.objects.filter(**mine).delete()
    JudgeFailure.objects.filter(**mine).update(last_error="")
    Judge.objects.filter(project_id=project_id).update(last_error="")
    return golden + credit + labels + claims + answers

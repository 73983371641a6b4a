"""Judges as people configure them, who is judging what right now, and what went wrong how often."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from monitor.quality import judges
from monitor.store.models import Project


class Judge(models.Model):
    """Marks a share of the calls. ``name`` is the name of its scores."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="judges")
    name = models.SlugField(max_length=60, help_text="Also the name of its scores, like helpfulness.")
    kind = models.CharField(max_length=40, choices=judges.choices, default="rubric")
    settings = models.JSONField(default=dict, blank=True)
    model = models.CharField(max_length=200, blank=True, help_text="Only calls of this model; empty: all.")
    version = models.CharField(max_length=200, blank=True, help_text="Only this version; empty: all.")
    sample_share = models.FloatField(
        default=0.05,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="Share of the calls that is judged, 0 to 1; always the same calls.",
    )
    hourly_budget = models.PositiveIntegerField(default=200, help_text="Calls judged per hour, at most.")
    enabled = models.BooleanField(default=True)
    due_at = models.DateTimeField(null=True, editable=False)
    last_ok = models.DateTimeField(null=True, editable=False)
    last_error = models.TextField(blank=True, editable=False)
    last_duration = models.FloatField(null=True, editable=False)

    class Meta:
        ordering = ["project", "name"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="judge_once"),
            models.CheckConstraint(
                condition=models.Q(sample_share__gte=0, sample_share__lte=1), name="judge_share_0_to_1"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ClaimState(models.TextChoices):
    OPEN = "open", "Being judged"
    DONE = "done", "Judged"
    SKIPPED = "skipped", "Does not apply"
    FAILED = "failed", "Given up"


class JudgeClaim(models.Model):
    """Who judges a call: the worker that could insert or take over this row, and nobody else."""

    judge = models.ForeignKey(Judge, on_delete=models.CASCADE, related_name="claims")
    generation_id = models.UUIDField()
    claimed_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=10, choices=ClaimState.choices, default=ClaimState.OPEN)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["judge", "generation_id"], name="judge_claim_once")]
        indexes = [models.Index(fields=["judge", "claimed_at"], name="judge_claim_recent")]

    def __str__(self) -> str:
        return f"{self.judge_id}: {self.generation_id} {self.state}"


class JudgeFailure(models.Model):
    """How often a judge failed for a reason; the counter behind ``vigil_judge_failures_total``."""

    judge = models.ForeignKey(Judge, on_delete=models.CASCADE, related_name="failures")
    reason = models.CharField(max_length=40)
    count = models.PositiveBigIntegerField(default=0)
    last_at = models.DateTimeField()
    last_error = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["judge", "reason"], name="judge_failure_once")]

    def __str__(self) -> str:
        return f"{self.reason}: {self.count}"

"""Which engines can score, and the calls that somebody wanted scored."""

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from monitor.store.models import Project


class ScoringEngine(models.Model):
    """An OpenAI-compatible server that offers prompt log-probabilities, and the calls it is for."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="scoring_engines")
    name = models.SlugField(max_length=60)
    url = models.CharField(
        _("address"), max_length=500, help_text=_("Up to and including /v1, like http://vllm:8000/v1.")
    )
    served_model = models.CharField(max_length=200, help_text=_("The model's name at that server."))
    api_key = models.CharField(max_length=500, blank=True, help_text=_("Sent as a bearer token."))
    model = models.CharField(max_length=200, blank=True, help_text=_("Only calls of this model; empty: all."))
    usd_per_million_tokens = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(0.0)],
        help_text=_("Price of a million input tokens; empty: no price is shown."),
    )  # fmt: skip
    timeout_seconds = models.FloatField(default=30.0, validators=[MinValueValidator(1.0)])
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["project", "name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="scoring_engine_once")]

    def __str__(self) -> str:
        return self.name


class ScoringState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")


class ScoringRequest(models.Model):
    """One call to be scored; the newest request of a call replaces the one before."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    generation_id = models.UUIDField()
    engine = models.ForeignKey(ScoringEngine, on_delete=models.CASCADE, related_name="requests")
    asked_by = models.CharField(max_length=200, blank=True)
    asked_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=ScoringState.choices, default=ScoringState.WAITING)
    taken_at = models.DateTimeField(null=True)
    body = models.JSONField(default=dict)
    error = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "generation_id"], name="scoring_request_once")
        ]

    def __str__(self) -> str:
        return f"{self.generation_id} {self.state}"

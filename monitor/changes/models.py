"""What was found behind an alert that fired: asked for when it fires, looked for a moment later, kept with it."""

from django.db import models

from monitor.store.models import Project


class ChangeSearch(models.Model):
    """One alert's search. ``body`` is ``findings.Findings``; ``starts_at`` is when the alert fired."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="change_searches")
    fingerprint = models.BigIntegerField()
    labels = models.JSONField()
    expr = models.TextField()
    starts_at = models.DateTimeField()
    active_at = models.DateTimeField()
    asked_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    body = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    took = models.FloatField(null=True)

    class Meta:
        ordering = ["-starts_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "fingerprint", "starts_at"], name="change_search_once"
            ),
        ]
        indexes = [
            models.Index(fields=["asked_at"], name="change_waiting", condition=models.Q(state="waiting")),
        ]

    def __str__(self) -> str:
        return f"{self.labels.get('alertname', '')} at {self.starts_at:%Y-%m-%d %H:%M}"

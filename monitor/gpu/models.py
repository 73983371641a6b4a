"""Which hosts' cards are polled by this installation's own worker, and how that went."""

from django.db import models

from monitor.store.models import Project


class PollerState(models.TextChoices):
    NEVER = "never", "Not polled yet"
    OK = "ok", "Polling"
    NO_DRIVER = "no driver", "No NVIDIA driver"
    FAILING = "failing", "Failing"


class GpuPoller(models.Model):
    """The worker's own host. Its row appears with the first poll; other hosts push with ``gpu_agent``."""

    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="gpu_pollers", help_text="Where its series go."
    )
    host = models.CharField(max_length=200)
    enabled = models.BooleanField(default=True)
    state = models.CharField(
        max_length=10, choices=PollerState.choices, default=PollerState.NEVER, editable=False
    )
    cards = models.PositiveIntegerField(default=0, editable=False)
    checked_at = models.DateTimeField(null=True, editable=False)
    last_ok = models.DateTimeField(null=True, editable=False)
    last_error = models.TextField(blank=True, editable=False)
    last_duration = models.FloatField(null=True, editable=False)

    class Meta:
        verbose_name = "GPU poller"
        ordering = ["host"]
        constraints = [models.UniqueConstraint(fields=["project", "host"], name="gpu_poller_once")]

    def __str__(self) -> str:
        return self.host

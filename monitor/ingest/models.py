"""Who may push (API keys) and whom we pull (scrape targets)."""

from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from monitor.store.models import Project

SCOPES = ("ingest", "query", "manage")


class ApiKey(models.Model):
    """A key is shown once; we keep its prefix (to name it) and its SHA-256 (to know it)."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="keys")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API key"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class ScrapeTarget(models.Model):
    """A page in Prometheus' text format that we read at an interval."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="targets")
    job = models.CharField(max_length=80)
    url = models.CharField(max_length=500)
    interval_seconds = models.PositiveIntegerField(default=15)
    labels = models.JSONField(default=dict, blank=True)
    bearer_token = models.CharField(max_length=500, blank=True)
    enabled = models.BooleanField(default=True)
    due_at = models.DateTimeField(null=True, editable=False)
    last_ok = models.DateTimeField(null=True, editable=False)
    last_error = models.TextField(blank=True, editable=False)
    last_duration = models.FloatField(null=True, editable=False)
    last_samples = models.IntegerField(null=True, editable=False)

    class Meta:
        ordering = ["job", "url"]
        constraints = [models.UniqueConstraint(fields=["project", "url"], name="target_once")]

    def __str__(self) -> str:
        return f"{self.job} {self.url}"

    def clean(self) -> None:
        """Refuse addresses that can't be fetched. Names without a dot are fine: services in one network use them."""
        if not _is_web_address(self.url):
            message = _("Not an http:// or https:// address; write it like http://host:8000/metrics.")
            raise ValidationError({"url": message})


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and " " not in text
        )
    except ValueError:
        return False

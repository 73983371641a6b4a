"""Who may push (API keys) and whom we pull (scrape targets)."""

from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from monitor.ingest.redaction import policy
from monitor.ingest.redaction.policy import KINDS, LONGEST_PATTERN, Mode
from monitor.ingest.redaction.sieve import BadPatternError
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
    per_minute = models.PositiveIntegerField(
        _("requests a minute"), null=True, blank=True, help_text=_("At most; empty: no limit of its own.")
    )
    last_used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = "API key"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class ScrapeJob(models.Model):
    """One entry of Prometheus' ``scrape_configs``: how targets are found, rewritten and read.

    ``config`` is the entry as it was written, defaults of its file's ``global`` filled in.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="scrape_jobs")
    name = models.CharField(max_length=200)
    config = models.JSONField()
    enabled = models.BooleanField(default=True)
    due_at = models.DateTimeField(null=True, editable=False)
    last_ok = models.DateTimeField(null=True, editable=False)
    last_error = models.TextField(blank=True, editable=False)
    last_duration = models.FloatField(null=True, editable=False)
    dropped = models.JSONField(default=list, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="scrape_job_once")]

    def __str__(self) -> str:
        return self.name


class ScrapeTarget(models.Model):
    """A page of metrics that we read at an interval; those with a ``source`` were found by that job."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="targets")
    source = models.ForeignKey(
        ScrapeJob, on_delete=models.CASCADE, related_name="targets", null=True, editable=False
    )
    job = models.CharField(max_length=200)
    url = models.CharField(max_length=2000)
    interval_seconds = models.PositiveIntegerField(default=15)
    timeout_seconds = models.FloatField(null=True, editable=False)
    labels = models.JSONField(default=dict, blank=True)
    discovered = models.JSONField(default=dict, editable=False)
    # a hash of address and labels: what makes a found target the same one next time
    identity = models.CharField(max_length=32, default="", editable=False)
    bearer_token = models.CharField(max_length=500, blank=True)
    enabled = models.BooleanField(default=True)
    due_at = models.DateTimeField(null=True, editable=False)
    last_ok = models.DateTimeField(null=True, editable=False)
    last_error = models.TextField(blank=True, editable=False)
    last_duration = models.FloatField(null=True, editable=False)
    last_samples = models.IntegerField(null=True, editable=False)

    class Meta:
        ordering = ["job", "url"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "url"], condition=models.Q(source=None), name="target_once"
            ),
            models.UniqueConstraint(fields=["source", "identity"], name="found_target_once"),
        ]

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


class RedactionChoice(models.Model):
    """What becomes of one kind of find in a project; kinds without a row are masked."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="redaction_choices")
    kind = models.CharField(max_length=20, choices=[(kind, kind) for kind in KINDS])
    mode = models.CharField(max_length=4, choices=[(mode.value, mode.value) for mode in Mode])

    class Meta:
        ordering = ["kind"]
        constraints = [models.UniqueConstraint(fields=["project", "kind"], name="redaction_choice_once")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.mode}"


class RedactionPattern(models.Model):
    """A project's own kind of find, in RE2's syntax."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="redaction_patterns")
    name = models.CharField(max_length=30)
    pattern = models.CharField(max_length=LONGEST_PATTERN)
    mode = models.CharField(
        max_length=4, choices=[(mode.value, mode.value) for mode in Mode], default=Mode.MASK.value
    )

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="redaction_pattern_once")]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse what RE2 refuses, and what would match anything."""
        try:
            policy.custom(self.name, self.pattern, self.mode)
        except BadPatternError as error:
            field, _sep, text = str(error).partition(": ")
            raise ValidationError({field: text}) from error


class PushedMetric(models.Model):
    """What senders say of a family of metrics that they push: its type, its unit and a line of help."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="pushed_metrics")
    name = models.CharField(max_length=512)
    type = models.CharField(max_length=20)
    help = models.TextField(blank=True)
    unit = models.CharField(max_length=100, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="pushed_metric_once")]

    def __str__(self) -> str:
        return self.name

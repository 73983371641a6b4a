"""Rule groups and rules as people edit them, the alerts they have now, and what changed when."""

from django.db import models

from monitor.core import durations
from monitor.store.models import Project


class Origin(models.TextChoices):
    """``FILE`` groups come from a mounted file and are read-only in the product."""

    ADMIN = "admin", "Edited here"
    FILE = "file", "From a file"


class Health(models.TextChoices):
    """Whether the last evaluation worked. ``UNKNOWN``: never evaluated."""

    UNKNOWN = "unknown", "Unknown"
    OK = "ok", "OK"
    ERROR = "err", "Failing"


class RuleState(models.TextChoices):
    """The worst alert of a rule. ``UNKNOWN``: we could not ask, so nobody can say "inactive"."""

    UNKNOWN = "unknown", "Unknown"
    INACTIVE = "inactive", "Inactive"
    PENDING = "pending", "Pending"
    FIRING = "firing", "Firing"


class RuleGroup(models.Model):
    """Rules that are evaluated together at one time, in order, so that later ones may read earlier ones."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="rule_groups")
    name = models.CharField(max_length=200)
    interval_ms = models.BigIntegerField("interval", default=60_000)
    states_interval = models.BooleanField(
        default=True, editable=False, help_text="Whether a rule file gets the interval written."
    )
    query_offset_ms = models.BigIntegerField(
        "query offset", default=0, help_text="Ask this far in the past, for data that comes late."
    )
    limit = models.PositiveIntegerField(
        default=0, help_text="Most results one rule may have; more is an error. 0: no limit."
    )
    labels = models.JSONField(default=dict, blank=True, help_text="Added to every rule of the group.")
    enabled = models.BooleanField(default=True)
    origin = models.CharField(max_length=10, choices=Origin.choices, default=Origin.ADMIN, editable=False)
    due_at = models.DateTimeField(null=True, editable=False, db_index=True)
    evaluated_at = models.DateTimeField(null=True, editable=False)
    last_ok = models.DateTimeField(null=True, editable=False)
    last_error = models.TextField(blank=True, editable=False)
    last_duration = models.FloatField(null=True, editable=False)
    missed = models.BigIntegerField(
        default=0, editable=False, help_text="Evaluations that were due and did not happen."
    )
    source = models.CharField(
        max_length=500,
        blank=True,
        editable=False,
        help_text="The file that owns the group; empty: people do.",
    )

    class Meta:
        ordering = ["project", "name"]
        constraints = [
            models.UniqueConstraint(fields=["project", "source", "name"], name="rule_group_once"),
            models.CheckConstraint(condition=models.Q(interval_ms__gte=1000), name="rule_interval_from_1s"),
        ]

    def __str__(self) -> str:
        return self.name


class RuleFile(models.Model):
    """A mounted rule file as it was last read. ``stamp`` says whether it has changed since."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="rule_files")
    path = models.CharField(max_length=500)
    stamp = models.CharField(max_length=100)
    read_at = models.DateTimeField()
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["project", "path"]
        constraints = [models.UniqueConstraint(fields=["project", "path"], name="rule_file_once")]

    def __str__(self) -> str:
        return self.path


class Rule(models.Model):
    """One PromQL expression: an alert, or a series recorded under a new name."""

    class Kind(models.TextChoices):
        ALERT = "alert", "Alert"
        RECORD = "record", "Recording"

    group = models.ForeignKey(RuleGroup, on_delete=models.CASCADE, related_name="rules")
    position = models.PositiveIntegerField(default=0, help_text="Order within the group.")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.ALERT)
    name = models.CharField(max_length=200, help_text="The alert's name, or the name of the recorded series.")
    expr = models.TextField("expression", help_text="PromQL. Each series it answers with is one alert.")
    for_ms = models.BigIntegerField("for", default=0, help_text="How long it must last before it fires.")
    keep_firing_for_ms = models.BigIntegerField(
        "keep firing for", default=0, help_text="How long it goes on firing after the result is gone."
    )
    labels = models.JSONField(default=dict, blank=True)
    annotations = models.JSONField(default=dict, blank=True)
    enabled = models.BooleanField(default=True)
    state = models.CharField(
        max_length=10, choices=RuleState.choices, default=RuleState.UNKNOWN, editable=False
    )
    health = models.CharField(max_length=10, choices=Health.choices, default=Health.UNKNOWN, editable=False)
    evaluated_at = models.DateTimeField(null=True, editable=False)
    last_ok = models.DateTimeField(null=True, editable=False)
    last_error = models.TextField(blank=True, editable=False)
    last_duration = models.FloatField(null=True, editable=False)

    class Meta:
        ordering = ["group", "position", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def severity(self) -> str:
        return str({**self.group.labels, **self.labels}.get("severity", ""))

    @property
    def hold_text(self) -> str:
        return durations.text(self.for_ms)


class RuleAlert(models.Model):
    """One alert of one rule, as ``state.Alert``. A rule that is deleted leaves its alerts to be ended."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="rule_alerts")
    rule = models.ForeignKey(Rule, on_delete=models.SET_NULL, null=True, related_name="alerts")
    fingerprint = models.BigIntegerField()
    labels = models.JSONField()
    annotations = models.JSONField(default=dict)
    value = models.FloatField()
    state = models.CharField(max_length=10)
    active_at = models.DateTimeField()
    fired_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    kept_since = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "fingerprint"], name="rule_alert_once")]
        indexes = [models.Index(fields=["project", "state"], name="rule_alert_by_state")]

    def __str__(self) -> str:
        return f"{self.labels.get('alertname', '')} {self.state}"


class RuleOutput(models.Model):
    """The series that a recording rule wrote last. A rule that is deleted leaves them to be ended."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="rule_outputs")
    rule = models.OneToOneField(Rule, on_delete=models.SET_NULL, null=True, related_name="output")
    series = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{len(self.series)} series"


class AlertChange(models.Model):
    """History: an alert entered a state. Kept when the rule goes."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="alert_changes")
    rule = models.ForeignKey(Rule, on_delete=models.SET_NULL, null=True, related_name="changes")
    fingerprint = models.BigIntegerField()
    labels = models.JSONField()
    to = models.CharField(max_length=10)
    at = models.DateTimeField()
    value = models.FloatField()

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["project", "at"], name="alert_change_by_time")]

    def __str__(self) -> str:
        return f"{self.labels.get('alertname', '')} {self.to} at {self.at:%Y-%m-%d %H:%M}"


class RuleEdit(models.Model):
    """Somebody changed a rule: who, when, and what it was before. ``before`` or ``after`` empty: made, deleted."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="rule_edits")
    rule = models.ForeignKey(Rule, on_delete=models.SET_NULL, null=True, related_name="edits")
    name = models.CharField(max_length=200)
    group = models.CharField(max_length=200)
    at = models.DateTimeField()
    by = models.CharField(max_length=150, help_text="A person's name, or the file or command that did it.")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["project", "at"], name="rule_edit_by_time")]

    def __str__(self) -> str:
        return f"{self.name} by {self.by}"

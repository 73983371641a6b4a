"""Contacts, routes and silences as people edit them; the alerts taken in; what was sent to whom, and when."""

import uuid

from django.db import models

from monitor.alerting import receivers
from monitor.store.models import Project


class Contact(models.Model):
    """Someone who can be told: a receiver and its settings. A project without any route tells every one."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="contacts")
    name = models.CharField(max_length=120)
    kind = models.CharField("receiver", max_length=30, choices=receivers.choices)
    settings = models.JSONField(default=dict, blank=True)
    send_resolved = models.BooleanField(default=True, help_text="Also tell when an alert is over.")
    enabled = models.BooleanField(default=True)
    changed_at = models.DateTimeField(null=True, editable=False)
    last_ok = models.DateTimeField(null=True, editable=False)
    last_error = models.TextField(blank=True, editable=False)
    last_duration = models.FloatField(null=True, editable=False)

    class Meta:
        ordering = ["project", "name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="contact_once")]

    def __str__(self) -> str:
        return self.name


class Route(models.Model):
    """Which alerts go to which contacts. Tried in order; the first that matches takes the alert."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="routes")
    position = models.PositiveIntegerField(default=0, help_text="Lower ones are tried first.")
    name = models.CharField(max_length=120)
    matchers = models.TextField(
        blank=True, help_text='Like severity="critical", team=~"a|b"; all must hold. Empty: every alert.'
    )
    contacts = models.ManyToManyField(Contact, related_name="routes")
    go_on = models.BooleanField("continue", default=False, help_text="Also try the routes after this one.")
    group_by = models.CharField(
        max_length=300,
        default="alertname",
        blank=True,
        help_text="Labels whose alerts share a message, separated by commas; ... for one message per alert.",
    )
    group_wait_seconds = models.PositiveIntegerField(
        "group wait", default=10, help_text="Seconds to wait for more alerts before the first message."
    )
    group_interval_seconds = models.PositiveIntegerField(
        "group interval", default=60, help_text="Seconds at least between two messages of a group."
    )
    repeat_interval_seconds = models.PositiveIntegerField(
        "repeat interval", default=14_400, help_text="Seconds after which what still fires is said again."
    )
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["project", "position", "id"]

    def __str__(self) -> str:
        return self.name


class Silence(models.Model):
    """Alerts that match are not told to anyone while the window lasts."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="silences")
    matchers = models.TextField(help_text='Like alertname="HighLatency", version=~"v2.*"; all must hold.')
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    author = models.CharField(max_length=120)
    comment = models.TextField(blank=True)
    updated_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["-ends_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_at__gte=models.F("starts_at")), name="silence_ends_after_start"
            ),
        ]

    def __str__(self) -> str:
        return self.matchers


class Alert(models.Model):
    """An alert as it was handed over, from our rules or from outside. ``ends_at`` empty: it fires."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="alerts")
    fingerprint = models.BigIntegerField()
    labels = models.JSONField()
    annotations = models.JSONField(default=dict)
    value = models.FloatField(null=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    link = models.TextField(blank=True)
    source = models.CharField(max_length=20, default="rules")
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "fingerprint"], name="alert_once")]

    def __str__(self) -> str:
        return str(self.labels.get("alertname", ""))


class AlertGroup(models.Model):
    """Alerts that share a message. ``route`` empty: the project has no routes. ``due_at`` empty: at rest."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="alert_groups")
    route = models.ForeignKey(Route, on_delete=models.CASCADE, null=True, related_name="groups")
    labels = models.JSONField()
    digest = models.CharField(max_length=32)
    due_at = models.DateTimeField(null=True, db_index=True)
    alerts = models.ManyToManyField(Alert, related_name="groups")
    last_error = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "route", "digest"], name="alert_group_once", nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        return str(self.labels)


class Delivery(models.Model):
    """One message that must reach one contact. The row exists before anything is sent: nothing can be lost."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENT = "sent", "Sent"
        MUTED = "muted", "Silenced"
        SKIPPED = "skipped", "Nothing to say"
        REFUSED = "refused", "Refused"
        GIVEN_UP = "given_up", "Given up"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="deliveries")
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="deliveries")
    group = models.ForeignKey(AlertGroup, on_delete=models.SET_NULL, null=True, related_name="deliveries")
    content = models.JSONField()
    status = models.CharField(max_length=10)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    created_at = models.DateTimeField()
    next_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["next_at"], name="delivery_waiting", condition=models.Q(state="waiting")),
            models.Index(fields=["group", "contact", "created_at"], name="delivery_by_group"),
            models.Index(fields=["project", "created_at"], name="delivery_by_project"),
        ]

    def __str__(self) -> str:
        return f"{self.status} to {self.contact}"


class DeliveryAttempt(models.Model):
    """One try. Written before the sending: a worker that dies leaves ``outcome`` unfinished."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="log")
    number = models.PositiveIntegerField()
    at = models.DateTimeField()
    outcome = models.CharField(max_length=12, default="unfinished")
    duration_seconds = models.FloatField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["delivery", "number"]
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="attempt_once")]

    def __str__(self) -> str:
        return f"attempt {self.number}: {self.outcome}"

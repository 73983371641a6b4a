"""Contacts, routes and silences as people edit them; the alerts taken in; what was sent to whom, and when."""

import datetime as dt
import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from monitor.alerting import receivers
from monitor.store.models import Project


class AlertPolicy(models.Model):
    """What holds for all alerts of a project."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="alert_policy")
    resolve_timeout = models.CharField(
        _("resolve timeout"),
        max_length=20,
        default="5m",
        help_text=_("An alert from outside that was sent without an end is over after so long without news."),
    )

    class Meta:
        verbose_name = _("alert policy")
        verbose_name_plural = _("alert policies")

    def __str__(self) -> str:
        return f"{self.project}"


class TimeInterval(models.Model):
    """Named times of the week, month or year, for routes that are quiet then or speak only then."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="time_intervals")
    name = models.CharField(_("name"), max_length=120)
    spec = models.TextField(
        _("times"),
        help_text=_(
            "YAML as in Alertmanager: a list of times, weekdays, days_of_month, months, years, location."
        ),
    )

    class Meta:
        ordering = ["project", "name"]
        verbose_name = _("time interval")
        verbose_name_plural = _("time intervals")
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="time_interval_once")]

    def __str__(self) -> str:
        return self.name


class Inhibition(models.Model):
    """While a source alert fires, target alerts with the same values of ``equal`` are told to nobody."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="inhibitions")
    position = models.PositiveIntegerField(_("position"), default=0)
    name = models.CharField(_("name"), max_length=120, blank=True)
    source_matchers = models.TextField(
        _("source matchers"), help_text=_('Like severity="critical"; what must fire.')
    )
    target_matchers = models.TextField(
        _("target matchers"), help_text=_('Like severity="warning"; what is kept quiet.')
    )
    equal = models.CharField(
        _("equal"),
        max_length=300,
        blank=True,
        help_text=_("Labels that source and target share, separated by commas."),
    )
    enabled = models.BooleanField(_("enabled"), default=True)

    class Meta:
        ordering = ["project", "position", "id"]
        verbose_name = _("inhibition")
        verbose_name_plural = _("inhibitions")

    def __str__(self) -> str:
        return self.name or f"{self.source_matchers} → {self.target_matchers}"


class Contact(models.Model):
    """Someone who can be told: a receiver and its settings. A project without any route tells every one."""

    class Language(models.TextChoices):
        BOTH = "both", _("Chinese and English")
        CHINESE = "zh", _("Chinese")
        ENGLISH = "en", _("English")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="contacts")
    name = models.CharField(_("name"), max_length=120)
    receiver = models.CharField(
        _("belongs to"),
        max_length=120,
        blank=True,
        help_text=_(
            "Contacts with the same word here are one receiver to Alertmanager's tools; empty: its own name."
        ),
    )
    kind = models.CharField(_("receiver"), max_length=30, choices=receivers.choices)
    settings = models.JSONField(default=dict, blank=True)
    language = models.CharField(_("language"), max_length=4, choices=Language.choices, default=Language.BOTH)
    send_resolved = models.BooleanField(
        _("send resolved"), default=True, help_text=_("Also tell when an alert is over.")
    )
    enabled = models.BooleanField(_("enabled"), default=True)
    changed_at = models.DateTimeField(null=True, editable=False)
    failures = models.PositiveIntegerField(default=0, editable=False)
    rest_until = models.DateTimeField(null=True, editable=False)
    last_ok = models.DateTimeField(null=True, editable=False)
    last_error = models.TextField(blank=True, editable=False)
    last_duration = models.FloatField(null=True, editable=False)

    class Meta:
        ordering = ["project", "name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="contact_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def receiver_name(self) -> str:
        """As Alertmanager's tools, and receivers, know it."""
        return self.receiver or self.name


class Route(models.Model):
    """Which alerts go to which contacts: a tree. Of each level the first that matches takes the alert.

    What is left empty is the parent's.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="routes")
    parent = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, blank=True, related_name="children",
        verbose_name=_("within"), help_text=_("The route whose alerts this one divides further."),
    )  # fmt: skip
    position = models.PositiveIntegerField(
        _("position"), default=0, help_text=_("Lower ones are tried first.")
    )
    name = models.CharField(_("name"), max_length=120)
    matchers = models.TextField(
        _("matchers"), blank=True,
        help_text=_('Like severity="critical", team=~"a|b"; all must hold. Empty: every alert.'),
    )  # fmt: skip
    contacts = models.ManyToManyField(
        Contact,
        related_name="routes",
        blank=True,
        verbose_name=_("contacts"),
        help_text=_("None: the parent's."),
    )
    go_on = models.BooleanField(
        _("continue"), default=False, help_text=_("Also try the routes after this one.")
    )
    group_by = models.CharField(
        _("group by"),
        max_length=300,
        blank=True,
        help_text=_(
            "Labels whose alerts share a message, separated by commas; ... for one message per alert, - for one in all. "
            "Empty: the parent's, else alertname."
        ),
    )
    group_wait = models.CharField(
        _("group wait"), max_length=20, blank=True,
        help_text=_("How long to wait for more alerts before the first message; empty: the parent's, else 10s."),
    )  # fmt: skip
    group_interval = models.CharField(
        _("group interval"), max_length=20, blank=True,
        help_text=_("Time at least between two messages of a group; empty: the parent's, else 1m."),
    )  # fmt: skip
    repeat_interval = models.CharField(
        _("repeat interval"), max_length=20, blank=True,
        help_text=_("After this time what still fires is said again; empty: the parent's, else 4h."),
    )  # fmt: skip
    mute_intervals = models.ManyToManyField(
        TimeInterval, related_name="muting", blank=True, verbose_name=_("quiet during"),
        help_text=_("Nothing is told in these times. Not inherited."),
    )  # fmt: skip
    active_intervals = models.ManyToManyField(
        TimeInterval, related_name="activating", blank=True, verbose_name=_("speaks only during"),
        help_text=_("Nothing is told outside these times; none: always. Not inherited."),
    )  # fmt: skip
    enabled = models.BooleanField(_("enabled"), default=True)

    class Meta:
        ordering = ["project", "position", "id"]
        verbose_name = _("route")
        verbose_name_plural = _("routes")

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


class AlertRows(models.QuerySet["Alert"]):
    """Questions asked in several places."""

    def firing(self, now: dt.datetime) -> "AlertRows":
        return self.filter(models.Q(ends_at=None) | models.Q(ends_at__gt=now))


class Alert(models.Model):
    """An alert as it was handed over, from our rules or from outside.

    It fires until ``ends_at``; empty: until somebody says that it is over. ``timeout``: that end was only
    assumed, and news put it off.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="alerts")
    fingerprint = models.BigIntegerField()
    labels = models.JSONField()
    annotations = models.JSONField(default=dict)
    value = models.FloatField(null=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    link = models.TextField(blank=True)
    source = models.CharField(max_length=20, default="rules")
    timeout = models.BooleanField(default=False)
    updated_at = models.DateTimeField()

    objects = AlertRows.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "fingerprint"], name="alert_once")]
        indexes = [models.Index(fields=["project", "ends_at"], name="alert_by_end")]

    def __str__(self) -> str:
        return str(self.labels.get("alertname", ""))

    def fires(self, now: dt.datetime) -> bool:
        return self.ends_at is None or self.ends_at > now


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

"""Watches as people edit them, and what each found."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from monitor.drift import detectors
from monitor.store.models import Project

# one false page in three months, for a project and all that is watched in it
USUAL_FALSE_PAGES = 0.33


class WatchState(models.TextChoices):
    """Unknown and learning are neither good nor bad: no reference yet, or too few calls to tell."""

    UNKNOWN = "unknown", _("Unknown")
    LEARNING = "learning", _("Learning")
    OK = "ok", _("As always")
    WARNING = "warning", _("Unusual")
    DRIFT = "drift", _("Drifted")


class DriftWatch(models.Model):
    """One feature of one model version, compared with a pinned reference."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="drift_watches")
    model = models.CharField(max_length=200)
    version = models.CharField(max_length=200, blank=True)
    feature = models.CharField(max_length=80)
    detector = models.CharField(max_length=40, choices=detectors.choices)
    settings = models.JSONField(default=dict, blank=True)
    window_seconds = models.PositiveIntegerField(
        _("window"), default=3600, help_text=_("Seconds of the newest calls that are compared.")
    )
    reference_from = models.DateTimeField(
        null=True, blank=True, help_text=_("Empty: pinned by itself to the first hours of the version.")
    )
    reference_to = models.DateTimeField(null=True, blank=True)
    reference_version = models.CharField(
        max_length=200, blank=True, help_text=_("The version whose calls are the reference; empty: its own.")
    )
    past_weeks = models.PositiveSmallIntegerField(
        default=0,
        blank=True,
        help_text=_(
            "0: the reference is pinned. 3 to 8: each window is compared with the same hours of so many past weeks, "
            "by the clock of the project's users."
        ),
    )
    reference_hours = models.PositiveIntegerField(
        default=12, help_text=_("How many first hours are pinned when no reference is given.")
    )
    enabled = models.BooleanField(default=True)
    reference = models.JSONField(default=dict, editable=False)
    progress = models.JSONField(default=dict, editable=False)
    evaluated_to = models.DateTimeField(null=True, editable=False)
    state = models.CharField(
        max_length=10, choices=WatchState.choices, default=WatchState.UNKNOWN, editable=False
    )
    reason = models.TextField(blank=True, editable=False)
    last_ok = models.DateTimeField(null=True, editable=False)
    last_error = models.TextField(blank=True, editable=False)
    last_duration = models.FloatField(null=True, editable=False)

    class Meta:
        verbose_name_plural = _("drift watches")
        ordering = ["project", "model", "version", "feature"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "model", "version", "feature", "detector"], name="drift_watch_once"
            ),
            models.CheckConstraint(
                condition=models.Q(window_seconds__gte=300, window_seconds__lte=86_400),
                name="drift_window_5m_to_1d",
            ),
            models.CheckConstraint(
                condition=models.Q(reference_hours__gte=1, reference_hours__lte=336),
                name="drift_reference_1h_to_14d",
            ),
            models.CheckConstraint(
                condition=models.Q(past_weeks=0) | models.Q(past_weeks__gte=3, past_weeks__lte=8),
                name="drift_past_weeks_3_to_8",
            ),
            models.CheckConstraint(
                condition=models.Q(reference_from=None)
                | models.Q(reference_to=None)
                | models.Q(reference_to__gt=models.F("reference_from")),
                name="drift_reference_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.feature} of {self.model} {self.version}".strip()


class DriftReport(models.Model):
    """What a watch found at one moment of event time; ``body`` holds both histograms and examples."""

    watch = models.ForeignKey(DriftWatch, on_delete=models.CASCADE, related_name="reports")
    at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=WatchState.choices)
    effect = models.FloatField(null=True)
    normal_low = models.FloatField(null=True)
    normal_high = models.FloatField(null=True)
    evidence = models.FloatField(null=True)
    body = models.JSONField()

    class Meta:
        ordering = ["-at"]
        constraints = [models.UniqueConstraint(fields=["watch", "at"], name="drift_report_once")]

    def __str__(self) -> str:
        return f"{self.watch} at {self.at:%Y-%m-%d %H:%M}"


class DriftPolicy(models.Model):
    """How a project wants to be woken, and which hours of it are alike."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="drift_policy")
    false_pages_per_month = models.FloatField(
        default=USUAL_FALSE_PAGES,
        help_text=_(
            "How many false pages a month are bearable in the whole project: all signals of all versions and all "
            "watches share them. 0.33: one in three months."
        ),
    )
    time_zone = models.CharField(
        max_length=60, default="UTC", help_text=_("Whose clock the users follow, as Asia/Shanghai.")
    )
    holidays = models.TextField(
        blank=True, help_text=_("Dates that behave like a Sunday, one per line, as 2026-10-01.")
    )
    attributes = models.TextField(
        blank=True,
        help_text=_(
            "Attributes of calls to watch as well, one name per line: numbers by their mean, words by their shares."
        ),
    )

    class Meta:
        verbose_name_plural = _("drift policies")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(false_pages_per_month__gt=0, false_pages_per_month__lte=30),
                name="drift_false_pages_bearable",
            )
        ]

    def __str__(self) -> str:
        return f"drift policy of {self.project}"


class DriftSignal(models.Model):
    """One signal of one model version, as the engine left it after its last tick."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="drift_signals")
    model = models.CharField(max_length=200)
    version = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=80)
    enabled = models.BooleanField(default=True)
    reference_version = models.CharField(
        max_length=200,
        blank=True,
        help_text=_("The version whose calls are normal; empty: chosen by itself."),
    )
    reference_from = models.DateTimeField(
        null=True, blank=True, help_text=_("What came from then on is normal; empty: chosen by itself.")
    )
    reference_to = models.DateTimeField(null=True, blank=True)
    # Unix seconds of the end of the last tick
    evaluated_to = models.BigIntegerField(null=True, editable=False)
    progress = models.JSONField(default=dict, editable=False)
    body = models.JSONField(default=dict, editable=False)
    state = models.CharField(
        max_length=10, choices=WatchState.choices, default=WatchState.LEARNING, editable=False
    )
    reason = models.TextField(blank=True, editable=False)
    last_ok = models.DateTimeField(null=True, editable=False)
    last_error = models.TextField(blank=True, editable=False)
    last_duration = models.FloatField(null=True, editable=False)

    class Meta:
        ordering = ["project", "model", "version", "kind"]
        constraints = [
            models.UniqueConstraint(fields=["project", "model", "version", "kind"], name="drift_signal_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.model} {self.version}".strip()


class DriftSketch(models.Model):
    """The sums of one closed hour of a version (or, as part ``clusters …``, what its vectors are sorted by;
    as part ``baseline …``, how far the expected volume of all versions has been told; as part ``forgotten``, when
    hours were let be added up anew).
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    model = models.CharField(max_length=200)
    version = models.CharField(max_length=200, blank=True)
    part = models.CharField(max_length=200)
    hour = models.IntegerField(help_text=_("Hours since 1970."))
    body = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "model", "version", "part", "hour"], name="drift_sketch_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.part} of {self.model} {self.version} in hour {self.hour}"

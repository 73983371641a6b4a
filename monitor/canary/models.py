"""Releases as people open them, what was counted for them, what was decided, and what was done about it."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from monitor.canary import actions, kinds
from monitor.store.models import Project


class Mode(models.TextChoices):
    """What Vigil may do by itself."""

    OBSERVE = "observe", "observe only"
    RECOMMEND = "recommend", "recommend; a person decides"
    AUTOMATIC = "automatic", "automatic"


class State(models.TextChoices):
    OPEN = "open", "open"
    HELD = "held", "held"
    PROMOTING = "promoting", "promoting"
    PROMOTED = "promoted", "promoted"
    ROLLING_BACK = "rolling_back", "rolling back"
    ROLLED_BACK = "rolled_back", "rolled back"
    ESCALATED = "escalated", "rollback not proved"
    ENDED = "ended", "ended without a decision"


# calls are counted and gates judged in these
LIVELY = (State.OPEN, State.HELD, State.PROMOTING, State.ROLLING_BACK, State.ESCALATED)


class Verdict(models.TextChoices):
    PASS = "pass", "pass"
    FAIL = "fail", "fail"
    UNDECIDED = "undecided", "undecided"


class Opened(models.TextChoices):
    HAND = "hand", "by hand"
    API = "api", "by API"
    WEBHOOK = "webhook", "by a deploy webhook"
    NOTICED = "noticed", "noticed"


class Stratum(models.TextChoices):
    """Like is compared with like: only calls of the same kind, in the same minutes."""

    NONE = "", "nothing"
    ROUTE = "route", "route"
    TOPIC = "topic", "topic"
    LANGUAGE = "language", "language"
    TENANT = "tenant", "tenant"
    TEMPLATE = "template", "prompt template"
    ENVIRONMENT = "environment", "environment"


class Release(models.Model):
    """A new version of a model on its way beside the old one. ``body``: what the last look found."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="releases")
    model = models.CharField(max_length=200)
    stable = models.CharField(max_length=200, blank=True, help_text="The version that has the traffic now.")
    canary = models.CharField(max_length=200, help_text="The version that is on its way.")
    owner = models.CharField(max_length=150, blank=True)
    note = models.TextField(blank=True)
    mode = models.CharField(max_length=10, choices=Mode.choices, default=Mode.OBSERVE)
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN, editable=False)
    opened_by = models.CharField(max_length=8, choices=Opened.choices, default=Opened.HAND, editable=False)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)
    alpha = models.FloatField(
        default=0.05, help_text="How likely a good version may be called bad, over all gates and all looks."
    )
    stratify = models.CharField(max_length=12, choices=Stratum.choices, default=Stratum.ROUTE, blank=True)
    deadline_hours = models.FloatField(
        default=24.0, help_text="A stage that is undecided for so long is held, and says what it lacks."
    )
    # the end of the last bucket that was judged, Unix seconds
    evaluated_to = models.BigIntegerField(null=True, editable=False)
    verdict = models.CharField(
        max_length=10, choices=Verdict.choices, default=Verdict.UNDECIDED, editable=False
    )
    decided_at = models.DateTimeField(null=True, editable=False)
    body = models.JSONField(default=dict, editable=False)
    # up to where and in which state and mode the last whole look was; empty: it is to be looked at again
    looked = models.CharField(max_length=60, blank=True, default="", editable=False)
    last_ok = models.DateTimeField(null=True, editable=False)
    last_error = models.TextField(blank=True, editable=False)
    last_duration = models.FloatField(null=True, editable=False)

    class Meta:
        ordering = ["-started_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "model", "canary"],
                condition=models.Q(state__in=["open", "held", "promoting", "rolling_back", "escalated"]),
                name="release_open_once",
            ),
            models.CheckConstraint(
                condition=models.Q(alpha__gt=0, alpha__lte=0.5), name="release_alpha_to_half"
            ),
            models.CheckConstraint(
                condition=models.Q(deadline_hours__gt=0), name="release_deadline_positive"
            ),
            models.CheckConstraint(
                condition=~models.Q(stable=models.F("canary")), name="release_of_two_versions"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model}: {self.stable} → {self.canary}"


class ReleaseStage(models.Model):
    """A step of the plan: the share that the canary gets, and how long it is looked at there at least."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="stages")
    position = models.PositiveSmallIntegerField()
    share = models.FloatField(
        validators=[MinValueValidator(0.0001), MaxValueValidator(1.0)], help_text="0.05 is 5 %."
    )
    least_minutes = models.FloatField(default=60.0)
    least_calls = models.PositiveIntegerField(default=100)
    began_at = models.DateTimeField(null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["release", "position"]
        constraints = [
            models.UniqueConstraint(fields=["release", "position"], name="release_stage_once"),
            models.CheckConstraint(
                condition=models.Q(share__gt=0, share__lte=1), name="release_stage_share_to_1"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.release} at {self.share:.0%}"


class ReleaseGate(models.Model):
    """One question that a release must answer. Empty numbers mean what is usual for the kind."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="gates")
    kind = models.CharField(max_length=30, choices=kinds.choices)
    about = models.CharField(
        max_length=120, blank=True, help_text="Name of a score, a finish reason, or of the condition."
    )
    tolerance = models.FloatField(null=True, blank=True, help_text="Beyond it the version is worse.")
    margin = models.FloatField(null=True, blank=True, help_text="Within it the version is good.")
    needed = models.BooleanField(
        default=True, help_text="Must be shown to be good; else it can only stop the release."
    )
    pass_when = models.TextField(blank=True, help_text="PromQL that answers something when all is well.")
    fail_when = models.TextField(blank=True, help_text="PromQL that answers something when it is not.")

    class Meta:
        ordering = ["release", "id"]
        constraints = [
            models.UniqueConstraint(fields=["release", "kind", "about"], name="release_gate_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.about}".strip()


class ReleaseEvidence(models.Model):
    """What was counted in five minutes of a release. Not ``sealed``: late calls may still change it."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="evidence")
    bucket = models.IntegerField(help_text="Five minutes since 1970.")
    sealed = models.BooleanField(default=False)
    body = models.BinaryField()

    class Meta:
        ordering = ["release", "bucket"]
        constraints = [models.UniqueConstraint(fields=["release", "bucket"], name="release_evidence_once")]

    def __str__(self) -> str:
        return f"{self.release} in bucket {self.bucket}"


class DecisionKind(models.TextChoices):
    ADVANCE = "advance", "next stage"
    PROMOTE = "promote", "promote"
    ROLLBACK = "rollback", "roll back"
    HOLD = "hold", "hold"
    RESUME = "resume", "go on"
    INCONCLUSIVE = "inconclusive", "inconclusive"
    PROVED = "proved", "rollback proved"
    ESCALATE = "escalate", "rollback not proved"
    ARRIVED = "arrived", "promotion proved"
    STALLED = "stalled", "share not arrived"
    CLOSE = "close", "closed"


class DecisionState(models.TextChoices):
    PROPOSED = "proposed", "proposed"
    DONE = "done", "decided"
    OVERTAKEN = "overtaken", "overtaken"


class ReleaseDecision(models.Model):
    """What was decided at one moment, by whom, and why."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="decisions")
    at = models.DateTimeField()
    kind = models.CharField(max_length=12, choices=DecisionKind.choices)
    state = models.CharField(max_length=10, choices=DecisionState.choices)
    stage = models.PositiveSmallIntegerField(default=0)
    share = models.FloatField(null=True, help_text="The share that the canary is to have from then on.")
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    reason = models.TextField(blank=True)
    # the reason in the other languages, by their code
    told = models.JSONField(default=dict, blank=True)
    # empty: Vigil itself
    by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["release", "at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["release", "stage", "kind"],
                condition=models.Q(by=""),
                name="release_decided_once_by_itself",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.release}: {self.kind}"


class RolloutAction(models.Model):
    """Whom to tell of a decision, so that traffic really moves."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="rollout_actions")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=40, choices=actions.choices)
    settings = models.JSONField(default=dict, blank=True)
    model = models.CharField(max_length=200, blank=True, help_text="Empty: for releases of every model.")
    enabled = models.BooleanField(default=True)
    last_ok = models.DateTimeField(null=True, editable=False)
    last_error = models.TextField(blank=True, editable=False)
    last_duration = models.FloatField(null=True, editable=False)

    class Meta:
        ordering = ["project", "name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="rollout_action_once")]

    def __str__(self) -> str:
        return self.name


class RunState(models.TextChoices):
    WAITING = "waiting", "waiting"
    DONE = "done", "done"
    REFUSED = "refused", "refused"
    GIVEN_UP = "given_up", "given up"


class RolloutRun(models.Model):
    """One action on one decision, and what it was answered."""

    decision = models.ForeignKey(ReleaseDecision, on_delete=models.CASCADE, related_name="runs")
    action = models.ForeignKey(RolloutAction, on_delete=models.CASCADE, related_name="runs")
    state = models.CharField(max_length=10, choices=RunState.choices, default=RunState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    answer = models.TextField(blank=True)

    class Meta:
        ordering = ["decision", "id"]
        constraints = [models.UniqueConstraint(fields=["decision", "action"], name="rollout_run_once")]

    def __str__(self) -> str:
        return f"{self.action} on {self.decision}"


class ReleasePolicy(models.Model):
    """How releases of a project begin that nobody opened by hand."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="release_policy")
    notice = models.BooleanField(
        default=True, help_text="Open a release, for observation only, when a new version appears."
    )
    stages = models.CharField(
        max_length=120, default="5, 20, 50, 100", help_text="Percent, as “5, 20, 50, 100”."
    )
    deploy_mode = models.CharField(
        max_length=10, choices=Mode.choices, default=Mode.RECOMMEND,
        help_text="Mode of the releases that a deploy webhook opens.",
    )  # fmt: skip

    class Meta:
        verbose_name_plural = "release policies"

    def __str__(self) -> str:
        return f"release policy of {self.project}"
